//! Kerberos against two other codecs and another implementation of its cryptography.
//!
//! Every message that is written or read goes field by field into `kerberos_asn1`: the same fields must give the same
//! bytes there, our bytes the same fields, and its bytes our message. `picky-krb` must read our bytes and write them
//! again as they were.
#![allow(clippy::unwrap_used, clippy::panic)]

mod any;
mod crypto;
mod messages;
mod requests;
mod theirs;
