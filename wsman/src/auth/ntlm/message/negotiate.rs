//! NEGOTIATE_MESSAGE, `[MS-NLMP] 2.2.1.1`.

use super::super::{
    flags,
    wire::{Message, VERSION, Writer},
};
use crate::auth::AuthError;

/// A client's opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiate {
    /// NegotiateFlags.
    pub flags: u32,
}

impl Negotiate {
    /// Reads a message. Domain and workstation are not looked at: they prove nothing.
    ///
    /// # Errors
    /// [`AuthError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        let message = Message::new("NEGOTIATE_MESSAGE", 1, bytes)?;
        Ok(Self { flags: message.u32(12)? })
    }

    /// The message, without domain and workstation.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let version = if self.flags & flags::VERSION == 0 { [0; 8] } else { VERSION };
        let mut message = Writer::new(1, 40);
        message.u32(self.flags).bytes(&[0; 16]).bytes(&version);
        message.finish()
    }
}
