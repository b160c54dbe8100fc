//! Sealing by the TLS connection of the sign-in, `[MS-WSMV] 2.2.9.1.3`.
//!
//! One part of a body is one TLS record; its first bytes, as many as the record's trailer has, count as the header.

use super::tls::{Channel, MAX_RECORD};
use crate::auth::{AuthError, Protection, Sealed};

/// What Windows calls the trailer of a record: the tag of AES-GCM.
const TRAILER: usize = 16;
/// Type, version and length of a record, RFC 5246 section 6.2.1.
const RECORD_HEADER: usize = 5;
/// application_data
const APPLICATION_DATA: u8 = 23;
/// What AES-GCM adds to the clear text, RFC 5288 section 3: the explicit nonce and the tag.
const OVERHEAD: usize = 8 + 16;

pub(super) struct TlsProtection {
    /// Gone after a message that cannot be read: nothing behind it can be.
    channel: Option<Channel>,
}

impl TlsProtection {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel: Some(channel) }
    }
}

impl Protection for TlsProtection {
    fn seal(&mut self, message: &[u8]) -> Result<Sealed, AuthError> {
        if message.is_empty() || message.len() > MAX_RECORD {
            return Err(AuthError::Caller("a message for CredSSP must have 1 to 16384 bytes"));
        }
        let channel = self.channel.as_mut().ok_or(AuthError::BadSeal)?;
        let mut header = channel.seal(message)?;
        let data = header.split_off(header.len().min(TRAILER));
        Ok(Sealed { header, data })
    }

    fn unseal(&mut self, header: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        let mut channel = self.channel.take().ok_or(AuthError::BadSeal)?;
        let message = channel.receive(&[header, data].concat()).map_err(|_| AuthError::BadSeal)?;
        self.channel = Some(channel);
        Ok(message)
    }

    fn sign_mech_list(&mut self, _list: &[u8]) -> Result<Vec<u8>, AuthError> {
        Err(AuthError::Caller("CredSSP does not sign"))
    }

    fn verify_mech_list(&mut self, _list: &[u8], _mic: &[u8]) -> Result<(), AuthError> {
        Err(AuthError::BadIntegrity("mechListMIC"))
    }

    /// The records until the announced clear text is complete; a peer may make several of it.
    fn data_length(&self, header: &[u8], plain_length: usize, rest: &[u8]) -> Option<usize> {
        let byte = |at: usize| match header.get(at) {
            Some(byte) => Some(*byte),
            None => rest.get(at - header.len()).copied(),
        };
        let (mut end, mut plain) = (0, 0);
        while end == 0 || plain < plain_length {
            if byte(end)? != APPLICATION_DATA {
                return None;
            }
            let length = usize::from(u16::from_be_bytes([byte(end + 3)?, byte(end + 4)?]));
            plain += length.checked_sub(OVERHEAD)?;
            end += RECORD_HEADER + length;
        }
        end.checked_sub(header.len())
    }

    fn chunk_size(&self) -> Option<usize> {
        Some(MAX_RECORD)
    }
}
