//! What can be wrong with a message.

use super::WsmanFault;
use crate::soap::{Excerpt, SoapError};

/// An envelope whose content is not what its Action promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedMessage {
    /// Something required is absent
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A value that cannot be read
    #[error("{name} has the unreadable value `{value}`")]
    Value {
        /// Which element or attribute
        name: &'static str,
        /// Its beginning
        value: Excerpt,
    },
    /// Not base64
    #[error("the content of {0} is not base64")]
    Base64(&'static str),
}

impl MalformedMessage {
    pub(super) fn value(name: &'static str, value: &str) -> Self {
        Self::Value { name, value: Excerpt::new(value.as_bytes()) }
    }
}

/// Why a response gave no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The peer misbehaved: no envelope
    #[error(transparent)]
    Soap(#[from] SoapError),
    /// The peer refused
    #[error("{0}")]
    Fault(Box<WsmanFault>),
    /// The peer misbehaved: the answer belongs to another request
    #[error("the peer answered another message ({relates_to:?}) than the one sent ({sent})")]
    NotOurs {
        /// MessageID of the request
        sent: String,
        /// RelatesTo of the answer
        relates_to: Option<String>,
    },
    /// The peer misbehaved: an answer to another verb
    #[error("the peer answered with the action {got:?} where {expected} was expected")]
    UnexpectedAction {
        /// The Action that belongs to the request
        expected: &'static str,
        /// The Action of the answer
        got: Option<String>,
    },
    /// The peer misbehaved: the content is wrong
    #[error("the peer sent a malformed response: {0}")]
    Malformed(#[from] MalformedMessage),
}

impl ResponseError {
    /// The fault, where the peer refused.
    pub fn fault(&self) -> Option<&WsmanFault> {
        match self {
            Self::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Why a request cannot be served, and what to relate the fault to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct RequestError {
    /// MessageID of the request, where it could be read
    pub message_id: Option<String>,
    /// What is wrong
    pub kind: RequestErrorKind,
}

/// What is wrong with a request. The peer misbehaved in every case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// No envelope
    #[error(transparent)]
    Soap(#[from] SoapError),
    /// An Action that is not served
    #[error("the action `{0}` is not supported")]
    UnknownAction(Excerpt),
    /// A header that must be understood and is not
    #[error("the header `{0}` must be understood and is not")]
    NotUnderstood(Excerpt),
    /// The content is wrong
    #[error("the request is malformed: {0}")]
    Malformed(#[from] MalformedMessage),
}

impl RequestError {
    /// The fault to answer with.
    pub fn fault(&self) -> WsmanFault {
        use super::FaultKind;
        let text = self.kind.to_string();
        match &self.kind {
            RequestErrorKind::Soap(_) => FaultKind::InvalidMessage.fault(&text),
            RequestErrorKind::UnknownAction(_) => FaultKind::ActionNotSupported.fault(&text),
            RequestErrorKind::NotUnderstood(_) => FaultKind::MustUnderstand.fault(&text),
            RequestErrorKind::Malformed(MalformedMessage::Missing("MessageID" | "To" | "ResourceURI")) => {
                FaultKind::HeaderRequired.fault(&text)
            }
            RequestErrorKind::Malformed(MalformedMessage::Value {
                name: "OperationTimeout" | "MaxEnvelopeSize",
                ..
            }) => FaultKind::InvalidHeader.fault(&text),
            RequestErrorKind::Malformed(_) => FaultKind::InvalidMessage.fault(&text),
        }
    }
}
