//! The assertion by which an application proves that it holds its key: a signed JWT (RFC 7523 2.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::certificate::{Certificate, CertificateError};

/// Until when an assertion is good, and since when: clocks that differ by less than five minutes do no harm. Ten minutes in all are
/// what is taken.
const LIFETIME: u64 = 300;
const SKEW: u64 = 290;

/// Who asserts what to whom.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange::online) struct Claims<'a> {
    /// The token endpoint that it is meant for
    pub(in crate::exchange::online) audience: &'a str,
    /// The application
    pub(in crate::exchange::online) client: &'a str,
    /// Never used before
    pub(in crate::exchange::online) id: Uuid,
    /// Seconds since 1970
    pub(in crate::exchange::online) now: u64,
}

/// The assertion, signed with PS256.
pub(in crate::exchange::online) fn assertion(
    claims: &Claims<'_>,
    certificate: &Certificate,
) -> Result<SecretString, CertificateError> {
    let header =
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(certificate.sha256())});
    let begin = claims.now.saturating_sub(SKEW);
    let body = json!({
        "aud": claims.audience,
        "iss": claims.client,
        "sub": claims.client,
        "jti": claims.id.to_string(),
        "nbf": begin,
        "iat": begin,
        "exp": claims.now + LIFETIME,
    });
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&header), part(&body));
    let signature = certificate.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

/// What a token says of itself. It is not verified here: it is the server's to believe, and only used to address requests.
pub(in crate::exchange::online) fn payload(token: &str) -> Option<Json> {
    let body = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body.trim_end_matches('=')).ok()?).ok()
}
