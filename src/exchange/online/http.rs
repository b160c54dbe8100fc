//! HTTPS to the cloud: one client for sign-in, Exchange and Graph. It follows no redirection and keeps no cookie by itself.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, ClientBuilder, Method, Proxy, redirect};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use wsman::client::{TlsOptions, Trace};

use super::failure;
use super::shown::shown;
use crate::config::{Cloud, Connection, Infrastructure};
use crate::exchange::ExchangeError;

/// Largest answer that is read: a page of a thousand mailboxes has some ten million bytes.
pub(super) const MOST: usize = 128 * 1024 * 1024;

/// The client of one connection.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
    /// For the service of the machine itself that says who it is: without TLS, and never by a proxy
    local: Client,
    trace: Option<(Trace, u64)>,
}

/// A request.
pub(super) struct Outgoing<'a> {
    /// What it is for, in a trace
    pub(super) name: &'a str,
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) token: Option<&'a SecretString>,
    /// May hold a secret
    pub(super) body: Zeroizing<Vec<u8>>,
    /// How long to wait for the answer
    pub(super) patience: Duration,
    /// How many bytes of it are read
    pub(super) most: usize,
}

/// An answer.
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    challenge: Option<String>,
    pub(super) diagnostics: Option<String>,
    /// Names of the header fields, in small letters
    pub(super) names: Vec<String>,
    /// `Date`: the server's clock
    pub(super) date: Option<String>,
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
    pub(super) async fn new(
        connection: &Connection,
        cloud: &Cloud,
        trace: Option<&Trace>,
    ) -> Result<Self, ExchangeError> {
        let setting =
            |message: String| ExchangeError::Setting { connection: connection.name.clone(), message };
        let tls = tls(connection, cloud).map_err(setting)?;
        let mut client = builder(connection)
            .https_only(true)
            .tls_backend_preconfigured(tls.client_config().map_err(|error| setting(error.to_string()))?);
        if let Some(settings) = &connection.proxy {
            let unusable = |_| setting(format!("proxy.url = \"{}\" cannot be used", settings.url));
            let mut proxy = Proxy::all(settings.url.as_str()).map_err(unusable)?;
            if let (Some(user), Some(password)) = (&settings.username, &settings.password) {
                let password = connection.secrets.fetch(password).await?;
                trace.iter().for_each(|trace| trace.hide(&password));
                proxy = proxy.basic_auth(user, password.expose_secret());
            }
            client = client.proxy(proxy);
        }
        let trust_nobody = TlsOptions { ca_pem: tls.ca_pem.clone(), ..TlsOptions::default() };
        let local = builder(connection).tls_backend_preconfigured(
            trust_nobody.client_config().map_err(|error| setting(error.to_string()))?,
        );
        Ok(Self {
            client: client.build().map_err(|error| setting(error.to_string()))?,
            local: local.build().map_err(|error| setting(error.to_string()))?,
            trace: trace.map(|trace| (trace.clone(), trace.new_connection())),
        })
    }

    /// Keeps a secret out of the trace.
    pub(super) fn hide(&self, secret: &SecretString) {
        if let Some((trace, _)) = &self.trace {
            trace.hide(secret);
        }
    }

    /// Sends one request and reads its answer whole.
    pub(super) async fn send(&self, outgoing: Outgoing<'_>) -> Result<Received, NoAnswer> {
        self.sent_by(&self.client, outgoing).await
    }

    /// The same, to this machine or its host.
    pub(super) async fn send_locally(&self, outgoing: Outgoing<'_>) -> Result<Received, NoAnswer> {
        self.sent_by(&self.local, outgoing).await
    }

    async fn sent_by(&self, client: &Client, outgoing: Outgoing<'_>) -> Result<Received, NoAnswer> {
        let traced = self.trace.as_ref().map(|(trace, connection)| {
            outgoing.token.iter().for_each(|token| trace.hide(token));
            let headers = outgoing.headers.iter().map(|(name, value)| (*name, value.as_str()));
            // What it is is hidden, so that it stands for itself.
            let bearer = outgoing.token.map(|_| ("Authorization", "Bearer ***"));
            let line = (outgoing.method.as_str(), outgoing.url.as_str());
            trace.begin(*connection, outgoing.name, line, headers.chain(bearer), &shown(&outgoing.body))
        });
        let received = exchange(client, outgoing).await;
        match (traced, &received) {
            (Some(traced), Ok((received, headers))) => {
                let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                traced.answer(received.status, headers, &shown(&received.body));
            }
            (Some(traced), Err(error)) => traced.failed(&error.reason),
            (None, _) => {}
        }
        received.map(|(received, _)| received)
    }
}

/// A hybrid connection has a server of its own, for which most of `tls` is meant: what is trusted there is trusted here beside the
/// system's authorities, and no protection is given up.
pub(super) fn tls(connection: &Connection, cloud: &Cloud) -> Result<TlsOptions, String> {
    let is_cloud = connection.infrastructure == Infrastructure::Cloud;
    let mut options = TlsOptions {
        danger_skip_tls_verification: is_cloud && connection.danger.skip_tls_verification,
        system_too: !is_cloud && cloud.ca_file.is_none(),
        ..TlsOptions::default()
    };
    let (key, file) = match &cloud.ca_file {
        Some(file) => ("cloud.ca_file", Some(file)),
        None => ("tls.ca_file", connection.tls.ca_file.as_ref()),
    };
    if let Some(file) = file {
        let unreadable = |error| format!("{key} = \"{}\": {error}", file.display());
        options.ca_pem = Some(std::fs::read(file).map_err(unreadable)?);
    }
    Ok(options)
}

fn builder(connection: &Connection) -> ClientBuilder {
    Client::builder()
        .connect_timeout(connection.timeouts.connect)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .user_agent(concat!("mailwright/", env!("CARGO_PKG_VERSION")))
}

/// The header fields of an answer, as they came.
type Fields = Vec<(String, String)>;

async fn exchange(client: &Client, outgoing: Outgoing<'_>) -> Result<(Received, Fields), NoAnswer> {
    let mut request = client.request(outgoing.method, outgoing.url.clone()).timeout(outgoing.patience);
    for (name, value) in &outgoing.headers {
        request = request.header(*name, value);
    }
    if let Some(token) = outgoing.token {
        request = request.bearer_auth(token.expose_secret());
    }
    let body = Bytes::from_owner(outgoing.body);
    let mut response = request.body(body).send().await.map_err(|error| no_answer(&error))?;
    let fields: Fields = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let header =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let mut received = Received {
        status: response.status().as_u16(),
        retry_after: header("retry-after"),
        challenge: header("www-authenticate"),
        diagnostics: header("x-ms-diagnostics"),
        names: fields.iter().map(|(name, _)| name.clone()).collect(),
        date: header("date"),
        location: header("location"),
        cookies: fields
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .map(|(_, value)| value.clone())
            .collect(),
        body: Zeroizing::default(),
    };
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
        if received.body.len() + chunk.len() > outgoing.most {
            let reason = format!("the answer is larger than {} bytes", outgoing.most);
            return Err(NoAnswer { reason, sent: true });
        }
        received.body.extend_from_slice(&chunk);
    }
    Ok((received, fields))
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
