//! A tenant on sockets, under TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::hosts::{Host, Hosts};
use super::{Carried, Ending, Request, Response, Tenant, asked_for};
use crate::lab::LogEntry;

/// Largest request that is read.
const MAX_REQUEST: usize = 8 * 1024 * 1024;

/// One HTTP exchange, as far as it may be told.
#[derive(Debug)]
pub(in crate::lab) struct Seen<'a> {
    pub(in crate::lab) time_ms: u64,
    pub(in crate::lab) peer: SocketAddr,
    pub(in crate::lab) host: Host,
    pub(in crate::lab) method: &'a str,
    /// Without the query, which may hold the token of a page
    pub(in crate::lab) path: &'a str,
    pub(in crate::lab) cmdlet: &'a str,
    /// The object that is named
    pub(in crate::lab) identity: &'a str,
    pub(in crate::lab) status: u16,
    /// Whether there was a token with it
    pub(in crate::lab) shows_token: bool,
    pub(in crate::lab) retry_after: Option<&'a str>,
    pub(in crate::lab) request_bytes: usize,
    pub(in crate::lab) response_bytes: usize,
}

/// Who is told what crosses the wire.
pub(in crate::lab) trait Witness: Send + Sync {
    /// An exchange, and what the tenant did for it.
    fn saw(&self, seen: &Seen<'_>, calls: &[LogEntry]);

    /// What has changed on-premises, and is to be in the tenant by now.
    fn carried(&self, now_ms: u64) -> Vec<Carried> {
        let _ = now_ms;
        Vec::new()
    }
}

struct Nobody;

impl Witness for Nobody {
    fn saw(&self, _: &Seen<'_>, _: &[LogEntry]) {}
}

/// A certificate with its key, both PEM.
pub(in crate::lab) struct Identity {
    pub(in crate::lab) certificate_pem: String,
    pub(in crate::lab) key_pem: SecretString,
}

impl Identity {
    /// A self-signed one for these names and addresses.
    pub(in crate::lab) fn made(mut names: Vec<String>) -> io::Result<Self> {
        names.sort();
        names.dedup();
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        Ok(Self { certificate_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem().into() })
    }

