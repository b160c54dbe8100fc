//! Keytab files of MIT Kerberos: the keys of services and accounts.

use std::cmp::Ordering;
use std::fmt;

use zeroize::Zeroizing;

use super::reader::{Reader, file_kind};
use super::{EncryptionType, KerberosError, Key, NameType, Principal};
use crate::wiped::wiped_by_parts;

const WHAT: &str = "keytab";
const VERSION: u16 = 0x0502;
/// A keytab of a few names has a few kilobytes.
const MAX_SIZE: usize = 4 << 20;

/// One key of a keytab.
#[derive(Clone, PartialEq, Eq)]
pub struct KeytabEntry {
    /// Whose key it is
    pub principal: Principal,
    /// Its version: the KDC counts up with every change
    pub kvno: u32,
    /// When it was written, seconds since 1970
    pub timestamp: u32,
    /// The key
    pub key: Key,
}

wiped_by_parts!(KeytabEntry: Key);

impl fmt::Debug for KeytabEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kvno {} {}", self.principal, self.kvno, self.key.etype())
    }
}

/// The keys of a keytab, of the encryption types that are built in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keytab {
    entries: Vec<KeytabEntry>,
}

wiped_by_parts!(Keytab: KeytabEntry);

impl Keytab {
    /// A keytab of these keys.
    #[must_use]
    pub fn new(entries: Vec<KeytabEntry>) -> Self {
        Self { entries }
    }

    /// Reads a file of version 0x0502 (MIT, Heimdal, `ktpass`). Keys of other encryption types are left out.
    ///
    /// # Errors
    /// It is not such a file.
    pub fn parse(file: &[u8]) -> Result<Self, KerberosError> {
        let mut reader = Reader::new(file, WHAT);
        if file.len() > MAX_SIZE {
            return Err(reader.malformed("it is larger than 4 MiB"));
        }
        match reader.u16()? {
            VERSION => {}
            0x0501 => {
                return Err(reader.malformed("it has the old version 0x0501; write it again with ktutil"));
            }
            _ => return Err(reader.malformed("it does not begin as a keytab does")),
        }
        let mut entries = Vec::new();
        while !reader.is_empty() {
            let length = reader.i32()?;
            let size = usize::try_from(length.unsigned_abs())
                .map_err(|_| reader.malformed("a length is out of range"))?;
            match length.cmp(&0) {
                // What follows was written once and given up.
                Ordering::Equal => break,
                // A deleted entry, or the room that it left.
                Ordering::Less => drop(reader.bytes(size)?),
                Ordering::Greater => entries.extend(entry(Reader::new(reader.bytes(size)?, WHAT))?),
            }
        }
        Ok(Self { entries })
    }

