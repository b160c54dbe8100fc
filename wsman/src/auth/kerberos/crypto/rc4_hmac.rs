//! rc4-hmac, RFC 4757. Weak; for domains that know nothing better, and only where it was switched on.

use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::auth::kerberos::KerberosError;

const CHECKSUM: usize = 16;

/// RFC 4757 2: the NT hash. There is no salt.
pub(in crate::auth::kerberos) fn string_to_key(password: &str) -> Zeroizing<Vec<u8>> {
    let units = Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    Zeroizing::new(Md4::digest(&*units).to_vec())
}

pub(in crate::auth::kerberos) fn encrypt(key: &[u8], usage: u32, message: &[u8]) -> Vec<u8> {
    let key = hmac(key, &[&usage_number(usage)]);
    let checksum = hmac(&*key, &[message]);
    let mut sealed = message.to_vec();
    apply(&hmac(&*key, &[checksum.as_slice()]), &mut sealed);
    [checksum.as_slice(), &sealed].concat()
}

pub(in crate::auth::kerberos) fn decrypt(
    key: &[u8],
    usage: u32,
    cipher: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
    match (usage, decrypt_as(key, usage_number(usage), cipher)) {
        // RFC 4757 and Windows take 8 instead of 9 here, MIT and Heimdal do not.
        (9, Err(_)) => decrypt_as(key, usage.to_le_bytes(), cipher),
        (_, result) => result,
    }
}

fn decrypt_as(key: &[u8], usage: [u8; 4], cipher: &[u8]) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
    let (checksum, sealed) = cipher.split_at_checked(CHECKSUM).ok_or(KerberosError::Integrity)?;
    let key = hmac(key, &[&usage]);
    let mut message = Zeroizing::new(sealed.to_vec());
    apply(&hmac(&*key, &[checksum]), &mut message);
    let expected = hmac(&*key, &[&message]);
    if bool::from(expected.as_slice().ct_eq(checksum)) { Ok(message) } else { Err(KerberosError::Integrity) }
}

/// RFC 4757 4.
pub(in crate::auth::kerberos) fn checksum(key: &[u8], usage: u32, data: &[u8]) -> Vec<u8> {
    let signing = hmac(key, &[b"signaturekey\0"]);
    let mut digest = Md5::new();
    digest.update(usage_number(usage));
    digest.update(data);
    hmac(&*signing, &[digest.finalize().as_slice()]).to_vec()
}

/// RFC 4757 3: the older numbers of Windows.
fn usage_number(usage: u32) -> [u8; 4] {
    match usage {
        3 | 9 => 8,
        23 => 13,
        other => other,
    }
    .to_le_bytes()
}

/// Applies the RC4 stream of a key.
fn apply(key: &[u8; 16], data: &mut [u8]) {
    // INVARIANT: RC4 takes keys of 1 to 256 bytes.
    #[allow(clippy::expect_used)]
    Rc4::new_from_slice(key).expect("a key of 16 bytes").apply_keystream(data);
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 16]> {
    // INVARIANT: HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("any length");
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().into())
}
