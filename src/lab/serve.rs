//! The embedded Exchange as a WS-Management server: real sign-in, real sealing, real sockets.

mod cloud;
mod config;
mod journal;
mod service;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use wsman::auth::Scheme;
use wsman::auth::kerberos;
use wsman::auth::ntlm::ServerNames;
use wsman::server::{ClientCertificates, Listen, Server, ServerConfig, ServerError, ServerLimits};

pub use self::cloud::Cloud;
use self::journal::Journal;
use self::service::{Lab, Shared};
use super::{Endpoint, Exchange, Fault, Options, Seed, SeedError};

/// The account that identity systems use, where the directory has it.
const SERVICE_ACCOUNT: &str = "svc-idm";

/// How an embedded Exchange is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where http is served; https takes a free port of the same IP address
    pub listen: SocketAddr,
    /// How much later every pipeline begins, and every answer of the tenant comes
    pub latency: Duration,
    /// How long a mailbox of the tenant needs to come after a licence, and to go after the last one
    pub mailbox_delay: Duration,
    /// How long a change needs from one domain controller to the others
    pub replication_delay: Duration,
    /// How long a change on-premises needs to the tenant; nothing comes there where there is none. At zero it is there with the
    /// next request
    pub sync_delay: Option<Duration>,
    /// Keys of the service: Kerberos is taken then, under `Negotiate` and `Kerberos`, from whomever the KDC vouches for
    pub keytab: Option<PathBuf>,
    /// Where every HTTP exchange and every cmdlet is written, as JSON lines with secrets masked
    pub log: Option<PathBuf>,
    /// Where the directory is written at the end
    pub dump: Option<PathBuf>,
    /// Authorities in PEM whose certificates sign clients in over https, as the account that the user principal name in the
    /// certificate names
    pub client_ca: Option<Vec<u8>>,
    /// Certificates (DER) that the application of the tenant signs in with, beside its secret
    pub application_certificates: Vec<Vec<u8>>,
}

impl Default for ServeOptions {
    /// Free ports of 127.0.0.1, no delays, no files.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            latency: Duration::ZERO,
            mailbox_delay: Duration::ZERO,
            replication_delay: Duration::ZERO,
            sync_delay: None,
            keytab: None,
            log: None,
            dump: None,
            client_ca: None,
            application_certificates: Vec::new(),
        }
    }
}

/// Why an embedded Exchange cannot be served, or not be ended properly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The directory to begin with
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The directory has no account with a password
    #[error("the directory has no account that can sign in: none has a `Password`")]
    NoAccount,
    /// Sockets or certificate
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Sockets or certificate of the tenant
    #[error("the tenant cannot be served: {0}")]
    Cloud(io::Error),
    /// A keytab that cannot be read
    #[error("the keytab {} cannot be used: {reason}", .file.display())]
    Keytab {
        /// The file
        file: PathBuf,
        /// Why
        reason: String,
    },
    /// A file that cannot be written
    #[error("cannot write {}: {source}", .file.display())]
    File {
        /// The file
        file: PathBuf,
        /// Why
        source: io::Error,
    },
}

impl Seed {
    /// The directory of `samples/directory.json`, which is built in.
    ///
    /// # Errors
    /// [`SeedError`] as of [`Seed::from_json`].
    pub fn sample() -> Result<Self, SeedError> {
        Self::from_json(include_str!("../../samples/directory.json"))
    }
}

