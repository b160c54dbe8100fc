//! Signing and sealing, `[MS-NLMP] 3.4`.

use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;

use super::crypto::{Direction, Key, hmac_md5, rc4, seal_key, sign_key};
use crate::auth::{AuthError, Protection, Sealed};
use crate::wiped::wiped_by_parts;

/// Length of NTLMSSP_MESSAGE_SIGNATURE, `[MS-NLMP] 2.2.2.9`.
const SIGNATURE: usize = 16;

/// An established session: one state per direction, never made anew but for the mechListMIC.
pub(super) struct NtlmProtection {
    outgoing: Stream,
    /// Gone after a message that cannot be verified: the cipher stream cannot be found again.
    incoming: Option<Stream>,
    /// Whether the sign-in carried a MIC.
    mic: bool,
}

wiped_by_parts!(NtlmProtection: Stream);

impl NtlmProtection {
    pub(super) fn new(exported_session_key: &[u8; 16], outgoing: Direction, mic: bool) -> Self {
        let incoming = match outgoing {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        };
        Self {
            outgoing: Stream::new(exported_session_key, outgoing),
            incoming: Some(Stream::new(exported_session_key, incoming)),
            mic,
        }
    }
}

impl Protection for NtlmProtection {
    fn seal(&mut self, message: &[u8]) -> Result<Sealed, AuthError> {
        let mut data = message.to_vec();
        self.outgoing.cipher.apply_keystream(&mut data);
        Ok(Sealed { header: self.outgoing.next_signature(message).to_vec(), data })
    }

    fn unseal(&mut self, header: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        let mut incoming = self.incoming.take().ok_or(AuthError::BadSeal)?;
        let mut message = data.to_vec();
        incoming.cipher.apply_keystream(&mut message);
        if !bool::from(incoming.next_signature(&message).as_slice().ct_eq(header)) {
            return Err(AuthError::BadSeal);
        }
        self.incoming = Some(incoming);
        Ok(message)
    }

    fn sign_mech_list(&mut self, list: &[u8]) -> Result<Vec<u8>, AuthError> {
        let mic = self.outgoing.next_signature(list).to_vec();
        self.outgoing.restart_cipher();
        Ok(mic)
    }

    fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> Result<(), AuthError> {
        let mut incoming = self.incoming.take().ok_or(AuthError::BadIntegrity("mechListMIC"))?;
        if !bool::from(incoming.next_signature(list).as_slice().ct_eq(mic)) {
            return Err(AuthError::BadIntegrity("mechListMIC"));
        }
        incoming.restart_cipher();
        self.incoming = Some(incoming);
        Ok(())
    }

    fn wants_mech_list_mic(&self) -> bool {
        self.mic
    }
}

/// One direction.
struct Stream {
    sign_key: Key,
    seal_key: Key,
    cipher: Rc4,
    sequence: u32,
}

wiped_by_parts!(Stream: Key, Rc4);

impl Stream {
    fn new(exported_session_key: &[u8; 16], direction: Direction) -> Self {
        let seal_key = seal_key(exported_session_key, direction);
        let cipher = rc4(&seal_key);
        Self { sign_key: sign_key(exported_session_key, direction), seal_key, cipher, sequence: 0 }
    }

    /// MAC with extended session security and key exchange, `[MS-NLMP] 3.4.4.2`: the checksum is
    /// encrypted behind the message, with the same cipher stream.
    fn next_signature(&mut self, message: &[u8]) -> [u8; SIGNATURE] {
        let sequence = self.sequence.to_le_bytes();
        self.sequence = self.sequence.wrapping_add(1);
        let mac = hmac_md5(&self.sign_key, &[&sequence, message]);
        let mut signature = [0; SIGNATURE];
        signature[..4].copy_from_slice(&1u32.to_le_bytes());
        signature[4..12].copy_from_slice(&mac[..8]);
        self.cipher.apply_keystream(&mut signature[4..12]);
        signature[12..].copy_from_slice(&sequence);
        signature
    }

    /// The mechListMIC uses a stream of its own; the sequence number goes on, `[MS-SPNG] 3.3.5.1`.
    fn restart_cipher(&mut self) {
        self.cipher = rc4(&self.seal_key);
    }
}
