//! AUTHENTICATE_MESSAGE, `[MS-NLMP] 2.2.1.3`.

use std::fmt;

use super::super::{
    av_pair::{AvPairs, MIC_PRESENT},
    wire::{self, Message, VERSION, Writer},
};
use crate::auth::{AuthError, UserName};

/// Where the payload may begin at the earliest: version and MIC may be left out.
const FIXED: usize = 64;
/// Where the MIC stands.
const MIC: std::ops::Range<usize> = 72..88;

/// A client's proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// NegotiateFlags.
    pub flags: u32,
    /// DomainName and UserName.
    pub user: UserName,
    /// Workstation.
    pub workstation: String,
    /// LmChallengeResponse.
    pub lm_response: Vec<u8>,
    /// NtChallengeResponse.
    pub nt_response: Vec<u8>,
    /// EncryptedRandomSessionKey.
    pub encrypted_session_key: Vec<u8>,
}

impl Authenticate {
    /// Reads a message. Only Unicode names are read.
    ///
    /// # Errors
    /// [`AuthError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        let message = Message::new("AUTHENTICATE_MESSAGE", 3, bytes)?;
        Ok(Self {
            flags: message.u32(60)?,
            user: UserName::new(message.text(28, FIXED)?, message.text(36, FIXED)?),
            workstation: message.text(44, FIXED)?,
            lm_response: message.payload(12, FIXED)?.to_vec(),
            nt_response: message.payload(20, FIXED)?.to_vec(),
            encrypted_session_key: message.payload(52, FIXED)?.to_vec(),
        })
    }

    /// The message with zeros where the MIC belongs.
    ///
    /// # Errors
    /// A name is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AuthError> {
        let mut message = Writer::new(3, MIC.end);
        message
            .payload(&self.lm_response)?
            .payload(&self.nt_response)?
            .payload(&wire::utf16(&self.user.domain))?
            .payload(&wire::utf16(&self.user.user))?
            .payload(&wire::utf16(&self.workstation))?
            .payload(&self.encrypted_session_key)?
            .u32(self.flags)
            .bytes(&VERSION);
        Ok(message.finish())
    }

    /// Puts the MIC in its place.
    pub(in crate::auth::ntlm) fn write_mic(message: &mut [u8], mic: &[u8; 16]) {
        if let Some(place) = message.get_mut(MIC) {
            place.copy_from_slice(mic);
        }
    }

    /// Takes the MIC out of a message, leaving zeros.
    pub(in crate::auth::ntlm) fn take_mic(message: &mut [u8]) -> Option<[u8; 16]> {
        let place = message.get_mut(MIC)?.first_chunk_mut::<16>()?;
        Some(std::mem::take(place))
    }
}

/// Keys and proofs stay out of logs.
impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("flags", &format_args!("{:#010x}", self.flags))
            .field("user", &self.user)
            .field("workstation", &self.workstation)
            .finish_non_exhaustive()
    }
}

/// NTLMv2_RESPONSE with its NTLMv2_CLIENT_CHALLENGE, `[MS-NLMP] 2.2.2.8`, `2.2.2.7`.
#[derive(Clone, PartialEq, Eq)]
pub struct NtResponse {
    /// NTProofStr.
    pub proof: [u8; 16],
    /// Everything behind it: what the proof is calculated over.
    pub client_challenge: Vec<u8>,
    /// TimeStamp.
    pub timestamp: u64,
    /// ChallengeFromClient.
    pub challenge_from_client: [u8; 8],
    /// AvPairs.
    pub av_pairs: AvPairs,
}

impl NtResponse {
    /// Reads a response.
    ///
    /// # Errors
    /// [`AuthError::TooWeak`] when it is one of version 1 or none, [`AuthError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        let malformed = |why| AuthError::malformed("NTLMv2_RESPONSE", why);
        match bytes.len() {
            0 => return Err(AuthError::TooWeak("an anonymous sign-in")),
            24 => return Err(AuthError::TooWeak("NTLM version 1")),
            _ => {}
        }
        let (proof, rest) = bytes.split_first_chunk().ok_or(malformed("cut short"))?;
        let (head, pairs) = rest.split_first_chunk::<28>().ok_or(malformed("cut short"))?;
        // The reserved fields are zero in what everyone sends; nothing depends on them.
        let [1, 1, _, _, _, _, _, _, t @ .., _, _, _, _] = head else {
            return Err(malformed("unknown version"));
        };
        let [t0, t1, t2, t3, t4, t5, t6, t7, challenge @ ..] = *t;
        Ok(Self {
            proof: *proof,
            client_challenge: rest.to_vec(),
            timestamp: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            challenge_from_client: challenge,
            av_pairs: AvPairs::parse(pairs)?,
        })
    }

    /// Whether the client says that its message carries a MIC.
    ///
    /// # Errors
    /// MsvAvFlags is malformed.
    pub fn has_mic(&self) -> Result<bool, AuthError> {
        Ok(self.av_pairs.flags()? & MIC_PRESENT != 0)
    }
}

impl fmt::Debug for NtResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NtResponse").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}
