//! PUBLIC_KEY and ENCRYPTED_SESSION_KEY, `[MS-PSRP] 2.2.2.3` and `2.2.2.4`. PUBLIC_KEY_REQUEST is an empty string.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, object, string};

/// The client's public key as a PUBLICKEYBLOB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(pub Vec<u8>);

/// The session key as a SIMPLEBLOB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedSessionKey(pub Vec<u8>);

impl PublicKey {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        object([("PublicKey", string(&STANDARD.encode(&self.0)))])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        blob(value, "PUBLIC_KEY", "PublicKey").map(Self)
    }
}

impl EncryptedSessionKey {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        object([("EncryptedSessionKey", string(&STANDARD.encode(&self.0)))])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        blob(value, "ENCRYPTED_SESSION_KEY", "EncryptedSessionKey").map(Self)
    }
}

fn blob(value: &Value, message: &'static str, member: &'static str) -> Result<Vec<u8>, BodyError> {
    let members = Members::of(value, message)?;
    STANDARD.decode(members.text(member)?).map_err(|_| members.error(member))
}
