//! Signing in to the cloud: what is shown, what is asked, what comes back. The requests themselves are sent elsewhere.

mod answer;
mod assertion;
mod certificate;
mod encrypted;
mod form;
#[cfg(test)]
mod tests;

pub use answer::TokenError;
pub(super) use answer::{Granted, granted};
pub(super) use assertion::{Claims, assertion, payload};
pub use certificate::{Certificate, CertificateError, Thumbprint};
pub(super) use form::{Grant, Proof, form};
