//! A ticket as a client holds it.

use std::fmt;

use super::{Key, Principal};
use crate::wiped::wiped_by_parts;

/// TicketFlags, RFC 4120 5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TicketFlags(pub u32);

impl TicketFlags {
    /// The KDC may issue a ticket-granting ticket for another address.
    pub const FORWARDABLE: Self = Self(1 << 30);
    /// It was issued for another address.
    pub const FORWARDED: Self = Self(1 << 29);
    /// It can be renewed until `renew_till`.
    pub const RENEWABLE: Self = Self(1 << 23);
    /// The client proved its key.
    pub const PRE_AUTHENT: Self = Self(1 << 21);
    /// The realm's policy trusts the service with delegated credentials.
    pub const OK_AS_DELEGATE: Self = Self(1 << 18);

    /// Whether all of `flags` are set.
    #[must_use]
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A ticket with its session key, RFC 4120 5.3 and 5.4.2. Times are seconds since 1970.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceTicket {
    /// Who it was issued to
    pub client: Principal,
    /// Whom it is for
    pub server: Principal,
    /// The `Ticket`, DER as the KDC sent it
    pub ticket: Vec<u8>,
    /// The session key
    pub key: Key,
    /// What it may be used for
    pub flags: TicketFlags,
    /// When the client signed in
    pub auth_time: u64,
    /// From when on it is valid
    pub start_time: u64,
    /// Until when
    pub end_time: u64,
    /// Until when it can be renewed, if at all
    pub renew_till: Option<u64>,
}

wiped_by_parts!(ServiceTicket: Key);

impl ServiceTicket {
    /// Whether it is valid for at least `margin` more seconds.
    #[must_use]
    pub fn is_valid(&self, now: u64, margin: u64) -> bool {
        now.saturating_add(margin) < self.end_time
    }
}

impl fmt::Debug for ServiceTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTicket")
            .field("client", &self.client.to_string())
            .field("server", &self.server.to_string())
            .field("key", &self.key)
            .field("end_time", &self.end_time)
            .finish_non_exhaustive()
    }
}
