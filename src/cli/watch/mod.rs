//! `mailwright watch`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::common::Context;
use super::perform::before_stop;
use super::{CommandError, session};
use crate::config::parse_duration;
use crate::flow::run::Stop;
use crate::watch::folder::Folder;

mod exports;
mod files;

/// Apply every flow that is dropped into a folder, and export at intervals
///
/// A flow (.csv, .jsonl) or a list of orders (.json) is taken when it no longer grows, renamed to DIR/accepted, and put away
/// in DIR/done or DIR/failed with a receipt beside it. Hidden files and other endings (.tmp, .part) are left alone. What is
/// in DIR/accepted at the start was interrupted and goes on where it ended. Connections with `export.interval` are exported
/// meanwhile.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Between two looks at the folder; a file is taken when it is the same at both
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    interval: Duration,
    /// How long a file waits whose changes wait for directory synchronisation, which usually comes every 30 minutes. One
    /// whose changes wait for a mailbox that a licence brings, or for a value to show in the cloud, is tried again after 1
    /// minute, then after 2, 4 and so on, up to this
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = waiting)]
    pending_wait: Duration,
    /// Take what is there, export what is due, and end
    #[arg(long)]
    once: bool,
    /// Lift the guards against removing many addresses
    #[arg(long)]
    allow_mass_removal: bool,
}

/// A busy loop helps nobody, and a file that is not looked at is not taken.
const INTERVALS: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(interval) if INTERVALS.contains(&interval) => Ok(interval),
        Some(_) => Err("must be from 100ms to 1h".into()),
        None => Err("must be a number and a unit: 500ms, 2s, 1m".into()),
    }
}

fn waiting(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "must be a number and a unit: 90s, 30m, 2h".into())
}

pub(super) async fn run(context: &Context, command: Watch, stop: &Stop) -> Result<u8, CommandError> {
    let chosen = before_stop(stop, session::choose(context)).await?;
    let folder = Folder::enter(&command.folder)?;
    let exports = exports::Exports { context, chosen: &chosen, once: command.once, stop };
    let files = files::Files::new(context, &chosen, folder, &command, stop);
    let files = async {
        let ended = files.run().await;
        if ended.is_err() {
            // Nobody comes to see how the exports end.
            stop.request();
        }
        ended
    };
    let (files, exports) = tokio::join!(files, exports.run());
    chosen.end().await?;
    // What was refused or failed says more than what waits.
    Ok(worse(files?, exports?))
}

/// The exit code that says more.
fn worse(one: u8, other: u8) -> u8 {
    let rank = |code: u8| [0, 5, 3, 2, 1].iter().position(|known| *known == code).unwrap_or(usize::MAX);
    if rank(other) > rank(one) { other } else { one }
}

/// Waits, unless somebody asks to stop.
async fn pause(stop: &Stop, time: Duration) {
    tokio::select! {
        biased;
        () = stop.requested() => {}
        () = tokio::time::sleep(time) => {}
    }
}
