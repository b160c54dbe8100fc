//! The arithmetic of NTLMv2, `[MS-NLMP] 3.3.2` and `3.4`.

use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use secrecy::{ExposeSecret, zeroize::Zeroizing};

use super::wire::utf16;
use crate::auth::{AuthError, Secret, UserName};

/// A key; wiped when it is dropped.
pub type Key = Zeroizing<[u8; 16]>;

/// NTOWFv2, `[MS-NLMP] 3.3.2`: HMAC-MD5 of the upper-case user and the domain under the NT hash.
///
/// # Errors
/// [`AuthError::Caller`]: neither password nor hash.
pub fn ntowf_v2(secret: &Secret, user: &UserName) -> Result<Key, AuthError> {
    let identity = utf16(&format!("{}{}", upper_case(&user.user), user.domain));
    Ok(match secret {
        Secret::NtHash(hash) => hmac_md5(hash.expose_secret(), &[&identity]),
        Secret::Password(password) => {
            let password = Zeroizing::new(utf16(password.expose_secret()));
            let hash: Key = Zeroizing::new(Md4::digest(&*password).into());
            hmac_md5(&hash, &[&identity])
        }
        _ => return Err(AuthError::Caller("NTLM needs a password or its NT hash")),
    })
}

/// NTLMv2_CLIENT_CHALLENGE, `[MS-NLMP] 2.2.2.7`: `temp` of 3.3.2.
#[must_use]
pub fn client_challenge(time: u64, challenge: &[u8; 8], av_pairs: &[u8]) -> Vec<u8> {
    let head: [&[u8]; 6] =
        [&[1, 1, 0, 0, 0, 0, 0, 0], &time.to_le_bytes(), challenge, &[0; 4], av_pairs, &[0; 4]];
    head.concat()
}

/// NTProofStr, `[MS-NLMP] 3.3.2`.
#[must_use]
pub fn nt_proof(ntowf_v2: &[u8; 16], server_challenge: &[u8; 8], client_challenge: &[u8]) -> [u8; 16] {
    *hmac_md5(ntowf_v2, &[server_challenge, client_challenge])
}

/// SessionBaseKey, `[MS-NLMP] 3.3.2`; for NTLMv2 also the KeyExchangeKey (3.4.5.1).
#[must_use]
pub fn session_base_key(ntowf_v2: &[u8; 16], nt_proof: &[u8; 16]) -> Key {
    hmac_md5(ntowf_v2, &[nt_proof])
}

/// LMv2 response, `[MS-NLMP] 3.3.2`.
#[must_use]
pub fn lm_v2_response(
    ntowf_v2: &[u8; 16],
    server_challenge: &[u8; 8],
    client_challenge: &[u8; 8],
) -> Vec<u8> {
    [hmac_md5(ntowf_v2, &[server_challenge, client_challenge]).as_slice(), client_challenge].concat()
}

/// MIC, `[MS-NLMP] 3.1.5.1.2`: over the three messages, its own place zero.
#[must_use]
pub fn mic(exported_session_key: &[u8; 16], messages: [&[u8]; 3]) -> [u8; 16] {
    *hmac_md5(exported_session_key, &messages)
}

/// A direction of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From client to server.
    ToServer,
    /// From server to client.
    ToClient,
}

/// SIGNKEY with extended session security, `[MS-NLMP] 3.4.5.2`.
#[must_use]
pub fn sign_key(exported_session_key: &[u8; 16], direction: Direction) -> Key {
    let magic: &[u8] = match direction {
        Direction::ToServer => b"session key to client-to-server signing key magic constant\0",
        Direction::ToClient => b"session key to server-to-client signing key magic constant\0",
    };
    md5(&[exported_session_key, magic])
}

/// SEALKEY with extended session security and 128 bits, `[MS-NLMP] 3.4.5.3`.
#[must_use]
pub fn seal_key(exported_session_key: &[u8; 16], direction: Direction) -> Key {
    let magic: &[u8] = match direction {
        Direction::ToServer => b"session key to client-to-server sealing key magic constant\0",
        Direction::ToClient => b"session key to server-to-client sealing key magic constant\0",
    };
    md5(&[exported_session_key, magic])
}

/// RC4 of 16 bytes under a fresh state: EncryptedRandomSessionKey and back, `[MS-NLMP] 3.1.5.1.2`.
#[must_use]
pub fn rc4_key(key: &[u8; 16], data: &[u8; 16]) -> Key {
    let mut data = Zeroizing::new(*data);
    rc4(key).apply_keystream(&mut *data);
    data
}

/// A fresh cipher state.
pub(super) fn rc4(key: &[u8; 16]) -> Rc4 {
    // INVARIANT: RC4 takes keys of 1 to 256 bytes.
    #[allow(clippy::expect_used)]
    Rc4::new_from_slice(key).expect("a key of 16 bytes")
}

pub(super) fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> Key {
    // INVARIANT: HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut hmac = Hmac::<Md5>::new_from_slice(key).expect("a key of 16 bytes");
    for part in parts {
        hmac.update(part);
    }
    Zeroizing::new(hmac.finalize().into_bytes().into())
}

fn md5(parts: &[&[u8]]) -> Key {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    Zeroizing::new(hash.finalize().into())
}

/// Upper case as Windows has it: one UTF-16 unit for one, so `ß` stays, and non-ASCII letters stay
/// outside ASCII (`ı`, `ſ`). Letters that got their capitals after Windows' table was made stay as well.
fn upper_case(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(upper), None) if is_simple(c, upper) => upper,
                _ => c,
            }
        })
        .collect()
}

fn is_simple(lower: char, upper: char) -> bool {
    let georgian_or_cherokee = matches!(upper, '\u{1C90}'..='\u{1CBF}' | '\u{13A0}'..='\u{13F5}');
    lower.is_ascii() == upper.is_ascii() && u32::from(lower) < 0x1_0000 && !georgian_or_cherokee
}

#[cfg(test)]
mod tests {
    use super::upper_case;

    #[test]
    fn upper_case_maps_one_unit_to_one() {
        assert_eq!(upper_case("jürgen.straße-ÿ"), "JÜRGEN.STRAßE-Ÿ");
        assert_eq!(upper_case("ıſ\u{10428}ა"), "ıſ\u{10428}ა");
        assert_eq!(upper_case("жанна@λ"), "ЖАННА@Λ");
    }
}
