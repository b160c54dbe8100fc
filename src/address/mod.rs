//! Proxy addresses: reading, comparing, excluded and accepted domains, and the merge. Pure.
//!
//! - [`proxy`]: what an address is, when two are the same ([`Key`]), and what Exchange takes as SMTP;
//! - [`domain`]: which domains are left alone ([`ExcludedDomains`]) and which exist ([`AcceptedDomains`]);
//! - [`merge`]: what Exchange has and what the flow says become what is sent.

pub mod domain;
pub mod proxy;

pub use domain::{AcceptedDomains, DomainError, ExcludedDomains};
pub use proxy::{Key, SyntaxError, check_smtp, key, prefix, smtp_part};
