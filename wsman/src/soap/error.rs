//! Why a body is no envelope.

use super::Excerpt;
use crate::xml::XmlError;

/// The peer sent something that is not a SOAP 1.2 envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoapError {
    /// Nothing at all
    #[error("the peer sent an empty body where a SOAP message was expected")]
    Empty,
    /// An HTML page, a text: something in front of the service has answered
    #[error("the peer sent no SOAP message but: {0}")]
    NotSoap(Excerpt),
    /// Meant to be an envelope, but its XML is broken
    #[error("the peer sent a broken SOAP message: {error}")]
    Xml {
        /// What is wrong with it
        error: XmlError,
        /// How it begins
        excerpt: Excerpt,
    },
    /// No `Body` in the envelope
    #[error("the peer sent a SOAP envelope without a body")]
    NoBody,
}
