//! Exchange Online: one HTTPS request per cmdlet, as the service's own module sends it. The interface is no published
//! contract; what is known of it is what public clients send and what was recorded.

mod client;
mod conversation;
mod failure;
mod http;
mod password;
mod redirect;
mod request;
mod response;
mod sign_in;
mod token;

pub(super) use client::Online;
pub use token::{Certificate, CertificateError, Thumbprint, TokenError};
