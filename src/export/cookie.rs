//! What an export remembers for the next one: how far it came, and what was there.
//!
//! Little-endian, in this order: `MWEXPORT`, a version byte, the time (8 bytes), the layout (8), the newest object (16),
//! the domain controller (length in 2, UTF-8), mailboxes and databases (each a count in 4, then GUID in 16 and digest in
//! 8 each), SHA-256 over all of it (32).

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"MWEXPORT";
const VERSION: u8 = 1;
const SEAL: usize = 32;

/// What was there, and when it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookie {
    /// Everything that changed before this is in the entries; seconds since 1970, by the clock of the domain controller
    pub seen_until: i64,
    /// What decides how a row looks; with another layout digests say nothing
    pub layout: u64,
    /// The object with the latest change. A filter by time that leaves it out is not understood as it was meant
    pub newest: Option<Uuid>,
    /// Where it was read: times of changes are not replicated
    pub domain_controller: Option<String>,
    /// GUID and digest of each row
    pub mailboxes: Vec<(Uuid, u64)>,
    /// GUID and digest of each row
    pub databases: Vec<(Uuid, u64)>,
}

/// Why bytes are no cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// Another program's file
    #[error("it was not written by this program")]
    Foreign,
    /// Written by another version
    #[error("its version {0} is not known")]
    Version(u8),
    /// Cut off or changed
    #[error("it is damaged")]
    Damaged,
}

impl Cookie {
    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend(self.seen_until.to_le_bytes());
        bytes.extend(self.layout.to_le_bytes());
        bytes.extend(self.newest.unwrap_or_default().as_bytes());
        // A host name has at most 255 octets.
        let name = self.domain_controller.as_deref().filter(|name| name.len() <= 255).unwrap_or_default();
        bytes.extend(u16::try_from(name.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(name.as_bytes());
        for entries in [&self.mailboxes, &self.databases] {
            bytes.extend(u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
            for (guid, digest) in entries {
                bytes.extend(guid.as_bytes());
                bytes.extend(digest.to_le_bytes());
            }
        }
        let seal = Sha256::digest(&bytes);
        bytes.extend(seal);
        bytes
    }

    /// Reads them back.
    ///
    /// # Errors
    /// [`CookieError`]; a cookie is whole or none at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, CookieError> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else { return Err(CookieError::Foreign) };
        match rest.first() {
            Some(&VERSION) => {}
            Some(other) => return Err(CookieError::Version(*other)),
            None => return Err(CookieError::Damaged),
        }
        let length = bytes.len().checked_sub(SEAL).ok_or(CookieError::Damaged)?;
        let (sealed, seal) = bytes.split_at_checked(length).ok_or(CookieError::Damaged)?;
        if Sha256::digest(sealed)[..] != *seal {
            return Err(CookieError::Damaged);
        }
        Self::fields(&mut Reader(sealed.get(MAGIC.len() + 1..).unwrap_or_default()))
            .ok_or(CookieError::Damaged)
    }

    fn fields(reader: &mut Reader<'_>) -> Option<Self> {
        let seen_until = i64::from_le_bytes(reader.take()?);
        let layout = u64::from_le_bytes(reader.take()?);
        let newest = Uuid::from_bytes(reader.take()?);
        let length = u16::from_le_bytes(reader.take()?);
        let name = std::str::from_utf8(reader.slice(usize::from(length))?).ok()?;
        let mailboxes = reader.entries()?;
        let databases = reader.entries()?;
        reader.0.is_empty().then(|| Self {
            seen_until,
            layout,
            newest: Some(newest).filter(|guid| !guid.is_nil()),
            domain_controller: Some(name.to_owned()).filter(|name| !name.is_empty()),
            mailboxes,
            databases,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    fn entries(&mut self) -> Option<Vec<(Uuid, u64)>> {
        let count = usize::try_from(u32::from_le_bytes(self.take()?)).ok()?;
        // The length is checked before anything is set aside for it.
        let mut rows = Self(self.slice(count.checked_mul(24)?)?);
        (0..count).map(|_| Some((Uuid::from_bytes(rows.take()?), u64::from_le_bytes(rows.take()?)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cookie() -> Cookie {
        Cookie {
            seen_until: -5,
            layout: 7,
            newest: Some(Uuid::from_u128(9)),
            domain_controller: Some("dc01.contoso.com".into()),
            mailboxes: vec![(Uuid::from_u128(1), 2), (Uuid::from_u128(3), u64::MAX)],
            databases: vec![(Uuid::from_u128(4), 0)],
        }
    }

    #[test]
    fn what_is_no_cookie() {
        let bytes = cookie().to_bytes();
        assert_eq!(Cookie::parse(&bytes), Ok(cookie()));
        assert_eq!(Cookie::parse(&[]), Err(CookieError::Foreign));
        assert_eq!(Cookie::parse(b"MWEXPORT\x09"), Err(CookieError::Version(9)));
        for length in MAGIC.len()..bytes.len() {
            assert_eq!(Cookie::parse(&bytes[..length]), Err(CookieError::Damaged), "{length}");
        }
    }

    #[test]
    fn a_count_that_is_not_there_is_damage_and_not_memory() {
        let mut bytes = Cookie::default().to_bytes();
        bytes.truncate(bytes.len() - SEAL - 8);
        bytes.extend(u32::MAX.to_le_bytes());
        bytes.extend(Sha256::digest(&bytes).to_vec());
        assert_eq!(Cookie::parse(&bytes), Err(CookieError::Damaged));
    }

    proptest! {
        #[test]
        fn every_changed_byte_is_seen(at in 9_usize..200, flip in 1_u8..) {
            let mut bytes = cookie().to_bytes();
            let at = at % (bytes.len() - 9) + 9;
            bytes[at] ^= flip;
            prop_assert_eq!(Cookie::parse(&bytes), Err(CookieError::Damaged));
        }
    }
}
