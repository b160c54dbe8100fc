//! Published vectors of the encryption types, and properties of all of them.

use proptest::prelude::*;
use secrecy::SecretString;

use super::{EncryptionType, Key};

const ALL: [EncryptionType; 5] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha2,
    EncryptionType::Aes256Sha2,
    EncryptionType::Rc4,
];

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn password(etype: EncryptionType, password: &str, salt: &[u8], count: u32) -> Key {
    let count = count.to_be_bytes();
    Key::from_password(etype, &SecretString::from(password), salt, Some(&count)).unwrap()
}

/// RFC 3962 B.
#[test]
fn rfc_3962_string_to_key() {
    let cases: [(u32, &str, &[u8], &str, &str); 4] = [
        (
            1,
            "password",
            b"ATHENA.MIT.EDUraeburn",
            "42263c6e89f4fc28b8df68ee09799f15",
            "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161",
        ),
        (
            1200,
            "password",
            b"ATHENA.MIT.EDUraeburn",
            "4c01cd46d632d01e6dbe230a01ed642a",
            "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a",
        ),
        (
            5,
            "password",
            &[0x12, 0x34, 0x56, 0x78, 0x78, 0x56, 0x34, 0x12],
            "e9b23d52273747dd5c35cb55be619d8e",
            "97a4e786be20d81a382d5ebc96d5909cabcdadc87ca48f574504159f16c36e31",
        ),
        (
            50,
            "\u{1d11e}",
            b"EXAMPLE.COMpianist",
            "f149c1f2e154a73452d43e7fe62a56e5",
            "4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e",
        ),
    ];
    for (count, text, salt, short, long) in cases {
        assert_eq!(password(EncryptionType::Aes128Sha1, text, salt, count).expose_bytes(), hex(short));
        assert_eq!(password(EncryptionType::Aes256Sha1, text, salt, count).expose_bytes(), hex(long));
    }
}

/// RFC 8009 A: string-to-key, encryption and checksum.
#[test]
fn rfc_8009() {
    let salt = [hex("10DF9DD783E5BC8ACEA1730E74355F61"), b"ATHENA.MIT.EDUraeburn".to_vec()].concat();
    let short = password(EncryptionType::Aes128Sha2, "password", &salt, 32768);
    assert_eq!(short.expose_bytes(), hex("089BCA48B105EA6EA77CA5D2F39DC5E7"));
    let long = password(EncryptionType::Aes256Sha2, "password", &salt, 32768);
    assert_eq!(long.expose_bytes(), hex("45BD806DBF6A833A9CFFC1C94589A222367A79BC21C413718906E9F578A78467"));

    let short = Key::new(EncryptionType::Aes128Sha2, hex("3705D96080C17728A0E800EAB6E0D23C")).unwrap();
    let long = Key::new(
        EncryptionType::Aes256Sha2,
        hex("6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52"),
    )
    .unwrap();
    for (key, plain, confounder, cipher) in [
        (
            &short,
            "",
            "7E5895EAF2672435BAD817F545A37148",
            "EF85FB890BB8472F4DAB20394DCA781DAD877EDA39D50C870C0D5A0A8E48C718",
        ),
        (
            &short,
            "000102030405",
            "7BCA285E2FD4130FB55B1A5C83BC5B24",
            "84D7F30754ED987BAB0BF3506BEB09CFB55402CEF7E6877CE99E247E52D16ED4421DFDF8976C",
        ),
    ] {
        let sealed = key.encrypt(2, &hex(plain), &hex(confounder)).unwrap();
        assert_eq!(sealed, hex(cipher), "{plain}");
        assert_eq!(*key.decrypt(2, &sealed).unwrap(), hex(plain));
    }
    let data = hex("000102030405060708090A0B0C0D0E0F1011121314");
    assert_eq!(short.checksum(2, &data), hex("D78367186643D67B411CBA9139FC1DEE"));
    assert_eq!(long.checksum(2, &data), hex("45EE791567EEFCA37F4AC1E0222DE80D43C3BFA06699672A"));
}

/// The NT hash of "password", known from `[MS-NLMP]` tools.
#[test]
fn rc4_key_is_the_nt_hash() {
    let key =
        Key::from_password(EncryptionType::Rc4, &SecretString::from("password"), b"ignored", None).unwrap();
    assert_eq!(key.expose_bytes(), hex("8846f7eaee8fb117ad06bdd830b7586c"));
}

#[test]
fn a_hostile_iteration_count_is_refused() {
    for count in [0u32, u32::MAX] {
        let secret = SecretString::from("x");
        let key = Key::from_password(EncryptionType::Aes256Sha1, &secret, b"", Some(&count.to_be_bytes()));
        assert!(key.is_err(), "{count}");
    }
}

proptest! {
    #[test]
    fn what_is_encrypted_decrypts_and_nothing_else(
        which in 0..ALL.len(),
        bytes in any::<[u8; 32]>(),
        confounder in any::<[u8; 16]>(),
        plain in proptest::collection::vec(any::<u8>(), 0..200),
        usage in 1u32..30,
        flip in any::<prop::sample::Index>(),
    ) {
        let etype = ALL[which];
        let key = Key::new(etype, &bytes[..etype.key_length()]).unwrap();
        let mut sealed = key.encrypt(usage, &plain, &confounder[..etype.confounder_length()]).unwrap();
        prop_assert_eq!(sealed.len(), plain.len() + etype.confounder_length() + etype.checksum_length());
        prop_assert_eq!(&*key.decrypt(usage, &sealed).unwrap(), &plain);
        // RC4 takes 3, 8 and 9 for one.
        prop_assert!(key.decrypt(usage + 30, &sealed).is_err());
        let at = flip.index(sealed.len());
        sealed[at] ^= 0x40;
        prop_assert!(key.decrypt(usage, &sealed).is_err());
    }

    #[test]
    fn nothing_makes_decryption_panic(which in 0..ALL.len(), cipher in proptest::collection::vec(any::<u8>(), 0..80)) {
        let etype = ALL[which];
        let key = Key::new(etype, vec![7; etype.key_length()]).unwrap();
        prop_assert!(key.decrypt(2, &cipher).is_err());
    }
}
