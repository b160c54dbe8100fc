//! The session key, `[MS-PSRP] 3.1.5.4.3` to `3.1.5.4.5`, `2.2.2.3`, `2.2.2.4`, and SecureStrings under it, `2.2.5.1.24`.
//!
//! RSA PKCS#1 v1.5 and AES-256-CBC with an IV of zeros are what the protocol prescribes. A key pair lives as long as
//! its pool and decrypts one text, from a peer that has authenticated: timing differences of the RSA arithmetic have
//! nobody to observe them.

use std::sync::Arc;

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::clixml::SecureText;
use crate::wiped::wiped_by_parts;

/// PUBLICKEYBLOB: type, version, reserved, CALG_RSA_KEYX, `RSA1`.
const PUBLIC_HEADER: [u8; 12] = [6, 2, 0, 0, 0, 0xA4, 0, 0, b'R', b'S', b'A', b'1'];
/// SIMPLEBLOB: type, version, reserved, CALG_AES_256, CALG_RSA_KEYX.
const SIMPLE_HEADER: [u8; 12] = [1, 2, 0, 0, 0x10, 0x66, 0, 0, 0, 0xA4, 0, 0];
const RSA_BITS: usize = 2048;
/// What a server accepts of a client: the real one takes 1024 bits; the upper bound is ours.
const ACCEPTED_BITS: std::ops::RangeInclusive<usize> = 1024..=4096;
const KEY_LEN: usize = 32;

/// Where random bytes come from: fills the slice, cryptographically.
pub type FillRandom<'a> = &'a mut (dyn FnMut(&mut [u8]) + Send);

/// The same, owned.
pub type RandomSource = Box<dyn FnMut(&mut [u8]) + Send>;

/// Why a key or an encrypted string cannot be used. Never says what was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionKeyError {
    /// A PUBLICKEYBLOB that is none
    #[error("the peer sent a public key that cannot be used")]
    PublicKey,
    /// A SIMPLEBLOB that is none, or that does not decrypt to a key
    #[error("the peer sent a session key that cannot be used")]
    EncryptedKey,
    /// An `SS` that does not decrypt
    #[error("the peer sent an encrypted string that cannot be decrypted")]
    Ciphertext,
    /// There is no session key yet
    #[error("there is no session key yet")]
    NoKey,
    /// No key pair could be made
    #[error("no RSA key pair could be made")]
    Generate,
}

/// The client's half of the exchange.
#[derive(Clone)]
pub struct ClientKeyPair(Arc<RsaPrivateKey>);

wiped_by_parts!(ClientKeyPair: RsaPrivateKey);

impl std::fmt::Debug for ClientKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientKeyPair(***)")
    }
}

impl ClientKeyPair {
    /// Makes a key pair of 2048 bits. Takes a good part of a second: off the I/O threads.
    pub fn generate(random: FillRandom<'_>) -> Result<Self, SessionKeyError> {
        let key = RsaPrivateKey::new(&mut Rng(random), RSA_BITS).map_err(|_| SessionKeyError::Generate)?;
        Ok(Self(Arc::new(key)))
    }

    /// A key pair from its numbers, big-endian.
    pub fn from_parts(n: &[u8], e: &[u8], d: &[u8], primes: &[&[u8]]) -> Result<Self, SessionKeyError> {
        let primes = primes.iter().map(|prime| BigUint::from_bytes_be(prime)).collect();
        let number = BigUint::from_bytes_be;
        let key = RsaPrivateKey::from_components(number(n), number(e), number(d), primes);
        Ok(Self(Arc::new(key.map_err(|_| SessionKeyError::Generate)?)))
    }

    /// The PUBLICKEYBLOB for PUBLIC_KEY.
    pub fn public_blob(&self) -> Vec<u8> {
        let mut blob = PUBLIC_HEADER.to_vec();
        let size = self.0.size();
        blob.extend_from_slice(&((size * 8) as u32).to_le_bytes());
        let mut exponent = self.0.e().to_bytes_le();
        exponent.resize(4, 0);
        blob.extend_from_slice(&exponent);
        let mut modulus = self.0.n().to_bytes_le();
        // A number may be shorter than its field.
        modulus.resize(size, 0);
        blob.extend_from_slice(&modulus);
        blob
    }

