//! Third parties on the other side: our client against psrpcore and pyspnego, pypsrp against our lab.
//!
//! The peers come from PyPI into a virtual environment below the target folder. Where they cannot be had the tests
//! say so and pass, or fail with `MAILWRIGHT_REQUIRE_PEERS` set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod age;
mod binding;
mod canary;
mod cloud;
mod cloud_lab;
mod credssp;
mod credssp_acceptor;
mod doctor;
mod gss;
#[path = "../support/hunt.rs"]
mod hunt;
mod kdc;
mod kerberos_files;
mod keyring;
mod keytab;
#[path = "../support/log.rs"]
mod log;
mod mail;
mod matrix;
mod our_client;
mod peer;
mod python;
mod samba;
mod their_client;
mod tickets;
mod vault;

use std::io::Write as _;

/// A line that shows without `--nocapture`.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
