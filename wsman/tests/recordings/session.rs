//! SecureStrings of the recordings: under a session key, and in clear hexadecimal as the file form has it on Linux.

use std::sync::Arc;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use wsman::clixml::{Container, Member, Object, SecureStringCipher, SecureText, Value};

/// AES-256-CBC with an IV of zeros over UTF-16LE.
pub struct SessionKey([u8; 32]);

impl SessionKey {
    pub fn from_base64(text: &str) -> Self {
        Self(STANDARD.decode(text).unwrap().try_into().unwrap())
    }
}

impl SecureStringCipher for SessionKey {
    fn encrypt(&self, clear: &SecretString) -> Option<String> {
        let clear: Vec<u8> = clear.expose_secret().encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cipher = cbc::Encryptor::<aes::Aes256>::new(&self.0.into(), &[0; 16].into());
        Some(STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(&clear)))
    }

    fn decrypt(&self, encrypted: &str) -> Option<SecretString> {
        let bytes = STANDARD.decode(encrypted).ok()?;
        let cipher = cbc::Decryptor::<aes::Aes256>::new(&self.0.into(), &[0; 16].into());
        utf16(&cipher.decrypt_padded_vec::<Pkcs7>(&bytes).ok()?)
    }
}

/// The file form on Linux: UTF-16LE in hexadecimal.
pub struct Hex;

impl SecureStringCipher for Hex {
    fn encrypt(&self, _: &SecretString) -> Option<String> {
        None
    }

    fn decrypt(&self, encrypted: &str) -> Option<SecretString> {
        if encrypted.is_empty() || !encrypted.len().is_multiple_of(2) || !encrypted.is_ascii() {
            return None;
        }
        let digits = encrypted.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> =
            digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
        utf16(&bytes?)
    }
}

fn utf16(bytes: &[u8]) -> Option<SecretString> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok().map(SecretString::from)
}

/// All SecureStrings in a value.
pub fn all_secure(value: &Value) -> Vec<SecureText> {
    let mut found = Vec::new();
    walk(value, &mut |value| {
        if let Value::SecureString(text) = value {
            found.push(text.clone());
        }
    });
    found
}

/// Visits every value once, however often it is referred to.
fn walk(value: &Value, visit: &mut dyn FnMut(&Value)) {
    let mut seen = std::collections::HashSet::new();
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        visit(value);
        let Value::Object(object) = value else { continue };
        if !seen.insert(Arc::as_ptr(object)) {
            continue;
        }
        match &object.base {
            Container::Value(base) => waiting.push(base),
            Container::Dictionary(entries) => {
                entries.iter().for_each(|(key, value)| waiting.extend([key, value]))
            }
            _ => waiting.extend(object.items().unwrap_or_default()),
        }
        for (_, member) in object.adapted.iter().chain(&object.extended) {
            match member {
                Member::Value(value) => waiting.push(value),
                Member::Set(set) => waiting.extend(set.iter().filter_map(|(_, member)| match member {
                    Member::Value(value) => Some(value),
                    Member::Set(_) => None,
                })),
            }
        }
    }
}

/// The value with its SecureStrings in clear, where they stand directly in it or in its members and items.
pub fn opened(value: &Value, cipher: Option<&dyn SecureStringCipher>) -> Value {
    let open = |value: &Value| match value {
        Value::SecureString(text) => {
            Value::SecureString(text.decrypt(cipher).map_or_else(|| text.clone(), SecureText::Clear))
        }
        other => other.clone(),
    };
    let Value::Object(object) = value else { return open(value) };
    let members = |members: &wsman::clixml::Properties| {
        members
            .iter()
            .map(|(name, member)| match member {
                Member::Value(value) => (Arc::clone(name), Member::Value(open(value))),
                set => (Arc::clone(name), set.clone()),
            })
            .collect()
    };
    let base = match &object.base {
        Container::List(items) => Container::List(items.iter().map(open).collect()),
        other => other.clone(),
    };
    let (adapted, extended) = (members(&object.adapted), members(&object.extended));
    Value::Object(Arc::new(Object { base, adapted, extended, ..Object::clone(object) }))
}