    /// Opens the SIMPLEBLOB of ENCRYPTED_SESSION_KEY.
    pub fn open(&self, blob: &[u8]) -> Result<SessionKey, SessionKeyError> {
        let text = blob.strip_prefix(&SIMPLE_HEADER).ok_or(SessionKeyError::EncryptedKey)?;
        if text.len() != self.0.size() {
            return Err(SessionKeyError::EncryptedKey);
        }
        let text: Vec<u8> = text.iter().rev().copied().collect();
        let key = self.0.decrypt(Pkcs1v15Encrypt, &text).map_err(|_| SessionKeyError::EncryptedKey)?;
        let key = Zeroizing::new(key);
        let key: [u8; KEY_LEN] = key.as_slice().try_into().map_err(|_| SessionKeyError::EncryptedKey)?;
        Ok(SessionKey::new(key))
    }
}

/// The AES key that SecureStrings of one pool are encrypted with.
#[derive(Clone)]
pub struct SessionKey(Arc<SecretBox<[u8; KEY_LEN]>>);

wiped_by_parts!(SessionKey: SecretBox<[u8; KEY_LEN]>);

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey(***)")
    }
}

impl SessionKey {
    /// A key from its bytes.
    pub fn new(bytes: [u8; KEY_LEN]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bytes))))
    }

    /// A new key.
    pub fn generate(random: FillRandom<'_>) -> Self {
        let mut bytes = [0; KEY_LEN];
        random(&mut bytes);
        Self::new(bytes)
    }

    /// The SIMPLEBLOB for ENCRYPTED_SESSION_KEY, for the client with this PUBLICKEYBLOB.
    pub fn seal(&self, public_blob: &[u8], random: FillRandom<'_>) -> Result<Vec<u8>, SessionKeyError> {
        let key = read_public(public_blob)?;
        let mut text = key
            .encrypt(&mut Rng(random), Pkcs1v15Encrypt, self.0.expose_secret())
            .map_err(|_| SessionKeyError::PublicKey)?;
        text.reverse();
        let mut blob = SIMPLE_HEADER.to_vec();
        blob.append(&mut text);
        Ok(blob)
    }

    /// The text of an `SS` element.
    pub fn encrypt(&self, clear: &str) -> String {
        let clear: Zeroizing<Vec<u8>> =
            Zeroizing::new(clear.encode_utf16().flat_map(u16::to_le_bytes).collect());
        let cipher = cbc::Encryptor::<Aes256>::new(self.0.expose_secret().into(), &[0; 16].into());
        STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(&clear))
    }

    /// What the text of an `SS` element says.
    pub fn decrypt(&self, text: &str) -> Result<SecretString, SessionKeyError> {
        let text: String = text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(text).map_err(|_| SessionKeyError::Ciphertext)?;
        let cipher = cbc::Decryptor::<Aes256>::new(self.0.expose_secret().into(), &[0; 16].into());
        let clear = cipher.decrypt_padded_vec::<Pkcs7>(&bytes).map_err(|_| SessionKeyError::Ciphertext)?;
        let clear = Zeroizing::new(clear);
        if !clear.len().is_multiple_of(2) {
            return Err(SessionKeyError::Ciphertext);
        }
        let units: Zeroizing<Vec<u16>> = Zeroizing::new(
            clear.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(),
        );
        String::from_utf16(&units).map(SecretString::from).map_err(|_| SessionKeyError::Ciphertext)
    }

    /// The clear text of a SecureString, however it is held.
    pub fn reveal(&self, text: &SecureText) -> Result<SecretString, SessionKeyError> {
        match text {
            SecureText::Clear(clear) => Ok(clear.clone()),
            SecureText::Encrypted(text) => self.decrypt(text),
        }
    }
}

fn read_public(blob: &[u8]) -> Result<RsaPublicKey, SessionKeyError> {
    let refuse = SessionKeyError::PublicKey;
    let rest = blob.strip_prefix(&PUBLIC_HEADER).ok_or(refuse)?;
    let (bits, rest) = rest.split_first_chunk::<4>().ok_or(refuse)?;
    let (exponent, modulus) = rest.split_first_chunk::<4>().ok_or(refuse)?;
    let bits = u32::from_le_bytes(*bits) as usize;
    if !ACCEPTED_BITS.contains(&bits) || modulus.len() != bits.div_ceil(8) {
        return Err(refuse);
    }
    RsaPublicKey::new(BigUint::from_bytes_le(modulus), BigUint::from_bytes_le(exponent)).map_err(|_| refuse)
}

/// The caller's random bytes in the form that the RSA library wants.
pub(crate) struct Rng<'a>(pub(crate) FillRandom<'a>);

impl rsa::rand_core::RngCore for Rng<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        (self.0)(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Rng<'_> {}

#[cfg(test)]
#[path = "session_key_tests.rs"]
mod tests;