    /// The file, as [`Keytab::parse`] reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut file = Zeroizing::new(VERSION.to_be_bytes().to_vec());
        for KeytabEntry { principal, kvno, timestamp, key } in &self.entries {
            let mut entry = Zeroizing::new(Vec::new());
            let text = |entry: &mut Vec<u8>, text: &[u8]| {
                let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
                entry.extend(length.to_be_bytes());
                entry.extend(&text[..usize::from(length)]);
            };
            entry.extend(u16::try_from(principal.parts.len()).unwrap_or(u16::MAX).to_be_bytes());
            text(&mut entry, principal.realm.as_bytes());
            principal.parts.iter().for_each(|part| text(&mut entry, part.as_bytes()));
            entry.extend(principal.name_type.number().to_be_bytes());
            entry.extend(timestamp.to_be_bytes());
            entry.push(u8::try_from(kvno & 0xFF).unwrap_or_default());
            entry.extend(u16::try_from(key.etype().number()).unwrap_or_default().to_be_bytes());
            text(&mut entry, key.expose_bytes());
            entry.extend(kvno.to_be_bytes());
            file.extend(u32::try_from(entry.len()).unwrap_or_default().to_be_bytes());
            file.extend(&*entry);
        }
        file
    }

    /// The path in a name such as `FILE:/etc/krb5.keytab`, as `KRB5_KTNAME` has it.
    ///
    /// # Errors
    /// [`KerberosError::KeytabType`] for what is not a file.
    pub fn file_name(name: &str) -> Result<&str, KerberosError> {
        match file_kind(name) {
            (Some(kind), _) if kind != "FILE" && kind != "WRFILE" => Err(KerberosError::KeytabType(kind)),
            (_, path) => Ok(path),
        }
    }

    /// All keys, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// The keys of a name without regard to case, the newest first. Without a realm, those of every realm.
    #[must_use]
    pub fn keys_of(&self, principal: &Principal) -> Vec<&KeytabEntry> {
        let mut found: Vec<_> =
            self.entries.iter().filter(|entry| principal.names(&entry.principal)).collect();
        found.sort_by(|one, other| newest_first(one, other));
        found
    }

    /// The encryption types that there is a key of, for a request to the KDC.
    #[must_use]
    pub fn etypes_of(&self, principal: &Principal) -> Vec<EncryptionType> {
        let mut etypes: Vec<_> = self.keys_of(principal).iter().map(|entry| entry.key.etype()).collect();
        etypes.sort();
        etypes.dedup();
        etypes
    }

    /// The newest key of a name and type.
    ///
    /// # Errors
    /// [`KerberosError::NoKey`]
    pub fn key(&self, principal: &Principal, etype: EncryptionType) -> Result<&KeytabEntry, KerberosError> {
        let found = self.keys_of(principal).into_iter().find(|entry| entry.key.etype() == etype);
        found.ok_or_else(|| KerberosError::NoKey { principal: principal.to_string(), etype: Some(etype) })
    }

    /// The keys that may open a ticket for a name: of its type, that of its version first. The version is a hint
    /// only: a keytab that was made elsewhere may count differently.
    ///
    /// # Errors
    /// [`KerberosError::NoKey`] where there is none at all.
    pub fn candidates(
        &self,
        principal: &Principal,
        etype: EncryptionType,
        kvno: Option<u32>,
    ) -> Result<Vec<&KeytabEntry>, KerberosError> {
        let mut found = self.keys_of(principal);
        found.retain(|entry| entry.key.etype() == etype);
        found.sort_by_key(|entry| Some(entry.kvno) != kvno);
        if found.is_empty() {
            return Err(KerberosError::NoKey { principal: principal.to_string(), etype: Some(etype) });
        }
        Ok(found)
    }
}

/// One entry; `None` where its encryption type is not built in.
fn entry(mut reader: Reader<'_>) -> Result<Option<KeytabEntry>, KerberosError> {
    let parts = reader.u16()?;
    let mut principal = reader.principal(parts.into(), Reader::data16)?;
    principal.name_type = NameType::from_number(reader.i32()?);
    let timestamp = reader.u32()?;
    let short = u32::from(reader.u8()?);
    let etype = i16::from_be_bytes(reader.u16()?.to_be_bytes());
    let key = reader.data16()?;
    // The version in four bytes came later; entries with a hole behind them have zeros there.
    let long = if reader.left() >= 4 { reader.u32()? } else { 0 };
    let kvno = if long == 0 { short } else { long };
    match EncryptionType::from_number(etype.into()) {
        Ok(etype) => Ok(Some(KeytabEntry { principal, kvno, timestamp, key: Key::new(etype, key)? })),
        Err(_) => Ok(None),
    }
}

/// A small version that is not older than a large one is newer: versions of one byte start anew after 255.
fn newest_first(one: &KeytabEntry, other: &KeytabEntry) -> Ordering {
    let wrapped = |new: &KeytabEntry, old: &KeytabEntry| {
        new.kvno < 128 && (241..256).contains(&old.kvno) && new.timestamp >= old.timestamp
    };
    match (wrapped(one, other), wrapped(other, one)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => other.kvno.cmp(&one.kvno),
    }
}
