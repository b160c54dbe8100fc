//! The checks in their order: one asks, `judge` decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use wsman::client::{ConnectionConfig, Error, PoolOptions, RunspacePool, Trace};
use wsman::clixml::{Container, Value};
use wsman::psrp::{Command, Outcome};

use super::judge::{self, Visible};
use super::needs::needs;
use super::way::{Stop, way};
use super::{Check, cloud, hints, names, needs_before};
use crate::config::{Authentication, Connection, Infrastructure};
use crate::exchange::{self, Answer, ExchangeError};

/// The only script that is sent: it reads. Where scripts are not run, the refusal is the answer.
const LANGUAGE_MODE: &str = "$ExecutionContext.SessionState.LanguageMode";
const NO_SCRIPTS: &str = "ScriptsNotAllowed";

/// Looks at everything between here and a mailbox, in order; with both sides of a hybrid organisation the server of one's own first. An error means that there was nothing to begin with:
/// the connection cannot be used as it is written, or its password cannot be had. A trace is shown what crosses the wire.
///
/// # Errors
/// [`ExchangeError`], before anything was tried.
pub async fn examine(connection: &Connection, trace: Option<&Trace>) -> Result<Vec<Check>, ExchangeError> {
    let mut checks = Vec::new();
    checks.extend(judge::danger(connection));
    let here = match connection.infrastructure {
        Infrastructure::Cloud => None,
        _ => Some(server(connection, trace, &mut checks).await?),
    };
    if let Some(settings) = &connection.cloud {
        cloud::examine(connection, settings, here, trace, &mut checks).await;
    }
    Ok(checks)
}

/// The server of one's own. The domains that it accepts, or why they are not known.
async fn server(
    connection: &Connection,
    trace: Option<&Trace>,
    checks: &mut Vec<Check>,
) -> Result<Result<Vec<String>, String>, ExchangeError> {
    let config = exchange::wire_config(connection, trace).await?;
    checks.extend(judge::second_hop(connection));
    let pool = match way(connection, &config, checks).await {
        Ok(()) => enter(connection, &config, checks).await,
        Err(stop) => {
            checks.push(match stop {
                Stop::Needs(reason) => Check::unknown(names::SIGN_IN, reason),
                Stop::Judged(check) => check,
            });
            checks.push(Check::unknown(names::SHELL, needs_before(names::SIGN_IN)));
            None
        }
    };
    match pool {
        Some(pool) => {
            let accepted = inside(connection, &pool, checks).await;
            checks.push(concurrency(connection, &config).await);
            // The shell ends by its idle time-out if this fails.
            let _ = pool.close().await;
            Ok(accepted)
        }
        None => {
            let reason = needs_before(names::SHELL);
            let loads = (!connection.endpoint.is_exchange()).then_some(names::LOADED);
            let rest = [Some(names::LANGUAGE), loads, Some(names::CMDLETS), Some(names::PARAMETERS)];
            checks.extend(rest.into_iter().flatten().map(|name| Check::unknown(name, reason.clone())));
            let accepted = Err(reason.clone());
            checks.extend(domains(connection, &accepted));
            checks.push(Check::unknown(names::CONCURRENCY, reason));
            Ok(accepted)
        }
    }
}

/// The excluded domains, where there are any. With a cloud beside it they may be that one's, which is looked at later.
fn domains(connection: &Connection, accepted: &Result<Vec<String>, String>) -> Option<Check> {
    let is_wanted = has_excluded(connection) && connection.cloud.is_none();
    is_wanted.then(|| match accepted {
        Ok(accepted) => judge::domains(connection, accepted),
        Err(reason) => Check::unknown(names::DOMAINS, reason.clone()),
    })
}

