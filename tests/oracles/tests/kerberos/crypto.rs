//! AES-SHA1 against the cryptography of `picky-krb`.

use picky_krb::crypto::{ChecksumSuite, CipherSuite};
use proptest::prelude::*;
use secrecy::SecretString;
use wsman::auth::kerberos::{EncryptionType, Key};

fn pairs() -> impl Strategy<Value = (EncryptionType, CipherSuite, ChecksumSuite)> {
    prop_oneof![
        Just((EncryptionType::Aes128Sha1, CipherSuite::Aes128CtsHmacSha196, ChecksumSuite::HmacSha196Aes128)),
        Just((EncryptionType::Aes256Sha1, CipherSuite::Aes256CtsHmacSha196, ChecksumSuite::HmacSha196Aes256)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_and_checksums(
        (etype, cipher, checksum) in pairs(),
        bytes in any::<[u8; 32]>(),
        message in proptest::collection::vec(any::<u8>(), 0..200),
        confounder in any::<[u8; 16]>(),
        usage in 1u32..40,
    ) {
        let key = Key::new(etype, &bytes[..etype.key_length()]).unwrap();
        let (cipher, number) = (cipher.cipher(), i32::try_from(usage).unwrap());
        let sealed = key.encrypt(usage, &message, &confounder).unwrap();
        prop_assert_eq!(&cipher.decrypt(key.expose_bytes(), number, &sealed).unwrap(), &message);
        let sealed = cipher.encrypt(key.expose_bytes(), number, &message).unwrap();
        prop_assert_eq!(&*key.decrypt(usage, &sealed).unwrap(), &message);
        let sum = checksum.hasher().checksum(key.expose_bytes(), number, &message).unwrap();
        prop_assert!(key.verify(usage, &message, &sum));
    }

    #[test]
    fn keys_of_passwords((etype, cipher, _) in pairs(), password in ".{0,20}", salt in ".{0,20}") {
        let ours = Key::from_password(etype, &SecretString::from(password.as_str()), salt.as_bytes(), None).unwrap();
        let theirs = cipher.cipher().generate_key_from_password(password.as_bytes(), salt.as_bytes()).unwrap();
        prop_assert_eq!(ours.expose_bytes(), theirs);
    }
}
