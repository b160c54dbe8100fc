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

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The expected hashes are those of `openssl x509 -pubkey`, of `openssl rsa -RSAPublicKey_out` and, for the others,
    /// of the end of the SubjectPublicKeyInfo, by `sha256sum`.
    #[test]
    fn f37_the_key_is_the_content_of_the_bit_string() {
        let certificates: [(&[u8], &str); 4] = [
            (
                include_bytes!("../testdata/rsa-sha256.der"),
                "56a7faf76590eac2ef99e6be6eccb147c27d1633a7e30254baa029a4088d18e2",
            ),
            (
                include_bytes!("../testdata/pss-sha384.der"),
                "30a742c58afb2e48672e0e1fd21192f651e07e9d1b64d2c1ff842b9098ca73e7",
            ),
            (
                include_bytes!("../testdata/ec-sha256.der"),
                "3275e2f97a0507efe1a0fb5b3628941afe2c13976cd1217bc3d40790f35b7df8",
            ),
            (
                include_bytes!("../testdata/ed25519.der"),
                "b8dd6c474b1d1bd16b208cd2edb302b328464563fb1df19961744ce3dc394415",
            ),
        ];
        for (certificate, hash) in certificates {
            assert_eq!(hex(&Sha256::digest(subject_public_key(certificate).unwrap())), hash);
            for cut in 0..certificate.len() {
                assert!(subject_public_key(&certificate[..cut]).is_err());
            }
        }
    }

    /// The expected hashes are those of Python's `hashlib`.
    #[test]
    fn f37_the_hashes_cover_direction_nonce_and_key() {
        let nonce: Vec<u8> = (0..32).collect();
        for version in [5, 6] {
            assert_eq!(
                hex(&client_value(version, &nonce, b"public key")),
                "3b161b557b03ef2a6d41d9008bd33b4d85cf10a1726a076e05be00d851b5cf79"
            );
            assert_eq!(
                hex(&server_value(version, &nonce, b"public key")),
                "d1545d17a999e6838f2f64c9cd991d87872fb242ebf6d2e0d340f6601aeed128"
            );
        }
    }

    #[test]
    fn old_versions_send_the_key_itself_and_one_more() {
        for version in [2, 3, 4] {
            assert_eq!(client_value(version, &[], &[0xFF, 1]), [0xFF, 1]);
            assert_eq!(server_value(version, &[], &[0x30, 1]), [0x31, 1]);
            assert_eq!(server_value(version, &[], &[0xFF, 1]), [0, 1]);
        }
    }
}
