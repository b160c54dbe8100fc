//! PowerShell Remoting Protocol: messages, fragments, machines, `[MS-PSRP]`.
//!
//! Nothing here opens a socket, reads a clock or draws a random number. [`client::ClientPool`] and
//! [`server::ServerPool`] take bytes of the transport in, give events out, and hand over the bytes to be sent.

pub mod client;
mod codec;
mod command;
mod error;
pub mod fragment;
mod members;
pub mod message;
mod outbox;
mod record;
mod secret;
pub mod server;
pub mod session_key;

pub use codec::Limits;
pub use command::{Argument, Command, Merge, MergeTarget};
pub use error::{BodyError, CallError, PsrpError};
pub use outbox::{Priority, Stream};
pub use record::{ErrorCategory, ErrorRecord, Outcome, Record};

#[cfg(test)]
mod loopback_tests;
