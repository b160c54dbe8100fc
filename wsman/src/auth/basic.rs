//! `Basic` credentials, RFC 7617.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::{AuthError, Credentials, Secret, UserName};

/// The value of an `Authorization` header. It is as good as the password.
///
/// # Errors
/// There is no password but a hash, or the name holds a colon.
pub fn encode(credentials: &Credentials) -> Result<SecretString, AuthError> {
    let Secret::Password(password) = &credentials.secret else {
        return Err(AuthError::Caller("Basic needs a password"));
    };
    let user = credentials.user.to_string();
    if user.contains(':') {
        return Err(AuthError::Caller("a user name with a colon cannot be sent with Basic"));
    }
    let pair = Zeroizing::new(format!("{user}:{}", password.expose_secret()));
    let token = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Ok(SecretString::from(format!("Basic {}", *token)))
}

/// Reads the token of an `Authorization: Basic` header.
///
/// # Errors
/// It is not base64 of `user:password` in UTF-8.
pub fn decode(token: &str) -> Result<(UserName, SecretString), AuthError> {
    let malformed = |why| AuthError::malformed("Basic credentials", why);
    let bytes = Zeroizing::new(STANDARD.decode(token.trim()).map_err(|_| malformed("not base64"))?);
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed("not UTF-8"))?;
    let (user, password) = text.split_once(':').ok_or(malformed("no colon"))?;
    Ok((UserName::parse(user), SecretString::from(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7617() {
        let header = encode(&Credentials::new("Aladdin", "open sesame")).unwrap();
        assert_eq!(header.expose_secret(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let (user, password) = decode("dGVzdDoxMjPCow==").unwrap();
        assert_eq!((user, password.expose_secret()), (UserName::new("", "test"), "123£"));
    }

    #[test]
    fn a_password_may_hold_colons_and_a_name_its_domain() {
        let header = encode(&Credentials::new(r"CONTOSO\anna", "a:b:")).unwrap();
        let (user, password) = decode(header.expose_secret().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!((user, password.expose_secret()), (UserName::new("CONTOSO", "anna"), "a:b:"));
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        assert!(matches!(encode(&Credentials::new("a:b", "c")), Err(AuthError::Caller(_))));
        for bad in ["", "!!", "YWJj", "/zph"] {
            assert!(matches!(decode(bad), Err(AuthError::Malformed { .. })), "{bad}");
        }
    }
}
