//! `mailwright lab`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;

use super::CommandError;
use super::common::Context;
use crate::flow::run::Stop;
use crate::lab::{self, Endpoint, Faults, Running, Seed, ServeError, ServeOptions};

/// Run an embedded Exchange until it is stopped
#[derive(Debug, Args)]
pub(super) struct Lab {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// The directory to begin with
    #[arg(long, value_name = "FILE")]
    pub(super) seed: Option<PathBuf>,
    /// Make so many more mailboxes
    #[arg(long, value_name = "N")]
    pub(super) mailboxes: Option<usize>,
    /// Answer so many milliseconds later
    #[arg(long, value_name = "MS")]
    pub(super) latency: Option<u64>,
    /// Other domain controllers see a change so many milliseconds later; the tenant shows a new object as late
    #[arg(long, value_name = "MS")]
    pub(super) replication_delay: Option<u64>,
    /// In the tenant, let a mailbox come so many milliseconds after its licence, and go as late
    #[arg(long, value_name = "MS")]
    pub(super) mailbox_delay: Option<u64>,
    /// Synchronise: what is made or changed on-premises is in the tenant so many milliseconds later, at 0 with its next request
    #[arg(long, value_name = "MS")]
    pub(super) sync_delay: Option<u64>,
    /// Record every HTTP exchange and every cmdlet, secrets masked
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
    /// Write the directory at the end
    #[arg(long, value_name = "FILE")]
    pub(super) dump: Option<PathBuf>,
    /// Take Kerberos with the keys of this keytab as well
    #[arg(long, value_name = "FILE")]
    pub(super) keytab: Option<PathBuf>,
    /// Take certificates of clients that authorities in this PEM file have issued; the user principal name in a
    /// certificate names the account
    #[arg(long, value_name = "FILE")]
    pub(super) client_ca: Option<PathBuf>,
    /// Let go wrong what this JSON file says: lists `on_premises` and `cloud` of what, when and how
    #[arg(long, value_name = "FILE")]
    pub(super) faults: Option<PathBuf>,
    /// Let the tenant's application sign in with the certificate in this PEM file as well
    #[arg(long, value_name = "FILE")]
    pub(super) app_certificate: Option<PathBuf>,
    /// Write a connection file that reaches it; commands take it with `-c FILE -n lab`
    #[arg(long, value_name = "FILE")]
    pub(super) write_config: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Lab, stop: &Stop) -> Result<u8, CommandError> {
    let seed = seed(&command)?;
    let options = ServeOptions {
        listen: command.listen,
        latency: Duration::from_millis(command.latency.unwrap_or_default()),
        replication_delay: Duration::from_millis(command.replication_delay.unwrap_or_default()),
        mailbox_delay: Duration::from_millis(command.mailbox_delay.unwrap_or_default()),
        sync_delay: command.sync_delay.map(Duration::from_millis),
        keytab: command.keytab,
        log: command.log,
        dump: command.dump,
        client_ca: command.client_ca.as_deref().map(read).transpose()?,
        application_certificates: match command.app_certificate.as_deref() {
            Some(file) => certificates(file)?,
            None => Vec::new(),
        },
    };
    let running = lab::serve(seed, options).await?;
    let (folder, config) = match command.write_config {
        Some(file) => (None, file),
        None => {
            let folder = temporary_folder()?;
            let file = folder.path().join("lab.toml");
            (Some(folder), file)
        }
    };
    running.write_config(&config)?;
    let ca_file = std::path::absolute(Running::ca_file(&config))
        .map_err(|error| CommandError::config(format!("cannot tell where the certificate is: {error}")))?;
    let line = json!({
        "http": running.base_url(false),
        "https": running.base_url(true),
        "powershell": running.url(Endpoint::PowerShell, false),
        "wsman": running.url(Endpoint::Wsman, false),
        "https_powershell": running.url(Endpoint::PowerShell, true),
        "https_wsman": running.url(Endpoint::Wsman, true),
        "user": running.user(),
        // Not a secret of anybody: it is made up, stands in the seed, and opens nothing but this.
        "password": running.password().expose_secret(),
        "ca_file": ca_file,
        "cloud": {
            "url": running.cloud().base_url(),
            "graph": running.cloud().graph_url(),
            "tenant": running.cloud().tenant(),
            "organization": running.cloud().initial_domain(),
            "application_id": running.cloud().application(),
            "public_application_id": running.cloud().public_application(),
            "identity_url": running.cloud().identity_url(),
            "identity_header": running.cloud().identity_header(),
            "client_secret": running.cloud().secret().expose_secret(),
        },
    });
    context.out(&format!("{line}\n"))?;
    context.detail("running until a signal ends it");
    stop.requested().await;
    running.shutdown().await.map_err(|error| CommandError::internal(error.to_string()))?;
    drop(folder);
    Ok(0)
}

fn certificates(file: &Path) -> Result<Vec<Vec<u8>>, CommandError> {
    let pem = read(file)?;
    let found = CertificateDer::pem_slice_iter(&pem).map(|der| der.map(|der| der.to_vec()));
    let found: Vec<Vec<u8>> = found
        .collect::<Result<_, _>>()
        .map_err(|error| CommandError::usage(format!("{}: {error}", file.display())))?;
    if found.is_empty() {
        return Err(CommandError::usage(format!("there is no certificate in {}", file.display())));
    }
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(file)
        .map_err(|error| CommandError::usage(format!("cannot read {}: {error}", file.display())))
}

/// A folder that only the user may read, and that goes with the command.
pub(super) fn temporary_folder() -> Result<TempDir, CommandError> {
    tempfile::Builder::new()
        .prefix("mailwright-lab-")
        .tempdir()
        .map_err(|error| CommandError::config(format!("cannot make a temporary folder: {error}")))
}

fn seed(command: &Lab) -> Result<Seed, CommandError> {
    let seed = match &command.seed {
        None => Seed::sample().map_err(ServeError::from)?,
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| CommandError::usage(format!("cannot read {}: {error}", file.display())))?;
            Seed::from_json(&text)
                .map_err(|error| CommandError::usage(format!("{}: {error}", file.display())))?
        }
    };
    let faults = match &command.faults {
        None => Faults::default(),
        Some(file) => serde_json::from_slice(&read(file)?)
            .map_err(|error| CommandError::usage(format!("{}: {error}", file.display())))?,
    };
    Ok(seed.with_generated(command.mailboxes.unwrap_or_default()).with_faults(faults))
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        Self::config(error.to_string())
    }
}
