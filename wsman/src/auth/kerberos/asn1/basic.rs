//! What all messages are made of, RFC 4120 5.2.

use std::fmt;
use std::time::Duration;

use der::asn1::{BitString, GeneralizedTime, OctetString};
use der::{DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Sequence, Tag, Writer};
use zeroize::Zeroize;

use crate::auth::kerberos::{EncryptionType, KerberosError, Key, NameType, Principal, TicketFlags};

/// KerberosString, RFC 4120 5.2.1: GeneralString, in UTF-8 as everybody has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KerberosString(pub String);

impl FixedTag for KerberosString {
    const TAG: Tag = Tag::GeneralString;
}

impl<'a> DecodeValue<'a> for KerberosString {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let bytes = reader.read_vec(header.length())?;
        // Old KDCs write Latin-1 in error texts.
        Ok(Self(
            String::from_utf8(bytes)
                .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect()),
        ))
    }
}

impl EncodeValue for KerberosString {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.0.as_bytes())
    }
}

impl From<&str> for KerberosString {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// KerberosTime, RFC 4120 5.2.3: whole seconds, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KerberosTime(pub GeneralizedTime);

impl KerberosTime {
    /// The time of so many seconds since 1970; after the year 9999 the last one there is.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        const LAST: u64 = 253_402_300_799;
        let time = GeneralizedTime::from_unix_duration(Duration::from_secs(seconds.min(LAST)));
        // INVARIANT: every second up to the end of 9999 can be written.
        #[allow(clippy::expect_used)]
        Self(time.expect("a time before the year 10000"))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0.to_unix_duration().as_secs()
    }
}

impl FixedTag for KerberosTime {
    const TAG: Tag = Tag::GeneralizedTime;
}

impl<'a> DecodeValue<'a> for KerberosTime {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        GeneralizedTime::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for KerberosTime {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

/// KerberosFlags, RFC 4120 5.2.8: bit 0 is the highest of the first byte.
pub type KerberosFlags = BitString;

/// Flags of 32 bits.
#[must_use]
pub fn flags(bits: u32) -> KerberosFlags {
    // INVARIANT: 32 bits without unused ones are a bit string.
    #[allow(clippy::expect_used)]
    BitString::new(0, bits.to_be_bytes()).expect("four bytes")
}

/// The first 32 bits of flags.
#[must_use]
pub fn bits(flags: &KerberosFlags) -> u32 {
    let mut bytes = [0; 4];
    bytes.iter_mut().zip(flags.raw_bytes()).for_each(|(to, from)| *to = *from);
    u32::from_be_bytes(bytes)
}

impl From<TicketFlags> for KerberosFlags {
    fn from(value: TicketFlags) -> Self {
        flags(value.0)
    }
}

/// PrincipalName, RFC 4120 5.2.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct PrincipalName {
    /// name-type
    #[asn1(context_specific = "0")]
    pub name_type: i32,
    /// name-string
    #[asn1(context_specific = "1")]
    pub name_string: Vec<KerberosString>,
}

impl PrincipalName {
    /// The name with its realm.
    #[must_use]
    pub fn in_realm(&self, realm: &KerberosString) -> Principal {
        Principal {
            realm: realm.0.clone(),
            name_type: NameType::from_number(self.name_type),
            parts: self.name_string.iter().map(|part| part.0.clone()).collect(),
        }
    }
}

impl From<&Principal> for PrincipalName {
    fn from(principal: &Principal) -> Self {
        Self {
            name_type: principal.name_type.number(),
            name_string: principal.parts.iter().map(|part| KerberosString(part.clone())).collect(),
        }
    }
}

/// EncryptedData, RFC 4120 5.2.9.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct EncryptedData {
    /// etype
    #[asn1(context_specific = "0")]
    pub etype: i32,
    /// kvno
    #[asn1(context_specific = "1", optional = "true")]
    pub kvno: Option<i64>,
    /// cipher
    #[asn1(context_specific = "2")]
    pub cipher: OctetString,
}

impl EncryptedData {
    /// Encrypts a message under a key.
    ///
    /// # Errors
    /// As [`Key::encrypt`].
    pub fn seal(key: &Key, usage: u32, plain: &[u8], confounder: &[u8]) -> Result<Self, KerberosError> {
        let confounder = confounder.get(..key.etype().confounder_length()).unwrap_or(confounder);
        let cipher = key.encrypt(usage, plain, confounder)?;
        let cipher = OctetString::new(cipher)
            .map_err(|_| KerberosError::Malformed { what: "EncryptedData", why: "it is too large" })?;
        Ok(Self { etype: key.etype().number(), kvno: None, cipher })
    }

    /// Decrypts it; the key must be of the type that is named.
    ///
    /// # Errors
    /// As [`Key::decrypt`].
    pub fn open(&self, key: &Key, usage: u32) -> Result<zeroize::Zeroizing<Vec<u8>>, KerberosError> {
        if self.etype != key.etype().number() {
            return Err(KerberosError::Integrity);
        }
        key.decrypt(usage, self.cipher.as_bytes())
    }
}

/// EncryptionKey, RFC 4120 5.2.9. Wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct EncryptionKey {
    /// keytype
    #[asn1(context_specific = "0")]
    pub key_type: i32,
    /// keyvalue
    #[asn1(context_specific = "1")]
    pub key_value: OctetString,
}

impl EncryptionKey {
    /// The key, where its type is known and its length right.
    ///
    /// # Errors
    /// An unknown type or a wrong length.
    pub fn to_key(&self) -> Result<Key, KerberosError> {
        Key::new(EncryptionType::from_number(self.key_type)?, self.key_value.as_bytes())
    }
}

impl TryFrom<&Key> for EncryptionKey {
    type Error = KerberosError;

    fn try_from(key: &Key) -> Result<Self, KerberosError> {
        let key_value = OctetString::new(key.expose_bytes())
            .map_err(|_| KerberosError::Malformed { what: "key", why: "it is too long" })?;
        Ok(Self { key_type: key.etype().number(), key_value })
    }
}

impl Drop for EncryptionKey {
    fn drop(&mut self) {
        let empty = OctetString::new(Vec::new());
        if let Ok(empty) = empty {
            std::mem::replace(&mut self.key_value, empty).into_bytes().zeroize();
        }
    }
}

impl zeroize::ZeroizeOnDrop for EncryptionKey {}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({}, ***)", self.key_type)
    }
}

/// Checksum, RFC 4120 5.2.9.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct Checksum {
    /// cksumtype
    #[asn1(context_specific = "0")]
    pub checksum_type: i32,
    /// checksum
    #[asn1(context_specific = "1")]
    pub checksum: OctetString,
}

/// PA-DATA, RFC 4120 5.2.7.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct PaData {
    /// padata-type
    #[asn1(context_specific = "1")]
    pub data_type: i32,
    /// padata-value
    #[asn1(context_specific = "2")]
    pub value: OctetString,
}

/// HostAddress, RFC 4120 5.2.5.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct HostAddress {
    /// addr-type
    #[asn1(context_specific = "0")]
    pub address_type: i32,
    /// address
    #[asn1(context_specific = "1")]
    pub address: OctetString,
}

/// A member of AuthorizationData, RFC 4120 5.2.6.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct TypedValue {
    /// ad-type
    #[asn1(context_specific = "0")]
    pub data_type: i32,
    /// ad-data
    #[asn1(context_specific = "1")]
    pub value: OctetString,
}
