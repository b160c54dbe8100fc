//! Heads of requests and answers, with tokens as their kind and length.

use std::borrow::Cow;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::secrets::MASK;
use crate::auth::http::{Challenge, authorization, challenges};

/// Parts of names of what is not shown: parameters, properties, headers.
const SECRET_NAMES: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "credential",
    "token",
    "privatekey",
    "sessionkey",
    "accesskey",
    "apikey",
];
/// `NTLMSSP` and a zero, `[MS-NLMP] 2.2.1`.
const NTLM: &[u8] = b"NTLMSSP\0";
/// The mechanism SPNEGO, 1.3.6.1.5.5.2, RFC 4178 section 3.
const SPNEGO: &[u8] = &[0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
/// The mechanism Kerberos, 1.2.840.113554.1.2.2, RFC 4121 section 4.
const KERBEROS: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];

/// Whether what bears this name, a parameter, a property or a header field, is taken for secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// The values in the query of a URL that are secret by their names.
pub(super) fn secrets_of(url: &Url) -> impl Iterator<Item = Cow<'_, str>> {
    url.query_pairs().filter(|(name, _)| is_secret(name)).map(|(_, value)| value)
}

/// A URL without user, password and secret values of its query.
pub(super) fn url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return MASK.into() };
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user && (url.set_password(None).is_err() || url.set_username("").is_err()) {
        return MASK.into();
    }
    if secrets_of(&url).next().is_some() {
        url.set_query(Some(MASK));
    }
    url.into()
}

/// The header lines, one each.
pub(super) fn lines(headers: &HeaderMap) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {}\n", shown(name, value))).collect()
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    // What is not text is no header of ours, nor of any server that is known.
    let Ok(value) = value.to_str() else { return MASK.into() };
    match name.as_str() {
        // A scheme of DSP0226 C.3: its name is all there is to it.
        "authorization" if value.starts_with("http://schemas.dmtf.org/") => value.into(),
        "authorization" | "proxy-authorization" => match authorization(value) {
            // One word alone may be anything.
            Ok(word) if word.token68.is_none() && word.parameters.is_empty() => MASK.into(),
            Ok(read) => challenge(&read),
            Err(_) => MASK.into(),
        },
        "www-authenticate" | "proxy-authenticate" => {
            challenges([value]).iter().map(challenge).collect::<Vec<_>>().join(", ")
        }
        "cookie" => value.split("; ").map(cookie).collect::<Vec<_>>().join("; "),
        "set-cookie" => match value.split_once(';') {
            Some((pair, attributes)) => format!("{};{}", cookie(pair), attributes),
            None => cookie(value),
        },
        "location" | "content-location" if value.contains(['?', '@']) => url(value),
        "authentication-info" | "proxy-authentication-info" => MASK.into(),
        name if is_secret(name) || name.contains("auth") || name.contains("cookie") => MASK.into(),
        _ => value.into(),
    }
}

fn cookie(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value)) => format!("{}=[{} characters]", name, value.len()),
        None => MASK.into(),
    }
}

fn challenge(challenge: &Challenge) -> String {
    let mut text = challenge.name.clone();
    if challenge.token68.is_some() {
        text += &match challenge.token() {
            // A password, and nothing but.
            _ if challenge.name.eq_ignore_ascii_case("basic") => format!(" {MASK}"),
            Ok(Some(token)) => format!(" [{} of {} bytes]", kind(&token), token.len()),
            _ => " [a token that cannot be read]".to_owned(),
        };
    }
    for (name, value) in &challenge.parameters {
        let value = if name == "realm" { value } else { MASK };
        text += &format!(" {name}=\"{value}\"");
    }
    text
}

/// What a token is, by how it begins.
fn kind(token: &[u8]) -> &'static str {
    let begins_with = |mechanism: &[u8]| token.get(2..20).is_some_and(|head| contains(head, mechanism));
    match token {
        rest if rest.starts_with(NTLM) => match rest.get(NTLM.len()) {
            Some(1) => "NTLM NEGOTIATE_MESSAGE",
            Some(2) => "NTLM CHALLENGE_MESSAGE",
            Some(3) => "NTLM AUTHENTICATE_MESSAGE",
            _ => "NTLM message",
        },
        [0x60, ..] if begins_with(SPNEGO) => "SPNEGO NegTokenInit",
        [0x60, ..] if begins_with(KERBEROS) => "Kerberos token",
        [0xA1, ..] => "SPNEGO NegTokenResp",
        [0x30, ..] => "CredSSP TSRequest",
        // Record types of RFC 8446 section 5.1.
        [0x14..=0x17, 3, ..] => "CredSSP TLS record",
        _ => "token",
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &'static str, value: &str) -> String {
        let headers =
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())]);
        lines(&headers)
    }

    #[test]
    fn nothing_that_signs_in_is_shown() {
        for (name, value, expected) in [
            ("authorization", "Basic Q2FuYXJ5", "authorization: Basic ***\n"),
            ("authorization", "Bearer Canary", "authorization: Bearer [a token that cannot be read]\n"),
            (
                "authorization",
                "Negotiate TlRMTVNTUAABAAAA",
                "authorization: Negotiate [NTLM NEGOTIATE_MESSAGE of 12 bytes]\n",
            ),
            ("authorization", "Canary", "authorization: ***\n"),
            ("proxy-authorization", "Basic Q2FuYXJ5", "proxy-authorization: Basic ***\n"),
            (
                "www-authenticate",
                "Negotiate oQAA, Digest nonce=\"Canary\", Basic realm=\"WSMAN\"",
                "www-authenticate: Negotiate [SPNEGO NegTokenResp of 3 bytes], Digest nonce=\"***\", Basic realm=\"WSMAN\"\n",
            ),
            ("cookie", "MS-WSMAN=Canary; b=Canary", "cookie: MS-WSMAN=[6 characters]; b=[6 characters]\n"),
            ("set-cookie", "a=Canary; path=/", "set-cookie: a=[6 characters]; path=/\n"),
            ("x-api-key", "Canary", "x-api-key: ***\n"),
            ("x-auth-thing", "Canary", "x-auth-thing: ***\n"),
            ("authentication-info", "Canary", "authentication-info: ***\n"),
            ("location", "https://u:Canary@h/p?a=b&token=Canary", "location: https://h/p?***\n"),
            ("location", "https://h/p?a=b", "location: https://h/p?a=b\n"),
            ("location", "//u:Canary@h/", "location: ***\n"),
            ("x-feserver", "EX01", "x-feserver: EX01\n"),
        ] {
            let shown = line(name, value);
            assert_eq!(shown, expected);
            assert!(!shown.contains("Canary"), "{shown}");
        }
    }

    #[test]
    fn names_of_secrets_are_known_in_any_spelling() {
        for name in
            ["-Password", "RoomMailboxPassword", "client_secret", "X-Session-Key", "EncryptedSessionKey"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["Identity", "EmailAddresses", "KeepAlive", "PrimarySmtpAddress"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
