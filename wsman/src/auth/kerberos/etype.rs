//! Encryption types, RFC 3961 8.

use std::fmt;

use super::KerberosError;

/// An encryption type with its checksum type. DES and triple DES are not taken: they are broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EncryptionType {
    /// aes128-cts-hmac-sha1-96, RFC 3962
    Aes128Sha1 = 17,
    /// aes256-cts-hmac-sha1-96, RFC 3962
    Aes256Sha1 = 18,
    /// aes128-cts-hmac-sha256-128, RFC 8009
    Aes128Sha2 = 19,
    /// aes256-cts-hmac-sha384-192, RFC 8009
    Aes256Sha2 = 20,
    /// rc4-hmac, RFC 4757; weak, and used only where it was switched on
    Rc4 = 23,
}

impl EncryptionType {
    /// Those without known weakness, in the order in which they are asked for.
    pub const STRONG: [Self; 4] = [Self::Aes256Sha1, Self::Aes128Sha1, Self::Aes256Sha2, Self::Aes128Sha2];

    /// The type of this number.
    ///
    /// # Errors
    /// [`KerberosError::UnsupportedEncryption`] for any other.
    pub fn from_number(number: i32) -> Result<Self, KerberosError> {
        match number {
            17 => Ok(Self::Aes128Sha1),
            18 => Ok(Self::Aes256Sha1),
            19 => Ok(Self::Aes128Sha2),
            20 => Ok(Self::Aes256Sha2),
            23 => Ok(Self::Rc4),
            other => Err(KerberosError::UnsupportedEncryption(other)),
        }
    }

    /// The type of a name or alias as configuration files have them, without regard to case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "aes128-cts-hmac-sha1-96" | "aes128-cts" | "aes128-sha1" => Self::Aes128Sha1,
            "aes256-cts-hmac-sha1-96" | "aes256-cts" | "aes256-sha1" => Self::Aes256Sha1,
            "aes128-cts-hmac-sha256-128" | "aes128-sha2" => Self::Aes128Sha2,
            "aes256-cts-hmac-sha384-192" | "aes256-sha2" => Self::Aes256Sha2,
            "rc4-hmac" | "arcfour-hmac" | "arcfour-hmac-md5" => Self::Rc4,
            _ => return None,
        })
    }

    /// Its number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32
    }

    /// Bytes of a key.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes256Sha1 | Self::Aes256Sha2 => 32,
            Self::Aes128Sha1 | Self::Aes128Sha2 | Self::Rc4 => 16,
        }
    }

    /// Random bytes in front of every message.
    #[must_use]
    pub fn confounder_length(self) -> usize {
        if self == Self::Rc4 { 8 } else { 16 }
    }

    /// Bytes of a checksum, and of what an encrypted message carries as one.
    #[must_use]
    pub fn checksum_length(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 => 12,
            Self::Aes128Sha2 | Self::Rc4 => 16,
            Self::Aes256Sha2 => 24,
        }
    }

    /// The number of the checksum type that goes with it, RFC 3961 6.1.
    #[must_use]
    pub fn checksum_type(self) -> i32 {
        match self {
            Self::Aes128Sha1 => 15,
            Self::Aes256Sha1 => 16,
            Self::Aes128Sha2 => 19,
            Self::Aes256Sha2 => 20,
            Self::Rc4 => -138,
        }
    }
}

impl fmt::Display for EncryptionType {
    /// The name of the IANA registry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128Sha1 => "aes128-cts-hmac-sha1-96",
            Self::Aes256Sha1 => "aes256-cts-hmac-sha1-96",
            Self::Aes128Sha2 => "aes128-cts-hmac-sha256-128",
            Self::Aes256Sha2 => "aes256-cts-hmac-sha384-192",
            Self::Rc4 => "rc4-hmac",
        })
    }
}
