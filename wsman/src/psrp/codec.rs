//! Bodies of messages: from and to CLIXML.

use secrecy::{ExposeSecret, SecretString};

use super::error::{CallError, PsrpError};
use super::message::Message;
use super::session_key::SessionKey;
use crate::clixml::{self, EncodeError, SecureStringCipher, Value};

/// What a peer may make us hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message; the real client takes 200 MB, the real server 10 MB
    pub max_object_size: usize,
    /// Pipelines that a server lets be open at once
    pub max_pipelines: usize,
    /// What one body may hold
    pub clixml: clixml::Limits,
}

impl Limits {
    /// As the real client has them.
    pub fn client() -> Self {
        Self { max_object_size: 200 << 20, max_pipelines: 1000, clixml: clixml::Limits::default() }
    }

    /// As the real server has them.
    pub fn server() -> Self {
        Self { max_object_size: 10 << 20, max_pipelines: 1000, clixml: clixml::Limits::default() }
    }
}

/// Reads bodies; one for all messages of a pipeline, so that names are shared between them.
#[derive(Debug)]
pub(crate) struct Decoder(clixml::Decoder);

impl Decoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(clixml::Decoder::new(limits.clixml))
    }

    /// Reads a body. A body that is there and says null is refused, as the real engine does: null has no body.
    pub(crate) fn decode(&mut self, message: &Message) -> Result<Value, PsrpError> {
        let message_type = message.message_type;
        let value = self
            .0
            .decode(&message.body)
            .map_err(|error| PsrpError::Clixml { message_type, reason: error.to_string() })?;
        if value == Value::Nil {
            return Err(PsrpError::Clixml { message_type, reason: "it says null".into() });
        }
        Ok(value)
    }
}

/// Writes a body; clear SecureStrings are encrypted with `key`.
pub(crate) fn encode(value: &Value, key: Option<&SessionKey>) -> Result<Vec<u8>, EncodeError> {
    clixml::encode(value, key.map(|key| key as &dyn SecureStringCipher)).map(String::into_bytes)
}

impl SecureStringCipher for SessionKey {
    fn encrypt(&self, clear: &SecretString) -> Option<String> {
        Some(Self::encrypt(self, clear.expose_secret()))
    }

    fn decrypt(&self, encrypted: &str) -> Option<SecretString> {
        Self::decrypt(self, encrypted).ok()
    }
}

impl From<EncodeError> for CallError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
