//! TSCredentials against `picky-krb`, which shares no code with `wsman`'s.
#![allow(clippy::unwrap_used, clippy::panic)]

use picky_krb::credssp as theirs;
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use wsman::auth::credssp::TsPasswordCreds;
use wsman::auth::{Credentials, Secret, UserName};

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

proptest! {
    #[test]
    fn a_password_is_the_same_to_both(domain in "\\PC{0,40}", user in "\\PC{1,40}", password in "\\PC{0,300}") {
        let credentials =
            Credentials { user: UserName::new(domain, user), secret: Secret::password(password.as_str()) };
        let ours = TsPasswordCreds::from_credentials(&credentials).unwrap().to_bytes().unwrap();
        let outer: theirs::TsCredentials = picky_asn1_der::from_bytes(&ours).unwrap();
        let inner: theirs::TsPasswordCreds = picky_asn1_der::from_bytes(&outer.credentials.0.0).unwrap();
        prop_assert_eq!(&inner.domain_name.0.0, &utf16(&credentials.user.domain));
        prop_assert_eq!(&inner.user_name.0.0, &utf16(&credentials.user.user));
        prop_assert_eq!(&inner.password.0.0, &utf16(&password));
        // What they write is what we wrote, and we read it.
        let written = picky_asn1_der::to_vec(&outer).unwrap();
        prop_assert_eq!(written.as_slice(), ours.as_slice());
        let read = TsPasswordCreds::parse(&written).unwrap();
        prop_assert_eq!(&read.user, &credentials.user);
        prop_assert_eq!(read.password.expose_secret(), password);
    }
}
