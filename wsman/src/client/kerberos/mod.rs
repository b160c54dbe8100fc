//! Tickets for connections: where the KDCs are, talking to them, and keeping what they grant.

mod account;
mod address;
mod conf;
mod holder;
mod locate;
mod settings;
mod slot;
mod talk;
mod tickets;

use std::sync::Arc;

use secrecy::zeroize::Zeroizing;

pub use settings::{Delegation, KerberosSettings, Krb5ConfSource};

use crate::auth::Credentials;
use crate::auth::kerberos::kdc::{Entropy, Now};
use crate::auth::kerberos::{KerberosError, ServiceTicket};
use tickets::Tickets;

/// Kerberos for connections that share what they get: one sign-in at the KDC and one ticket for a service, however many
/// connections ask, until shortly before they end. A clone shares with the original.
///
/// Making one reads no file and opens no socket; that happens when the first ticket is asked for.
///
/// ```
/// use wsman::client::{Kerberos, KerberosSettings};
/// let settings = KerberosSettings { kdc: vec!["dc1.contoso.com".into()], ..KerberosSettings::default() };
/// let kerberos = Kerberos::new(settings);
/// ```
#[derive(Clone)]
pub struct Kerberos {
    tickets: Arc<Tickets>,
}

impl Kerberos {
    /// With settings of its own.
    #[must_use]
    pub fn new(settings: KerberosSettings) -> Self {
        Self { tickets: Arc::new(Tickets::new(settings)) }
    }

    /// A ticket for a service such as `HTTP/ex01.contoso.com`, from the cache or from the KDC.
    ///
    /// # Errors
    /// No KDC, no such account or service, a wrong password: each with what to do, [`KerberosError::hint`].
    pub async fn service_ticket(
        &self,
        credentials: &Credentials,
        spn: &str,
    ) -> Result<ServiceTicket, KerberosError> {
        self.tickets.service_ticket(credentials, spn).await
    }

    /// A forwarded ticket-granting ticket for a service that is to act elsewhere as the account; `None` where
    /// delegation is not asked for, or where [`Delegation::IfTrusted`] meets a service that the KDC does not trust.
    ///
    /// # Errors
    /// The KDC refuses, or the account may not be delegated.
    pub async fn forwarded_ticket(
        &self,
        credentials: &Credentials,
        service: &ServiceTicket,
    ) -> Result<Option<ServiceTicket>, KerberosError> {
        self.tickets.forwarded_ticket(credentials, service).await
    }

    /// Lets go of the ticket for a service, so that the next one comes from the KDC: for a service whose key has
    /// changed.
    pub async fn forget(&self, credentials: &Credentials, spn: &str) {
        self.tickets.forget(credentials, spn).await;
    }

    /// The time by the KDC's clock, as far as its difference from ours is known; each time a later one, for sign-ins
    /// of the same time would be taken for replays.
    #[must_use]
    pub fn now(&self) -> Now {
        self.tickets.authenticator_time()
    }

    /// By how many seconds the KDC's clock is ahead of ours, as far as that is known.
    #[must_use]
    pub fn clock_offset(&self) -> i64 {
        self.tickets.offset()
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &KerberosSettings {
        self.tickets.settings()
    }
}

impl Default for Kerberos {
    /// As the environment has it: `KRB5_CONFIG` or `/etc/krb5.conf`, and DNS.
    fn default() -> Self {
        Self::new(KerberosSettings::default())
    }
}

impl std::fmt::Debug for Kerberos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Kerberos").field(self.settings()).finish()
    }
}

fn entropy() -> Result<Entropy, KerberosError> {
    let mut bytes = Zeroizing::new([0; Entropy::LENGTH]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|_| KerberosError::Caller("the system gives no random numbers"))?;
    Ok(Entropy::new(&bytes))
}
