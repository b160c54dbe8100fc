//! One HTTP connection: what reqwest is told, one request, one answer.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, DATE, HeaderMap, HeaderValue,
    SET_COOKIE, WWW_AUTHENTICATE,
};
use reqwest::{Client, Proxy, StatusCode, redirect, retry};
use secrecy::ExposeSecret as _;

use super::error::Error;
use super::gate::{Gate, SecondConnection};
use super::target::Target;
use super::tls::{self, Leaf};
use crate::auth::Secret;
use crate::auth::http::{Challenge, challenges};

/// Most bytes of a body: four times the largest envelope that is asked for.
const MAX_BODY: usize = 4 * 512_000;
/// Idle connections are given up before the server does it, after about 120 s.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(90);
const USER_AGENT: &str = concat!("wsman/", env!("CARGO_PKG_VERSION"));

/// One TCP connection, or none any more.
pub(crate) struct HttpConnection {
    client: Client,
    target: Arc<Target>,
    leaf: Leaf,
}

/// What goes into one request.
pub(crate) struct HttpRequest<'a> {
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: Vec<u8>,
    /// For the error when the time is up
    pub(crate) what: &'static str,
    pub(crate) timeout: Duration,
}

/// An answer, read to its end.
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) challenges: Vec<Challenge>,
    pub(crate) body: Vec<u8>,
    /// `Date`, as sent
    pub(crate) date: Option<String>,
    /// The server ends the connection with this answer
    pub(crate) closes: bool,
}

impl HttpConnection {
    /// Nothing is sent yet; the connection is made with the first request.
    pub(crate) fn new(target: Arc<Target>) -> Result<Self, Error> {
        let leaf = Leaf::default();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut builder = Client::builder()
            .connector_layer(Gate::default())
            .connect_timeout(target.config.timeouts.connect)
            .default_headers(headers)
            .http1_only()
            .no_proxy()
            .pool_idle_timeout(MAX_IDLE)
            .pool_max_idle_per_host(1)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .tcp_keepalive(Duration::from_secs(30))
            .tcp_nodelay(true)
            .user_agent(USER_AGENT);
        if let Some(verifier) = target.verifier() {
            builder = builder.tls_backend_preconfigured(tls::config(verifier, leaf.clone())?);
        } else {
            builder = builder.tls_backend_preconfigured(tls::none()?);
        }
        if let Some(proxy) = &target.config.proxy {
            let mut proxy = Proxy::all(proxy)
                .map_err(|_| Error::Configuration("the URL of the proxy cannot be read".into()))?;
            if let Some(credentials) = &target.config.proxy_credentials {
                let Secret::Password(password) = &credentials.secret else {
                    return Err(Error::Configuration("a proxy needs a password, not a hash".into()));
                };
                proxy = proxy.basic_auth(&credentials.user.to_string(), password.expose_secret());
            }
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| {
            Error::Configuration(format!("the HTTP client cannot be set up: {}", reason(&error)))
        })?;
        Ok(Self { client, target, leaf })
    }

    /// The certificate that the server showed on this connection.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        self.leaf.get()
    }

    /// Sends one request and reads the answer to its end.
    pub(crate) async fn post(&self, request: HttpRequest<'_>) -> Result<HttpAnswer, Error> {
        let HttpRequest { what, timeout, .. } = request;
        match tokio::time::timeout(timeout, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout { what, after: timeout, sent: true }),
        }
    }

    async fn exchange(&self, request: HttpRequest<'_>) -> Result<HttpAnswer, Error> {
        let mut builder = self.client.post(self.target.url.clone()).body(request.body);
        if let Some(value) = request.authorization {
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(value) = request.content_type {
            builder = builder.header(CONTENT_TYPE, value);
        }
        if let Some(cookies) = self.target.cookies.header() {
            builder = builder.header(COOKIE, cookies);
        }
        let mut response = builder.send().await.map_err(|error| self.classify(&error))?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            cookie.to_str().ok().inspect(|cookie| self.target.cookies.store(cookie));
        }
        let offered = response.headers().get_all(WWW_AUTHENTICATE);
        let challenges = challenges(offered.iter().filter_map(|value| value.to_str().ok()));
        let closes = response
            .headers()
            .get_all(CONNECTION)
            .iter()
            .any(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let (status, content_type) = (response.status(), content_type.unwrap_or_default().to_owned());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::Lost {
            reason: reason(&error),
            sent: true,
            answered: true,
        })? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Error::Protocol(format!(
                    "the body of an answer is larger than {MAX_BODY} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpAnswer { status, content_type, challenges, body, date, closes })
    }

    fn classify(&self, error: &reqwest::Error) -> Error {
        let reason = reason(error);
        if find::<SecondConnection>(error) {
            return Error::Lost { reason, sent: false, answered: false };
        }
        if !error.is_connect() {
            return Error::Lost { reason, sent: true, answered: false };
        }
        let endpoint = self.target.endpoint();
        if find::<rustls::Error>(error) {
            return Error::Tls { endpoint, reason };
        }
        if error.is_timeout() {
            let after = self.target.config.timeouts.connect;
            return Error::Timeout { what: "the connection", after, sent: false };
        }
        Error::Connect { endpoint, reason }
    }
}

/// Whether an error of this kind is among the causes.
fn find<E: std::error::Error + 'static>(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        next = cause(error);
    }
    false
}

/// What caused an error. An I/O error that wraps another one names that one's cause instead of it.
fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    match wrapped {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The innermost reason, which says most; the layers above only say that something failed.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    // The outermost one would name the URL.
    if error.source().is_none() { "the HTTP exchange failed".into() } else { innermost.to_string() }
}
