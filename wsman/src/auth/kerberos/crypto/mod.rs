//! The arithmetic of the encryption types.

pub(super) mod aes_sha1;
pub(super) mod aes_sha2;
mod cts;
mod nfold;
pub(super) mod rc4_hmac;

use super::KerberosError;

/// More rounds than anybody configures; a hostile KDC must not keep us busy for hours.
const MAX_ITERATIONS: u32 = 1 << 22;

/// The iteration count of s2kparams, RFC 3962 4: four bytes, big-endian.
fn iterations(parameters: Option<&[u8]>, default: u32) -> Result<u32, KerberosError> {
    let why = |why| KerberosError::Malformed { what: "s2kparams", why };
    let count = match parameters {
        None => return Ok(default),
        Some(bytes) => u32::from_be_bytes(bytes.try_into().map_err(|_| why("they are not four bytes"))?),
    };
    match count {
        1..=MAX_ITERATIONS => Ok(count),
        // 0 stands for 2^32.
        _ => Err(why("they ask for too many iterations")),
    }
}

/// What is derived for a usage: encryption, integrity of an encrypted message, checksum, RFC 3961 5.3.
#[derive(Clone, Copy)]
enum Purpose {
    Encryption = 0xAA,
    Integrity = 0x55,
    Checksum = 0x99,
}

/// The well-known constant, RFC 3961 5.3.
fn constant(usage: u32, purpose: Purpose) -> [u8; 5] {
    let [a, b, c, d] = usage.to_be_bytes();
    [a, b, c, d, purpose as u8]
}
