//! TSCredentials with TSPasswordCreds, `[MS-CSSP] 2.2.1.2` and `2.2.1.2.1`. Everything that holds the password is wiped.

use std::fmt;

use md4::{Digest, Md4};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::request::{integer, octets, write_integer, write_octets};
use crate::auth::{
    AuthError, Credentials, Secret, UserName,
    der::{self as tlv, Malformed, Tag},
};
use crate::wiped::wiped_by_parts;

/// credType of TSPasswordCreds; 2 is a smart card, 6 is Remote Guard.
const PASSWORD: i64 = 1;
const MAX_FIELDS: usize = 8;

/// A name and a password for the server to sign in with.
#[derive(Clone)]
pub struct TsPasswordCreds {
    /// domainName and userName.
    pub user: UserName,
    /// password.
    pub password: SecretString,
}

wiped_by_parts!(TsPasswordCreds: SecretString);

impl TsPasswordCreds {
    /// What is delegated of these credentials.
    ///
    /// # Errors
    /// There is no password among them: CredSSP hands one to the server.
    pub fn from_credentials(credentials: &Credentials) -> Result<Self, AuthError> {
        let Secret::Password(password) = &credentials.secret else {
            return Err(AuthError::Caller(
                "CredSSP hands the password to the server: a hash, a keytab or a ticket cache cannot take its place",
            ));
        };
        Ok(Self { user: credentials.user.clone(), password: password.clone() })
    }

    /// Whether the password is the account's.
    #[must_use]
    pub fn fits(&self, secret: &Secret) -> bool {
        let password = self.password.expose_secret();
        match secret {
            Secret::Password(known) => known.expose_secret().as_bytes().ct_eq(password.as_bytes()).into(),
            Secret::NtHash(known) => {
                let hash = Zeroizing::new(<[u8; 16]>::from(Md4::digest(&*utf16(password))));
                known.expose_secret().ct_eq(&*hash).into()
            }
            // What else proves an identity has no password to compare.
            Secret::Keytab(_) | Secret::TicketCache(_) | Secret::None => false,
        }
    }

    /// TSCredentials in DER.
    ///
    /// # Errors
    /// They are too long.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        let domain = write_octets(0, &utf16(&self.user.domain))?;
        let user = write_octets(1, &utf16(&self.user.user))?;
        let text = utf16(self.password.expose_secret());
        let octets = Zeroizing::new(tlv::write(Tag::OctetString, &text)?);
        let password = Zeroizing::new(tlv::write(tlv::context(2), &octets)?);
        let fields = Zeroizing::new([domain.as_slice(), &user, &password].concat());
        let credentials = Zeroizing::new(tlv::write(Tag::Sequence, &fields)?);
        let octets = Zeroizing::new(tlv::write(Tag::OctetString, &credentials)?);
        let credentials = Zeroizing::new(tlv::write(tlv::context(1), &octets)?);
        let fields = Zeroizing::new([write_integer(0, PASSWORD)?.as_slice(), &credentials].concat());
        tlv::write(Tag::Sequence, &fields).map(Zeroizing::new)
    }

    /// Reads TSCredentials.
    ///
    /// # Errors
    /// [`AuthError::Malformed`], also for the credentials of a smart card and of Remote Guard.
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        Self::read(bytes).map_err(Malformed::of("TSCredentials with a password"))
    }

    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let fields = tlv::list(tlv::content(tlv::only(bytes)?, Tag::Sequence)?, MAX_FIELDS)?;
        let field = |number| fields.iter().find(|field| field.header().tag() == tlv::context(number));
        if integer(*field(0).ok_or(Malformed)?)? != PASSWORD {
            return Err(Malformed);
        }
        let credentials = tlv::inner(*field(1).ok_or(Malformed)?, Tag::OctetString)?;
        let fields = tlv::list(tlv::content(tlv::only(credentials)?, Tag::Sequence)?, MAX_FIELDS)?;
        let text = |number| match fields.iter().find(|field| field.header().tag() == tlv::context(number)) {
            Some(field) => from_utf16(&Zeroizing::new(octets(*field)?)),
            None => Ok(String::new()),
        };
        let user = UserName::new(text(0)?, text(1)?);
        Ok(Self { user, password: SecretString::from(text(2)?) })
    }
}

impl fmt::Debug for TsPasswordCreds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsPasswordCreds").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Made in one piece: a buffer that grows would leave its beginnings behind.
fn utf16(text: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * text.encode_utf16().count()));
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// The same backwards; its capacity is its length, so that nothing moves when it becomes a secret.
fn from_utf16(bytes: &[u8]) -> Result<String, Malformed> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return Err(Malformed) };
    let chars = || char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)));
    let mut length = 0;
    for c in chars() {
        length += c.map_err(|_| Malformed)?.len_utf8();
    }
    let mut text = String::with_capacity(length);
    text.extend(chars().flatten());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn creds(user: &str, password: &str) -> TsPasswordCreds {
        TsPasswordCreds::from_credentials(&Credentials::new(user, password)).unwrap()
    }

    #[test]
    fn they_do_not_show() {
        let creds = creds(r"CONTOSO\anna", "canary");
        assert!(!format!("{creds:?}").contains("canary"));
    }

    #[test]
    fn a_hash_cannot_be_delegated() {
        let credentials = Credentials { user: UserName::parse("anna"), secret: Secret::nt_hash([1; 16]) };
        let refused = TsPasswordCreds::from_credentials(&credentials);
        assert!(matches!(refused, Err(AuthError::Caller(_))));
    }

    #[test]
    fn a_password_is_compared_with_a_password_or_a_hash() {
        // [MS-NLMP] 4.2.2.1.1: NTOWFv1 of "Password".
        let hash =
            [0xA4, 0xF4, 0x9C, 0x40, 0x65, 0x10, 0xBD, 0xCA, 0xB6, 0x82, 0x4E, 0xE7, 0xC3, 0x0F, 0xD8, 0x52];
        let right = creds("User", "Password");
        let wrong = creds("User", "password");
        for secret in [Secret::password("Password"), Secret::nt_hash(hash)] {
            assert!(right.fits(&secret) && !wrong.fits(&secret));
        }
    }

    #[test]
    fn a_smart_card_is_refused() {
        let card = [0x30, 0x0B, 0xA0, 3, 2, 1, 2, 0xA1, 4, 4, 2, 0x30, 0];
        assert!(matches!(TsPasswordCreds::parse(&card), Err(AuthError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn any_name_and_password_come_back(domain in "[^\\\\]*", user in ".*", password in "\\PC*") {
            let credentials = Credentials { user: UserName::new(domain, user), secret: Secret::password(password.as_str()) };
            let bytes = TsPasswordCreds::from_credentials(&credentials).unwrap().to_bytes().unwrap();
            let read = TsPasswordCreds::parse(&bytes).unwrap();
            prop_assert_eq!(&read.user, &credentials.user);
            prop_assert_eq!(read.password.expose_secret(), password);
        }

        #[test]
        fn any_bytes_are_read_without_panic(
            at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = creds(r"D\u", "p").to_bytes().unwrap().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len() + 1));
            let _ = TsPasswordCreds::parse(&bytes);
        }
    }
}
