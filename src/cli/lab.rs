//! `mailwright lab`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::CommandError;
use super::common::Context;
use crate::exchange::ExchangeError;
use crate::flow::run::Stop;

/// Run an embedded Exchange until it is stopped
#[derive(Debug, Args)]
pub(super) struct Lab {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// The directory to begin with
    #[arg(long, value_name = "FILE")]
    pub(super) seed: Option<PathBuf>,
    /// Make so many more mailboxes
    #[arg(long, value_name = "N")]
    pub(super) mailboxes: Option<usize>,
    /// Answer so many milliseconds later
    #[arg(long, value_name = "MS")]
    pub(super) latency: Option<u64>,
    /// Other domain controllers see a change so many milliseconds later
    #[arg(long, value_name = "MS")]
    pub(super) replication_delay: Option<u64>,
    /// Record every HTTP exchange and every cmdlet, secrets masked
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
    /// Write the directory at the end
    #[arg(long, value_name = "FILE")]
    pub(super) dump: Option<PathBuf>,
    /// Write a connection file that reaches it
    #[arg(long, value_name = "FILE")]
    pub(super) write_config: Option<PathBuf>,
}

pub(super) async fn run(_context: &Context, _command: Lab, _stop: &Stop) -> Result<u8, CommandError> {
    Err(ExchangeError::NotYet("serving the lab").into())
}