/// Signs in and opens a shell.
async fn enter(
    connection: &Connection,
    config: &ConnectionConfig,
    checks: &mut Vec<Check>,
) -> Option<RunspacePool> {
    let opened = RunspacePool::open(config.clone(), PoolOptions::default()).await;
    let signed_in = |pool: Option<&RunspacePool>| {
        let who = connection.username.as_deref().unwrap_or("the holder of the ticket or certificate");
        let mut how = connection.authentication.name().to_owned();
        let found = pool.map(RunspacePool::signed_in);
        if let Some(mechanism) = found.as_ref().and_then(|found| found.mechanism) {
            how += &format!(" ({mechanism})");
        }
        let mut detail = format!("{how} as {who}");
        if let Some(reason) = found.and_then(|found| found.kerberos_failure) {
            detail += &format!("; not Kerberos: {reason}");
        }
        let check = Check::ok(names::SIGN_IN, detail);
        match connection.authentication {
            Authentication::CredSsp => check
                .warn("CredSSP hands the password to the server, and whoever rules it")
                .hint("use kerberos or negotiate where the server does not have to sign in elsewhere"),
            _ => check,
        }
    };
    match opened {
        Ok(pool) => {
            checks.push(signed_in(Some(&pool)));
            checks.push(Check::ok(names::SHELL, config.resource_uri.clone()));
            Some(pool)
        }
        Err(Error::SignIn(error)) => {
            let hint = hints::sign_in(connection, &error);
            checks.push(Check::failed(names::SIGN_IN, error.to_string(), hint));
            checks.push(Check::unknown(names::SHELL, needs_before(names::SIGN_IN)));
            None
        }
        // The connection broke: nobody knows which of the two it was.
        Err(
            error @ (Error::Configuration(_)
            | Error::Connect { .. }
            | Error::Proxy { .. }
            | Error::Tls { .. }
            | Error::Lost { .. }
            | Error::Timeout { .. }),
        ) => {
            let hint =
                "try again; if it stays so, look for what cuts connections between here and the server";
            checks.push(Check::failed(names::SIGN_IN, error.to_string(), hint));
            checks.push(Check::unknown(names::SHELL, needs_before(names::SIGN_IN)));
            None
        }
        Err(error) => {
            checks.push(signed_in(None));
            checks.push(Check::failed(names::SHELL, error.to_string(), hints::shell(connection, &error)));
            None
        }
    }
}

/// What a session may do. The domains that the server accepts, or why they are not known.
async fn inside(
    connection: &Connection,
    pool: &RunspacePool,
    checks: &mut Vec<Check>,
) -> Result<Vec<String>, String> {
    let patience = connection.timeouts.operation;
    let language = language(connection, pool, patience).await;
    let scripts_run = language.status != super::Verdict::Failed;
    checks.push(language);
    let mut loaded = Ok(());
    if let Some(loader) = exchange::loader(connection) {
        let check = if !scripts_run {
            Check::unknown(names::LOADED, needs_before(names::LANGUAGE))
        } else {
            match exchange::run(pool, loader, patience).await.map(|answer| answer.refusal()) {
                Ok(None) => Check::ok(names::LOADED, "the Exchange cmdlets are there"),
                Ok(Some(refusal)) => Check::failed(
                    names::LOADED,
                    refusal.message,
                    "install the Exchange management tools on that server, name the other exchange_loader, or use its endpoint \
                 /PowerShell",
                ),
                Err(error) => Check::unknown(names::LOADED, error.to_string()),
            }
        };
        if check.status != super::Verdict::Ok {
            loaded = Err(needs_before(names::LOADED));
        }
        checks.push(check);
    }
    if let Err(reason) = loaded {
        let rest = [names::CMDLETS, names::PARAMETERS];
        checks.extend(rest.map(|name| Check::unknown(name, reason.clone())));
        let accepted = Err(reason);
        checks.extend(domains(connection, &accepted));
        return accepted;
    }
    let needs = needs(connection);
    let wanted = Value::strings(needs.keys().copied());
    let command = Command::new("Get-Command").parameter("Name", wanted);
    match exchange::run(pool, command, patience).await.map_err(|error| error.to_string()).and_then(visible) {
        Ok(visible) => {
            checks.push(judge::cmdlets(&needs, &visible));
            checks.push(judge::parameters(&needs, &visible));
        }
        Err(reason) => {
            checks.push(Check::unknown(names::CMDLETS, reason));
            checks.push(Check::unknown(names::PARAMETERS, needs_before(names::CMDLETS)));
        }
    }
    let accepted = match has_excluded(connection) {
        true => accepted(pool, patience).await,
        false => Ok(Vec::new()),
    };
    checks.extend(domains(connection, &accepted));
    accepted
}

