//! A mailbox provisioning bridge: makes Exchange mailboxes what an identity system says they should be.

pub mod config;
pub mod lab;
