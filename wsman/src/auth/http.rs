//! The `WWW-Authenticate` and `Authorization` headers, RFC 9110 section 11.

use std::fmt;

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

use secrecy::zeroize::Zeroizing;

use super::{AuthError, Scheme};

/// Longest token that is decoded; Kerberos tickets with large PACs stay well below.
const MAX_TOKEN: usize = 256 * 1024;

/// Some peers leave out the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One challenge of a `WWW-Authenticate` header, or the content of an `Authorization` header.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme's name as sent.
    pub name: String,
    /// The scheme, where it is one of ours.
    pub scheme: Option<Scheme>,
    /// The token68 as sent, still base64.
    pub token68: Option<Zeroizing<String>>,
    /// Parameters such as `realm`, names in lower case.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), scheme: Scheme::parse(name), token68: None, parameters: Vec::new() }
    }

    /// The token, decoded.
    ///
    /// # Errors
    /// It is not base64, or longer than any token.
    pub fn token(&self) -> Result<Option<Vec<u8>>, AuthError> {
        let Some(text) = &self.token68 else { return Ok(None) };
        if text.len() > MAX_TOKEN {
            return Err(AuthError::malformed("authentication header", "token too long"));
        }
        let bytes = LENIENT
            .decode(text.as_bytes())
            .map_err(|_| AuthError::malformed("authentication header", "token is not base64"))?;
        Ok(Some(bytes))
    }
}

/// The token may be a password.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token68 = self.token68.as_ref().map(|_| "***");
        f.debug_struct("Challenge")
            .field("name", &self.name)
            .field("token68", &token68)
            .finish_non_exhaustive()
    }
}

/// The value of an `Authorization` or `WWW-Authenticate` header with a token.
#[must_use]
pub fn header_value(scheme: Scheme, token: &[u8]) -> String {
    format!("{scheme} {}", STANDARD.encode(token))
}

/// All challenges of the `WWW-Authenticate` headers of a response: several headers, or several challenges
/// in one, separated by commas. What cannot be read is left out.
///
/// ```
/// use wsman::auth::{Scheme, http::challenges};
/// let found = challenges(["Negotiate, Basic realm=\"WSMAN\"", "Kerberos"]);
/// let schemes: Vec<_> = found.iter().filter_map(|challenge| challenge.scheme).collect();
/// assert_eq!(schemes, [Scheme::Negotiate, Scheme::Basic, Scheme::Kerberos]);
/// ```
pub fn challenges<'a>(headers: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut found = Vec::new();
    for header in headers {
        // A parameter never belongs to a challenge of another header.
        let first = found.len();
        for item in items(header) {
            read_item(item, first, &mut found);
        }
    }
    found
}

/// The content of an `Authorization` header.
///
/// # Errors
/// It names no scheme.
pub fn authorization(header: &str) -> Result<Challenge, AuthError> {
    let mut found = Vec::new();
    for item in items(header) {
        read_item(item, 0, &mut found);
    }
    found.into_iter().next().ok_or(AuthError::malformed("Authorization header", "no scheme"))
}

/// One comma-separated item: a scheme with or without something behind it, or one more parameter.
fn read_item(item: &str, first: usize, found: &mut Vec<Challenge>) {
    let name_end = item.find(|c| !is_token_char(c)).unwrap_or(item.len());
    let (name, rest) = item.split_at(name_end);
    if name.is_empty() {
        return;
    }
    let after = rest.trim_start();
    if after.starts_with('=') {
        if let Some(challenge) = found.get_mut(first..).and_then(<[Challenge]>::last_mut) {
            challenge.parameters.extend(parameter(item));
        }
        return;
    }
    let mut challenge = Challenge::new(name);
    if is_token68(after) {
        challenge.token68 = Some(Zeroizing::new(after.to_owned()));
    } else {
        challenge.parameters.extend(parameter(after));
    }
    found.push(challenge);
}

/// Splits at commas outside quoted strings.
fn items(header: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in header.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                items.push(header[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(header[start..].trim());
    items
}

/// `name = token` or `name = "quoted string"`.
fn parameter(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(quoted) => unescape(quoted),
        None => value.to_owned(),
    };
    (!name.is_empty() && name.chars().all(is_token_char)).then(|| (name.to_ascii_lowercase(), value))
}

fn unescape(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

/// tchar, RFC 9110 section 5.6.2.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// token68, RFC 9110 section 11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_challenges_in_one_header() {
        let found = challenges([r#"Basic realm="a, \"b\"", charset=UTF-8, negotiate oQA=, Kerberos"#]);
        assert_eq!(found.len(), 3);
        assert_eq!(
            found[0].parameters,
            [("realm".to_owned(), r#"a, "b""#.to_owned()), ("charset".to_owned(), "UTF-8".to_owned())]
        );
        assert_eq!(found[1].scheme, Some(Scheme::Negotiate));
        assert_eq!(found[1].token().unwrap(), Some(vec![0xA1, 0]));
        assert_eq!(found[2].scheme, Some(Scheme::Kerberos));
    }

    #[test]
    fn a_bare_scheme_has_no_token() {
        let found = challenges(["Negotiate", "NTLM", "CredSSP", "Digest qop=auth"]);
        assert!(found.iter().all(|challenge| challenge.token68.is_none()));
        assert_eq!(found[3].scheme, None);
        assert_eq!(found[3].name, "Digest");
    }

    #[test]
    fn a_password_does_not_show() {
        let read = authorization("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert!(!format!("{read:?}").contains("QWxh"));
    }

    #[test]
    fn missing_padding_is_tolerated_and_garbage_is_not() {
        assert_eq!(authorization("NTLM TlRMTVNTUAAB").unwrap().token().unwrap().unwrap(), b"NTLMSSP\0\x01");
        assert_eq!(authorization("Negotiate YQ").unwrap().token().unwrap().unwrap(), b"a");
        assert!(authorization("Negotiate Y").unwrap().token().is_err());
        assert!(authorization("").is_err());
    }

    proptest! {
        #[test]
        fn any_token_comes_back(token in proptest::collection::vec(any::<u8>(), 1..300)) {
            let value = header_value(Scheme::Negotiate, &token);
            let read = authorization(&value).unwrap();
            prop_assert_eq!(read.scheme, Some(Scheme::Negotiate));
            prop_assert_eq!(read.token().unwrap(), Some(token));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC*") {
            let _ = challenges([text.as_str()]);
            let _ = authorization(&text);
        }
    }
}
