//! Sign-in mechanisms as step functions (token in, token out), and message sealing.
//!
//! Nothing here opens a socket, reads a clock or draws a random number: time and [`ntlm::Entropy`] are
//! arguments. Both sides are here. A client drives an [`Initiator`], a server an [`Acceptor`]; each ends
//! with a [`SecurityContext`] that seals and unseals messages of *one* connection.
//!
//! - [`ntlm`]: NTLMv2 with MIC, channel binding, key exchange, sign and seal, `[MS-NLMP]`
//! - [`spnego`]: the negotiation around a mechanism, RFC 4178, `[MS-SPNG]`
//! - [`kerberos`]: RFC 4120, RFC 4121
//! - [`credssp`]: a sign-in inside TLS that hands the password to the server, `[MS-CSSP]`
//! - [`ChannelBinding`]: `tls-server-end-point`, RFC 5929
//! - [`multipart`]: `multipart/encrypted` bodies, `[MS-WSMV] 2.2.9.1`
//! - [`http`], [`basic`]: the `WWW-Authenticate` and `Authorization` headers, RFC 9110, RFC 7617

pub mod basic;
mod certificate;
mod channel_binding;
mod context;
mod credentials;
pub mod credssp;
mod der;
mod error;
pub mod http;
pub mod kerberos;
pub mod multipart;
pub mod ntlm;
pub mod spnego;
mod step;

pub use certificate::user_principal_name;
pub use channel_binding::{BindingPolicy, ChannelBinding};
pub use context::{Protection, Sealed, SecurityContext};
pub use credentials::{AccountStore, Credentials, NtHash, Secret, UserName};
pub use error::AuthError;
pub use step::{Acceptor, AcceptorStep, Initiator, Mechanism, Scheme, Step};
