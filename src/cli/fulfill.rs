//! `mailwright fulfill`

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use uuid::Uuid;

use super::common::Context;
use super::perform::{Task, Worked, before_stop, show, work_off};
use super::results::Known;
use super::session::Chosen;
use super::{CommandError, input, results, session};
use crate::config::agent::{MAX_OPTIONS, Options};
use crate::flow::intake::orders::{self, Order};
use crate::flow::run::{self, Stop, Work};

/// How long standard input may say nothing before a person is told what it should say.
const SILENCE: Duration = Duration::from_secs(3);

/// Carry out provisioning orders of Usercube or Netwrix Identity Manager
///
/// The first line of standard input holds the options of the agent as one JSON object (AuthType, Server, Login, Password),
/// which go before those of the configuration file. Without a line the configuration file says everything; with all of them
/// no configuration file is needed.
#[derive(Debug, Args)]
pub(super) struct Fulfill {
    /// The orders: a JSON file, or a folder of them, which go to its folder Completed afterwards
    #[arg(long, value_name = "FILE")]
    orders: PathBuf,
    /// Where to write what became of each order: as the agent's own script does (CSV), or with the ending .json as JSON
    #[arg(long, value_name = "FILE")]
    results: PathBuf,
    /// Lift the guards against removing many addresses, for this run
    #[arg(long)]
    allow_mass_removal: bool,
    /// The folder for the run's report [default: runs/<run> beside the journal; with --lab none]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Fulfill, stop: &Stop) -> Result<u8, CommandError> {
    let options = before_stop(stop, options(context)).await?;
    let chosen = before_stop(stop, session::choose_with(context, options)).await?;
    let id = Uuid::now_v7();
    let mut files = orders::files(&command.orders)?;
    // Results in the folder of the orders are none.
    files.retain(|file| *file == command.orders || !is_same(file, &command.results));
    let (flow, orders) = input::orders(&command.orders, &files, &chosen, id)?;
    results::writable(&command.results)?;
    let journal = chosen.journal_file(context)?;
    let mass = run::Options { allow_mass_removal: command.allow_mass_removal, ..run::Options::default() };
    let report = command.report.clone();
    let task = Task { id, command: "fulfill", work: Work::Flow(flow), options: mass, report };
    let worked = tokio::select! {
        biased;
        () = stop.insisted() => Err(CommandError::interrupted()),
        worked = carry_out(context, chosen, task, &orders, stop) => worked,
    };
    let known = match &worked {
        Ok(worked) => Known::of(&worked.results, stop),
        Err(error) => Known::of_broken(&journal, id, error).await,
    };
    known.write(&command.results, id, &orders)?;
    let worked = worked?;
    // What was stopped is still to be done, by the same command.
    if command.orders.is_dir() && !stop.is_requested() {
        files.iter().try_for_each(|file| put_away(&command.orders, file))?;
    }
    show(context, &worked, stop)
}

/// Without an order there is nothing to connect for.
async fn carry_out(
    context: &Context,
    chosen: Chosen,
    task: Task,
    orders: &[Order],
    stop: &Stop,
) -> Result<Worked, CommandError> {
    if orders.is_empty() {
        context.say("there are no orders");
        chosen.end().await?;
        return Ok(Worked::default());
    }
    work_off(context, chosen, task, stop).await
}

/// The first line of standard input, unless a person sits there.
async fn options(context: &Context) -> Result<Option<Options>, CommandError> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    // On a thread of its own: standard input may be silent for long, and a signal must be heard all the same.
    let mut line = tokio::task::spawn_blocking(first_line);
    let line = match tokio::time::timeout(SILENCE, &mut line).await {
        Ok(line) => line,
        Err(_) => {
            context.say(
                "waiting for the options on standard input: one line, an empty one where there are none",
            );
            line.await
        }
    };
    let line =
        line.map_err(|error| CommandError::internal(format!("reading standard input ended: {error}")))??;
    let options = Options::parse(line)?;
    if let Some(options) = &options {
        for name in options.unused() {
            context.detail(&format!("the option `{}` is not used", crate::report::printable(name)));
        }
    }
    Ok(options)
}

fn first_line() -> Result<String, CommandError> {
    let mut line = Vec::new();
    let mut stdin = std::io::stdin().lock().take(MAX_OPTIONS + 1);
    std::io::BufRead::read_until(&mut stdin, b'\n', &mut line)
        .map_err(|error| CommandError::input(format!("standard input cannot be read: {error}")))?;
    if u64::try_from(line.len()).unwrap_or(u64::MAX) > MAX_OPTIONS {
        return Err(CommandError::input("the first line of standard input is longer than options can be"));
    }
    String::from_utf8(line)
        .map_err(|_| CommandError::input("the first line of standard input is not valid UTF-8"))
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// An order that was carried out must not be found there again.
fn put_away(folder: &Path, file: &Path) -> Result<(), CommandError> {
    let completed = folder.join(orders::COMPLETED);
    let fault = |error: std::io::Error| {
        CommandError::internal(format!(
            "{} cannot be moved to {}: {error}",
            file.display(),
            completed.display()
        ))
        .hint("its orders are done; move it yourself")
    };
    let name = file.file_name().unwrap_or_default();
    std::fs::create_dir_all(&completed).map_err(fault)?;
    std::fs::rename(file, completed.join(name)).map_err(fault)
}
