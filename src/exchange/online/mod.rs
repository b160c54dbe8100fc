//! Exchange Online: one HTTPS request per cmdlet, as the service's own module sends it. The interface is no published
//! contract; what is known of it is what public clients send and what was recorded.

mod conversation;
mod environment;
mod failure;
mod request;
mod response;
mod token;

pub use environment::{Environment, redirection};
pub use token::{Certificate, CertificateError, Thumbprint, TokenError};
