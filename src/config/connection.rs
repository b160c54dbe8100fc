//! What a connection is: every key of a `[connections.NAME]` table, typed, with its default.

use std::path::PathBuf;
use std::time::Duration;

use super::cloud::Cloud;
use super::endpoint::Endpoint;
use super::export::Export;
use crate::plan::Policy;
use crate::secret::{SecretRef, Secrets};

/// Where mailboxes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Infrastructure {
    /// Exchange servers of one's own
    OnPremises,
    /// The directory is one's own, mailboxes may be in the cloud
    Hybrid,
    /// Exchange Online
    Cloud,
}

/// How to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Authentication {
    Basic,
    Ntlm,
    Negotiate,
    Kerberos,
    CredSsp,
    Certificate,
}

/// How Exchange is loaded on an ordinary endpoint before the first cmdlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeLoader {
    /// `Add-PSSnapin`
    SnapIn,
    /// `RemoteExchange.ps1`
    RemoteExchange,
}

/// `[connections.NAME.kerberos]`
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Kerberos {
    pub kdc: Vec<String>,
    pub realm: Option<String>,
    pub spn: Option<String>,
    pub keytab: Option<PathBuf>,
    pub ticket_cache: Option<PathBuf>,
    pub service_realm: Option<String>,
    pub service_kdc: Vec<String>,
    pub krb5_conf: Option<PathBuf>,
    pub delegate: bool,
    pub allow_rc4: bool,
}

/// `[connections.NAME.tls]`
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Tls {
    pub ca_file: Option<PathBuf>,
    /// The one certificate or key that is accepted: a PEM file, or the pin itself
    pub server_certificate: Option<String>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
}

/// `[connections.NAME.proxy]`
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Proxy {
    pub url: url::Url,
    pub username: Option<String>,
    pub password: Option<SecretRef>,
}

/// `[connections.NAME.timeouts]`
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// Until the TCP connection and TLS stand
    pub connect: Duration,
    /// Until the sign-in is through
    pub sign_in: Duration,
    /// Until one cmdlet has answered
    pub operation: Duration,
    /// Until one change is done, waits included
    pub change: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            sign_in: Duration::from_secs(30),
            operation: Duration::from_secs(180),
            change: Duration::from_secs(900),
        }
    }
}

/// Switches that give up protection; each does exactly what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Danger {
    pub basic_over_http: bool,
    pub skip_tls_verification: bool,
    pub skip_channel_binding: bool,
    pub old_credssp: bool,
}

/// One connection of a configuration file, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its name
    pub name: String,
    /// Where mailboxes live
    pub infrastructure: Infrastructure,
    /// Where Exchange is reached
    pub endpoint: Endpoint,
    /// The name of the session configuration, a part of the resource URI
    pub configuration_name: String,
    /// How Exchange is loaded on an ordinary endpoint
    pub exchange_loader: ExchangeLoader,
    /// How to sign in
    pub authentication: Authentication,
    /// Whether `negotiate` may end in NTLM
    pub allow_ntlm: bool,
    /// Who signs in: `user@REALM`, `DOMAIN\user` or `user`
    pub username: Option<String>,
    /// Where the password is kept
    pub password: Option<SecretRef>,
    /// Fetches this and other secrets
    pub secrets: Secrets,
    /// How changes are planned
    pub policy: Policy,
    /// Largest share of a flow's accounts that may lose addresses
    pub max_removing_percent: Option<u32>,
    /// Lanes and runspaces at once
    pub concurrency: u32,
    /// The domain controller that everything goes to
    pub domain_controller: Option<String>,
    /// How long a new object may stay unseen
    pub replication_wait: Duration,
    /// Kerberos details
    pub kerberos: Kerberos,
    /// TLS details
    pub tls: Tls,
    /// A proxy on the way
    pub proxy: Option<Proxy>,
    /// Hosts that the server may send this program to
    pub redirect_hosts: Vec<String>,
    /// How long to wait for what
    pub timeouts: Timeouts,
    /// How the files of an export are written
    pub export: Export,
    /// Exchange Online details
    pub cloud: Option<Cloud>,
    /// Protection given up
    pub danger: Danger,
}

impl Connection {
    /// Where mailboxes are made, as planning sees it.
    pub fn planning_infrastructure(&self) -> crate::plan::Infrastructure {
        match self.infrastructure {
            Infrastructure::OnPremises => crate::plan::Infrastructure::OnPremises,
            Infrastructure::Hybrid => crate::plan::Infrastructure::Hybrid,
            Infrastructure::Cloud => crate::plan::Infrastructure::Cloud,
        }
    }

    /// What is allowed, and dangerous or of no use.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |text: &str| warnings.push(format!("[connections.{}] {text}", self.name));
        if self.danger.skip_tls_verification && self.tls.server_certificate.is_none() {
            let given = match (&self.cloud, self.infrastructure) {
                (Some(_), _) | (_, Infrastructure::Cloud) => ", and gives it what signs in to the cloud",
                _ => "",
            };
            warn(&format!(
                "danger_skip_tls_verification takes anybody for the server{given}; give tls.ca_file instead"
            ));
        }
        // Keys that do nothing are left from another infrastructure, or somebody believes that they do.
        if self.infrastructure == Infrastructure::OnPremises && self.cloud.is_some() {
            warn(
                "infrastructure = \"on-premises\" does not use the table cloud; \"hybrid\" and \"cloud\" do",
            );
        }
        if self.infrastructure == Infrastructure::Cloud
            && (self.username.is_some() || self.password.is_some())
        {
            warn(
                "username and password are for servers of one's own, and Exchange Online does not use them: how to sign in to \
                 the cloud stands in the table cloud",
            );
        }
        warnings
    }

    /// The policy of one run; `--allow-mass-removal` takes the guard away.
    pub fn run_policy(&self, allow_mass_removal: bool) -> Policy {
        let mut policy = self.policy.clone();
        if allow_mass_removal {
            policy.merge.max_removed_addresses = None;
        }
        policy
    }
}
