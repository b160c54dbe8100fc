//! What can be set.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How tickets are got. The default takes everything from krb5.conf and DNS.
#[derive(Clone, Debug)]
pub struct KerberosSettings {
    /// KDCs of the account's realm, `host` or `host:port`, with `tcp/` or `udp/` before it where only one will do
    pub kdc: Vec<String>,
    /// The account's realm, where its name has none
    pub realm: Option<String>,
    /// The realm of the services, where that is another one and the KDCs do not know the way
    pub service_realm: Option<String>,
    /// KDCs of `service_realm`, written like `kdc`
    pub service_kdc: Vec<String>,
    /// Where krb5.conf is
    pub krb5_conf: Krb5ConfSource,
    /// Whether services get a ticket-granting ticket
    pub delegate: Delegation,
    /// Take RC4, which is weak, where nothing better is to be had
    pub allow_rc4: bool,
    /// Service classes to try in this order where the KDC does not know the SPN, with the same host
    pub fallback_classes: Vec<String>,
    /// How long a KDC may take before the next one is asked too
    pub kdc_patience: Duration,
    /// How long all of them may take for one request
    pub kdc_timeout: Duration,
    /// Larger requests go over TCP at once, as `udp_preference_limit` in krb5.conf
    pub udp_preference_limit: Option<usize>,
    /// A name server to ask for KDCs instead of the system's
    pub name_server: Option<SocketAddr>,
    /// Seconds to add to the system's clock, for a machine whose clock cannot be set
    pub clock_correction: i64,
}

impl Default for KerberosSettings {
    fn default() -> Self {
        Self {
            kdc: Vec::new(),
            realm: None,
            service_realm: None,
            service_kdc: Vec::new(),
            krb5_conf: Krb5ConfSource::Environment,
            delegate: Delegation::Never,
            allow_rc4: false,
            fallback_classes: vec!["host".into(), "WSMAN".into()],
            kdc_patience: Duration::from_secs(1),
            kdc_timeout: Duration::from_secs(10),
            udp_preference_limit: None,
            name_server: None,
            clock_correction: 0,
        }
    }
}

/// Where krb5.conf is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Krb5ConfSource {
    /// The first file that `KRB5_CONFIG` names and that is there, or else `/etc/krb5.conf`; none is no error
    #[default]
    Environment,
    /// This file; without it nothing goes
    Path(PathBuf),
    /// This text
    Text(String),
}

/// Whether services get a ticket-granting ticket, to act elsewhere as the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Delegation {
    /// Never
    #[default]
    Never,
    /// Only services that the KDC marks as trusted for it (OK-AS-DELEGATE, RFC 4120 2.8)
    IfTrusted,
    /// All services
    Always,
}
