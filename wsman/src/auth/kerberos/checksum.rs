//! What the initiator tells beside its identity: the checksum 0x8003, RFC 4121 4.1.1.

use super::KerberosError;

/// The checksum's type.
pub(super) const TYPE: i32 = 0x8003;

/// Flags, RFC 4121 4.1.1.1.
pub(super) const DELEG: u32 = 1;
pub(super) const MUTUAL: u32 = 2;
pub(super) const REPLAY: u32 = 4;
pub(super) const SEQUENCE: u32 = 8;
pub(super) const CONF: u32 = 16;
pub(super) const INTEG: u32 = 32;

/// Its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GssChecksum {
    /// Bnd: MD5 of the channel binding; zeros where there is none
    pub(super) binding: [u8; 16],
    /// Flags
    pub(super) flags: u32,
    /// Deleg: a KRB-CRED
    pub(super) delegation: Option<Vec<u8>>,
}

impl GssChecksum {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, KerberosError> {
        let mut bytes = [16u32.to_le_bytes().as_slice(), &self.binding, &self.flags.to_le_bytes()].concat();
        if let Some(delegation) = &self.delegation {
            let length = u16::try_from(delegation.len())
                .map_err(|_| KerberosError::Caller("the delegated ticket is too large to be sent along"))?;
            bytes.extend(1u16.to_le_bytes());
            bytes.extend(length.to_le_bytes());
            bytes.extend(delegation);
        }
        Ok(bytes)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KerberosError> {
        let malformed = || KerberosError::malformed("GSS checksum", "it is too short or its length is wrong");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
        let (binding, rest) = rest.split_first_chunk::<16>().ok_or_else(malformed)?;
        let (flags, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let flags = u32::from_le_bytes(*flags);
        if u32::from_le_bytes(*length) != 16 {
            return Err(malformed());
        }
        let mut delegation = None;
        if flags & DELEG != 0 {
            let (_, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
            let message = rest.get(..usize::from(u16::from_le_bytes(*length))).ok_or_else(malformed)?;
            delegation = Some(message.to_vec());
        }
        Ok(Self { binding: *binding, flags, delegation })
    }
}
