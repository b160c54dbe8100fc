//! SOAP 1.2 envelopes and faults, `[SOAP12]` parts 5.1 and 5.4.
//!
//! Elements are matched by namespace, never by prefix: servers choose other prefixes than clients do. A fault is
//! an element in the body, never a text that looks like one.

mod envelope;
mod error;
mod excerpt;
mod fault;
pub mod ns;
#[cfg(test)]
mod tests;

pub use envelope::Envelope;
pub use error::SoapError;
pub use excerpt::Excerpt;
pub use fault::Fault;
