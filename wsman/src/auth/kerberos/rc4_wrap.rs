//! Per-message tokens under RC4, RFC 4757 7: for domains that know nothing better.

use der::asn1::ObjectIdentifier;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Key;
use super::wrap::Role;
use crate::auth::{AuthError, Sealed};

const KERBEROS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113554.1.2.2");
/// TOK_ID, SGN_ALG, SEAL_ALG and filler of a Wrap token.
const WRAP: [u8; 8] = [2, 1, 0x11, 0, 0x10, 0, 0xFF, 0xFF];
/// TOK_ID, SGN_ALG and filler of a MIC token.
const MIC: [u8; 8] = [1, 1, 0x11, 0, 0xFF, 0xFF, 0xFF, 0xFF];
/// Key usages of RFC 4757 7.2 and 7.3.
const SIGN: u32 = 15;
const SEAL: u32 = 13;

/// The header is framed as a GSS token, the data stands behind it; without the one byte of padding that RFC 4757 has
/// and Windows has not.
pub(super) fn seal(key: &Key, role: Role, number: u64, confounder: &[u8; 8], message: &[u8]) -> Sealed {
    let checksum = checksum(key, SEAL, &[&WRAP, confounder, message]);
    let sequence = sequence_field(number, role);
    let mut stream = sealing_stream(key, &sequence);
    let (mut confounder, mut data) = (*confounder, message.to_vec());
    stream.apply_keystream(&mut confounder);
    stream.apply_keystream(&mut data);
    let sealed_sequence = sealed_sequence(key, &checksum, sequence);
    let inner = [WRAP.as_slice(), &sealed_sequence, &checksum, &confounder].concat();
    Sealed { header: framed(&inner, data.len()), data }
}

pub(super) fn unseal(key: &Key, peer: Role, header: &[u8], data: &[u8]) -> Result<(u64, Vec<u8>), AuthError> {
    let token = [header, data].concat();
    let inner = unframed(&token).ok_or(AuthError::BadSeal)?;
    let (head, rest) = inner.split_first_chunk::<8>().ok_or(AuthError::BadSeal)?;
    let (sealed, rest) = rest.split_first_chunk::<8>().ok_or(AuthError::BadSeal)?;
    let (expected, rest) = rest.split_first_chunk::<8>().ok_or(AuthError::BadSeal)?;
    let (confounder, data) = rest.split_first_chunk::<8>().ok_or(AuthError::BadSeal)?;
    if *head != WRAP {
        return Err(AuthError::BadSeal);
    }
    let sequence = sealed_sequence(key, expected, *sealed);
    let mut stream = sealing_stream(key, &sequence);
    let (mut confounder, mut message) = (*confounder, data.to_vec());
    stream.apply_keystream(&mut confounder);
    stream.apply_keystream(&mut message);
    let found = checksum(key, SEAL, &[&WRAP, &confounder, &message]);
    let number = number(sequence, peer).filter(|_| bool::from(found.ct_eq(expected)));
    Ok((number.ok_or(AuthError::BadSeal)?, message))
}

pub(super) fn sign(key: &Key, role: Role, number: u64, message: &[u8]) -> Vec<u8> {
    let checksum = checksum(key, SIGN, &[&MIC, message]);
    let sequence = sealed_sequence(key, &checksum, sequence_field(number, role));
    framed(&[MIC.as_slice(), &sequence, &checksum].concat(), 0)
}

pub(super) fn verify(key: &Key, peer: Role, message: &[u8], mic: &[u8]) -> Result<(), AuthError> {
    let inner = unframed(mic).ok_or(AuthError::BadSeal)?;
    let (head, rest) = inner.split_first_chunk::<8>().ok_or(AuthError::BadSeal)?;
    let (sealed, rest) = rest.split_first_chunk::<8>().ok_or(AuthError::BadSeal)?;
    let expected: &[u8; 8] = rest.try_into().map_err(|_| AuthError::BadSeal)?;
    let found = checksum(key, SIGN, &[&MIC, message]);
    let number = number(sealed_sequence(key, expected, *sealed), peer);
    let fits = number.is_some() && *head == MIC && bool::from(found.ct_eq(expected));
    if fits { Ok(()) } else { Err(AuthError::BadSeal) }
}

