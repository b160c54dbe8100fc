//! Little-endian fields, and payload that is named by length and offset, `[MS-NLMP] 2.2`.

use crate::auth::AuthError;

/// Begins every message.
pub(super) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// Longest message that is read; real ones stay below 2 KiB.
const MAX_MESSAGE: usize = 64 * 1024;

/// A message whose signature and type are right.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    what: &'static str,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn new(what: &'static str, message_type: u32, bytes: &'a [u8]) -> Result<Self, AuthError> {
        let message = Self { what, bytes };
        if bytes.len() > MAX_MESSAGE {
            return Err(message.malformed("too long"));
        }
        if !bytes.starts_with(SIGNATURE) {
            return Err(message.malformed("no NTLMSSP signature"));
        }
        if message.u32(8)? != message_type {
            return Err(message.malformed("another message type"));
        }
        Ok(message)
    }

    pub(super) fn malformed(&self, why: &'static str) -> AuthError {
        AuthError::malformed(self.what, why)
    }

    /// A fixed field.
    pub(super) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], AuthError> {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(self.malformed("cut short"))?;
        Ok(*bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32, AuthError> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// The payload that the length, maximum length and offset at `at` name. What is empty may have any
    /// offset; what is not must lie behind the fixed part, which ends at `fixed`.
    pub(super) fn payload(&self, at: usize, fixed: usize) -> Result<&'a [u8], AuthError> {
        let length = usize::from(u16::from_le_bytes(self.array(at)?));
        if length == 0 {
            return Ok(&[]);
        }
        let offset = usize::try_from(self.u32(at + 4)?).map_err(|_| self.malformed("offset outside"))?;
        if offset < fixed {
            return Err(self.malformed("payload overlaps the fixed part"));
        }
        let end = offset.checked_add(length).ok_or(self.malformed("payload outside"))?;
        self.bytes.get(offset..end).ok_or(self.malformed("payload outside"))
    }

    /// Payload that is a name.
    pub(super) fn text(&self, at: usize, fixed: usize) -> Result<String, AuthError> {
        from_utf16(self.payload(at, fixed)?).ok_or(self.malformed("name is not UTF-16"))
    }
}

/// Writes a message: fixed part first, payload behind it.
pub(super) struct Writer {
    fixed: Vec<u8>,
    fixed_length: usize,
    payload: Vec<u8>,
}

impl Writer {
    /// `fixed_length` is where the payload begins.
    pub(super) fn new(message_type: u32, fixed_length: usize) -> Self {
        let mut fixed = SIGNATURE.to_vec();
        fixed.extend_from_slice(&message_type.to_le_bytes());
        Self { fixed, fixed_length, payload: Vec::new() }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.fixed.extend_from_slice(bytes);
        self
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Length, maximum length and offset, and the payload itself.
    pub(super) fn payload(&mut self, bytes: &[u8]) -> Result<&mut Self, AuthError> {
        let too_long = AuthError::Caller("a name is too long for NTLM");
        let length = u16::try_from(bytes.len()).map_err(|_| too_long.clone())?;
        let offset = u32::try_from(self.fixed_length + self.payload.len()).map_err(|_| too_long)?;
        self.payload.extend_from_slice(bytes);
        Ok(self.bytes(&length.to_le_bytes()).bytes(&length.to_le_bytes()).u32(offset))
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.fixed.resize(self.fixed_length, 0);
        self.fixed.append(&mut self.payload);
        self.fixed
    }
}

/// VERSION, `[MS-NLMP] 2.2.2.10`: only the revision means something (NTLMSSP_REVISION_W2K3).
pub(super) const VERSION: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 15];

pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(super) fn from_utf16(bytes: &[u8]) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}