async fn language(connection: &Connection, pool: &RunspacePool, patience: Duration) -> Check {
    match exchange::run(pool, Command::script(LANGUAGE_MODE), patience).await {
        Err(error) => Check::unknown(names::LANGUAGE, error.to_string()),
        Ok(Answer { outcome: Outcome::Failed(Some(record)), .. })
            if record.fully_qualified_error_id.starts_with(NO_SCRIPTS) =>
        {
            judge::language(connection, "NoLanguage")
        }
        Ok(answer) => match answer.objects.first() {
            Some(mode) => judge::language(connection, &mode.display_text()),
            None => Check::unknown(names::LANGUAGE, "the server does not tell it"),
        },
    }
}

/// What `Get-Command` wrote. Names that are not there are errors beside the output.
fn visible(answer: Answer) -> Result<Visible, String> {
    if let Outcome::Failed(Some(record)) = &answer.outcome {
        return Err(record.message.clone());
    }
    let mut visible = BTreeMap::new();
    for command in &answer.objects {
        let Some(name) = command.get("Name").map(Value::display_text) else { continue };
        visible.insert(name.to_lowercase(), command.get("Parameters").and_then(keys));
    }
    Ok(visible)
}

fn keys(parameters: &Value) -> Option<BTreeSet<String>> {
    let Container::Dictionary(entries) = &parameters.object()?.base else { return None };
    Some(entries.iter().map(|(key, _)| key.display_text().to_lowercase()).collect())
}

async fn accepted(pool: &RunspacePool, patience: Duration) -> Result<Vec<String>, String> {
    let answer = exchange::run(pool, Command::new("Get-AcceptedDomain"), patience).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if let Some(refusal) = answer.refusal() {
        return Err(refusal.message);
    }
    let names = answer.objects.iter().filter_map(|domain| domain.get("DomainName"));
    Ok(names.map(|name| name.display_text().to_lowercase()).collect())
}

fn has_excluded(connection: &Connection) -> bool {
    !connection.policy.merge.excluded.is_empty()
}

/// Opens as many shells as a run would, beside the one that is open. Nothing tells the limit better.
async fn concurrency(connection: &Connection, config: &ConnectionConfig) -> Check {
    let wanted = connection.concurrency;
    let more = (1..wanted).map(|_| RunspacePool::open(config.clone(), PoolOptions::default()));
    let mut open = 1_u32;
    let mut failure = None;
    let mut pools = Vec::new();
    for opened in join_all(more).await {
        match opened {
            Ok(pool) => {
                open += 1;
                pools.push(pool);
            }
            Err(error) => failure = Some(error),
        }
    }
    join_all(pools.into_iter().map(RunspacePool::close)).await;
    match failure {
        None => Check::ok(names::CONCURRENCY, format!("{wanted} shells at once")),
        // The first one was let in, so that a refusal is one of the number, whatever its words.
        Some(error @ Error::Fault(_)) => Check::failed(
            names::CONCURRENCY,
            format!("{open} of {wanted} shells at once: {error}"),
            format!(
                "concurrency = {open}, close other sessions of this account, or raise the limit: {}",
                if connection.endpoint.is_exchange() {
                    "New-ThrottlingPolicy -PowerShellMaxConcurrency"
                } else {
                    "winrm set winrm/config/winrs @{MaxShellsPerUser=\"30\"}"
                }
            ),
        ),
        Some(error) => Check::unknown(names::CONCURRENCY, format!("{open} of {wanted} shells: {error}")),
    }
}
