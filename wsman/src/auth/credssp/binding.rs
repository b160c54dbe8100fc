//! pubKeyAuth, `[MS-CSSP] 3.1.5`: both sides show that they mean the same TLS public key.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::FIRST_SAFE_VERSION;
use crate::auth::{
    AuthError,
    der::{self as tlv, Malformed, Tag},
};

/// ClientServerHashMagic and ServerClientHashMagic, `[MS-CSSP] 3.1.5`, with the zero at their end.
const CLIENT_TO_SERVER: &[u8] = b"CredSSP Client-To-Server Binding Hash\0";
const SERVER_TO_CLIENT: &[u8] = b"CredSSP Server-To-Client Binding Hash\0";

/// The SubjectPublicKey of a certificate, the content of the BIT STRING (RFC 5280 section 4.1.2.7): neither the
/// certificate nor the SubjectPublicKeyInfo around it.
pub(super) fn subject_public_key(certificate: &[u8]) -> Result<Vec<u8>, AuthError> {
    read(certificate)
        .map_err(|Malformed| AuthError::malformed("certificate", "no public key can be found in it"))
}

fn read(certificate: &[u8]) -> Result<Vec<u8>, Malformed> {
    let parts = tlv::list(tlv::content(tlv::only(certificate)?, Tag::Sequence)?, 8)?;
    let fields = tlv::list(tlv::content(*parts.first().ok_or(Malformed)?, Tag::Sequence)?, 16)?;
    // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo; a version before them.
    let has_version = fields.first().is_some_and(|field| field.header().tag() == tlv::context(0));
    let info = *fields.get(5 + usize::from(has_version)).ok_or(Malformed)?;
    let info = tlv::list(tlv::content(info, Tag::Sequence)?, 4)?;
    match tlv::content(*info.get(1).ok_or(Malformed)?, Tag::BitString)? {
        [0, key @ ..] if !key.is_empty() => Ok(key.to_vec()),
        _ => Err(Malformed),
    }
}

/// What the client sends.
pub(super) fn client_value(version: u32, nonce: &[u8], public_key: &[u8]) -> Vec<u8> {
    if version >= FIRST_SAFE_VERSION {
        return hash(CLIENT_TO_SERVER, nonce, public_key);
    }
    public_key.to_vec()
}

/// What the server answers: up to version 4 the key with one added to its first byte.
pub(super) fn server_value(version: u32, nonce: &[u8], public_key: &[u8]) -> Vec<u8> {
    if version >= FIRST_SAFE_VERSION {
        return hash(SERVER_TO_CLIENT, nonce, public_key);
    }
    let mut value = public_key.to_vec();
    if let Some(first) = value.first_mut() {
        *first = first.wrapping_add(1);
    }
    value
}

/// Whether the peer showed this value.
pub(super) fn verify(shown: &[u8], expected: &[u8]) -> Result<(), AuthError> {
    if bool::from(shown.ct_eq(expected)) { Ok(()) } else { Err(AuthError::BadPublicKey) }
}

fn hash(magic: &[u8], nonce: &[u8], public_key: &[u8]) -> Vec<u8> {
    Sha256::new_with_prefix(magic).chain_update(nonce).chain_update(public_key).finalize().to_vec()
}
