//! Proxy addresses: reading, comparing, excluded and accepted domains, and the merge. Pure.
//!
//! - [`proxy`]: what an address is, when two are the same ([`Key`]), and what Exchange takes as SMTP;
//! - [`domain`]: which domains are left alone ([`ExcludedDomains`]) and which exist ([`AcceptedDomains`]);
//! - [`merge()`]: what Exchange has and what the flow says become what is sent;
//! - [`line`](mod@line): before and after, for a reader; [`rule`]: what a refusal says.

pub mod domain;
mod entry;
pub mod line;
pub mod merge;
#[cfg(test)]
mod merge_properties;
#[cfg(test)]
mod merge_rules;
pub mod proxy;
pub mod rule;

pub use domain::{AcceptedDomains, DomainError, ExcludedDomains};
pub use line::{AddressLine, Sign};
pub use merge::{Flow, Merge, MergePolicy, Outcome, Surroundings, merge, same_state};
pub use proxy::{Key, SyntaxError, check_smtp, is_primary, key, prefix, smtp_part};
pub use rule::{Note, Owner, Refusal, Rule};
