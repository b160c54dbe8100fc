//! HTTPS to the cloud: one client for sign-in, Exchange and Graph. It follows no redirection and keeps no cookie by itself.

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, Method, Proxy, redirect};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use wsman::client::TlsOptions;

use super::failure;
use crate::config::Connection;
use crate::exchange::ExchangeError;

/// Largest answer that is read: a page of a thousand mailboxes has some ten million bytes.
const MAX_ANSWER: usize = 128 * 1024 * 1024;
/// The service gives up after fifteen minutes, and says so a little later.
const ANSWER: Duration = Duration::from_secs(960);

/// The client of one connection.
#[derive(Clone, Debug)]
pub(super) struct Http(Client);

/// An answer.
pub(super) struct Received {
    pub(super) status: u16,
    retry_after: Option<String>,
    challenge: Option<String>,
    diagnostics: Option<String>,
    pub(super) location: Option<String>,
    pub(super) cookies: Vec<String>,
    /// May hold a token
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct NoAnswer {
    /// What the system says
    pub(super) reason: String,
    /// Whether the server may have got the request
    pub(super) sent: bool,
}

impl Http {
    /// Nothing is sent yet.
    pub(super) async fn new(connection: &Connection) -> Result<Self, ExchangeError> {
        let setting =
            |message: String| ExchangeError::Setting { connection: connection.name.clone(), message };
        let mut tls = TlsOptions {
            danger_skip_tls_verification: connection.danger.skip_tls_verification,
            ..TlsOptions::default()
        };
        if let Some(file) = &connection.tls.ca_file {
            let unreadable = |error| setting(format!("tls.ca_file = \"{}\": {error}", file.display()));
            tls.ca_pem = Some(std::fs::read(file).map_err(unreadable)?);
        }
        let mut client = Client::builder()
            .connect_timeout(connection.timeouts.connect)
            .timeout(ANSWER)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .https_only(true)
            .user_agent(concat!("mailwright/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls.client_config().map_err(|error| setting(error.to_string()))?);
        if let Some(settings) = &connection.proxy {
            let unusable = |_| setting(format!("proxy.url = \"{}\" cannot be used", settings.url));
            let mut proxy = Proxy::all(settings.url.as_str()).map_err(unusable)?;
            if let (Some(user), Some(password)) = (&settings.username, &settings.password) {
                proxy = proxy.basic_auth(user, connection.secrets.fetch(password).await?.expose_secret());
            }
            client = client.proxy(proxy);
        }
        client.build().map(Self).map_err(|error| setting(error.to_string()))
    }

    /// Sends one request and reads its answer whole.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&'static str, String)],
        token: Option<&SecretString>,
        body: Vec<u8>,
    ) -> Result<Received, NoAnswer> {
        let mut request = self.0.request(method, url.clone());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut response = request.body(body).send().await.map_err(|error| no_answer(&error))?;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut received = Received {
            status: response.status().as_u16(),
            retry_after: header("Retry-After"),
            challenge: header("WWW-Authenticate"),
            diagnostics: header("x-ms-diagnostics"),
            location: header("Location"),
            cookies: response
                .headers()
                .get_all("Set-Cookie")
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect(),
            body: Zeroizing::default(),
        };
        while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
            if received.body.len() + chunk.len() > MAX_ANSWER {
                let reason = format!("the answer is larger than {MAX_ANSWER} bytes");
                return Err(NoAnswer { reason, sent: true });
            }
            received.body.extend_from_slice(&chunk);
        }
        Ok(received)
    }
}

impl Received {
    /// It as what went wrong is read from.
    pub(super) fn reply(&self) -> failure::Reply<'_> {
        failure::Reply {
            status: self.status,
            retry_after: self.retry_after.as_deref(),
            challenge: self.challenge.as_deref(),
            diagnostics: self.diagnostics.as_deref(),
            body: &self.body,
        }
    }
}

/// The URL of a request may hold a page's token, so it is not repeated.
fn no_answer(error: &reqwest::Error) -> NoAnswer {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let reason = match causes.last() {
        _ if error.is_timeout() => "no answer in time".to_owned(),
        Some(cause) => cause.to_string(),
        None => "the exchange broke off".to_owned(),
    };
    NoAnswer { reason, sent: !error.is_connect() }
}
