//! Exchange over PowerShell remoting: on-premises and hybrid, at `/PowerShell` or through an ordinary endpoint.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use wsman::client::{ConnectionConfig, Error, PoolOptions, RunspacePool, Trace};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome, Record};

use super::wire::wire_config;
use super::{Answer, Call, Exchange, ExchangeError};
use crate::config::{Connection, ExchangeLoader};

const SNAP_IN: &str = "Microsoft.Exchange.Management.PowerShell.SnapIn";
/// The only script that is ever sent, and it is a constant.
const REMOTE_EXCHANGE: &str = ". 'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\RemoteExchange.ps1'; Connect-ExchangeServer -auto";

/// Runspaces of one each, opened when they are needed and kept. One each, because on an ordinary endpoint Exchange is
/// loaded into a runspace, not into a pool.
pub(super) struct Remote {
    name: String,
    config: ConnectionConfig,
    loader: Option<Command>,
    operation: Duration,
    idle: Mutex<Vec<RunspacePool>>,
    slots: Semaphore,
}

impl Remote {
    /// Opens the first runspace, so that a host that is not there or a wrong password shows before anything is tried.
    pub(super) async fn open(connection: &Connection, trace: Option<&Trace>) -> Result<Self, ExchangeError> {
        let config = wire_config(connection, trace)?;
        let remote = Self {
            name: connection.name.clone(),
            config,
            loader: loader(connection),
            operation: connection.timeouts.operation,
            idle: Mutex::default(),
            slots: Semaphore::new(usize::try_from(connection.concurrency.max(1)).unwrap_or(1)),
        };
        let first = remote.runspace().await?;
        remote.put_back(first);
        Ok(remote)
    }

    async fn runspace(&self) -> Result<RunspacePool, ExchangeError> {
        let kept = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        if let Some(pool) = kept {
            return Ok(pool);
        }
        let pool = RunspacePool::open(self.config.clone(), PoolOptions::default())
            .await
            .map_err(|error| not_opened(&self.name, &self.config.url, error))?;
        let Some(command) = self.loader.clone() else { return Ok(pool) };
        let answer = run(&pool, command, self.operation).await?;
        match answer.refusal() {
            None => Ok(pool),
            Some(refusal) => Err(ExchangeError::NotLoaded(refusal.message)),
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, ExchangeError> {
        let pool = self.runspace().await?;
        let answer = run(&pool, command(call), self.operation).await;
        // After an error the runspace is given up: nobody knows what still runs in it.
        if answer.is_ok() {
            self.put_back(pool);
        }
        answer
    }

    fn put_back(&self, pool: RunspacePool) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(pool);
        }
    }
}

#[async_trait]
impl Exchange for Remote {
    async fn run(&self, call: &Call) -> Result<Answer, ExchangeError> {
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(ExchangeError::SessionLost("the connection is closed".into()));
        };
        // A read can be asked again; whether a write was carried out is for the caller to find out.
        let is_read = call.cmdlet.starts_with("Get-");
        match self.attempt(call).await {
            Err(ExchangeError::SessionLost(_)) if is_read => self.attempt(call).await,
            answer => answer,
        }
    }

    async fn read(
        &self,
        call: &Call,
        each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
    ) -> Result<Answer, ExchangeError> {
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(ExchangeError::SessionLost("the connection is closed".into()));
        };
        let pool = self.runspace().await?;
        let answer = stream(&pool, command(call), self.operation, each).await;
        if answer.as_ref().is_ok_and(|answer| !matches!(answer.outcome, Outcome::Stopped(_))) {
            self.put_back(pool);
        }
        answer
    }

    async fn close(&self) {
        let pools = self.idle.lock().map(|mut idle| std::mem::take(&mut *idle)).unwrap_or_default();
        for pool in pools {
            // The shell ends by its idle time-out if this fails.
            let _ = pool.close().await;
        }
    }
}

fn command(call: &Call) -> Command {
    call.parameters
        .iter()
        .fold(Command::new(&call.cmdlet), |command, (name, value)| command.parameter(name, value.clone()))
}

/// Runs one command and hands over its output. `silence` is how long nothing may come: how long all of it takes depends
/// on how much there is.
async fn stream(
    pool: &RunspacePool,
    command: Command,
    silence: Duration,
    each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
) -> Result<Answer, ExchangeError> {
    let mut pipeline = pool.pipeline().command(command).run().await.map_err(lost)?;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    loop {
        let next = tokio::time::timeout(silence, pipeline.next()).await.map_err(|_| {
            ExchangeError::SessionLost(format!("nothing came for {} seconds", silence.as_secs()))
        })?;
        match next.map_err(lost)? {
            None => break,
            Some(Record::Output(value)) => {
                if each(value).is_break() {
                    return Ok(Answer {
                        objects: Vec::new(),
                        errors,
                        warnings,
                        outcome: Outcome::Stopped(None),
                    });
                }
            }
            Some(Record::Error(error)) => errors.push(*error),
            Some(Record::Warning(text)) => warnings.push(text),
            Some(_) => {}
        }
    }
    if pipeline.may_have_gaps() {
        return Err(ExchangeError::SessionLost("an answer got lost on its way, perhaps with objects".into()));
    }
    let outcome = pipeline.outcome().cloned().unwrap_or(Outcome::Completed);
    Ok(Answer { objects: Vec::new(), errors, warnings, outcome })
}

/// The command that loads Exchange on an ordinary endpoint.
pub(crate) fn loader(connection: &Connection) -> Option<Command> {
    (!connection.endpoint.is_exchange()).then(|| match connection.exchange_loader {
        ExchangeLoader::SnapIn => Command::new("Add-PSSnapin").parameter("Name", Value::from(SNAP_IN)),
        ExchangeLoader::RemoteExchange => Command::script(REMOTE_EXCHANGE),
    })
}

/// Runs one command to its end.
pub(crate) async fn run(
    pool: &RunspacePool,
    command: Command,
    deadline: Duration,
) -> Result<Answer, ExchangeError> {
    let collected = pool
        .pipeline()
        .command(command)
        .deadline(deadline)
        .run()
        .await
        .map_err(lost)?
        .collect()
        .await
        .map_err(lost)?;
    Ok(Answer {
        objects: collected.output,
        errors: collected.errors,
        warnings: collected.warnings,
        outcome: collected.outcome.unwrap_or(Outcome::Completed),
    })
}

/// An error before there was a runspace: nothing was tried.
fn not_opened(connection: &str, endpoint: &str, error: Error) -> ExchangeError {
    let endpoint = endpoint.to_owned();
    match error {
        Error::SignIn(error) => ExchangeError::SignIn { endpoint, message: error.to_string() },
        Error::Fault(fault) if fault.is_quota() => ExchangeError::Throttled(fault.to_string()),
        Error::Configuration(message) => {
            ExchangeError::Setting { connection: connection.to_owned(), message }
        }
        Error::Connect { reason, .. } => ExchangeError::Unreachable { endpoint, message: reason },
        Error::Protocol(message) => ExchangeError::Protocol(message),
        other => ExchangeError::Unreachable { endpoint, message: other.to_string() },
    }
}

/// An error while a cmdlet was under way.
fn lost(error: Error) -> ExchangeError {
    match error {
        Error::Fault(fault) if fault.is_quota() => ExchangeError::Throttled(fault.to_string()),
        Error::Protocol(message) => ExchangeError::Protocol(message),
        other => ExchangeError::SessionLost(other.to_string()),
    }
}
