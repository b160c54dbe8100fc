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
    let realm: &[u8] = b"ATHENA.MIT.EDUraeburn";
    let (block, more) = ("X".repeat(64), "X".repeat(65));
    let cases: [(u32, &str, &[u8], &str, &str); 7] = [
        (
            1,
            "password",
            realm,
            "42263c6e89f4fc28b8df68ee09799f15",
            "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161",
        ),
        (
            2,
            "password",
            realm,
            "c651bf29e2300ac27fa469d693bdda13",
            "a2e16d16b36069c135d5e9d2e25f896102685618b95914b467c67622225824ff",
        ),
        (
            1200,
            "password",
            realm,
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
            1200,
            &block,
            b"pass phrase equals block size",
            "59d1bb789a828b1aa54ef9c2883f69ed",
            "89adee3608db8bc71f1bfbfe459486b05618b70cbae22092534e56c553ba4b34",
        ),
        (
            1200,
            &more,
            b"pass phrase exceeds block size",
            "cb8005dc5f90179a7f02104c0018751d",
            "d78c5c9cb872a8c9dad4697f0bb5b2d21496c82beb2caeda2112fceea057401b",
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

/// RFC 8009 A: string-to-key and checksum.
#[test]
fn rfc_8009_keys_and_checksums() {
    let salt = [hex("10DF9DD783E5BC8ACEA1730E74355F61"), b"ATHENA.MIT.EDUraeburn".to_vec()].concat();
    let (short, long) = (EncryptionType::Aes128Sha2, EncryptionType::Aes256Sha2);
    for (etype, key) in [
        (short, "089BCA48B105EA6EA77CA5D2F39DC5E7"),
        (long, "45BD806DBF6A833A9CFFC1C94589A222367A79BC21C413718906E9F578A78467"),
    ] {
        assert_eq!(password(etype, "password", &salt, 32768).expose_bytes(), hex(key));
        // It is also the count where none is named.
        let default = Key::from_password(etype, &SecretString::from("password"), &salt, None).unwrap();
        assert_eq!(default.expose_bytes(), hex(key));
    }
    let data = hex("000102030405060708090A0B0C0D0E0F1011121314");
    for (etype, checksum) in [
        (short, "D78367186643D67B411CBA9139FC1DEE"),
        (long, "45EE791567EEFCA37F4AC1E0222DE80D43C3BFA06699672A"),
    ] {
        let key = rfc_8009_key(etype);
        assert_eq!(key.checksum(2, &data), hex(checksum));
        assert!(key.verify(2, &data, &hex(checksum)));
        assert!(!key.verify(3, &data, &hex(checksum)) && !key.verify(2, &data, &hex(checksum)[1..]));
    }
}

/// RFC 8009 A: plaintexts of no, less than one, one, and more than one block.
#[test]
fn rfc_8009_encryption() {
    let (short, long) = (EncryptionType::Aes128Sha2, EncryptionType::Aes256Sha2);
    for (etype, length, confounder, cipher) in [
        (
            short,
            0,
            "7E5895EAF2672435BAD817F545A37148",
            "EF85FB890BB8472F4DAB20394DCA781DAD877EDA39D50C870C0D5A0A8E48C718",
        ),
        (
            short,
            6,
            "7BCA285E2FD4130FB55B1A5C83BC5B24",
            "84D7F30754ED987BAB0BF3506BEB09CFB55402CEF7E6877CE99E247E52D16ED4421DFDF8976C",
        ),
        (
            short,
            16,
            "56AB21713FF62C0A1457200F6FA9948F",
            "3517D640F50DDC8AD3628722B3569D2AE07493FA8263254080EA65C1008E8FC295FB4852E7D83E1E7C48C37EEBE6B0D3",
        ),
        (
            short,
            21,
            "A7A4E29A4728CE10664FB64E49AD3FAC",
            "720F73B18D9859CD6CCB4346115CD336C70F58EDC0C4437C5573544C31C813BCE1E6D072C186B39A413C2F92CA9B8334\
             A287FFCBFC",
        ),
        (
            long,
            0,
            "F764E9FA15C276478B2C7D0C4E5F58E4",
            "41F53FA5BFE7026D91FAF9BE959195A058707273A96A40F0A01960621AC612748B9BBFBE7EB4CE3C",
        ),
        (
            long,
            6,
            "B80D3251C1F6471494256FFE712D0B9A",
            "4ED7B37C2BCAC8F74F23C1CF07E62BC7B75FB3F637B9F559C7F664F69EAB7B6092237526EA0D1F61CB20D69D10F2",
        ),
        (
            long,
            16,
            "53BF8A0D105265D4E276428624CE5E63",
            "BC47FFEC7998EB91E8115CF8D19DAC4BBBE2E163E87DD37F49BECA92027764F68CF51F14D798C2273F35DF574D1F932E\
             40C4FF255B36A266",
        ),
        (
            long,
            21,
            "763E65367E864F02F55153C7E3B58AF1",
            "40013E2DF58E8751957D2878BCD2D6FE101CCFD556CB1EAE79DB3C3EE86429F2B2A602AC86FEF6ECB647D6295FAE077A\
             1FEB517508D2C16B4192E01F62",
        ),
    ] {
        let plain: Vec<u8> = (0..length).collect();
        let key = rfc_8009_key(etype);
        let sealed = key.encrypt(2, &plain, &hex(confounder)).unwrap();
        assert_eq!(sealed, hex(cipher), "{etype} {length}");
        assert_eq!(*key.decrypt(2, &sealed).unwrap(), plain);
    }
}

fn rfc_8009_key(etype: EncryptionType) -> Key {
    let bytes = match etype {
        EncryptionType::Aes128Sha2 => "3705D96080C17728A0E800EAB6E0D23C",
        _ => "6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52",
    };
    Key::new(etype, hex(bytes)).unwrap()
}

/// In AES-only domains RC4 is refused, and nobody should ask for it.
#[test]
fn f15_aes_comes_first_and_rc4_is_not_asked_for() {
    assert_eq!(EncryptionType::STRONG.map(EncryptionType::number), [18, 17, 20, 19]);
    for etype in ALL {
        assert_eq!(EncryptionType::from_number(etype.number()), Ok(etype));
        assert_eq!(EncryptionType::from_name(&etype.to_string()), Some(etype));
    }
    // DES, triple DES, the RC4 for export.
    for broken in [1, 2, 3, 5, 7, 16, 24, -133] {
        let error = EncryptionType::from_number(broken).unwrap_err();
        assert!(error.to_string().contains(&broken.to_string()) && error.hint().is_some());
    }
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