    fn server(&self) -> io::Result<ServerConfig> {
        let chain = CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.expose_secret().as_bytes())
            .map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(io::Error::other)
    }
}

/// A tenant that is served until this is dropped.
pub struct Running {
    hosts: Hosts,
    ca_pem: String,
    tenant: Arc<Mutex<Tenant>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the connections of one host share.
struct Door {
    host: Host,
    tenant: Arc<Mutex<Tenant>>,
    witness: Arc<dyn Witness>,
    /// How much later every answer comes
    latency: Duration,
}

impl Running {
    /// Serves the tenant that `make` makes for the addresses where it is reached: free ports of 127.0.0.1.
    ///
    /// # Errors
    /// No socket, or no certificate.
    pub async fn start(make: impl FnOnce(&Hosts) -> Tenant) -> io::Result<Self> {
        let identity = Identity::made(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        Self::serve(Ipv4Addr::LOCALHOST.into(), &identity, Arc::new(Nobody), Duration::ZERO, make).await
    }

    /// The same at free ports of another address, told to a witness.
    pub(in crate::lab) async fn serve(
        ip: IpAddr,
        identity: &Identity,
        witness: Arc<dyn Witness>,
        latency: Duration,
        make: impl FnOnce(&Hosts) -> Tenant,
    ) -> io::Result<Self> {
        let bind = || TcpListener::bind(SocketAddr::new(ip, 0));
        let (main, graph, regional) = (bind().await?, bind().await?, bind().await?);
        let (hostile, machine) = (bind().await?, bind().await?);
        let base = |listener: &TcpListener| Ok::<_, io::Error>(format!("https://{}", listener.local_addr()?));
        let hosts = Hosts {
            main: base(&main)?,
            graph: base(&graph)?,
            regional: base(&regional)?,
            hostile: base(&hostile)?,
            identity: format!("http://{}", machine.local_addr()?),
        };
        let acceptor = TlsAcceptor::from(Arc::new(identity.server()?));
        let tenant = Arc::new(Mutex::new(make(&hosts)));
        let doors = [
            (Host::Main, main),
            (Host::Graph, graph),
            (Host::Regional, regional),
            (Host::Hostile, hostile),
            (Host::Identity, machine),
        ];
        let tasks = doors.map(|(host, listener)| {
            let door = Door { host, tenant: Arc::clone(&tenant), witness: Arc::clone(&witness), latency };
            tokio::spawn(accept(listener, acceptor.clone(), Arc::new(door)))
        });
        Ok(Self { hosts, ca_pem: identity.certificate_pem.clone(), tenant, tasks: tasks.into() })
    }

    /// `https://127.0.0.1:PORT`, for sign-in and Exchange
    pub fn base(&self) -> &str {
        &self.hosts.main
    }

    /// `https://127.0.0.1:PORT`, for Graph
    pub fn graph(&self) -> &str {
        &self.hosts.graph
    }

    /// `http://127.0.0.1:PORT`, where a machine asks for its identity
    pub fn identity(&self) -> &str {
        &self.hosts.identity
    }

    /// Where it is reached.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// What a client is to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The tenant, which answers nobody while this is held.
    pub fn tenant(&self) -> MutexGuard<'_, Tenant> {
        self.tenant.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, door: Arc<Door>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        tokio::spawn(serve(stream, peer, acceptor.clone(), Arc::clone(&door)));
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor, door: Arc<Door>) {
    if door.host == Host::Identity {
        return answer_all(TokioIo::new(stream), peer, door).await;
    }
    if let Ok(stream) = acceptor.accept(stream).await {
        answer_all(TokioIo::new(stream), peer, door).await;
    }
}

async fn answer_all(stream: impl Read + Write + Unpin, peer: SocketAddr, door: Arc<Door>) {
    let service = service_fn(move |request| answer(request, peer, Arc::clone(&door)));
    // What a client breaks off is its own affair.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    door: Arc<Door>,
) -> io::Result<hyper::Response<Body>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_REQUEST).collect().await else {
        return built(Response { status: 413, ..Response::default() });
    };
    let body = body.to_bytes();
    tokio::time::sleep(door.latency).await;
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let request =
        Request { host: door.host, method: head.method.as_str(), target, headers: &headers, body: &body };
    let time_ms = now_ms();
    let (_, identity) = asked_for(&request);
    let (response, calls) = {
        let mut tenant = door.tenant.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock of the tenant, so that nobody overtakes what came before.
        tenant.synchronise(&door.witness.carried(time_ms), time_ms);
        (tenant.answer(&request, time_ms), tenant.take_log())
    };
    let seen = Seen {
        time_ms,
        peer,
        host: door.host,
        method: head.method.as_str(),
        path: head.uri.path(),
        cmdlet: request.header("X-CmdletName"),
        identity: &identity,
        status: response.status,
        shows_token: !request.header("Authorization").is_empty(),
        retry_after: response.header("Retry-After"),
        request_bytes: body.len(),
        response_bytes: response.body.len(),
    };
    door.witness.saw(&seen, &calls);
    built(response)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The answer for the wire. An error ends the connection.
fn built(response: Response) -> io::Result<hyper::Response<Body>> {
    let mut built = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers {
        built = built.header(&*name, value);
    }
    let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
    let body = Bytes::from(response.body);
    let body = match response.ending {
        Ending::Whole => Full::from(body).map_err(|never| match never {}).boxed_unsync(),
        Ending::Truncated => {
            let parts = stream::iter([Ok(Frame::data(body)), Err(broken())]);
            StreamBody::new(parts).boxed_unsync()
        }
        Ending::Reset => return Err(broken()),
    };
    built.body(body).map_err(io::Error::other)
}
