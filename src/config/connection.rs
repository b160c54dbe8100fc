//! What a connection is: every key of a `[connections.NAME]` table, typed, with its default.

use std::path::PathBuf;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::secret::SecretRef;

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

/// What makes a mailbox where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMethod {
    /// `New-Mailbox`, `New-RemoteMailbox`: makes the directory user too
    New,
    /// `Enable-Mailbox`, `Enable-RemoteMailbox`: the directory user must be there
    Enable,
}

/// How Exchange is loaded on an ordinary endpoint before the first cmdlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeLoader {
    /// `Add-PSSnapin`
    SnapIn,
    /// `RemoteExchange.ps1`
    RemoteExchange,
}

/// The rules by which addresses and other attributes are planned; keys and meanings as in the configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Domains whose addresses are left alone
    pub excluded_smtp_domains: Vec<String>,
    /// Whether `email_address_policy = "disable"`
    pub disable_email_address_policy: bool,
    /// Whether `empty_addresses = "keep_primary"`
    pub keep_primary_when_empty: bool,
    /// Whether `primary = "last"`
    pub primary_is_last: bool,
    /// Whether `excluded_primary = "promote"`
    pub promote_excluded_primary: bool,
    /// Whether `excluded_secondary = "drop"`
    pub drop_excluded_secondary: bool,
    /// Whether `domain_match = "literal"`
    pub literal_domain_match: bool,
    /// `keep_old_primary`
    pub keep_old_primary: bool,
    /// `protect_moera`
    pub protect_moera: bool,
    /// `force_case`
    pub force_case: bool,
    /// Types other than SMTP that a flow may add
    pub managed_types: Vec<String>,
    /// Most addresses that one account may lose
    pub max_removed_addresses: u32,
    /// Largest share of a flow's accounts that may lose addresses
    pub max_removing_percent: Option<u32>,
    /// Whether `remove` may delete the directory user
    pub allow_remove: bool,
}

/// `[connections.NAME.kerberos]`
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Kerberos {
    pub kdc: Option<String>,
    pub realm: Option<String>,
    pub spn: Option<String>,
    pub keytab: Option<PathBuf>,
    pub ticket_cache: Option<PathBuf>,
    pub service_realm: Option<String>,
    pub service_kdc: Option<String>,
    pub delegate: bool,
}

/// `[connections.NAME.tls]`
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Tls {
    pub ca_file: Option<PathBuf>,
    /// The one certificate that is accepted
    pub server_certificate: Option<PathBuf>,
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

/// `[connections.NAME.cloud]`, kept as it is written; `infrastructure = "cloud"` is not built in yet.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Cloud {
    pub tenant: Option<String>,
    pub organization: Option<String>,
    pub application_id: Option<String>,
    pub authentication: Option<String>,
    pub certificate_file: Option<PathBuf>,
    pub certificate_password: Option<SecretRef>,
    pub certificate_thumbprint: Option<String>,
    pub certificate_directory: Option<PathBuf>,
    pub client_secret: Option<SecretRef>,
    pub environment: Option<String>,
    pub licence: Option<String>,
}

/// Switches that give up protection; each does exactly what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Danger {
    pub basic_over_http: bool,
    pub skip_tls_verification: bool,
    pub skip_channel_binding: bool,
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
    /// What makes a mailbox
    pub create_method: CreateMethod,
    /// How changes are planned
    pub rules: Rules,
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
    /// How long to wait for what
    pub timeouts: Timeouts,
    /// Exchange Online details
    pub cloud: Cloud,
    /// Protection given up
    pub danger: Danger,
}
