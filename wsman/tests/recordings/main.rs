//! What real peers wrote, read and refused, against ours.
//!
//! The folder comes from `WSMAN_RECORDINGS`; files are found by their place below it. Run with
//! `cargo test -p wsman --test recordings -- --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clixml;
mod common;
mod fragments;
mod ntlm;
mod psrp;
mod session;
mod soap;
mod tree;
