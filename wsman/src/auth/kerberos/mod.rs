//! Kerberos 5, RFC 4120: names, keys, tickets, and the exchanges that use them.
//!
//! - [`EncryptionType`], [`Key`]: RFC 3961, RFC 3962, RFC 8009, RFC 4757
//! - [`Principal`]: RFC 4120 6.2
//! - [`asn1`]: the messages
//! - [`kdc`]: how to get tickets
//! - [`ServiceTicket`]: a ticket with its session key, RFC 4120 5.3
//! - [`Keytab`], [`CredentialCache`], [`Krb5Conf`]: the files of MIT Kerberos

mod acceptor;
pub mod asn1;
mod ccache;
mod checksum;
mod crypto;
mod error;
mod etype;
#[cfg(test)]
pub(in crate::auth) mod exchange_tests;
#[cfg(test)]
mod file_tests;
mod frame;
mod initiator;
pub mod kdc;
mod key;
mod keytab;
mod krb5_conf;
mod principal;
mod rc4_wrap;
mod reader;
#[cfg(test)]
mod tests;
mod ticket;
pub mod usage;
mod wrap;
#[cfg(test)]
mod wrap_tests;

pub use acceptor::{KerberosAcceptor, Service, ServiceKey};
pub use ccache::CredentialCache;
pub use error::KerberosError;
pub use etype::EncryptionType;
pub use initiator::KerberosInitiator;
pub use key::Key;
pub use keytab::{Keytab, KeytabEntry};
pub use krb5_conf::{ConfFile, Include, Krb5Conf};
pub use principal::{NameType, Principal};
pub use ticket::{ServiceTicket, TicketFlags};
pub use wrap::Random;
