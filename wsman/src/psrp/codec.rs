//! Bodies of messages: from and to CLIXML.

use super::error::{CallError, PsrpError};
use super::message::MessageType;
use super::session_key::SessionKey;
use crate::clixml::Value;

/// What a peer may make us hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message; the real client takes 200 MB, the real server 10 MB
    pub max_object_size: usize,
    /// Pipelines that a server lets be open at once
    pub max_pipelines: usize,
}

impl Limits {
    /// As the real client has them.
    pub const CLIENT: Self = Self { max_object_size: 200 * 1024 * 1024, max_pipelines: 1000 };
    /// As the real server has them.
    pub const SERVER: Self = Self { max_object_size: 10 * 1024 * 1024, max_pipelines: 1000 };
}

/// Reads bodies.
#[derive(Debug)]
pub(crate) struct Decoder;

impl Decoder {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Reads a body. A body that is there and says null is refused, as the real engine does.
    pub(crate) fn decode(&self, message_type: MessageType, body: &[u8]) -> Result<Value, PsrpError> {
        let _ = body;
        Err(PsrpError::Clixml { message_type, reason: "no reader".into() })
    }
}

/// Writes a body; clear SecureStrings are encrypted with `key`.
pub(crate) fn encode(value: &Value, key: Option<&SessionKey>) -> Result<Vec<u8>, CallError> {
    let _ = (value, key);
    Err(CallError::Encode("no writer".into()))
}
