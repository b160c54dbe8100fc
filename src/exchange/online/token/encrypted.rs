//! A private key in PEM that is encrypted with a password: `EncryptedPrivateKeyInfo` (RFC 5958, section 3) under PBES2 (RFC 8018,
//! section 6.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::{Kdf, Parameters};
use secrecy::{ExposeSecret as _, SecretString};
use x509_cert::der::asn1::{AnyRef, OctetStringRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use zeroize::Zeroizing;

use super::certificate::CertificateError;

/// RFC 7468, section 11
const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// The form of before PKCS#8, of which only the header field is known: RFC 1421, section 4.6.1.1.
const LEGACY: &str = "Proc-Type: 4,ENCRYPTED";

/// What is taken of PBKDF2; RFC 8018, section 4.2 thinks of as many for the most critical keys.
const MAX_ITERATIONS: u32 = 10_000_000;
/// What is taken of scrypt, which needs 128 bytes for each: 256 MiB. OpenSSL takes 131,072.
const MAX_SCRYPT: u64 = 1 << 21;

/// The key of a PEM file, as PKCS#8. None when the file has no encrypted one.
pub(super) fn key(
    pem: &str,
    password: Option<&SecretString>,
) -> Option<Result<Zeroizing<Vec<u8>>, CertificateError>> {
    if pem.contains(LEGACY) {
        return Some(Err(unreadable(
            "the key is encrypted in the form of old versions of OpenSSL; write it anew with \
             `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`",
        )));
    }
    let (_, rest) = pem.split_once(BEGIN)?;
    Some(match rest.split_once(END) {
        Some((body, _)) => opened(body, password),
        None => Err(unreadable("the encrypted key has no end")),
    })
}

fn opened(body: &str, password: Option<&SecretString>) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let text: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(text).map_err(|_| unreadable("the encrypted key is not base64"))?;
    let (parameters, data) = parts(&der)?;
    is_affordable(&parameters.kdf)?;
    let password = password.ok_or(CertificateError::Password)?;
    match parameters.decrypt(password.expose_secret(), data) {
        // In one of 256 cases the end of what a wrong password opens looks as it should.
        Ok(key) => match Zeroizing::new(key) {
            key if AnyRef::from_der(&key).is_ok_and(|any| any.tag() == Tag::Sequence) => Ok(key),
            _ => Err(CertificateError::Password),
        },
        Err(pkcs5::Error::DecryptFailed) => Err(CertificateError::Password),
        Err(error) => Err(unreadable(&format!("the encrypted key: {error}; {CONVERT}"))),
    }
}

const CONVERT: &str =
    "`openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW` writes it in a form that is known";

fn parts(der: &[u8]) -> Result<(Parameters, &[u8]), CertificateError> {
    match scheme_and_data(der) {
        Ok((EncryptionScheme::Pbes2(parameters), data)) => Ok((parameters, data)),
        Ok(_) => Err(unreadable(&format!("the key is encrypted in a way of long ago; {CONVERT}"))),
        Err(error) => Err(unreadable(&format!("the encrypted key: {error}; {CONVERT}"))),
    }
}

fn scheme_and_data(der: &[u8]) -> Result<(EncryptionScheme, &[u8]), x509_cert::der::Error> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|inner| {
        let scheme = EncryptionScheme::decode(inner)?;
        Ok::<_, x509_cert::der::Error>((scheme, <&OctetStringRef>::decode(inner)?.as_bytes()))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// A file that somebody else made must not keep this machine busy.
fn is_affordable(kdf: &Kdf) -> Result<(), CertificateError> {
    let is_cheap = match kdf {
        Kdf::Pbkdf2(parameters) => parameters.iteration_count <= MAX_ITERATIONS,
        Kdf::Scrypt(parameters) => parameters
            .cost_parameter
            .checked_mul(u64::from(parameters.block_size))
            .and_then(|cost| cost.checked_mul(u64::from(parameters.parallelization)))
            .is_some_and(|cost| cost <= MAX_SCRYPT),
        _ => false,
    };
    if is_cheap { Ok(()) } else { Err(unreadable("the encrypted key would take too long to open")) }
}

fn unreadable(why: &str) -> CertificateError {
    CertificateError::Unreadable(why.into())
}

#[cfg(test)]
#[path = "encrypted_tests.rs"]
mod tests;