/// The frame counts the data that follows in a part of its own, as for a token in one piece.
fn framed(inner: &[u8], data: usize) -> Vec<u8> {
    let oid = KERBEROS.as_bytes();
    let length = 2 + oid.len() + inner.len() + data;
    let mut frame = vec![0x60];
    match length {
        0..=0x7F => frame.push(length as u8),
        0x80..=0xFF => frame.extend([0x81, length as u8]),
        0x100..=0xFFFF => frame.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => frame.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    frame.extend([0x06, oid.len() as u8]);
    frame.extend(oid);
    frame.extend(inner);
    frame
}

/// What the frame holds. Its length may count the data or not: implementations differ.
fn unframed(token: &[u8]) -> Option<&[u8]> {
    let (tag, rest) = token.split_first()?;
    let (length, rest) = rest.split_first()?;
    let more = if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7F) };
    let rest = rest.get(more..)?;
    let oid = KERBEROS.as_bytes();
    let rest = rest.strip_prefix(&[0x06, oid.len() as u8])?.strip_prefix(oid)?;
    (*tag == 0x60 && more <= 4).then_some(rest)
}

/// SGN_CKSUM, RFC 4757 7.2: the first eight bytes.
fn checksum(key: &Key, number: u32, parts: &[&[u8]]) -> [u8; 8] {
    let signing = hmac(key.expose_bytes(), b"signaturekey\0");
    let mut digest = Md5::new();
    digest.update(number.to_le_bytes());
    parts.iter().for_each(|part| digest.update(part));
    let [a, b, c, d, e, f, g, h, ..] = *hmac(&*signing, &digest.finalize());
    [a, b, c, d, e, f, g, h]
}

/// SND_SEQ before it is encrypted: four bytes of number, four of direction.
fn sequence_field(number: u64, role: Role) -> [u8; 8] {
    let [_, _, _, _, a, b, c, d] = number.to_be_bytes();
    let side = if role == Role::Acceptor { 0xFF } else { 0 };
    [a, b, c, d, side, side, side, side]
}

fn number([a, b, c, d, side @ ..]: [u8; 8], peer: Role) -> Option<u64> {
    let wanted = if peer == Role::Acceptor { 0xFF } else { 0 };
    (side == [wanted; 4]).then(|| u64::from(u32::from_be_bytes([a, b, c, d])))
}

/// Encrypts SND_SEQ, and decrypts it: RC4 is its own inverse.
fn sealed_sequence(key: &Key, checksum: &[u8; 8], mut sequence: [u8; 8]) -> [u8; 8] {
    let key = hmac(key.expose_bytes(), &[0; 4]);
    rc4(&hmac(&*key, checksum)).apply_keystream(&mut sequence);
    sequence
}

/// The stream for confounder and data: under the key with every byte turned over, RFC 4757 7.3.
fn sealing_stream(key: &Key, sequence: &[u8; 8]) -> Rc4 {
    let local: Zeroizing<Vec<u8>> =
        Zeroizing::new(key.expose_bytes().iter().map(|byte| byte ^ 0xF0).collect());
    let key = hmac(&local, &[0; 4]);
    let [a, b, c, d, ..] = *sequence;
    rc4(&hmac(&*key, &[a, b, c, d]))
}

fn rc4(key: &[u8; 16]) -> Rc4 {
    // INVARIANT: RC4 takes keys of 1 to 256 bytes.
    #[allow(clippy::expect_used)]
    Rc4::new_from_slice(key).expect("a key of 16 bytes")
}

fn hmac(key: &[u8], data: &[u8]) -> Zeroizing<[u8; 16]> {
    // INVARIANT: HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("any length");
    mac.update(data);
    Zeroizing::new(mac.finalize().into_bytes().into())
}
