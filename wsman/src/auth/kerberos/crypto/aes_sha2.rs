//! aes128-cts-hmac-sha256-128 and aes256-cts-hmac-sha384-192, RFC 8009.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::cts::{self, Aes};
use super::{Purpose, constant, iterations};
use crate::auth::kerberos::{EncryptionType, KerberosError};

/// RFC 8009 4.
const DEFAULT_ITERATIONS: u32 = 32_768;
/// The initial vector, which the checksum covers.
const ZERO_STATE: [u8; 16] = [0; 16];

pub(in crate::auth::kerberos) fn string_to_key(
    etype: EncryptionType,
    password: &str,
    salt: &[u8],
    parameters: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
    let count = iterations(parameters, DEFAULT_ITERATIONS)?;
    let salt = [etype.to_string().as_bytes(), &[0], salt].concat();
    let mut key = Zeroizing::new(vec![0; etype.key_length()]);
    if is_long(etype) {
        pbkdf2::pbkdf2_hmac::<Sha384>(password.as_bytes(), &salt, count, &mut key);
    } else {
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, count, &mut key);
    }
    Ok(derive(etype, &key, b"kerberos", etype.key_length()))
}

pub(in crate::auth::kerberos) fn encrypt(
    etype: EncryptionType,
    key: &[u8],
    usage: u32,
    message: &[u8],
) -> Vec<u8> {
    let sealing = derive(etype, key, &constant(usage, Purpose::Encryption), etype.key_length());
    let mut output = cts::encrypt(&Aes::new(&sealing), message);
    let checksum = integrity(etype, key, usage, &output);
    output.extend(checksum);
    output
}

pub(in crate::auth::kerberos) fn decrypt(
    etype: EncryptionType,
    key: &[u8],
    usage: u32,
    cipher: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
    let (sealed, checksum) = cipher
        .split_at_checked(cipher.len().saturating_sub(etype.checksum_length()))
        .ok_or(KerberosError::Integrity)?;
    if !bool::from(integrity(etype, key, usage, sealed).ct_eq(checksum)) {
        return Err(KerberosError::Integrity);
    }
    let sealing = derive(etype, key, &constant(usage, Purpose::Encryption), etype.key_length());
    Ok(Zeroizing::new(cts::decrypt(&Aes::new(&sealing), sealed)))
}

pub(in crate::auth::kerberos) fn checksum(
    etype: EncryptionType,
    key: &[u8],
    usage: u32,
    data: &[u8],
) -> Vec<u8> {
    let length = etype.checksum_length();
    let mut output = hmac(etype, &derive(etype, key, &constant(usage, Purpose::Checksum), length), &[data]);
    output.truncate(length);
    output
}

/// What an encrypted message ends with, RFC 8009 5: over the encrypted bytes.
fn integrity(etype: EncryptionType, key: &[u8], usage: u32, sealed: &[u8]) -> Vec<u8> {
    let length = etype.checksum_length();
    let key = derive(etype, key, &constant(usage, Purpose::Integrity), length);
    let mut output = hmac(etype, &key, &[&ZERO_STATE, sealed]);
    output.truncate(length);
    output
}

/// KDF-HMAC-SHA2, RFC 8009 3; `length` in bytes.
fn derive(etype: EncryptionType, key: &[u8], label: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let bits = u32::try_from(length * 8).unwrap_or_default().to_be_bytes();
    let mut output = Zeroizing::new(hmac(etype, key, &[&[0, 0, 0, 1], label, &[0], &bits]));
    output.truncate(length);
    output
}

fn hmac(etype: EncryptionType, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    if is_long(etype) {
        // INVARIANT: HMAC takes keys of any length.
        #[allow(clippy::expect_used)]
        let mut mac = Hmac::<Sha384>::new_from_slice(key).expect("any length");
        parts.iter().for_each(|part| mac.update(part));
        return mac.finalize().into_bytes().to_vec();
    }
    // INVARIANT: HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn is_long(etype: EncryptionType) -> bool {
    etype == EncryptionType::Aes256Sha2
}
