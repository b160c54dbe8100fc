//! Looking at the way to a server step by step, without signing in: what a diagnosis needs when the whole does not work.

mod certificate;
mod date;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::ConnectionConfig;
use super::error::Error;
use super::http::{HttpConnection, HttpRequest};
use super::redirect::{self, MAX_REDIRECTS, RedirectRefused};
use super::target::Target;
use watch::Watch;

pub use certificate::ShownCertificate;

/// What a request without a sign-in tells.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// HTTP status, usually 401
    pub status: u16,
    /// Schemes of `WWW-Authenticate` (RFC 9110 section 11.6.1) as the server names them
    pub schemes: Vec<String>,
    /// The server's clock, from `Date` (RFC 9110 section 6.6.1), with our own at that moment
    pub clock: Option<Clocks>,
}

/// Two clocks at the same moment, as far as a network can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The server's; whole seconds
    pub server: SystemTime,
    /// Ours
    pub own: SystemTime,
}

impl Clocks {
    /// By how many seconds the server's clock is ahead of ours; negative: behind.
    #[must_use]
    pub fn ahead(&self) -> i64 {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        match self.server.duration_since(self.own) {
            Ok(ahead) => seconds(ahead),
            Err(behind) => -seconds(behind.duration()),
        }
    }
}

/// What a request without a sign-in came to.
#[derive(Debug)]
pub struct Knock {
    /// Who answered: the URL of the configuration, or where that server sends its clients and may
    pub url: String,
    /// Certificates that the server showed, its own first; empty without TLS, or where it did not come to that. Also
    /// there when the certificate was refused
    pub certificates: Vec<ShownCertificate>,
    /// What the server answered
    pub result: Result<Greeting, Error>,
}

/// The addresses of the host that is connected to first: the proxy where there is one, else the server.
///
/// # Errors
/// [`Error::Configuration`] for settings that cannot be used, [`Error::Connect`] where the name is not known.
pub async fn resolve(config: &ConnectionConfig) -> Result<Vec<SocketAddr>, Error> {
    let (host, port) = first_hop(config)?;
    let endpoint = format!("{host}:{port}");
    let failed = |reason: String| Error::Connect { endpoint: endpoint.clone(), reason };
    let found = timeout(config.timeouts.connect, tokio::net::lookup_host((host.as_str(), port)))
        .await
        .map_err(|_| failed("no answer from DNS in time".into()))?
        .map_err(|error| failed(error.to_string()))?;
    let addresses: Vec<_> = found.collect();
    if addresses.is_empty() { Err(failed("the name has no address".into())) } else { Ok(addresses) }
}

/// Connects to the first of the addresses that answers, and hangs up.
///
/// # Errors
/// [`Error::Connect`] with what the last one said.
pub async fn connect(config: &ConnectionConfig, addresses: &[SocketAddr]) -> Result<SocketAddr, Error> {
    let mut reason = "there is no address".to_owned();
    for address in addresses {
        match timeout(config.timeouts.connect, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(*address),
            Ok(Err(error)) => reason = error.to_string(),
            Err(_) => reason = format!("no answer within {} s", config.timeouts.connect.as_secs()),
        }
    }
    let (host, port) = first_hop(config)?;
    Err(Error::Connect { endpoint: format!("{host}:{port}"), reason })
}

/// Sends a request without a body and without a sign-in, and keeps what is to be learnt from it. Redirections are
/// followed where a session would follow them.
pub async fn knock(mut config: ConnectionConfig) -> Knock {
    for _ in 0..=MAX_REDIRECTS {
        let knock = knock_there(config.clone()).await;
        let Some(location) = knock.result.as_ref().err().and_then(redirect::location) else { return knock };
        match config.check().and_then(|from| redirect::follow(&config, &from, &location)) {
            Ok(next) => config = next,
            Err(refused) => return Knock { result: Err(refused), ..knock },
        }
    }
    let location = redirect::shown(&config.url);
    let result = Err(Error::Redirected { location, refused: RedirectRefused::TooMany });
    Knock { url: config.url, certificates: Vec::new(), result }
}

async fn knock_there(config: ConnectionConfig) -> Knock {
    let url = config.url.clone();
    // The system's certificate store may be read, which takes its time.
    let target = match tokio::task::spawn_blocking(move || Target::new(config)).await {
        Ok(Ok(target)) => target,
        Ok(Err(error)) => return Knock { url, certificates: Vec::new(), result: Err(error) },
        Err(_) => return Knock { url, certificates: Vec::new(), result: Err(Error::Closed) },
    };
    let watch = Watch::default();
    let target = Arc::new(target.judged_by(|verifier| watch.around(verifier)));
    let result = greeting(&target).await;
    let certificates = watch.shown().iter().map(|der| ShownCertificate::read(der)).collect();
    Knock { url, certificates, result }
}

async fn greeting(target: &Arc<Target>) -> Result<Greeting, Error> {
    let connection = HttpConnection::new(target.clone())?;
    let request = HttpRequest {
        authorization: None,
        content_type: Some("application/soap+xml;charset=UTF-8"),
        body: Vec::new(),
        clear: None,
        what: "a request without a sign-in",
        timeout: target.config.timeouts.sign_in,
    };
    let answer = connection.post(request).await?;
    let own = SystemTime::now();
    let server = answer.date.as_deref().and_then(date::read);
    Ok(Greeting {
        status: answer.status.as_u16(),
        schemes: answer.challenges.iter().map(|challenge| challenge.name.clone()).collect(),
        clock: server.map(|server| Clocks { server, own }),
    })
}

fn first_hop(config: &ConnectionConfig) -> Result<(String, u16), Error> {
    let own = config.check()?;
    let proxy = config.proxy.as_deref().and_then(|proxy| Url::parse(proxy).ok());
    let url = proxy.unwrap_or(own);
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_or_known_default().unwrap_or(1080);
    Ok((host, port))
}
