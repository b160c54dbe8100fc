//! Listening, and the end of it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::config::{Listen, ServerConfig};
use super::connection::Connection;
use super::service::Service;
use super::shells::Shells;
use super::tls::{self, Identity};
use crate::auth::{Scheme, credssp};

/// How long connections may take to end when the server is shut down.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// The longest time until a shell is seen to be idle.
const SWEEP: Duration = Duration::from_secs(5);

/// A server that cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// An address that other machines can reach, without leave
    #[error("{0} is not a loopback address")]
    BeyondLoopback(SocketAddr),
    /// The address cannot be had
    #[error("cannot listen at {address}: {source}")]
    Bind {
        /// The address
        address: SocketAddr,
        /// Why
        source: std::io::Error,
    },
    /// No certificate
    #[error("no certificate could be made: {0}")]
    Certificate(String),
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    pub(super) service: Arc<dyn Service>,
    pub(super) shells: Shells,
    pub(super) identity: Option<Identity>,
    /// Made when the first client wants it: it takes a good part of a second
    credssp: OnceCell<credssp::Identity>,
}

impl Shared {
    /// The certificate inside CredSSP, where that scheme is offered.
    pub(super) async fn credssp_identity(&self) -> Option<&credssp::Identity> {
        if !self.config.schemes.contains(&Scheme::CredSsp) {
            return None;
        }
        let name = self.config.names.dns_computer.clone();
        let make = || async {
            let made = tokio::task::spawn_blocking(move || tls::credssp_identity(&name)).await;
            made.map_err(|error| ServerError::Certificate(error.to_string()))?
        };
        let made = self.credssp.get_or_try_init(make).await;
        made.inspect_err(|error| debug!(%error, "no CredSSP")).ok()
    }
}

/// A running server. Dropping it ends it at once; [`Self::shutdown`] lets it finish what it is at.
pub struct Server {
    shared: Arc<Shared>,
    addresses: Vec<(SocketAddr, bool)>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Begins to listen.
    pub async fn start(config: ServerConfig, service: Arc<dyn Service>) -> Result<Self, ServerError> {
        let mut listeners = Vec::new();
        for Listen { address, tls } in config.listen.iter().copied() {
            if !address.ip().is_loopback() && !config.danger_listen_beyond_loopback {
                return Err(ServerError::BeyondLoopback(address));
            }
            let bind = |source| ServerError::Bind { address, source };
            let listener = TcpListener::bind(address).await.map_err(bind)?;
            let address = listener.local_addr().map_err(bind)?;
            listeners.push((listener, address, tls));
        }
        let addresses: Vec<_> = listeners.iter().map(|(_, address, tls)| (*address, *tls)).collect();
        let secure: Vec<_> = addresses.iter().filter(|(_, tls)| *tls).map(|(address, _)| *address).collect();
        let identity = if secure.is_empty() { None } else { Some(Identity::make(&config, &secure)?) };
        let shells = Shells::new(service.clone(), config.limits);
        let shared = Arc::new(Shared { config, service, shells, identity, credssp: OnceCell::new() });
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let numbers = Arc::new(AtomicU64::new(1));
        for (listener, _, tls) in listeners {
            tasks.spawn(accept(listener, tls, shared.clone(), numbers.clone(), stopped.clone()));
        }
        tasks.spawn(sweep(shared.clone(), stopped));
        Ok(Self { shared, addresses, stop, tasks })
    }

    /// Where it listens, and whether with TLS; in the order of the configuration.
    pub fn addresses(&self) -> &[(SocketAddr, bool)] {
        &self.addresses
    }

    /// The URL of the first address of that kind, without a path.
    pub fn url(&self, tls: bool) -> Option<String> {
        let scheme = if tls { "https" } else { "http" };
        self.addresses
            .iter()
            .find(|(_, secure)| *secure == tls)
            .map(|(address, _)| format!("{scheme}://{address}"))
    }

    /// The certificate in PEM, for a client's CA file.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.shared.identity.as_ref().map(|identity| identity.pem.as_str())
    }

    /// How many shells are open.
    pub fn shell_count(&self) -> usize {
        self.shared.shells.count()
    }

    /// Takes no more connections, lets those that are answered end, closes all shells.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let _ =
            tokio::time::timeout(SHUTDOWN, async { while self.tasks.join_next().await.is_some() {} }).await;
        self.shared.shells.close_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.shells.close_all();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

async fn accept(
    listener: TcpListener,
    tls: bool,
    shared: Arc<Shared>,
    numbers: Arc<AtomicU64>,
    mut stopped: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(shared.config.limits.max_connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = wanted(&mut stopped) => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        // An error is that of one connection, or of too many open files: a pause, and on.
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        let (shared, stopped) = (shared.clone(), stopped.clone());
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        connections.spawn(async move {
            serve(stream, peer, number, tls, shared, stopped).await;
            drop(slot);
        });
    }
    while connections.join_next().await.is_some() {}
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    number: u64,
    tls: bool,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let connect = |certified| Arc::new(Connection::new(shared.clone(), peer, number, tls, certified));
    let identity = shared.identity.as_ref().filter(|_| tls);
    let Some(identity) = identity else { return serve_http(stream, connect(None), stopped).await };
    let handshake = TlsAcceptor::from(identity.tls.clone()).accept(stream);
    match tokio::time::timeout(shared.config.limits.connection_idle, handshake).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let certified = match (shown, &shared.config.client_certificates) {
                (Some(certificate), Some(known)) => known.account(certificate),
                _ => None,
            };
            serve_http(stream, connect(certified), stopped).await;
        }
        Ok(Err(error)) => debug!(%error, "no TLS"),
        Err(_) => debug!("no TLS in time"),
    }
}

async fn serve_http<S>(stream: S, connection: Arc<Connection>, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &connection.shared.config.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.connection_idle)
        .max_buf_size(limits.max_head.max(8192));
    let service = service_fn(|request| {
        let connection = connection.clone();
        async move { connection.handle(request).await }
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = wanted(&mut stopped) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "connection ended");
    }
}

async fn sweep(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let pause = (shared.config.limits.shell_idle / 4).clamp(Duration::from_millis(50), SWEEP);
    loop {
        tokio::select! {
            () = wanted(&mut stopped) => {
                shared.shells.close_all();
                return;
            }
            () = tokio::time::sleep(pause) => shared.shells.close_idle(),
        }
    }
}

/// Waits until the server is to end; the guard of the channel must not live across an await.
async fn wanted(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
