//! `mailwright retry`

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use uuid::Uuid;

use super::common::Context;
use super::perform::{Task, before_stop, perform};
use super::{CommandError, input, session};
use crate::flow::journal::{Failed, Journal, State};
use crate::flow::run::{Options, Stop};
use crate::report::printable;

/// Try again what was refused or failed
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true)))]
pub(super) struct Retry {
    /// This change; may be given several times
    #[arg(long, value_name = "ID", group = "which")]
    change: Vec<String>,
    /// Everything that was refused or failed and that no later change of the same account has overtaken
    #[arg(long, group = "which")]
    all_failed: bool,
    /// Lift the guards against removing many addresses, for this run
    #[arg(long)]
    allow_mass_removal: bool,
    /// The folder for the run's report [default: runs/<run> beside the journal]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Retry, stop: &Stop) -> Result<u8, CommandError> {
    let journal = context.existing_journal().await?;
    let failed = journal.failed().await;
    let wanted = match failed {
        Ok(failed) => chosen_of(context, &command, failed, &journal).await,
        Err(error) => Err(error.into()),
    };
    let file = journal.file().to_owned();
    journal.close().await;
    let wanted = wanted?;
    if wanted.is_empty() {
        context.say(
            "there is nothing to try again; what is pending goes on when the same flow is applied again",
        );
        return Ok(0);
    }
    let chosen = before_stop(stop, session::choose(context)).await?;
    let work = input::again(&file, wanted, &chosen)?;
    let options = Options { allow_mass_removal: command.allow_mass_removal, ..Options::default() };
    let task = Task { id: Uuid::now_v7(), command: "retry", work, options, report: command.report };
    perform(context, chosen, task, stop).await
}

/// The changes that are meant, in the order of the journal.
async fn chosen_of(
    context: &Context,
    command: &Retry,
    failed: Vec<Failed>,
    journal: &Journal,
) -> Result<Vec<Failed>, CommandError> {
    for id in &command.change {
        if failed.iter().any(|one| one.change_id == *id) {
            continue;
        }
        let filter = crate::flow::journal::Filter { change_id: Some(id.clone()), ..Default::default() };
        let id = printable(id);
        return Err(match journal.status(&filter).await?.first() {
            Some(entry) => {
                let error =
                    CommandError::usage(format!("the change `{id}` is {}, it did not fail", entry.state));
                match entry.state {
                    State::Pending => {
                        error.hint("it goes on when the same flow is applied again, or in `watch`")
                    }
                    _ => error,
                }
            }
            None => CommandError::usage(format!("the journal has no change `{id}`"))
                .hint("mailwright status --failed shows what can be tried again"),
        });
    }
    let mut wanted = Vec::new();
    for one in failed {
        if !command.all_failed && !command.change.contains(&one.change_id) {
            continue;
        }
        if let Some(later) = &one.overtaken_by {
            let (id, later) = (printable(&one.change_id), printable(later));
            if command.all_failed {
                context.say(&format!("left out: {id}, since {later} has changed the same account later (--change {id} tries it all the same)"));
                continue;
            }
            context.say(&format!(
                "warning: {id} is tried again although {later} has changed the same account later"
            ));
        }
        wanted.push(one);
    }
    Ok(wanted)
}
