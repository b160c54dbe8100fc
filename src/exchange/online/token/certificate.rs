//! The certificate by which an application signs in, with its private key: from PFX or PEM, checked and found by thumbprint.

use std::fmt;

use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PSS_SHA256, RsaKeyPair};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate as X509;
use x509_cert::der::Decode as _;

use super::encrypted;

/// `rsaEncryption`, RFC 8017 A.1
const RSA: &str = "1.2.840.113549.1.1.1";

/// A certificate with its RSA key.
pub struct Certificate {
    der: Vec<u8>,
    key: RsaKeyPair,
    /// Seconds since 1970 between which it is valid
    valid: std::ops::RangeInclusive<u64>,
}

/// What identifies a certificate: the hash of all of it, as Windows shows it.
#[derive(Clone, PartialEq, Eq)]
pub enum Thumbprint {
    /// As everybody writes it
    Sha1([u8; 20]),
    /// As some tools do
    Sha256([u8; 32]),
}

/// Why there is no certificate to sign in with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Neither PEM nor PFX, or damaged
    #[error("this is no certificate with a private key: {0}")]
    Unreadable(String),
    /// The password of a PFX file, or of an encrypted key, is wrong or missing
    #[error("the password of the file is wrong or missing")]
    Password,
    /// A certificate alone
    #[error("there is no private key with the certificate")]
    NoKey,
    /// A private key of another certificate
    #[error("the private key is not that of the certificate")]
    AnotherKey,
    /// A key that the directory does not take
    #[error("the key is not RSA with 2048 to 8192 bits, which is what the directory takes")]
    NotRsa,
    /// Too late
    #[error("the certificate has expired")]
    Expired,
    /// Too early
    #[error("the certificate is not valid yet")]
    NotYet,
    /// Another certificate than the one that was named
    #[error("no certificate has the thumbprint {0}")]
    NoMatch(String),
    /// One name for several files
    #[error("{0} certificates have this thumbprint and a private key")]
    Several(usize),
    /// Not a thumbprint
    #[error("a thumbprint has 40 hexadecimal digits, or 64 for SHA-256")]
    Thumbprint,
}

impl Certificate {
    /// Reads PEM (certificate and key in any order) or PFX; both may have a password.
    pub fn parse(bytes: &[u8], password: Option<&SecretString>) -> Result<Self, CertificateError> {
        let is_pem = bytes.windows(11).any(|part| part == b"-----BEGIN ");
        let (der, key) = if is_pem { from_pem(bytes, password)? } else { from_pfx(bytes, password)? };
        Self::new(der, &key)
    }

    fn new(der: Vec<u8>, key: &Key) -> Result<Self, CertificateError> {
        let x509 = X509::from_der(&der).map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        let tbs = x509.tbs_certificate();
        let public = tbs.subject_public_key_info();
        if public.algorithm.oid.to_string() != RSA {
            return Err(CertificateError::NotRsa);
        }
        let key = match key {
            Key::Pkcs1(key) => RsaKeyPair::from_der(key),
            Key::Pkcs8(key) => RsaKeyPair::from_pkcs8(key),
        };
        let key = key.map_err(|_| CertificateError::NotRsa)?;
        if public.subject_public_key.raw_bytes() != key.public_key().as_ref() {
            return Err(CertificateError::AnotherKey);
        }
        let validity = tbs.validity();
        let valid = validity.not_before.to_unix_duration().as_secs()
            ..=validity.not_after.to_unix_duration().as_secs();
        Ok(Self { der, key, valid })
    }

    /// That it is valid now, in seconds since 1970.
    pub fn check(&self, now: u64) -> Result<(), CertificateError> {
        if now < *self.valid.start() {
            return Err(CertificateError::NotYet);
        }
        if now > *self.valid.end() {
            return Err(CertificateError::Expired);
        }
        Ok(())
    }

    /// Whether the thumbprint is that of this one.
    #[must_use]
    pub fn has(&self, thumbprint: &Thumbprint) -> bool {
        thumbprint.is_of(&self.der)
    }

