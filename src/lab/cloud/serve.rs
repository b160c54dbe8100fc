//! A tenant on loopback, under TLS with a certificate of its own.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{Request, Response, Tenant};

/// Largest request that is read.
const MAX_REQUEST: usize = 8 * 1024 * 1024;

/// A tenant that is served until this is dropped.
#[derive(Debug)]
pub struct Running {
    base: String,
    ca_pem: String,
    task: JoinHandle<()>,
}

impl Running {
    /// Serves the tenant that `make` makes for the address where it is reached.
    ///
    /// # Errors
    /// No socket, or no certificate.
    pub async fn start(make: impl FnOnce(&str) -> Tenant) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let base = format!("https://{}", listener.local_addr()?);
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .map_err(io::Error::other)?;
        let tenant = Arc::new(Mutex::new(make(&base)));
        let task = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), tenant));
        Ok(Self { base, ca_pem: made.cert.pem(), task })
    }

    /// `https://127.0.0.1:PORT`
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What a client is to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, tenant: Arc<Mutex<Tenant>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&tenant)));
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, tenant: Arc<Mutex<Tenant>>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request| answer(request, Arc::clone(&tenant)));
    // What a client breaks off is its own affair.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: hyper::Request<Incoming>,
    tenant: Arc<Mutex<Tenant>>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_REQUEST).collect().await else {
        return Ok(built(Response { status: 413, ..Response::default() }));
    };
    let body = body.to_bytes();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request { method: head.method.as_str(), target, headers: &headers, body: &body };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    Ok(built(tenant.lock().unwrap_or_else(PoisonError::into_inner).answer(&request, now)))
}

fn built(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut built = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers {
        built = built.header(name, value);
    }
    built.body(Full::from(response.body)).unwrap_or_default()
}
