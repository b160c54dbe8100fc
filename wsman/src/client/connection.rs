//! A connection bound to its security context, and requests on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use tracing::debug;

use super::config::Authentication;
use super::error::{Error, SignInError, body_excerpt};
use super::http::{HttpAnswer, HttpConnection, HttpRequest, MAX_IDLE};
use super::sign_in::sign_in;
use super::target::Target;
use crate::auth::{SecurityContext, multipart};

/// The scheme of a sign-in by certificate, [DSP0226] C.3.
const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";
const SOAP: &str = "application/soap+xml;charset=UTF-8";
/// From this idle time on an empty HTTP 400 means that the server forgot the connection.
const FORGETS_AFTER: Duration = Duration::from_secs(55);

/// A connection that is signed in.
pub(crate) struct Connection {
    http: HttpConnection,
    target: Arc<Target>,
    protection: Protection,
    last_used: Instant,
    /// Whether a request was answered on it: what refuses the next one then is the connection, not the sign-in.
    proven: bool,
    closed: bool,
}

/// How requests are protected and known.
enum Protection {
    /// Sealed under the context of the connection
    Sealed(SecurityContext),
    /// By TLS; the connection is signed in
    Tls,
    /// The same header goes along with each request: the password, or the word that the certificate is the sign-in
    Header(HeaderValue),
}

impl Connection {
    /// Connects and signs in.
    pub(crate) async fn open(target: Arc<Target>) -> Result<Self, Error> {
        let http = HttpConnection::new(target.clone())?;
        let protection = match target.config.authentication {
            Authentication::Basic => Protection::Header(target.basic_header()?),
            Authentication::Certificate => Protection::Header(HeaderValue::from_static(MUTUAL)),
            _ => {
                let context = sign_in(&http, &target).await;
                if let Some(trace) = &target.trace {
                    let how = context.as_ref().map(|context| how(&target, context));
                    trace.signed_in(http.number(), how);
                }
                let context = context?;
                if target.must_seal() { Protection::Sealed(context) } else { Protection::Tls }
            }
        };
        Ok(Self { http, target, protection, last_used: Instant::now(), proven: false, closed: false })
    }

    /// Whether the server has given it up, or soon will have.
    pub(crate) fn is_stale(&self) -> bool {
        self.closed || self.last_used.elapsed() > MAX_IDLE
    }

    /// Sends one SOAP message and returns the answer in clear. After an error the connection is of no further use.
    pub(crate) async fn request(&mut self, soap: &[u8], what: &'static str) -> Result<Vec<u8>, Error> {
        let timeouts = &self.target.config.timeouts;
        let mut request = HttpRequest {
            authorization: None,
            content_type: Some(SOAP),
            body: Vec::new(),
            clear: None,
            what,
            timeout: timeouts.operation + timeouts.network,
        };
        let sealed;
        match &mut self.protection {
            Protection::Sealed(context) => {
                sealed = multipart::seal(context, soap).map_err(SignInError::from)?;
                request.content_type = Some(&sealed.content_type);
                request.body = sealed.body;
                request.clear = Some(soap);
            }
            Protection::Tls => request.body = soap.to_vec(),
            Protection::Header(value) => {
                request.authorization = Some(value.clone());
                request.body = soap.to_vec();
            }
        }
        let answer = self.http.post(request).await?;
        debug!(what, status = answer.status.as_u16(), bytes = answer.body.len(), "exchange");
        self.closed = answer.closes;
        let idle = self.last_used.elapsed();
        self.last_used = Instant::now();
        let soap = self.open_answer(answer, idle)?;
        self.proven = true;
        Ok(soap)
    }

    fn open_answer(&mut self, mut answer: HttpAnswer, idle: Duration) -> Result<Vec<u8>, Error> {
        let status = answer.status;
        if status == StatusCode::UNAUTHORIZED {
            let forgotten =
                Error::Lost { reason: "the server forgot the sign-in".into(), sent: false, answered: false };
            return Err(match self.target.config.authentication {
                Authentication::Certificate => SignInError::CertificateRefused.into(),
                Authentication::Basic => SignInError::Refused.into(),
                _ if self.proven => forgotten,
                _ => SignInError::RefusedAfterwards.into(),
            });
        }
        if is_forgotten(status, answer.body.len(), idle) {
            return Err(Error::Lost {
                reason: "the server forgot the connection".into(),
                sent: false,
                answered: false,
            });
        }
        let is_sealed = multipart::is_encrypted(&answer.content_type);
        let http_error = || Error::Http { status: status.as_u16(), excerpt: body_excerpt(&answer.body) };
        match &mut self.protection {
            Protection::Sealed(context) if is_sealed => {
                let opened = multipart::unseal(context, &answer.content_type, &answer.body)
                    .map_err(|error| Error::from(SignInError::from(error)));
                if let Some(traced) = &mut answer.traced {
                    match &opened {
                        Ok(soap) => traced.answer(answer.body.len(), soap, true),
                        Err(error) => traced.failed(error),
                    }
                }
                opened
            }
            // In clear, where anybody on the way may have written it.
            Protection::Sealed(_) if status.is_success() => {
                Err(Error::Protocol("an answer is not sealed".into()))
            }
            Protection::Sealed(_) => Err(http_error()),
            Protection::Tls | Protection::Header(_) => {
                let is_soap = answer.content_type.to_ascii_lowercase().starts_with("application/soap+xml");
                if is_soap && !answer.body.is_empty() { Ok(answer.body) } else { Err(http_error()) }
            }
        }
    }
}

/// HTTP.sys drops a connection that idled, with what was known of it, and then does not know what to make of a request.
fn is_forgotten(status: StatusCode, body: usize, idle: Duration) -> bool {
    status == StatusCode::BAD_REQUEST && body == 0 && idle > FORGETS_AFTER
}

/// What a sign-in came to, for the trace.
fn how(target: &Target, context: &SecurityContext) -> String {
    match target.kerberos_failure() {
        Some(reason) => format!("{}; not Kerberos: {reason}", context.mechanism()),
        None => context.mechanism().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f44_an_empty_400_after_a_pause_is_a_forgotten_connection() {
        let pause = Duration::from_secs(120);
        assert!(is_forgotten(StatusCode::BAD_REQUEST, 0, pause));
        assert!(!is_forgotten(StatusCode::BAD_REQUEST, 0, Duration::from_secs(1)));
        assert!(!is_forgotten(StatusCode::BAD_REQUEST, 20, pause));
        assert!(!is_forgotten(StatusCode::INTERNAL_SERVER_ERROR, 0, pause));
        // Given up before the server does.
        assert!(MAX_IDLE < pause);
    }
}
