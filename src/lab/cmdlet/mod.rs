//! The cmdlets: how a pipeline runs, and what each of them does.

mod addresses;
mod bind;
mod call;
mod commands;
mod convert;
mod create;
mod database;
mod errors;
mod filter;
mod get;
mod metadata;
mod modify;
mod online;
mod organization;
mod remove;
mod sizes;

use wsman::clixml::{SecureText, Value};
use wsman::psrp::{Command, ErrorRecord, Outcome, Record};

use self::bind::Arguments;
use self::call::{Call, Fail, Preference};
use self::metadata::Cmdlet;
pub(in crate::lab) use self::modify::REFERENCES;
pub(in crate::lab) use self::online::{EXCHANGE, PERSON};
use super::directory::Restrictions;
use super::exchange::Exchange;
use super::fault::{Fault, FaultKind};
use super::log::LogEntry;
use super::session::{Endpoint, LabSession};

/// What the ordinary endpoint takes for loading Exchange: the constant text that connectors send.
const LOADER: &str = ". 'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\RemoteExchange.ps1'; Connect-ExchangeServer -auto";

/// The one other script: what tells a client whether scripts are run.
const LANGUAGE_MODE: &str = "$ExecutionContext.SessionState.LanguageMode";

/// Snap-ins that bring the Exchange cmdlets.
const SNAP_INS: [&str; 2] =
    ["Microsoft.Exchange.Management.PowerShell.SnapIn", "Microsoft.Exchange.Management.PowerShell.E2010"];

/// A command of a pipeline, ready to run.
enum Stage {
    Exchange(&'static Cmdlet, Arguments),
    Load,
    /// Output that needs no directory, and errors beside it
    Told(Vec<Value>, Vec<ErrorRecord>),
}

pub(super) fn run(
    session: &mut LabSession,
    exchange: &mut Exchange,
    commands: &[Command],
    input: Option<&[Value]>,
    now_ms: u64,
    sink: &mut dyn FnMut(Record),
) -> Outcome {
    exchange.settle(now_ms);
    let mut stages = Vec::with_capacity(commands.len());
    for (index, command) in commands.iter().enumerate() {
        match prepare(
            session,
            &exchange.directory.configuration.restrictions,
            command,
            input.is_some() || index > 0,
        ) {
            Ok(stage) => stages.push(stage),
            Err(record) => {
                log_refused(session, exchange, command, &record, now_ms);
                return Outcome::Failed(Some(record));
            }
        }
    }
    let mut passed: Option<Vec<Value>> = input.map(<[Value]>::to_vec);
    let last = stages.len().saturating_sub(1);
    for (index, stage) in stages.into_iter().enumerate() {
        let mut collected = Vec::new();
        let mut stage_sink = |record: Record| match record {
            Record::Output(value) if index < last => collected.push(value),
            other => sink(other),
        };
        let failed = match stage {
            Stage::Load => {
                session.loaded = true;
                log_load(session, exchange, &commands[index], now_ms);
                None
            }
            Stage::Told(output, errors) => {
                log_load(session, exchange, &commands[index], now_ms);
                output.into_iter().for_each(|value| stage_sink(Record::Output(value)));
                errors.into_iter().for_each(|record| stage_sink(Record::Error(Box::new(record))));
                None
            }
            Stage::Exchange(cmdlet, mut arguments) => match passed.take() {
                None => invoke(session, exchange, cmdlet, &arguments, now_ms, &mut stage_sink).err(),
                Some(items) => items.iter().find_map(|item| {
                    arguments.bind_identity(item);
                    invoke(session, exchange, cmdlet, &arguments, now_ms, &mut stage_sink).err()
                }),
            },
        };
        if let Some(record) = failed {
            return Outcome::Failed(Some(record));
        }
        passed = Some(collected);
    }
    Outcome::Completed
}

/// Finds the command and binds its parameters; nothing runs before all commands are bound.
fn prepare(
    session: &LabSession,
    restrictions: &Restrictions,
    command: &Command,
    piped: bool,
) -> Result<Stage, Box<ErrorRecord>> {
    let ordinary = session.endpoint == Endpoint::Wsman;
    if command.is_script {
        let scripts = ordinary && restrictions.runs_scripts();
        return match (scripts, command.name.trim()) {
            (true, LOADER) if restrictions.no_management_tools => Err(errors::command_not_found(LOADER)),
            (true, LOADER) => Ok(Stage::Load),
            (true, LANGUAGE_MODE) => Ok(Stage::Told(vec![commands::full_language()], Vec::new())),
            (true, _) => Err(errors::script_unknown(&command.name)),
            (false, _) => Err(errors::scripts_not_allowed(&command.name)),
        };
    }
    if ordinary && command.name.eq_ignore_ascii_case("Add-PSSnapin") {
        return add_snap_in(command, restrictions);
    }
    let is_online = session.endpoint == Endpoint::Online;
    if command.name.eq_ignore_ascii_case("Get-Command") && !is_online && !restrictions.hides("Get-Command") {
        let (found, missing) = commands::get(command, restrictions, session.endpoint, session.loaded);
        return Ok(Stage::Told(found, missing));
    }
    match metadata::find(session.endpoint, &command.name)
        .filter(|it| session.loaded && !restrictions.hides(it.name))
    {
        Some(cmdlet) => {
            commands::check_visible(cmdlet, command, restrictions)?;
            Ok(Stage::Exchange(cmdlet, bind::bind(cmdlet, command, piped)?))
        }
        None => Err(errors::command_not_found(&command.name)),
    }
}

fn add_snap_in(command: &Command, restrictions: &Restrictions) -> Result<Stage, Box<ErrorRecord>> {
    let named = command
        .arguments
        .iter()
        .find(|argument| argument.name.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("Name")));
    let name = named.map(|argument| convert::display(&argument.value)).unwrap_or_default();
    let known = SNAP_INS.iter().any(|known| known.eq_ignore_ascii_case(&name));
    if known && !restrictions.no_management_tools {
        return Ok(Stage::Load);
    }
    Err(errors::snap_in_missing(&name))
}