    /// The hash by which Windows and the Entra admin centre name it.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        Thumbprint::Sha1(Sha1::digest(&self.der).into()).to_string()
    }

    /// Bits of its RSA key.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.key.public().modulus_len() * 8
    }

    /// From when it is valid, in seconds since 1970.
    #[must_use]
    pub fn begin(&self) -> u64 {
        *self.valid.start()
    }

    /// Until when it is valid, in seconds since 1970.
    #[must_use]
    pub fn end(&self) -> u64 {
        *self.valid.end()
    }

    /// What `x5t#S256` is made of (RFC 7515 4.1.8).
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// Signs as PS256 does: RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 7518 3.5).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CertificateError> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| CertificateError::NotRsa)?;
        Ok(signature)
    }

    /// The one of several files that has this thumbprint and a key. Files that are no certificates are passed over; what is wrong
    /// with one that is meant is said.
    pub fn choose(
        files: impl IntoIterator<Item: AsRef<[u8]>>,
        thumbprint: &Thumbprint,
        password: Option<&SecretString>,
    ) -> Result<Self, CertificateError> {
        let mut found = Vec::new();
        let mut meant = None;
        for file in files {
            match Self::parse(file.as_ref(), password) {
                Ok(certificate) if certificate.has(thumbprint) => found.push(certificate),
                Ok(_) => {}
                Err(error) => {
                    let first = CertificateDer::pem_slice_iter(file.as_ref()).next().and_then(Result::ok);
                    if first.is_some_and(|der| thumbprint.is_of(&der)) {
                        meant = Some(error);
                    }
                }
            }
        }
        match (found.pop(), found.len(), meant) {
            (Some(one), 0, _) => Ok(one),
            (Some(_), others, _) => Err(CertificateError::Several(others + 1)),
            (None, _, Some(error)) => Err(error),
            (None, ..) => Err(CertificateError::NoMatch(thumbprint.to_string())),
        }
    }
}

impl Thumbprint {
    fn is_of(&self, der: &[u8]) -> bool {
        match self {
            Self::Sha1(hash) => Sha1::digest(der).as_slice() == hash,
            Self::Sha256(hash) => Sha256::digest(der).as_slice() == hash,
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, key ***)", Thumbprint::Sha256(self.sha256()))
    }
}

/// A private key as it was found; wiped by what holds it.
enum Key {
    Pkcs1(zeroize::Zeroizing<Vec<u8>>),
    Pkcs8(zeroize::Zeroizing<Vec<u8>>),
}

fn from_pem(bytes: &[u8], password: Option<&SecretString>) -> Result<(Vec<u8>, Key), CertificateError> {
    // First, as some of its forms are not read by who reads the rest.
    let encrypted = encrypted::key(&String::from_utf8_lossy(bytes), password).transpose()?;
    let unreadable = |error: rustls_pki_types::pem::Error| CertificateError::Unreadable(error.to_string());
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(unreadable)?;
    let first = certificates.first().ok_or_else(|| CertificateError::Unreadable("no certificate".into()))?;
    if let Some(key) = encrypted {
        return Ok((first.to_vec(), Key::Pkcs8(key)));
    }
    let key = match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(PrivateKeyDer::Pkcs1(key)) => Key::Pkcs1(key.secret_pkcs1_der().to_vec().into()),
        Ok(PrivateKeyDer::Pkcs8(key)) => Key::Pkcs8(key.secret_pkcs8_der().to_vec().into()),
        Ok(_) => return Err(CertificateError::NotRsa),
        Err(_) => return Err(CertificateError::NoKey),
    };
    Ok((first.to_vec(), key))
}

fn from_pfx(bytes: &[u8], password: Option<&SecretString>) -> Result<(Vec<u8>, Key), CertificateError> {
    let password = password.map_or("", |password| password.expose_secret());
    let store =
        KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed).map_err(|error| match error {
            p12_keystore::error::Error::MacError(_) | p12_keystore::error::Error::Pkcs5Error(_) => {
                CertificateError::Password
            }
            other => CertificateError::Unreadable(other.to_string()),
        })?;
    let Some((_, chain)) = store.private_key_chain() else { return Err(CertificateError::NoKey) };
    let first = chain.certs().first().ok_or_else(|| CertificateError::Unreadable("no certificate".into()))?;
    Ok((first.as_der().to_vec(), Key::Pkcs8(chain.key().as_der().to_vec().into())))
}

impl std::str::FromStr for Thumbprint {
    type Err = CertificateError;

    /// As it is copied from a dialogue of Windows, with blanks, colons and the invisible mark in front.
    fn from_str(text: &str) -> Result<Self, CertificateError> {
        let mut digits = Vec::new();
        for c in text.chars().filter(|c| !c.is_whitespace() && !matches!(c, ':' | '\u{200E}' | '\u{200F}')) {
            let digit = c.to_digit(16).ok_or(CertificateError::Thumbprint)?;
            digits.push(u8::try_from(digit).map_err(|_| CertificateError::Thumbprint)?);
        }
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        match (digits.len(), <[u8; 20]>::try_from(bytes.as_slice()), <[u8; 32]>::try_from(bytes.as_slice())) {
            (40, Ok(hash), _) => Ok(Self::Sha1(hash)),
            (64, _, Ok(hash)) => Ok(Self::Sha256(hash)),
            _ => Err(CertificateError::Thumbprint),
        }
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: &[u8] = match self {
            Self::Sha1(hash) => hash,
            Self::Sha256(hash) => hash,
        };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}
