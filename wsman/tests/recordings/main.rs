//! What real peers wrote, read and refused, against ours.
//!
//! The folder comes from `WSMAN_RECORDINGS`; files are found by their place below it. Run with
//! `cargo test -p wsman --test recordings -- --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clixml;
mod common;
mod credssp;
mod fragments;
mod ntlm;
mod psrp;
mod session;
mod soap;
mod tree;

/// A folder with nothing in it that any comparison knows is a mistake, not an agreement.
#[test]
fn something_is_there() {
    if common::root().is_none() {
        return;
    }
    let kinds = [
        ("powershell/clixml", ".jsonl"),
        ("powershell/psrp", ".jsonl"),
        ("powershell/experiments", ".json"),
        ("dotnet", ".jsonl"),
        ("pypsrp", ".yml"),
        ("winrb/responses", ""),
        ("ironposh", ""),
        ("pyspnego", ""),
        ("clixml", ".xml"),
    ];
    let found: usize = kinds.iter().map(|(folder, suffix)| common::files(folder, suffix).len()).sum();
    assert!(found > 0, "WSMAN_RECORDINGS names a folder without a single recording");
}
