//! The client: runspace pools over HTTP.
//!
//! ```no_run
//! use wsman::auth::Credentials;
//! use wsman::client::{ConnectionConfig, PoolOptions, RunspacePool};
//! use wsman::clixml::Value;
//! use wsman::psrp::Command;
//!
//! # async fn run() -> Result<(), wsman::client::Error> {
//! let config = ConnectionConfig::new("http://ex01.contoso.com/PowerShell/", Credentials::new("CONTOSO\\svc", "secret"));
//! let pool = RunspacePool::open(config, PoolOptions::default()).await?;
//! let command = Command::new("Get-Mailbox").parameter("Identity", Value::String("ada".into()));
//! let mut pipeline = pool.pipeline().command(command).run().await?;
//! while let Some(record) = pipeline.next().await? {
//!     println!("{record:?}");
//! }
//! println!("{:?}", pipeline.outcome());
//! pool.close().await
//! # }
//! ```

mod busy;
mod config;
mod connection;
mod cookies;
mod driver;
mod error;
mod gate;
mod http;
mod initiators;
mod kerberos;
mod pipeline;
mod pool;
pub mod probe;
mod proxy;
mod redirect;
mod sign_in;
mod target;
mod tls;
mod trace;
mod transport;

pub use config::{Authentication, ConnectionConfig, Timeouts};
pub use error::{Blame, Error, SignInError};
pub use kerberos::{Delegation, Kerberos, KerberosSettings, Krb5ConfSource};
pub use pipeline::{Collected, Pipeline, PipelineBuilder};
pub use pool::{PoolOptions, RunspacePool, SignedIn};
pub use proxy::ProxyProblem;
pub use redirect::{RedirectPolicy, RedirectRefused};
pub use tls::{CertificatePin, ClientIdentity, TlsOptions, TlsProblem};
pub use trace::{PlainExchange, Trace, TraceEntry, TracePart, TraceSink, is_secret};
