//! One HTTP connection: what reqwest is told, one request, one answer.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, DATE, HeaderMap,
    HeaderValue, LOCATION, SET_COOKIE, WWW_AUTHENTICATE,
};
use reqwest::{Client, StatusCode, redirect, retry};

use super::error::Error;
use super::gate::{Gate, SecondConnection};
use super::proxy::{self, ProxyProblem};
use super::redirect::{self as elsewhere, RedirectRefused};
use super::target::Target;
use super::tls::{self, Leaf, TlsProblem};
use super::trace::TracedExchange;
use crate::auth::http::{Challenge, challenges};
use crate::auth::multipart;

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
    /// Whether there was an answer
    heard: AtomicBool,
    /// Its number in the trace
    number: u64,
}

/// What goes into one request.
pub(crate) struct HttpRequest<'a> {
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: Vec<u8>,
    /// What a sealed body says, for the trace
    pub(crate) clear: Option<&'a [u8]>,
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
    /// Waits for what a sealed body says
    pub(crate) traced: Option<TracedExchange>,
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
        let identity = target.config.tls.client_identity.as_ref();
        if let Some(verifier) = target.verifier() {
            builder = builder.tls_backend_preconfigured(tls::config(verifier, leaf.clone(), identity)?);
        } else {
            builder = builder.tls_backend_preconfigured(tls::none()?);
        }
        if let Some(proxy) = proxy::proxy(&target.config)? {
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| {
            Error::Configuration(format!("the HTTP client cannot be set up: {}", reason(&error)))
        })?;
        let number = target.trace.as_ref().map_or(0, |trace| trace.connection());
        Ok(Self { client, target, leaf, heard: AtomicBool::new(false), number })
    }

    /// Its number in the trace.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The certificate that the server showed on this connection.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        self.leaf.get()
    }

    /// Sends one request and reads the answer to its end.
    pub(crate) async fn post(&self, request: HttpRequest<'_>) -> Result<HttpAnswer, Error> {
        let HttpRequest { what, timeout, .. } = request;
        let mut traced = None;
        let result = match tokio::time::timeout(timeout, self.exchange(request, &mut traced)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout { what, after: timeout, sent: true }),
        };
        match (result, &mut traced) {
            (Ok(answer), _) => Ok(HttpAnswer { traced, ..answer }),
            (Err(error), Some(exchange)) => {
                exchange.failed(&error);
                Err(error)
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn exchange(
        &self,
        request: HttpRequest<'_>,
        traced: &mut Option<TracedExchange>,
    ) -> Result<HttpAnswer, Error> {
        let HttpRequest { what, clear, .. } = request;
        let mut builder = self.client.post(self.target.url.clone());
        if request.body.is_empty() {
            // RFC 9110 8.6. The HTTP library leaves it out, and HTTP.sys answers a POST without it with 411.
            builder = builder.header(CONTENT_LENGTH, 0);
        }
        builder = builder.body(request.body);
        if let Some(value) = request.authorization {
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(value) = request.content_type {
            builder = builder.header(CONTENT_TYPE, value);
        }
        if let Some(cookies) = self.target.cookies.header() {
            builder = builder.header(COOKIE, cookies);
        }
        let request = builder.build().map_err(|error| self.classify(&error))?;
        if let Some(trace) = &self.target.trace {
            *traced = Some(TracedExchange::begin(trace, self.number, what, &request, clear));
        }
        let mut response = self.client.execute(request).await.map_err(|error| self.classify(&error))?;
        self.heard.store(true, Ordering::Relaxed);
        traced.iter_mut().for_each(|exchange| exchange.head(&response));
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
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && self.target.config.proxy.is_some()
        {
            return Err(self.proxy_error(ProxyProblem::SignIn));
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        // [MS-WSMV] says nothing of redirections; native clients follow these at the first request.
        if let (301..=303 | 307 | 308, Some(location)) = (response.status().as_u16(), location) {
            let location = elsewhere::shown(location);
            return Err(Error::Redirected { location, refused: RedirectRefused::Midway });
        }
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
        if let Some(exchange) = traced.as_mut().filter(|_| !multipart::is_encrypted(&content_type)) {
            exchange.answer(body.len(), &body, false);
        }
        Ok(HttpAnswer { status, content_type, challenges, body, date, closes, traced: None })
    }

    fn classify(&self, error: &reqwest::Error) -> Error {
        let reason = reason(error);
        let endpoint = self.target.endpoint();
        if find::<SecondConnection>(error).is_some() {
            return Error::Lost { reason, sent: false, answered: false };
        }
        let tls = find::<rustls::Error>(error).map(TlsProblem::of);
        if !error.is_connect() {
            return match tls {
                // In TLS 1.3 the server says so after the handshake.
                Some(reason @ TlsProblem::ClientCertificate(_)) => Error::Tls { endpoint, reason },
                _ if !self.target.is_tls() && self.is_foreign(error) => {
                    let reason = "what answers there is not HTTP: is it https (WinRM has http on 5985 and https on 5986)?";
                    Error::Connect { endpoint, reason: reason.into() }
                }
                _ => Error::Lost { reason, sent: true, answered: false },
            };
        }
        if let Some(reason) = tls {
            return Error::Tls { endpoint, reason };
        }
        if error.is_timeout() {
            let after = self.target.config.timeouts.connect;
            return Error::Timeout { what: "the connection", after, sent: false };
        }
        if self.target.config.proxy.is_some() {
            return self.proxy_error(ProxyProblem::of(&reason));
        }
        if self.target.is_tls() && is_cut(error) {
            // Windows closes the connection where a client has nothing to its liking to offer.
            let reason =
                TlsProblem::OldServer("the server closed the connection during the handshake".into());
            return Error::Tls { endpoint, reason };
        }
        Error::Connect { endpoint, reason }
    }

    /// Whether somebody who has not been heard yet answers with something else than HTTP.
    fn is_foreign(&self, error: &reqwest::Error) -> bool {
        !self.heard.load(Ordering::Relaxed) && find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse)
    }

    fn proxy_error(&self, reason: ProxyProblem) -> Error {
        Error::Proxy { proxy: self.target.config.proxy.clone().unwrap_or_default(), reason }
    }
}

/// The causes of an error, the outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |error| cause(*error))
}

/// The first error of this kind among the causes.
fn find<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|error| error.downcast_ref::<E>())
}

/// Whether the server closed the connection, or broke it.
fn is_cut(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{ConnectionReset, UnexpectedEof};
    let mut io = causes(error).filter_map(|error| error.downcast_ref::<std::io::Error>());
    io.any(|error| matches!(error.kind(), UnexpectedEof | ConnectionReset))
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
