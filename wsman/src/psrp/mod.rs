//! PowerShell Remoting Protocol: messages, fragments, machines, `[MS-PSRP]`.
//!
//! Nothing here opens a socket, reads a clock or draws a random number. [`client::ClientPool`] and
//! [`server::ServerPool`] take bytes of the transport in, give events out, and hand over the bytes to be sent.
//!
//! ```
//! use uuid::Uuid;
//! use wsman::psrp::Stream;
//! use wsman::psrp::client::{ClientConfig, ClientEvent, ClientPool};
//! use wsman::psrp::server::{ServerConfig, ServerPool};
//!
//! let mut client = ClientPool::new(Uuid::from_u128(1), ClientConfig::default());
//! let mut server = ServerPool::new(ServerConfig::new(Box::new(|bytes| bytes.fill(4)))); // random bytes go here
//! client.open()?;
//! while let Some(outgoing) = client.take_outgoing(32_768) {
//!     server.receive(outgoing.stream, &outgoing.bytes);
//! }
//! while let Some(outgoing) = server.take_outgoing(Stream::Pool, 32_768) {
//!     client.receive(Stream::Pool, &outgoing.bytes);
//! }
//! assert!(matches!(client.next_event(), Some(ClientEvent::ApplicationPrivateData(_))));
//! assert!(matches!(client.next_event(), Some(ClientEvent::PoolOpened { .. })));
//! # Ok::<(), wsman::psrp::CallError>(())
//! ```

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
#[cfg(feature = "client")]
pub(crate) use secret::secure_strings;

#[cfg(test)]
mod loopback_tests;
