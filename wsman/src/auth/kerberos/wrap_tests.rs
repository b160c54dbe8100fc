//! Per-message tokens in every layout that peers send them in.

use proptest::prelude::*;

use super::exchange_tests::{ALL, counter, key};
use super::wrap::{KerberosProtection, Role};
use super::{EncryptionType, Key, usage};
use crate::auth::{AuthError, Mechanism, Protection, Scheme, SecurityContext, multipart};

const AES: [EncryptionType; 4] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha2,
    EncryptionType::Aes256Sha2,
];
/// First sequence numbers of the two sides.
const OURS: u64 = 0x1234_5678;
const THEIRS: u64 = 0x0FED_CBA9;

fn initiator(etype: EncryptionType) -> KerberosProtection {
    KerberosProtection::new(key(etype, 3), true, Role::Initiator, (OURS, THEIRS), counter())
}

fn acceptor(etype: EncryptionType) -> KerberosProtection {
    KerberosProtection::new(key(etype, 3), true, Role::Acceptor, (THEIRS, OURS), counter())
}

/// RFC 4121 4.2.4 word by word, as the acceptor sends it: `EC` bytes of filler, turned right by `RRC`.
fn token(key: &Key, extra: u16, turn: u16, number: u64, message: &[u8]) -> Vec<u8> {
    let header = |turn: u16| {
        [&[5, 4, 0b111, 0xFF], extra.to_be_bytes().as_slice(), &turn.to_be_bytes(), &number.to_be_bytes()]
            .concat()
    };
    let filler = vec![0xEC; usize::from(extra)];
    let plain = [message, &filler, &header(0)].concat();
    let confounder = vec![0xC0; key.etype().confounder_length()];
    let mut sealed = key.encrypt(usage::ACCEPTOR_SEAL, &plain, &confounder).unwrap();
    let turn_by = usize::from(turn) % sealed.len();
    sealed.rotate_right(turn_by);
    [header(turn), sealed].concat()
}

proptest! {
    /// Windows has EC 0 and RRC 28, MIT without parts RRC 0, OMI announces 60 bytes of it as a header, and others what
    /// they like: header and data are one token, wherever they are cut.
    #[test]
    fn f16_any_extra_count_any_rotation_any_cut(
        which in 0..AES.len(),
        extra in prop_oneof![Just(0u16), 0..64u16, any::<u16>()],
        turn in prop_oneof![Just(0u16), 0..100u16, any::<u16>()],
        cut in any::<prop::sample::Index>(),
        mut message in proptest::collection::vec(any::<u8>(), 0..200),
        end in proptest::sample::select(vec![b"".as_slice(), b" ", b"\0\0", b"\r\n"]),
    ) {
        message.extend(end);
        let etype = AES[which];
        let token = token(&key(etype, 3), extra, turn, THEIRS, &message);
        let (head, data) = token.split_at(cut.index(token.len()));
        prop_assert_eq!(initiator(etype).unseal(head, data), Ok(message));
    }

    /// F16, F17: what is sealed is framed and unframed by lengths, whatever the ciphertext looks like; one context for
    /// all messages of a connection, F11; a counter for each direction, F13.
    #[test]
    fn f11_f13_f16_many_messages_in_both_directions(
        which in 0..ALL.len(),
        messages in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..300)), 1..20),
    ) {
        let etype = ALL[which];
        let context = |protection: KerberosProtection| {
            SecurityContext::new(Mechanism::Kerberos, Scheme::Kerberos, Box::new(protection))
        };
        let (mut ours, mut theirs) = (context(initiator(etype)), context(acceptor(etype)));
        for (from_us, mut message) in messages {
            // As the end of a SOAP message, which is no padding.
            message.push(b'>');
            let (from, to) = if from_us { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
            let sealed = multipart::seal(from, &message).unwrap();
            prop_assert!(sealed.content_type.contains("application/HTTP-Kerberos-session-encrypted"));
            prop_assert_eq!(multipart::unseal(to, &sealed.content_type, &sealed.body).unwrap(), message);
        }
    }

    #[test]
    fn one_changed_bit_is_noticed(
        which in 0..ALL.len(),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
        length in 0usize..100,
    ) {
        let etype = ALL[which];
        let message = vec![b'x'; length];
        let sealed = acceptor(etype).seal(&message).unwrap();
        let mut token = [sealed.header, sealed.data].concat();
        let at = at.index(token.len());
        token[at] ^= 1 << bit;
        let opened = initiator(etype).unseal(&token, b"");
        // The length of the outer frame of RFC 4757 is not protected by anything, and nothing depends on it.
        let is_frame_length = etype == EncryptionType::Rc4 && at == 1;
        prop_assert!(opened == Err(AuthError::BadSeal) || is_frame_length, "{etype} {at}: {opened:?}");
    }
}

/// CVE-2024-37370: a larger EC outside would cut the message short.
#[test]
fn the_extra_count_outside_is_not_believed() {
    for etype in AES {
        let sealed = acceptor(etype).seal(b"message").unwrap();
        let mut head = sealed.header.clone();
        head[5] = 3;
        assert_eq!(initiator(etype).unseal(&head, &sealed.data), Err(AuthError::BadSeal), "{etype}");
        // More filler than there is anything.
        let key = key(etype, 3);
        let mut short = token(&key, 4, 0, THEIRS, b"");
        assert_eq!(initiator(etype).unseal(&short, b""), Ok(Vec::new()), "{etype}");
        short.truncate(40);
        assert_eq!(initiator(etype).unseal(&short, b""), Err(AuthError::BadSeal), "{etype}");
    }
}

