//! `mailwright apply`

use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use super::common::Context;
use super::perform::{Task, before_stop, perform};
use super::{CommandError, input, session};
use crate::flow::run::{Options, Stop};

/// Apply a flow or a saved plan; one result per change
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The flow (CSV or JSON Lines; `-` is standard input), or what `plan --out` saved
    #[arg(value_name = "FLOW|PLAN")]
    input: String,
    /// Lift the guards against removing many addresses, for this run
    #[arg(long)]
    allow_mass_removal: bool,
    /// The folder for the run's report [default: runs/<run> beside the journal; with --lab none]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Apply, stop: &Stop) -> Result<u8, CommandError> {
    let chosen = before_stop(stop, session::choose(context)).await?;
    let id = Uuid::now_v7();
    let work = before_stop(stop, input::work(context, &command.input, &chosen, id)).await?;
    let options = Options { allow_mass_removal: command.allow_mass_removal, ..Options::default() };
    let task = Task { id, command: "apply", work, options, report: command.report };
    perform(context, chosen, task, stop).await
}
