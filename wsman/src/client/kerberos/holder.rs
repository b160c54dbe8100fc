//! What is kept for one account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use super::slot::Slot;
use crate::auth::{Credentials, Secret};

/// What one account has.
pub(super) struct Account {
    pub(super) credentials: Credentials,
    /// The realms whose KDCs are those that are configured for the account
    home: Mutex<Vec<String>>,
    /// The domain of the first service's host
    pub(super) host_domain: Option<String>,
    pub(super) ticket_granting: Slot,
    services: Mutex<HashMap<String, Arc<Slot>>>,
}

impl Account {
    pub(super) fn new(credentials: Credentials, host_domain: Option<String>) -> Self {
        Self {
            credentials,
            host_domain,
            home: Mutex::default(),
            ticket_granting: Slot::default(),
            services: Mutex::default(),
        }
    }

    /// The place of a service's ticket.
    pub(super) fn slot(&self, name: &str) -> Arc<Slot> {
        Arc::clone(lock(&self.services).entry(name.to_lowercase()).or_default())
    }

    pub(super) fn has_ticket_cache(&self) -> bool {
        matches!(self.credentials.secret, Secret::TicketCache(_))
    }

    pub(super) fn is_home(&self, realm: &str) -> bool {
        lock(&self.home).iter().any(|home| home.eq_ignore_ascii_case(realm))
    }

    pub(super) fn adopt_home(&self, realm: &str) {
        if !realm.is_empty() && !self.is_home(realm) {
            lock(&self.home).push(realm.to_owned());
        }
    }

    /// The same name with the same proof: who has another password shares nothing.
    pub(super) fn is_of(&self, other: &Credentials) -> bool {
        let same_secret = match (&self.credentials.secret, &other.secret) {
            (Secret::Password(one), Secret::Password(two)) => {
                one.expose_secret().as_bytes().ct_eq(two.expose_secret().as_bytes()).into()
            }
            (Secret::NtHash(one), Secret::NtHash(two)) => {
                one.expose_secret().ct_eq(two.expose_secret()).into()
            }
            (Secret::Keytab(one), Secret::Keytab(two)) => Arc::ptr_eq(one, two),
            (Secret::TicketCache(one), Secret::TicketCache(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        self.credentials.user == other.user && same_secret
    }
}

/// Nothing that is done under these locks can panic half-way.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