/// Windows signs the list with number 0 and goes on with the number of its AP-REP; MIT signs with that number and goes
/// on with the next.
#[test]
fn f12_c_the_number_of_a_mech_list_mic_is_the_peers_affair() {
    for etype in ALL {
        for (number, next) in [(0, THEIRS), (THEIRS, THEIRS + 1), (THEIRS, THEIRS), (THEIRS + 9, THEIRS + 10)]
        {
            let at = |number| {
                KerberosProtection::new(key(etype, 3), true, Role::Acceptor, (number, OURS), counter())
            };
            let mut ours = initiator(etype);
            let mic = at(number).sign_mech_list(b"list").unwrap();
            assert_eq!(ours.verify_mech_list(b"list", &mic), Ok(()), "{etype} {number}");
            assert!(ours.verify_mech_list(b"lisp", &mic).is_err(), "{etype} {number}");
            let sealed = at(next).seal(b"first").unwrap();
            assert_eq!(ours.unseal(&sealed.header, &sealed.data).unwrap(), b"first", "{etype} {number}");
        }
    }
}

/// RFC 4121 4.2.6.1: the token as it stands there, for one that reads it independently.
#[test]
fn f12_e_a_mic_is_over_the_bare_list_and_the_header() {
    for etype in AES {
        let mic = initiator(etype).sign_mech_list(b"list").unwrap();
        let (head, checksum) = mic.split_at(16);
        assert_eq!(head[..8], [4, 4, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "{etype}");
        assert_eq!(head[8..], OURS.to_be_bytes(), "{etype}");
        assert!(key(etype, 3).verify(usage::INITIATOR_SIGN, &[b"list", head].concat(), checksum), "{etype}");
    }
}

#[test]
fn numbers_may_be_left_out_and_never_come_back() {
    for etype in ALL {
        let mut theirs = acceptor(etype);
        let sealed: Vec<_> = (0..4).map(|_| theirs.seal(b"answer").unwrap()).collect();
        let mut ours = initiator(etype);
        for index in [1, 3] {
            assert!(ours.unseal(&sealed[index].header, &sealed[index].data).is_ok(), "{etype} {index}");
        }
        assert_eq!(ours.unseal(&sealed[2].header, &sealed[2].data), Err(AuthError::BadSeal), "{etype}");
        // One from before the sign-in's number.
        let early =
            KerberosProtection::new(key(etype, 3), true, Role::Acceptor, (THEIRS - 1, OURS), counter())
                .seal(b"early")
                .unwrap();
        assert_eq!(initiator(etype).unseal(&early.header, &early.data), Err(AuthError::BadSeal), "{etype}");
    }
}

/// F14: Windows puts no byte of padding behind the message, and counts the data in the frame's length or not.
#[test]
fn f14_rc4_tokens_have_no_padding_and_any_frame_length() {
    let etype = EncryptionType::Rc4;
    for length in [0, 1, 7, 90, 200, 70_000] {
        let message = vec![b'x'; length];
        let sealed = acceptor(etype).seal(&message).unwrap();
        assert_eq!(sealed.data.len(), length);
        assert_eq!(initiator(etype).unseal(&sealed.header, &sealed.data).as_deref(), Ok(&*message));
        // The frame as if there were only the header.
        let inner = &sealed.header[sealed.header.len() - 32 - 11..];
        let alone = [&[0x60, u8::try_from(inner.len()).unwrap()], inner].concat();
        assert_eq!(initiator(etype).unseal(&alone, &sealed.data).as_deref(), Ok(&*message));
    }
}

/// MIT counts the byte of padding in `Length`: it is cut off under RC4, once, and nothing is under AES.
#[test]
fn f14_only_rc4_has_padding_and_only_one_byte_of_it() {
    for etype in ALL {
        for (message, expected) in [
            (b"<x/>\x01".as_slice(), b"<x/>".as_slice()),
            (b"<x/>\x01\x01", b"<x/>\x01"),
            (b"<x/>\x02\x02", b"<x/>\x02\x02"),
            (b"\x01<x/>", b"\x01<x/>"),
            (b"\x01", b""),
            (b"", b""),
        ] {
            let context = |protection: KerberosProtection| {
                SecurityContext::new(Mechanism::Kerberos, Scheme::Kerberos, Box::new(protection))
            };
            let sealed = multipart::seal(&mut context(acceptor(etype)), message).unwrap();
            let opened =
                multipart::unseal(&mut context(initiator(etype)), &sealed.content_type, &sealed.body);
            let expected = if etype == EncryptionType::Rc4 { expected } else { message };
            assert_eq!(opened.as_deref(), Ok(expected), "{etype}");
        }
    }
}

/// Without a key of the acceptor's the flag is not set, and a peer that says otherwise means another key.
#[test]
fn f10_the_flag_says_whose_key_it_is() {
    for etype in AES {
        let plain = |role, numbers| KerberosProtection::new(key(etype, 3), false, role, numbers, counter());
        let sealed = plain(Role::Acceptor, (THEIRS, OURS)).seal(b"message").unwrap();
        assert_eq!(sealed.header[2], 0b011, "{etype}");
        assert_eq!(acceptor(etype).seal(b"message").unwrap().header[2], 0b111, "{etype}");
        assert!(initiator(etype).unseal(&sealed.header, &sealed.data).is_err(), "{etype}");
        let mut ours = plain(Role::Initiator, (OURS, THEIRS));
        assert_eq!(ours.unseal(&sealed.header, &sealed.data).unwrap(), b"message", "{etype}");
    }
}
