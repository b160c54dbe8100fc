//! A WS-Management server for PowerShell remoting: sign-in, sealing, shells and commands.
//!
//! What runs behind it is a [`Service`]. Over http every SOAP message is sealed or refused; over https the connection
//! is signed in and bound to the certificate, which the server makes for itself. It listens at loopback only unless
//! told otherwise.

mod authenticate;
mod client_certificate;
mod command;
mod config;
mod connection;
mod dispatch;
mod listen;
mod service;
mod shell;
mod shells;
mod tls;

pub use config::{ClientCertificates, Endpoint, Listen, ServerConfig, ServerIdentity, ServerLimits};
pub use listen::{Server, ServerError};
pub use service::{Exchange, PipelineRequest, Refusal, Runspace, Service, ShellInfo, StopFlag, User};
