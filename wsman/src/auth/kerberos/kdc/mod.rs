//! Getting tickets from a KDC, RFC 4120 3.1 and 3.3, without I/O: requests out, replies in.
//!
//! - [`AsExchange`]: from a password or keys to a ticket-granting ticket
//! - [`TgsExchange`]: from there to a ticket for a service, through other realms where it lives in one
//!
//! Both yield [`Step::Ask`] with the realm whose KDC is to be asked, take its reply, and end in [`Step::Done`]. Time
//! and random bytes are arguments.

mod as_exchange;
mod error_code;
mod proof;
mod refusal;
#[cfg(test)]
mod tests;
mod tgs_exchange;

pub use as_exchange::{AsExchange, AsRequest};
pub use error_code::ErrorCode;
pub use proof::{KeytabKey, Proof};
pub use tgs_exchange::{Purpose, TgsExchange, TgsRequest};

use der::asn1::{Any, OctetString};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::asn1::{KdcRep, KrbError, Message, Ticket, message_number};
use super::{KerberosError, Key, ServiceTicket};
use crate::wiped::wiped_by_parts;

/// Until when tickets are asked for: 2037-09-13, which is as long as the KDC allows.
const FOREVER: u64 = 2_136_422_885;
/// Realms that a request may be sent on to, one after the other.
const MAX_HOPS: usize = 8;

/// KDCOptions, RFC 4120 5.4.1; the flags of tickets have the same places.
mod option {
    pub(super) const FORWARDABLE: u32 = 1 << 30;
    pub(super) const FORWARDED: u32 = 1 << 29;
    pub(super) const RENEWABLE: u32 = 1 << 23;
    /// RFC 6806 3.
    pub(super) const CANONICALIZE: u32 = 1 << 16;
    pub(super) const RENEW: u32 = 1 << 1;
}

/// padata-type, RFC 4120 7.5.2 and RFC 6113 7.1.
mod padata {
    pub(super) const TGS_REQ: i32 = 1;
    pub(super) const ENC_TIMESTAMP: i32 = 2;
    pub(super) const PW_SALT: i32 = 3;
    pub(super) const ETYPE_INFO2: i32 = 19;
    pub(super) const FX_COOKIE: i32 = 133;
    /// RFC 6806 11.
    pub(super) const REQ_ENC_PA_REP: i32 = 149;
    /// What a KDC lists that is no way to prove a key: salts, cookies, FAST by itself, PKINIT's list of algorithms.
    pub(super) const NO_PROOF: [i32; 7] = [PW_SALT, 11, ETYPE_INFO2, FX_COOKIE, 136, 147, REQ_ENC_PA_REP];
}

wiped_by_parts!(AsRequest: Proof);
wiped_by_parts!(AsExchange: Proof, Key);
wiped_by_parts!(TgsRequest: ServiceTicket);
wiped_by_parts!(TgsExchange: ServiceTicket, Key);
wiped_by_parts!(Granted: ServiceTicket);

/// An exchange with KDCs that ends in a ticket.
pub trait Exchange: Send {
    /// The first request.
    ///
    /// # Errors
    /// Nothing can be asked with what was given.
    fn begin(&mut self, now: Now, entropy: &Entropy) -> Result<Step, KerberosError>;

    /// What follows from a reply.
    ///
    /// # Errors
    /// The KDC refused, or its reply does not hold.
    fn answer(&mut self, reply: &[u8], now: Now, entropy: &Entropy) -> Result<Step, KerberosError>;

    /// By how many seconds the KDC's clock is ahead of ours, as far as that is known.
    fn offset(&self) -> i64;
}

/// What an exchange wants next.
#[derive(Debug)]
pub enum Step {
    /// A KDC's reply.
    Ask(Ask),
    /// Nothing more.
    Done(Box<Granted>),
}

/// A request for a KDC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Whose KDC
    pub realm: String,
    /// The request
    pub request: Vec<u8>,
    /// Only over TCP: the reply did not fit into a datagram (RFC 4120 7.2.1)
    pub stream: bool,
}

/// A ticket, and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The ticket
    pub ticket: ServiceTicket,
    /// By how many seconds the KDC's clock is ahead of ours; what is sent to services goes by its clock
    pub offset: i64,
    /// Whether the KDC sent the request on to another realm
    pub is_referred: bool,
    /// When the password ends, seconds since 1970; only from the AS exchange
    pub password_expires: Option<u64>,
}

/// The time by our own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Since 1970
    pub seconds: u64,
    /// Of the current second
    pub microseconds: u32,
}

impl Now {
    fn ahead(self, offset: i64) -> u64 {
        self.seconds.saturating_add_signed(offset)
    }
}

/// Random bytes for one step; never to be used for another.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Entropy {
    /// Ties the reply to the request
    pub nonce: [u8; 4],
    /// In front of what is encrypted
    pub confounder: [u8; 16],
    /// The key for the reply
    pub subkey: [u8; 32],
}

impl Entropy {
    /// How many bytes it takes.
    pub const LENGTH: usize = 52;

    /// From random bytes.
    #[must_use]
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Self {
        let mut entropy = Self { nonce: [0; 4], confounder: [0; 16], subkey: [0; 32] };
        let (nonce, rest) = bytes.split_at(4);
        let (confounder, subkey) = rest.split_at(16);
        entropy.nonce.copy_from_slice(nonce);
        entropy.confounder.copy_from_slice(confounder);
        entropy.subkey.copy_from_slice(subkey);
        entropy
    }

    /// Without the highest bit: some KDCs take it for a sign.
    fn positive_nonce(&self) -> u32 {
        u32::from_be_bytes(self.nonce) >> 1
    }
}

/// A KDC's reply.
enum Reply {
    Ticket(Box<KdcRep>),
    Error(Box<KrbError>),
}

impl Reply {
    fn read(bytes: &[u8], message_type: i32) -> Result<Self, KerberosError> {
        if message_number(bytes) == Some(KrbError::NUMBER) {
            return Ok(Self::Error(Box::new(KrbError::from_message(bytes)?)));
        }
        let reply = KdcRep::from_message(bytes)?;
        if message_number(bytes).and_then(|number| i32::try_from(number).ok()) != Some(message_type)
            || reply.message_type != message_type
            || reply.version != VERSION
        {
            return Err(KerberosError::malformed("KDC-REP", "it is another message, or another version"));
        }
        Ok(Self::Ticket(Box::new(reply)))
    }
}

/// pvno, RFC 4120 5.
const VERSION: i32 = 5;

/// The ticket of a reply and its bytes as they came.
fn ticket_of(reply: &KdcRep) -> Result<(Ticket, Vec<u8>), KerberosError> {
    let bytes = super::asn1::to_der("Ticket", &reply.ticket)?;
    Ok((Ticket::from_message(&bytes)?, bytes))
}

fn any(bytes: &[u8]) -> Result<Any, KerberosError> {
    super::asn1::from_der("Ticket", bytes)
}

fn octets(bytes: Vec<u8>) -> Result<OctetString, KerberosError> {
    OctetString::new(bytes).map_err(|_| KerberosError::malformed("request", "it cannot be written"))
}
