//! AV_PAIR, `[MS-NLMP] 2.2.2.1`.

use super::wire;
use crate::auth::AuthError;

/// AvId of the pairs that mean something here.
pub mod id {
    /// MsvAvEOL.
    pub const EOL: u16 = 0;
    /// MsvAvNbComputerName.
    pub const NB_COMPUTER_NAME: u16 = 1;
    /// MsvAvNbDomainName.
    pub const NB_DOMAIN_NAME: u16 = 2;
    /// MsvAvDnsComputerName.
    pub const DNS_COMPUTER_NAME: u16 = 3;
    /// MsvAvDnsDomainName.
    pub const DNS_DOMAIN_NAME: u16 = 4;
    /// MsvAvFlags.
    pub const FLAGS: u16 = 6;
    /// MsvAvTimestamp.
    pub const TIMESTAMP: u16 = 7;
    /// MsvAvTargetName.
    pub const TARGET_NAME: u16 = 9;
    /// MsvAvChannelBindings.
    pub const CHANNEL_BINDINGS: u16 = 10;
}

/// MsvAvFlags: the AUTHENTICATE_MESSAGE carries a MIC.
pub const MIC_PRESENT: u32 = 2;

/// Most pairs of one list; there are eleven kinds.
const MAX_PAIRS: usize = 64;

/// A list of pairs, without its end mark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AvPairs(Vec<(u16, Vec<u8>)>);

impl AvPairs {
    /// Reads a list up to its MsvAvEOL; what stands behind it is not looked at.
    ///
    /// # Errors
    /// [`AuthError::Malformed`] when the end mark is missing or a kind that must be single comes twice.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, AuthError> {
        let malformed = |why| AuthError::malformed("AV_PAIR list", why);
        let mut pairs: Vec<(u16, Vec<u8>)> = Vec::new();
        loop {
            let [a, b, c, d, rest @ ..] = bytes else { return Err(malformed("no MsvAvEOL")) };
            let (av_id, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
            let (value, rest) = rest.split_at_checked(length).ok_or(malformed("value cut short"))?;
            if av_id == id::EOL {
                return Ok(Self(pairs));
            }
            if pairs.len() == MAX_PAIRS {
                return Err(malformed("too many pairs"));
            }
            if pairs.iter().any(|(other, _)| *other == av_id) {
                return Err(malformed("a pair comes twice"));
            }
            pairs.push((av_id, value.to_vec()));
            bytes = rest;
        }
    }

    /// The list with its end mark.
    ///
    /// # Errors
    /// A value is longer than 65535 bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AuthError> {
        let mut bytes = Vec::new();
        for (av_id, value) in &self.0 {
            let length =
                u16::try_from(value.len()).map_err(|_| AuthError::Caller("a name is too long for NTLM"))?;
            bytes.extend_from_slice(&av_id.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(value);
        }
        bytes.extend_from_slice(&[0; 4]);
        Ok(bytes)
    }

    /// The value of a pair.
    #[must_use]
    pub fn get(&self, av_id: u16) -> Option<&[u8]> {
        self.0.iter().find(|(other, _)| *other == av_id).map(|(_, value)| value.as_slice())
    }

    /// Sets a pair, in its place when it is there, else at the end.
    pub fn set(&mut self, av_id: u16, value: Vec<u8>) {
        match self.0.iter_mut().find(|(other, _)| *other == av_id) {
            Some(pair) => pair.1 = value,
            None => self.0.push((av_id, value)),
        }
    }

    /// Sets a pair that is a name.
    pub fn set_text(&mut self, av_id: u16, text: &str) {
        self.set(av_id, wire::utf16(text));
    }

    /// The value of a pair that is a name.
    #[must_use]
    pub fn text(&self, av_id: u16) -> Option<String> {
        wire::from_utf16(self.get(av_id)?)
    }

    /// MsvAvFlags; none is zero.
    ///
    /// # Errors
    /// It is not four bytes.
    pub fn flags(&self) -> Result<u32, AuthError> {
        let Some(value) = self.get(id::FLAGS) else { return Ok(0) };
        value
            .try_into()
            .map(u32::from_le_bytes)
            .map_err(|_| AuthError::malformed("AV_PAIR list", "MsvAvFlags is not 4 bytes"))
    }

    /// MsvAvTimestamp.
    ///
    /// # Errors
    /// It is not eight bytes.
    pub fn timestamp(&self) -> Result<Option<u64>, AuthError> {
        let Some(value) = self.get(id::TIMESTAMP) else { return Ok(None) };
        let bytes = value.try_into();
        bytes
            .map(|bytes| Some(u64::from_le_bytes(bytes)))
            .map_err(|_| AuthError::malformed("AV_PAIR list", "MsvAvTimestamp is not 8 bytes"))
    }
}