/// Begins to serve an embedded Exchange. An address beyond loopback is served when it is what `listen` says.
///
/// # Errors
/// [`ServeError`] when the seed contradicts itself, has nobody who can sign in, or the address or the log cannot be had.
pub async fn serve(seed: Seed, options: ServeOptions) -> Result<Running, ServeError> {
    let delay = u64::try_from(options.replication_delay.as_millis()).unwrap_or(u64::MAX);
    let max_shells = seed.restrictions.max_shells_per_user;
    let routing_domain = seed.remote_routing_domain.clone();
    let exchange =
        Exchange::new(seed.clone(), Options { replication_delay_ms: delay, ..Options::default() })?;
    let (user, password) = service_account(&exchange).ok_or(ServeError::NoAccount)?;
    let names = ServerNames {
        netbios_computer: exchange.server().to_owned(),
        netbios_domain: exchange.netbios_domain().to_owned(),
        dns_computer: format!("{}.{}", exchange.server(), exchange.forest()).to_lowercase(),
        dns_domain: exchange.forest().to_owned(),
    };
    let journal = options.log.as_deref().map(Journal::create).transpose()?;
    let shared = Arc::new(Shared::new(exchange, journal, options.latency, options.sync_delay));
    let ip = options.listen.ip();
    let tls = SocketAddr::new(ip, 0);
    let identity = cloud::identity(&names, ip).map_err(ServeError::Cloud)?;
    let mut limits = ServerLimits::default();
    limits.max_shells_per_user = max_shells.unwrap_or(limits.max_shells_per_user);
    let kerberos = options.keytab.as_deref().map(kerberos_service).transpose()?;
    let mut schemes = vec![Scheme::Negotiate, Scheme::CredSsp];
    if kerberos.is_some() {
        schemes.insert(1, Scheme::Kerberos);
    }
    let config = ServerConfig {
        limits,
        listen: vec![Listen { address: options.listen, tls: false }, Listen { address: tls, tls: true }],
        // Whoever names such an address has said so.
        danger_listen_beyond_loopback: !options.listen.ip().is_loopback(),
        schemes,
        kerberos,
        identity: Some(cloud::given(&identity)),
        client_certificates: options
            .client_ca
            .clone()
            .map(|ca_pem| ClientCertificates { ca_pem, ..ClientCertificates::default() }),
        ..ServerConfig::loopback(service::endpoints(), names)
    };
    let server = Server::start(config, Arc::new(Lab(Arc::clone(&shared)))).await?;
    let (Some(http), Some(https), Some(ca_pem)) =
        (server.url(false), server.url(true), server.certificate_pem().map(str::to_owned))
    else {
        return Err(ServerError::Certificate("there is none".into()).into());
    };
    let cloud = cloud::serve(seed, &options, ip, &identity, Arc::clone(&shared)).await?;
    let dump = options.dump;
    Ok(Running { server, shared, cloud, http, https, ca_pem, user, password, routing_domain, dump })
}

fn kerberos_service(file: &Path) -> Result<Arc<kerberos::Service>, ServeError> {
    let unusable = |reason: String| ServeError::Keytab { file: file.to_owned(), reason };
    let bytes = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let keytab = kerberos::Keytab::parse(&bytes).map_err(|error| unusable(error.to_string()))?;
    Ok(Arc::new(kerberos::Service::from_keytab(&keytab)))
}

fn service_account(exchange: &Exchange) -> Option<(String, SecretString)> {
    let mut accounts = exchange.accounts();
    accounts.sort_by_key(|(name, _)| name != SERVICE_ACCOUNT);
    let (name, _) = accounts.into_iter().next()?;
    let password = exchange.password(None, &name)?;
    Some((format!("{}\\{name}", exchange.netbios_domain()), password))
}

/// An embedded Exchange that is served. Dropping it ends it at once and writes no dump.
#[derive(Debug)]
pub struct Running {
    server: Server,
    shared: Arc<Shared>,
    cloud: Cloud,
    http: String,
    https: String,
    ca_pem: String,
    user: String,
    password: SecretString,
    routing_domain: Option<String>,
    dump: Option<PathBuf>,
}

impl Running {
    /// Scheme, IP address and port, without a path.
    pub fn base_url(&self, tls: bool) -> &str {
        if tls { &self.https } else { &self.http }
    }

    /// The URL of an endpoint.
    pub fn url(&self, endpoint: Endpoint, tls: bool) -> String {
        let path = match endpoint {
            Endpoint::PowerShell => "/PowerShell/",
            Endpoint::Wsman => "/wsman",
            Endpoint::Online => {
                let (base, tenant) = (self.cloud.base_url(), self.cloud.tenant());
                return format!("{base}/adminapi/beta/{tenant}/InvokeCommand");
            }
        };
        format!("{}{path}", self.base_url(tls))
    }

    /// The tenant beside it.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// The certificate of https in PEM, for the tenant too: what a client is to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// An account for identity systems, as `DOMAIN\user`.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its password at the start.
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// Orders a fault for calls to come.
    pub fn inject(&self, fault: Fault) {
        self.shared.exchange().inject(fault);
    }

    /// The directory as it is now, in the form of a seed without passwords.
    pub fn directory(&self) -> serde_json::Value {
        both(&self.shared, &self.cloud)
    }

    /// Lets what runs end, closes all shells and writes the dump.
    ///
    /// # Errors
    /// [`ServeError::File`] when the dump or a line of the log could not be written.
    pub async fn shutdown(self) -> Result<(), ServeError> {
        let Self { server, shared, cloud, dump, .. } = self;
        server.shutdown().await;
        if let Some(file) = &dump {
            let text = format!("{:#}\n", both(&shared, &cloud));
            std::fs::write(file, text).map_err(|source| unwritable(file, source))?;
        }
        // Nothing is answered any more, so the log is whole.
        drop(cloud);
        shared.end_journal()
    }
}

fn both(shared: &Shared, cloud: &Cloud) -> serde_json::Value {
    let mut dump = shared.exchange().dump();
    if let Some(members) = dump.as_object_mut() {
        members.insert("cloud".to_owned(), cloud.state().dump());
    }
    dump
}

fn unwritable(file: &Path, source: io::Error) -> ServeError {
    ServeError::File { file: file.to_owned(), source }
}
