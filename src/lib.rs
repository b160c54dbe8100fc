//! A mailbox provisioning bridge: makes Exchange mailboxes what an identity system says they should be.

pub mod address;
pub mod bridge;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod exchange;
pub mod export;
pub mod flow;
pub mod lab;
pub mod mail;
pub mod plan;
pub mod recipient;
pub mod report;
pub mod secret;
pub mod watch;
