//! CHALLENGE_MESSAGE, `[MS-NLMP] 2.2.1.2`.

use super::super::{
    av_pair::AvPairs,
    wire::{self, Message, VERSION, Writer},
};
use crate::auth::AuthError;

/// Where the payload may begin: old servers leave out the version.
const FIXED: usize = 48;

/// A server's challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// NegotiateFlags.
    pub flags: u32,
    /// ServerChallenge.
    pub server_challenge: [u8; 8],
    /// TargetName.
    pub target_name: String,
    /// TargetInfo.
    pub target_info: AvPairs,
}

impl Challenge {
    /// Reads a message.
    ///
    /// # Errors
    /// [`AuthError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        let message = Message::new("CHALLENGE_MESSAGE", 2, bytes)?;
        let target_info = message.payload(40, FIXED)?;
        Ok(Self {
            flags: message.u32(20)?,
            server_challenge: message.array(24)?,
            target_name: message.text(12, FIXED)?,
            target_info: if target_info.is_empty() {
                AvPairs::default()
            } else {
                AvPairs::parse(target_info)?
            },
        })
    }

    /// The message.
    ///
    /// # Errors
    /// A name is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AuthError> {
        let mut message = Writer::new(2, 56);
        message
            .payload(&wire::utf16(&self.target_name))?
            .u32(self.flags)
            .bytes(&self.server_challenge)
            .bytes(&[0; 8])
            .payload(&self.target_info.to_bytes()?)?
            .bytes(&VERSION);
        Ok(message.finish())
    }
}
