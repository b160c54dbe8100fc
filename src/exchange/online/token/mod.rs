//! Signing in to the cloud: what is shown, what is asked, what comes back. The requests themselves are sent elsewhere.

mod answer;
mod assertion;
mod certificate;
mod form;
#[cfg(test)]
mod tests;

pub use answer::TokenError;
pub use certificate::{Certificate, CertificateError, Thumbprint};