/// Runs one call of a cmdlet, writes its log entry and applies the faults that were ordered.
fn invoke(
    session: &mut LabSession,
    exchange: &mut Exchange,
    cmdlet: &'static Cmdlet,
    arguments: &Arguments,
    now_ms: u64,
    sink: &mut dyn FnMut(Record),
) -> Result<(), Box<ErrorRecord>> {
    exchange.requests += 1;
    let identity = arguments.text("Identity").unwrap_or_default();
    let of_cmdlets = |fault: &mut Fault| !fault.kind.is_of_the_request() && fault.hits(cmdlet.name, identity);
    let hit = exchange.faults.iter_mut().position(of_cmdlets);
    let fault = hit.and_then(|hit| exchange.faults.get(hit)).map(|fault| fault.kind.clone());
    exchange.faults.retain(|fault| fault.times > 0);
    let preference = Preference::of(arguments);
    let mut call = Call::new(session, exchange, cmdlet, arguments, now_ms, sink);
    let problem = |exception: &str, message: &str, terminating| {
        Fail::from(errors::Problem {
            exception: exception.to_owned(),
            message: message.to_owned(),
            terminating,
        })
    };
    let result = match fault {
        Some(FaultKind::Error { exception, message }) => Err(problem(&exception, &message, false)),
        Some(FaultKind::Terminating { exception, message }) => Err(problem(&exception, &message, true)),
        Some(FaultKind::Record(record)) => Err(Fail::Record(record)),
        Some(FaultKind::AfterWork { exception, message }) => {
            work(&mut call).and_then(|()| Err(problem(&exception, &message, true)))
        }
        Some(FaultKind::Warning(text)) => {
            call.warn(text);
            work(&mut call)
        }
        // Those of requests are met before.
        Some(FaultKind::Http(_) | FaultKind::RotateKey) | None => work(&mut call),
    };
    let result = call.stopped.take().map_or(result, |record| Err(Fail::Record(record)));
    let (warnings, wrote) = (std::mem::take(&mut call.warnings), call.wrote);
    let tag = exchange.request_tag(now_ms);
    let (record, terminating) = match result {
        Ok(()) => (None, false),
        Err(Fail::Record(record)) => (Some(record), true),
        Err(Fail::Problem(problem)) => {
            let terminating = problem.terminating || preference.errors_stop;
            (Some(problem.record(&tag, cmdlet.name)), terminating)
        }
    };
    let outcome = match (&record, terminating) {
        (None, _) => "completed",
        (Some(_), false) => "error",
        (Some(_), true) => "failed",
    };
    let parameters = arguments.shown();
    exchange.log.push(LogEntry {
        outcome,
        reason: record.as_ref().map(|record| record.category.reason.clone()),
        message: record.as_ref().map(|record| record.message.clone()),
        warnings,
        wrote,
        ..log_entry(session, cmdlet.name, parameters, now_ms)
    });
    match record {
        Some(record) if terminating => Err(record),
        Some(record) => {
            if !preference.errors_silent {
                sink(Record::Error(record));
            }
            Ok(())
        }
        None => Ok(()),
    }
}

