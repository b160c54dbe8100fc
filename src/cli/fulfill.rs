//! `mailwright fulfill`

use std::collections::HashMap;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::common::Context;
use super::perform::{Task, Worked, before_stop, show, work_off};
use super::session::Chosen;
use super::{CommandError, input, session};
use crate::config::agent::{MAX_OPTIONS, Options};
use crate::flow::intake::orders::{self, Order};
use crate::flow::run::{self, Stop, Work};
use crate::report::{OrderResult, ProvisioningState, outcome, results_csv, results_json};

/// Where an agent finds the orders that were carried out.
const COMPLETED: &str = "Completed";

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
    let files = orders::files(&command.orders)?;
    let (flow, orders) = input::orders(&command.orders, &files, &chosen, id)?;
    writable(&command.results)?;
    let mass = run::Options { allow_mass_removal: command.allow_mass_removal, ..run::Options::default() };
    let report = command.report.clone();
    let task = Task { id, command: "fulfill", work: Work::Flow(flow), options: mass, report };
    let worked = carry_out(context, chosen, task, &orders, stop).await;
    let results = results(&orders, &worked, stop);
    write(&command.results, &id.to_string(), &results)?;
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
    let line = tokio::task::spawn_blocking(first_line).await;
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

/// What became of every order, also of those that were never begun.
fn results(orders: &[Order], worked: &Result<Worked, CommandError>, stop: &Stop) -> Vec<OrderResult> {
    let known: HashMap<&str, _> = match worked {
        Ok(worked) => worked.results.iter().map(|result| (result.change_id.as_str(), result)).collect(),
        Err(_) => HashMap::new(),
    };
    let otherwise = match worked {
        Err(error) => format!("the run came to nothing: {error}"),
        Ok(_) if stop.is_requested() => "not begun: the run was stopped by a signal".to_owned(),
        Ok(_) => "there is no result".to_owned(),
    };
    let one = |order: &Order| {
        let (provisioning_state, message) = known
            .get(order.change_id.as_str())
            .map_or_else(|| (ProvisioningState::Errored, otherwise.clone()), |result| outcome(result));
        OrderResult {
            assigned_resource_type_id: order.id.clone(),
            workflow_instance_id: order.workflow_instance.clone(),
            change_type: order.change_type.clone(),
            owner_id: order.owner.clone(),
            owner_type: order.owner_type.clone(),
            provisioning_state,
            message,
            change_id: order.change_id.clone(),
            file: order.file.clone(),
            number: order.number,
        }
    };
    orders.iter().map(one).collect()
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unwritable(file: &Path, error: &std::io::Error) -> CommandError {
    CommandError::usage(format!("cannot write {}: {error}", file.display()))
}

/// That the answer cannot be given is known before anything is tried.
fn writable(file: &Path) -> Result<(), CommandError> {
    if file.is_dir() {
        return Err(
            CommandError::usage(format!("{} is a folder", file.display())).hint("--results names a file")
        );
    }
    NamedTempFile::new_in(folder_of(file)).map(drop).map_err(|error| unwritable(file, &error))
}

/// Under its name when it is whole and on disk, never before.
fn write(file: &Path, run: &str, results: &[OrderResult]) -> Result<(), CommandError> {
    let is_json = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let text = if is_json { results_json(run, results) } else { results_csv(results) };
    let attempt = || {
        let mut temporary = NamedTempFile::new_in(folder_of(file))?;
        temporary.write_all(text.as_bytes())?;
        temporary.as_file().sync_all()?;
        temporary.persist(file).map_err(|error| error.error)
    };
    attempt().map(drop).map_err(|error| unwritable(file, &error))
}

/// An order that was carried out must not be found there again.
fn put_away(folder: &Path, file: &Path) -> Result<(), CommandError> {
    let completed = folder.join(COMPLETED);
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
