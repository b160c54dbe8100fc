//! aes128- and aes256-cts-hmac-sha1-96, RFC 3962, on the simplified profile of RFC 3961 5.3.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::cts::{self, Aes};
use super::nfold::n_fold;
use super::{Purpose, constant, iterations};
use crate::auth::kerberos::KerberosError;

const CHECKSUM: usize = 12;
/// RFC 3962 4.
const DEFAULT_ITERATIONS: u32 = 4096;

pub(in crate::auth::kerberos) fn string_to_key(
    length: usize,
    password: &str,
    salt: &[u8],
    parameters: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
    let count = iterations(parameters, DEFAULT_ITERATIONS)?;
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt, count, &mut key);
    Ok(derive(&key, b"kerberos"))
}

pub(in crate::auth::kerberos) fn encrypt(key: &[u8], usage: u32, message: &[u8]) -> Vec<u8> {
    let sealing = derive(key, &constant(usage, Purpose::Encryption));
    let mut output = cts::encrypt(&Aes::new(&sealing), message);
    output.extend(hmac(&derive(key, &constant(usage, Purpose::Integrity)), message));
    output
}

pub(in crate::auth::kerberos) fn decrypt(
    key: &[u8],
    usage: u32,
    cipher: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
    let (sealed, checksum) =
        cipher.split_at_checked(cipher.len().saturating_sub(CHECKSUM)).ok_or(KerberosError::Integrity)?;
    let sealing = derive(key, &constant(usage, Purpose::Encryption));
    let message = Zeroizing::new(cts::decrypt(&Aes::new(&sealing), sealed));
    let expected = hmac(&derive(key, &constant(usage, Purpose::Integrity)), &message);
    if bool::from(expected.ct_eq(checksum)) { Ok(message) } else { Err(KerberosError::Integrity) }
}

pub(in crate::auth::kerberos) fn checksum(key: &[u8], usage: u32, data: &[u8]) -> Vec<u8> {
    hmac(&derive(key, &constant(usage, Purpose::Checksum)), data)
}

/// DK, RFC 3961 5.1: as many encrypted blocks as the key is long, each the encryption of the one before.
fn derive(key: &[u8], constant: &[u8]) -> Zeroizing<Vec<u8>> {
    let cipher = Aes::new(key);
    let mut block = Zeroizing::new([0; 16]);
    block.copy_from_slice(&n_fold(constant, 16));
    let mut output = Zeroizing::new(Vec::with_capacity(32));
    while output.len() < key.len() {
        cipher.encrypt_block(&mut block);
        output.extend_from_slice(&*block);
    }
    output.truncate(key.len());
    output
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // INVARIANT: HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any length");
    mac.update(data);
    mac.finalize().into_bytes()[..CHECKSUM].to_vec()
}