fn work(call: &mut Call<'_>) -> Result<(), Fail> {
    call.choose_domain_controller()?;
    if call.session.endpoint == Endpoint::Online {
        return online::work(call);
    }
    match call.cmdlet.name {
        "Get-Mailbox" | "Get-RemoteMailbox" | "Get-User" | "Get-Recipient" => get::get(call),
        "Get-MailboxDatabase" => database::get(call),
        "New-MailboxDatabase" => database::new(call),
        "Set-MailboxDatabase" => database::set(call),
        "Remove-MailboxDatabase" => database::remove(call),
        "Mount-Database" => database::mount(call, true),
        "Dismount-Database" => database::mount(call, false),
        "Get-AcceptedDomain" => organization::accepted_domains(call),
        "Set-ADServerSettings" => organization::server_settings(call),
        "New-Mailbox" => create::new(call, false),
        "New-RemoteMailbox" => create::new(call, true),
        "Enable-Mailbox" => create::enable(call, false),
        "Enable-RemoteMailbox" => create::enable(call, true),
        "Set-Mailbox" => modify::set(call, false),
        "Set-RemoteMailbox" => modify::set(call, true),
        "Disable-Mailbox" => remove::disable(call, false),
        "Disable-RemoteMailbox" => remove::disable(call, true),
        "Remove-Mailbox" => remove::remove(call, false),
        "Remove-RemoteMailbox" => remove::remove(call, true),
        other => Err(Fail::Record(errors::command_not_found(other))),
    }
}

/// What the service knows of a cmdlet: its name as it is spelt, and whether a parameter is a secret.
pub(super) fn online_cmdlet(name: &str) -> Option<&'static str> {
    metadata::find(Endpoint::Online, name).map(|cmdlet| cmdlet.name)
}

/// Whether a parameter of a cmdlet of Exchange Online is a secret.
pub(super) fn is_secret_online(cmdlet: &str, parameter: &str) -> bool {
    metadata::find(Endpoint::Online, cmdlet).is_some_and(|cmdlet| {
        let mut all = cmdlet.parameters.iter();
        all.any(|it| it.name.eq_ignore_ascii_case(parameter) && it.type_name == "SecureString")
    })
}

/// Names of the cmdlets of Exchange Online.
pub(super) fn online_cmdlets() -> Vec<&'static str> {
    metadata::online()
}

fn log_entry(
    session: &LabSession,
    cmdlet: &str,
    parameters: serde_json::Map<String, serde_json::Value>,
    now_ms: u64,
) -> LogEntry {
    LogEntry {
        time_ms: now_ms,
        side: if session.endpoint == Endpoint::Online { "cloud" } else { "on-premises" },
        user: session.user.clone(),
        endpoint: match session.endpoint {
            Endpoint::PowerShell => "PowerShell",
            Endpoint::Wsman => "Wsman",
            Endpoint::Online => "InvokeCommand",
        },
        cmdlet: cmdlet.to_owned(),
        parameters,
        outcome: "completed",
        reason: None,
        message: None,
        warnings: Vec::new(),
        wrote: false,
    }
}

fn log_load(session: &LabSession, exchange: &mut Exchange, command: &Command, now_ms: u64) {
    let spelt = ["Add-PSSnapin", "Get-Command"].into_iter().find(|it| it.eq_ignore_ascii_case(&command.name));
    let name = if command.is_script { "(script)" } else { spelt.unwrap_or_default() };
    exchange.log.push(log_entry(session, name, raw_parameters(command), now_ms));
}

fn log_refused(
    session: &LabSession,
    exchange: &mut Exchange,
    command: &Command,
    record: &ErrorRecord,
    now_ms: u64,
) {
    let known =
        metadata::find(session.endpoint, &command.name).map_or(command.name.as_str(), |cmdlet| cmdlet.name);
    // The text of a refused script is not repeated: it may hold a password.
    let name = if command.is_script { "(script)" } else { known };
    let message = if command.is_script { "A script was refused.".to_owned() } else { record.message.clone() };
    exchange.log.push(LogEntry {
        outcome: "failed",
        reason: Some(record.category.reason.clone()),
        message: Some(message),
        ..log_entry(session, name, raw_parameters(command), now_ms)
    });
}

/// Parameters as sent, with everything masked that could be a secret.
fn raw_parameters(command: &Command) -> serde_json::Map<String, serde_json::Value> {
    let arguments = command.arguments.iter().enumerate();
    arguments
        .map(|(index, argument)| {
            let name = argument.name.clone().unwrap_or_else(|| index.to_string());
            let lower = name.to_lowercase();
            let secret = ["pass", "pwd", "cred", "secret"].iter().any(|part| lower.contains(part))
                || matches!(
                    argument.value,
                    Value::SecureString(SecureText::Clear(_) | SecureText::Encrypted(_))
                );
            let shown = if secret { "***".to_owned() } else { convert::display(&argument.value) };
            (name, shown.into())
        })
        .collect()
}
