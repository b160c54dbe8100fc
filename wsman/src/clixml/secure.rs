//! Where SecureStrings meet the session key.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::value::SecureText;

/// Encrypts and decrypts the text of `SS`, `[MS-PSRP] 2.2.5.1.24`. The session key of a runspace pool is one.
pub trait SecureStringCipher {
    /// The base64 text for a clear text; `None` when it cannot be made.
    fn encrypt(&self, clear: &SecretString) -> Option<String>;
    /// The clear text; `None` when the text is not one of this key.
    fn decrypt(&self, encrypted: &str) -> Option<SecretString>;
}

impl SecureText {
    /// A SecureString in memory.
    pub fn clear(text: impl Into<String>) -> Self {
        Self::Clear(SecretString::from(text.into()))
    }

    /// The clear text, with the session key if it is needed; `None` when the key does not fit or is missing.
    pub fn decrypt(&self, cipher: Option<&dyn SecureStringCipher>) -> Option<SecretString> {
        match self {
            Self::Clear(clear) => Some(SecretString::from(clear.expose_secret())),
            Self::Encrypted(text) => cipher?.decrypt(text),
        }
    }
}

impl From<&str> for SecureText {
    /// The text of an `SS` element.
    fn from(encrypted: &str) -> Self {
        Self::Encrypted(Arc::from(encrypted))
    }
}

impl fmt::Debug for dyn SecureStringCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecureStringCipher(***)")
    }
}
