#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;
use std::sync::OnceLock;

/// Deterministic bytes: tests need no good ones.
fn bytes(seed: u64) -> impl FnMut(&mut [u8]) + Send {
    let mut state = seed | 1;
    move |out| {
        for byte in out {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 24) as u8;
        }
    }
}

fn pair() -> &'static ClientKeyPair {
    static PAIR: OnceLock<ClientKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| ClientKeyPair::generate(&mut bytes(1)).unwrap())
}

#[test]
fn a_key_goes_across() {
    let key = SessionKey::generate(&mut bytes(2));
    let blob = pair().public_blob();
    assert_eq!(blob.len(), 276);
    assert_eq!(blob[..20], [6, 2, 0, 0, 0, 0xA4, 0, 0, b'R', b'S', b'A', b'1', 0, 8, 0, 0, 1, 0, 1, 0]);
    let sealed = key.seal(&blob, &mut bytes(3)).unwrap();
    assert_eq!(sealed.len(), 268);
    let opened = pair().open(&sealed).unwrap();
    assert_eq!(opened.decrypt(&key.encrypt("pä\u{1F511}")).unwrap().expose_secret(), "pä\u{1F511}");
}

/// NIST CAVS, ECBVarTxt256, count 0; a zero IV changes nothing in the first block.
#[test]
fn first_block_is_plain_aes() {
    let cipher = STANDARD.decode(SessionKey::new([0; 32]).encrypt("\u{80}\0\0\0\0\0\0\0")).unwrap();
    assert_eq!(cipher.len(), 32, "a full block is followed by a block of padding");
    let expected =
        [0xdd, 0xc6, 0xbf, 0x79, 0x0c, 0x15, 0x76, 0x0d, 0x8d, 0x9a, 0xeb, 0x6f, 0x9a, 0x75, 0xfd, 0x4e];
    assert_eq!(cipher[..16], expected);
}

#[test]
fn hostile_blobs_and_texts_are_refused() {
    let key = SessionKey::new([7; 32]);
    let blob = pair().public_blob();
    for length in 0..blob.len() {
        assert_eq!(key.seal(&blob[..length], &mut bytes(4)).unwrap_err(), SessionKeyError::PublicKey);
    }
    let mut huge = blob.clone();
    huge[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(key.seal(&huge, &mut bytes(4)).unwrap_err(), SessionKeyError::PublicKey);
    let mut zero = blob.clone();
    zero[20..].fill(0);
    assert_eq!(key.seal(&zero, &mut bytes(4)).unwrap_err(), SessionKeyError::PublicKey);
    let sealed = key.seal(&blob, &mut bytes(5)).unwrap();
    for place in [0, 4, 12, 100, 267] {
        let mut bad = sealed.clone();
        bad[place] ^= 0x40;
        assert_eq!(pair().open(&bad).unwrap_err(), SessionKeyError::EncryptedKey);
    }
    for text in ["", "AAAA", "not base64", "AAAAAAAAAAAAAAAAAAAAAA=="] {
        assert_eq!(key.decrypt(text).unwrap_err(), SessionKeyError::Ciphertext, "{text}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?} {:?}", SessionKey::new([0x41; 32]), pair());
    assert_eq!(shown, "SessionKey(***) ClientKeyPair(***)");
}

proptest! {
    #[test]
    fn what_is_encrypted_is_decrypted(text in "\\PC{0,40}", key in any::<[u8; 32]>()) {
        let key = SessionKey::new(key);
        let sealed = key.encrypt(&text);
        prop_assert_eq!(&sealed, &key.encrypt(&text), "the IV is fixed");
        let clear = key.decrypt(&sealed).unwrap();
        prop_assert_eq!(clear.expose_secret(), text);
    }

    #[test]
    fn noise_is_refused_or_read(text in "[A-Za-z0-9+/=]{0,80}") {
        let _ = SessionKey::new([3; 32]).decrypt(&text);
    }
}
