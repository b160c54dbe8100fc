//! A Kerberos key and what is done with it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::crypto::{aes_sha1, aes_sha2, rc4_hmac};
use super::{EncryptionType, KerberosError};

/// A key of one encryption type, RFC 3961 3. Wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key {
    #[zeroize(skip)]
    etype: EncryptionType,
    bytes: Vec<u8>,
}

impl Key {
    /// A key from its bytes, which may be random (random-to-key is the identity for all types here).
    ///
    /// # Errors
    /// The length does not fit the type.
    pub fn new(etype: EncryptionType, bytes: impl Into<Vec<u8>>) -> Result<Self, KerberosError> {
        let key = Self { etype, bytes: bytes.into() };
        if key.bytes.len() != etype.key_length() {
            return Err(KerberosError::Malformed { what: "key", why: "its length does not fit its type" });
        }
        Ok(key)
    }

    /// string-to-key with the salt and parameters that the KDC named in ETYPE-INFO2 (RFC 4120 5.2.7.5).
    ///
    /// # Errors
    /// Parameters that are malformed or ask for too much work.
    pub fn from_password(
        etype: EncryptionType,
        password: &SecretString,
        salt: &[u8],
        parameters: Option<&[u8]>,
    ) -> Result<Self, KerberosError> {
        let password = password.expose_secret();
        let mut bytes = match etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                aes_sha1::string_to_key(etype.key_length(), password, salt, parameters)?
            }
            EncryptionType::Aes128Sha2 | EncryptionType::Aes256Sha2 => {
                aes_sha2::string_to_key(etype, password, salt, parameters)?
            }
            EncryptionType::Rc4 => rc4_hmac::string_to_key(password),
        };
        Self::new(etype, std::mem::take(&mut *bytes))
    }

    /// Its type.
    #[must_use]
    pub fn etype(&self) -> EncryptionType {
        self.etype
    }

    /// The key itself, for where it has to be sent encrypted.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Encrypts, RFC 3961 3. `confounder` is random, [`EncryptionType::confounder_length`] bytes.
    ///
    /// # Errors
    /// A confounder of another length.
    pub fn encrypt(&self, usage: u32, plain: &[u8], confounder: &[u8]) -> Result<Vec<u8>, KerberosError> {
        if confounder.len() != self.etype.confounder_length() {
            return Err(KerberosError::Malformed { what: "confounder", why: "it has another length" });
        }
        let message = Zeroizing::new([confounder, plain].concat());
        Ok(match self.etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                aes_sha1::encrypt(&self.bytes, usage, &message)
            }
            EncryptionType::Aes128Sha2 | EncryptionType::Aes256Sha2 => {
                aes_sha2::encrypt(self.etype, &self.bytes, usage, &message)
            }
            EncryptionType::Rc4 => rc4_hmac::encrypt(&self.bytes, usage, &message),
        })
    }

    /// Decrypts and verifies; the message comes without its confounder.
    ///
    /// # Errors
    /// [`KerberosError::Integrity`]: another key, another usage, or changed on its way.
    pub fn decrypt(&self, usage: u32, cipher: &[u8]) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
        let (confounder, checksum) = (self.etype.confounder_length(), self.etype.checksum_length());
        if cipher.len() < confounder + checksum {
            return Err(KerberosError::Malformed { what: "encrypted part", why: "it is too short" });
        }
        let mut message = match self.etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                aes_sha1::decrypt(&self.bytes, usage, cipher)?
            }
            EncryptionType::Aes128Sha2 | EncryptionType::Aes256Sha2 => {
                aes_sha2::decrypt(self.etype, &self.bytes, usage, cipher)?
            }
            EncryptionType::Rc4 => rc4_hmac::decrypt(&self.bytes, usage, cipher)?,
        };
        let start = confounder.min(message.len());
        message.drain(..start);
        Ok(message)
    }

    /// A keyed checksum, RFC 3961 4, of the type that goes with the encryption type.
    #[must_use]
    pub fn checksum(&self, usage: u32, data: &[u8]) -> Vec<u8> {
        match self.etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                aes_sha1::checksum(&self.bytes, usage, data)
            }
            EncryptionType::Aes128Sha2 | EncryptionType::Aes256Sha2 => {
                aes_sha2::checksum(self.etype, &self.bytes, usage, data)
            }
            EncryptionType::Rc4 => rc4_hmac::checksum(&self.bytes, usage, data),
        }
    }

    /// Whether `checksum` is that of `data`; takes the same time whatever differs.
    #[must_use]
    pub fn verify(&self, usage: u32, data: &[u8], checksum: &[u8]) -> bool {
        self.checksum(usage, data).ct_eq(checksum).into()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.etype == other.etype && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ***)", self.etype)
    }
}
