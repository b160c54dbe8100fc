//! A server's certificate or key that is known in advance.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};

use crate::client::error::Error;

/// A certificate, or a key, that is known in advance: nothing else is accepted, and nothing else about it is asked
/// (issuer, name, expiry). Who shows it must hold its key all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificatePin {
    /// SHA-256 over the certificate
    Sha256([u8; 32]),
    /// SHA-256 over the SubjectPublicKeyInfo (RFC 7469 2.4): a renewed certificate with the same key fits
    PublicKeySha256([u8; 32]),
}

/// The server showed another certificate or key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another certificate than the one that is pinned")]
pub(super) struct OtherKey {
    /// SHA-256 over the certificate that was shown
    pub(super) shown: [u8; 32],
}

impl CertificatePin {
    /// Reads a pin in one of the forms that people have at hand: a certificate or a public key in PEM (the first of the
    /// text), the SHA-256 fingerprint of a certificate in hex with or without colons, or `pin-sha256:` with the
    /// base64 of the SHA-256 of a public key (also as `pin-sha256="..."` and `sha256//...`).
    ///
    /// ```
    /// use wsman::client::CertificatePin;
    /// let pin = CertificatePin::parse(&"ab:".repeat(32)[..95]).unwrap();
    /// assert_eq!(pin, CertificatePin::Sha256([0xab; 32]));
    /// let pin = CertificatePin::parse("pin-sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    /// assert_eq!(pin, CertificatePin::PublicKeySha256([0; 32]));
    /// ```
    ///
    /// # Errors
    /// It is none of these.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Configuration(why.to_owned());
        let text = text.trim();
        if text.contains("-----BEGIN PUBLIC KEY-----") && !text.contains("-----BEGIN CERTIFICATE-----") {
            let key = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes())
                .map_err(|_| refuse("the pinned public key is not PEM"))?;
            return Ok(Self::PublicKeySha256(Sha256::digest(&key).into()));
        }
        if text.contains("-----BEGIN") {
            let certificate = CertificateDer::from_pem_slice(text.as_bytes())
                .map_err(|_| refuse("the pinned certificate is not PEM"))?;
            return Ok(Self::Sha256(Sha256::digest(&certificate).into()));
        }
        if let Some(hash) = ["pin-sha256:", "pin-sha256=", "sha256//"]
            .into_iter()
            .find_map(|prefix| text.strip_prefix(prefix))
        {
            let hash = STANDARD.decode(hash.trim().trim_matches('"')).unwrap_or_default();
            return <[u8; 32]>::try_from(hash)
                .map(Self::PublicKeySha256)
                .map_err(|_| refuse("the pin of a public key is the base64 of its SHA-256, 44 characters"));
        }
        let fingerprint = text.strip_prefix("sha256:").unwrap_or(text);
        fingerprint_of(fingerprint).map(Self::Sha256).ok_or_else(|| {
            refuse("a certificate is pinned by PEM, by 64 hex digits (SHA-256), or by pin-sha256: and the hash of its key")
        })
    }

    /// Whether this is the certificate, in DER.
    pub(super) fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), OtherKey> {
        let shown: [u8; 32] = Sha256::digest(certificate).into();
        let fits = match self {
            Self::Sha256(hash) => shown == *hash,
            Self::PublicKeySha256(hash) => ParsedCertificate::try_from(certificate)
                .is_ok_and(|parsed| Sha256::digest(parsed.subject_public_key_info())[..] == hash[..]),
        };
        if fits { Ok(()) } else { Err(OtherKey { shown }) }
    }
}

/// 64 hex digits, with or without colons or blanks.
fn fingerprint_of(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !matches!(c, ':' | ' '))
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if digits.len() != 64 {
        return None;
    }
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    bytes.try_into().ok()
}
