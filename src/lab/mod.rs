//! An embedded Exchange: a directory with several domain controllers and cmdlets that answer and refuse as Exchange does.
//!
//! Nothing here but [`serve()`] opens a socket or reads a clock, and nothing draws a random number: the time is an argument of every call and every GUID comes from the seed.
//!
//! ```
//! use mailwright::lab::{Endpoint, Exchange, Options, Seed, Serialization};
//! use wsman::clixml::Value;
//! use wsman::psrp::{Command, Outcome};
//!
//! let mut exchange = Exchange::new(Seed::generated(3), Options::default())?;
//! let mut session = exchange.session(Endpoint::PowerShell, "CONTOSO\\svc-idm", Serialization::Default);
//! let mut records = Vec::new();
//! let command = Command::new("Get-Mailbox").parameter("Identity", Value::String("user00001".into()));
//! let outcome = session.run(&mut exchange, &[command], 1_700_000_000_000, &mut |record| records.push(record));
//! assert_eq!((outcome, records.len()), (Outcome::Completed, 1));
//! # Ok::<(), mailwright::lab::SeedError>(())
//! ```

pub mod cloud;
mod cmdlet;
mod directory;
mod exchange;
mod fault;
mod log;
mod output;
mod serve;
mod session;
#[cfg(test)]
mod tests;

pub use directory::{
    AcceptedDomain, AddressPolicy, Attribute, Database, Restrictions, Seed, SeedError, SeedObject,
};
pub use exchange::{Exchange, Options};
pub use fault::{Fault, FaultKind, Faults, HttpBody, HttpFault};
pub use log::LogEntry;
pub use serve::{Cloud, Running, ServeError, ServeOptions, serve};
pub use session::{Endpoint, LabSession, Serialization};
