//! Where a server listens and what it allows.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretSlice;

use crate::auth::kerberos::Service as KerberosService;
use crate::auth::ntlm::ServerNames;
use crate::auth::{Scheme, UserName};

/// How a server is run.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Addresses to listen at; port 0 takes a free one
    pub listen: Vec<Listen>,
    /// Listen at addresses other machines can reach as well
    pub danger_listen_beyond_loopback: bool,
    /// What is served
    pub endpoints: Vec<Endpoint>,
    /// Names the server goes by, for NTLM and in its certificate
    pub names: ServerNames,
    /// Schemes that are offered and taken: `Negotiate` (SPNEGO or raw NTLM), `NTLM`, `CredSSP`
    pub schemes: Vec<Scheme>,
    /// The keys of the service, to take Kerberos under `Negotiate` and `Kerberos`
    pub kerberos: Option<Arc<KerberosService>>,
    /// Take Basic over TLS as well
    pub allow_basic: bool,
    /// Take certificates of clients over TLS as well
    pub client_certificates: Option<ClientCertificates>,
    /// The certificate of TLS and its key; without one it is made at the start
    pub identity: Option<ServerIdentity>,
    /// Refuse a sign-in over TLS that is not bound to it
    pub require_channel_binding: bool,
    /// What clients may take up
    pub limits: ServerLimits,
}

/// Whose certificates are taken, and for which accounts.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificates {
    /// Certificates of authorities in PEM: what a client shows must be issued by one of them
    pub ca_pem: Vec<u8>,
    /// Accounts by the SHA-256 of a certificate. Any other certificate stands for the account that its user principal
    /// name (in the subject's alternative names) names, as WinRM maps them
    pub accounts: Vec<([u8; 32], UserName)>,
}

/// A certificate for TLS, with its key.
#[derive(Clone)]
pub struct ServerIdentity {
    /// The certificate, and those between it and its root, in PEM
    pub certificate_pem: Vec<u8>,
    /// Its key in PEM
    pub key_pem: Arc<SecretSlice<u8>>,
}

impl std::fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerIdentity").finish_non_exhaustive()
    }
}

/// One address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// IP address and port
    pub address: SocketAddr,
    /// With TLS
    pub tls: bool,
}

/// What is served under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Such as `/PowerShell`; compared without regard to case and to a slash at the end
    pub path: String,
    /// Resource URIs of the shells that can be opened there; compared without regard to case
    pub resource_uris: Vec<String>,
}

/// What clients may take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Bytes of a request's body
    pub max_body: usize,
    /// Bytes of a request's head
    pub max_head: usize,
    /// Connections at once
    pub max_connections: usize,
    /// Shells of one user at once
    pub max_shells_per_user: usize,
    /// Time for a request's head and body to arrive, and for a connection without requests
    pub connection_idle: Duration,
    /// Time after which a shell that nobody uses is closed
    pub shell_idle: Duration,
    /// Longest time that a Receive waits, whatever the client asks for
    pub max_operation_timeout: Duration,
    /// How long output is held back for more of it, so that a short command is answered in one piece
    pub gather: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_body: 4 * 512_000,
            max_head: 64 * 1024,
            max_connections: 200,
            max_shells_per_user: 18,
            connection_idle: Duration::from_secs(120),
            shell_idle: Duration::from_secs(2 * 60 * 60),
            max_operation_timeout: Duration::from_secs(60),
            gather: Duration::from_millis(100),
        }
    }
}

impl ServerConfig {
    /// A server at free ports of 127.0.0.1, one without and one with TLS.
    pub fn loopback(endpoints: Vec<Endpoint>, names: ServerNames) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: vec![Listen { address, tls: false }, Listen { address, tls: true }],
            danger_listen_beyond_loopback: false,
            endpoints,
            names,
            schemes: vec![Scheme::Negotiate],
            kerberos: None,
            allow_basic: true,
            client_certificates: None,
            identity: None,
            require_channel_binding: false,
            limits: ServerLimits::default(),
        }
    }

    /// The endpoint of a request's path.
    pub(super) fn endpoint(&self, path: &str) -> Option<&Endpoint> {
        let plain = |path: &str| path.trim_end_matches('/').to_ascii_lowercase();
        self.endpoints.iter().find(|endpoint| plain(&endpoint.path) == plain(path))
    }
}
