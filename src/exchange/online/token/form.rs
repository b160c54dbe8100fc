//! What is asked of the token endpoint: the form of each grant.

use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded::Serializer;

/// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, RFC 7523 2.2
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client shows who it is.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange::online) enum Proof<'a> {
    /// Signed by its key, or by an identity provider that the application trusts
    Assertion(&'a SecretString),
    /// What it knows
    Secret(&'a SecretString),
    /// A public client shows nothing
    None,
}

/// What the client has, to be given for a token.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange::online) enum Grant<'a> {
    /// Itself (RFC 6749 4.4)
    ClientCredentials,
    /// A token that renews (RFC 6749 6)
    RefreshToken(&'a SecretString),
    /// What a sign-in in a browser came back with (RFC 6749 4.1.3)
    AuthorizationCode { code: &'a SecretString, redirect_uri: &'a str },
    /// A name and a password (RFC 6749 4.3)
    Password { username: &'a str, password: &'a SecretString },
}

/// The body of the request, `application/x-www-form-urlencoded`. `claims` come from a challenge, base64 as they were.
pub(in crate::exchange::online) fn form(
    client: &str,
    scope: &str,
    grant: Grant<'_>,
    proof: Proof<'_>,
    claims: Option<&str>,
) -> SecretString {
    let mut form = Serializer::new(String::new());
    form.append_pair("client_id", client).append_pair("scope", scope);
    match grant {
        Grant::ClientCredentials => form.append_pair("grant_type", "client_credentials"),
        Grant::RefreshToken(token) => form
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", token.expose_secret()),
        Grant::AuthorizationCode { code, redirect_uri } => form
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code.expose_secret())
            .append_pair("redirect_uri", redirect_uri),
        Grant::Password { username, password } => form
            .append_pair("grant_type", "password")
            .append_pair("username", username)
            .append_pair("password", password.expose_secret()),
    };
    match proof {
        Proof::Assertion(assertion) => {
            form.append_pair("client_assertion_type", ASSERTION);
            form.append_pair("client_assertion", assertion.expose_secret());
        }
        Proof::Secret(secret) => {
            form.append_pair("client_secret", secret.expose_secret());
        }
        Proof::None => {}
    }
    if let Some(claims) = claims {
        form.append_pair("claims", claims);
    }
    form.finish().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(form: &SecretString) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(form.expose_secret().as_bytes()).into_owned().collect()
    }

    #[test]
    fn an_application_with_an_assertion() {
        let assertion = SecretString::from("a.b.c");
        let scope = "https://outlook.office365.com/.default";
        let form = form("app", scope, Grant::ClientCredentials, Proof::Assertion(&assertion), None);
        let expected = [
            ("client_id", "app"),
            ("scope", scope),
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", "a.b.c"),
        ];
        assert_eq!(read(&form), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn values_cannot_break_out_of_their_place() {
        let password = SecretString::from("p&grant_type=x=%20+ü");
        let grant = Grant::Password { username: "a b@x", password: &password };
        let read = read(&form("app", "s", grant, Proof::None, Some("{\"a\":1}")));
        assert_eq!(read["password"], "p&grant_type=x=%20+ü");
        assert_eq!((read["grant_type"].as_str(), read["username"].as_str()), ("password", "a b@x"));
        assert_eq!(read["claims"], "{\"a\":1}");
    }
}
