//! Exchange over PowerShell remoting: on-premises and hybrid, at `/PowerShell` or through an ordinary endpoint.

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use wsman::client::{Error, RunspacePool, Trace};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome};

use super::account::Account;
use super::gate::Gate;
use super::stream::{Broken, stream};
use super::wire::SHELL_IDLE;
use super::{Answer, Call, Exchange, ExchangeError, throttled};
use crate::config::{Connection, ExchangeLoader};
use crate::recipient::ErrorClass;

const SNAP_IN: &str = "Microsoft.Exchange.Management.PowerShell.SnapIn";
/// The only script that is ever sent, and it is a constant.
const REMOTE_EXCHANGE: &str = ". 'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\RemoteExchange.ps1'; Connect-ExchangeServer -auto";

/// How often a call is sent again that was throttled, or whose session was lost, where that does no harm.
const AGAIN: u32 = 3;

/// Runspaces of one each, opened when they are needed and kept. One each, because on an ordinary endpoint Exchange is
/// loaded into a runspace, not into a pool.
pub(super) struct Remote {
    account: Account,
    loader: Option<Command>,
    operation: Duration,
    idle: Mutex<Vec<Runspace>>,
    signed_in: OnceLock<String>,
    gate: Gate,
}

/// For how long a runspace is kept that nobody uses. The server deletes its shell at [`SHELL_IDLE`]; until then there is time for
/// a call to arrive.
const KEPT: Duration = SHELL_IDLE.saturating_sub(Duration::from_secs(60));

/// A runspace, and its number at [`Account`].
struct Runspace {
    generation: u32,
    pool: RunspacePool,
    /// When it was used last
    used: Instant,
}

impl Runspace {
    /// Whether nothing speaks against the secret that opened it. Where something does, the runspace must not try it any more.
    fn is_of(&self, generation: u32) -> bool {
        let is_good = self.generation == generation;
        if !is_good {
            self.pool.forgo_sign_in();
        }
        is_good
    }
}

impl Remote {
    /// Opens the first runspace, so that a host that is not there or a wrong password shows before anything is tried.
    pub(super) async fn open(connection: &Connection, trace: Option<&Trace>) -> Result<Self, ExchangeError> {
        let remote = Self {
            account: Account::new(connection, trace).await?,
            loader: loader(connection),
            operation: connection.timeouts.operation,
            idle: Mutex::default(),
            signed_in: OnceLock::new(),
            gate: Gate::new(connection.concurrency),
        };
        let first = remote.runspace().await?;
        remote.put_back(first);
        Ok(remote)
    }

    async fn runspace(&self) -> Result<Runspace, ExchangeError> {
        loop {
            let kept = self.idle().pop();
            match kept {
                Some(kept) if is_stale(kept.used, Instant::now()) => drop(kept),
                Some(kept) if kept.is_of(self.account.generation()) => return Ok(kept),
                Some(_) => {}
                None => break,
            }
        }
        let (generation, pool) = self.account.open().await?;
        self.signed_in.get_or_init(|| how(&pool));
        let runspace = Runspace { generation, pool, used: Instant::now() };
        let Some(command) = self.loader.clone() else { return Ok(runspace) };
        let answer = run(&runspace.pool, command, self.operation).await?;
        match answer.refusal() {
            None => Ok(runspace),
            Some(refusal) => Err(ExchangeError::NotLoaded(refusal.message)),
        }
    }

    async fn attempt(&self, runspace: Runspace, call: &Call) -> Result<Answer, ExchangeError> {
        let answer = run_whole(&runspace.pool, command(call), self.operation).await;
        // After an error the runspace is given up: nobody knows what still runs in it.
        match answer {
            Ok(answer) => {
                self.put_back(runspace);
                Ok(answer)
            }
            Err(error) => {
                self.account.note(runspace.generation, &error).await;
                Err(lost(error))
            }
        }
    }

    /// What an answer says about the pace.
    fn heed(&self, answer: &Result<Answer, ExchangeError>) {
        match answer {
            Err(ExchangeError::Throttled { after, .. }) => self.gate.complaint(*after),
            Err(_) => {}
            Ok(answer) => match answer.refusal() {
                Some(refusal) if refusal.class == ErrorClass::Throttled => {
                    self.gate.complaint(refusal.retry_after);
                }
                _ => self.gate.well(),
            },
        }
    }

    fn put_back(&self, mut runspace: Runspace) {
        runspace.used = Instant::now();
        if runspace.is_of(self.account.generation()) {
            self.idle().push(runspace);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Runspace>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Exchange for Remote {
    async fn run(&self, call: &Call) -> Result<Answer, ExchangeError> {
        // Before there is a runspace nothing was run. After that a read can be asked again; whether a write was carried out
        // is for the caller to find out.
        let is_read = call.cmdlet.starts_with("Get-");
        let mut left = AGAIN;
        loop {
            let slot = self.gate.slot().await;
            let (answer, may_repeat) = match self.runspace().await {
                Ok(runspace) => (self.attempt(runspace, call).await, is_read),
                Err(error) => (Err(error), true),
            };
            drop(slot);
            self.heed(&answer);
            let again = match &answer {
                Err(ExchangeError::SessionLost(_) | ExchangeError::Throttled { .. }) => may_repeat,
                Err(_) => false,
                Ok(answer) => {
                    is_read && answer.refusal().is_some_and(|refusal| refusal.class == ErrorClass::Throttled)
                }
            };
            if !again || left == 0 {
                return answer;
            }
            left -= 1;
        }
    }

    async fn read(
        &self,
        call: &Call,
        each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
    ) -> Result<Answer, ExchangeError> {
        let mut left = AGAIN;
        loop {
            let slot = self.gate.slot().await;
            let mut came = false;
            let mut note = |value: Value| {
                came = true;
                each(value)
            };
            let answer = match self.runspace().await {
                Ok(runspace) => {
                    match stream(&runspace.pool, command(call), self.operation, &mut note).await {
                        Ok(answer) => {
                            if !matches!(answer.outcome, Outcome::Stopped(_)) {
                                self.put_back(runspace);
                            }
                            Ok(answer)
                        }
                        Err(Broken::Wire(error)) => {
                            self.account.note(runspace.generation, &error).await;
                            Err(lost(error))
                        }
                        Err(Broken::Other(error)) => Err(error),
                    }
                }
                Err(error) => Err(error),
            };
            drop(slot);
            self.heed(&answer);
            let throttled = match &answer {
                Err(ExchangeError::Throttled { .. }) => true,
                Err(_) => false,
                Ok(answer) => answer.refusal().is_some_and(|it| it.class == ErrorClass::Throttled),
            };
            // What has come cannot be taken back.
            if !throttled || came || left == 0 {
                return answer;
            }
            left -= 1;
        }
    }

    fn signed_in(&self) -> Option<String> {
        self.signed_in.get().cloned()
    }

    async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        let generation = self.account.generation();
        for runspace in idle.into_iter().filter(|runspace| runspace.is_of(generation)) {
            // The shell ends by its idle time-out if this fails.
            let _ = runspace.pool.close().await;
        }
    }
}

/// Whether the server may have given up by now what was used then. Dropping it deletes its shell; what is asked next gets a new
/// one, and nobody notices.
fn is_stale(used: Instant, now: Instant) -> bool {
    now.saturating_duration_since(used) > KEPT
}

fn command(call: &Call) -> Command {
    call.parameters
        .iter()
        .fold(Command::new(&call.cmdlet), |command, (name, value)| command.parameter(name, value.clone()))
}

/// How a pool signed in, as a sentence.
fn how(pool: &RunspacePool) -> String {
    let signed_in = pool.signed_in();
    let mechanism =
        signed_in.mechanism.map_or_else(|| "Basic or a certificate".to_owned(), |it| it.to_string());
    match signed_in.kerberos_failure {
        Some(reason) => format!("signed in with {mechanism}; not with Kerberos: {reason}"),
        None => format!("signed in with {mechanism}"),
    }
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
    run_whole(pool, command, deadline).await.map_err(lost)
}

async fn run_whole(pool: &RunspacePool, command: Command, deadline: Duration) -> Result<Answer, Error> {
    let collected = pool.pipeline().command(command).deadline(deadline).run().await?.collect().await?;
    Ok(Answer {
        objects: collected.output,
        errors: collected.errors,
        warnings: collected.warnings,
        outcome: collected.outcome.unwrap_or(Outcome::Completed),
    })
}

/// An error while a cmdlet was under way.
fn lost(error: Error) -> ExchangeError {
    match error {
        Error::Fault(fault) if fault.is_quota() => throttled(fault.to_string()),
        Error::Protocol(message) => ExchangeError::Protocol(message),
        other => ExchangeError::SessionLost(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F59: the server is asked for a short idle time, and a runspace is given up here before it is there.
    #[test]
    fn f59_a_runspace_that_nobody_used_is_given_up_before_its_shell() {
        let used = Instant::now();
        assert!(!is_stale(used, used));
        assert!(!is_stale(used, used + KEPT));
        assert!(is_stale(used, used + KEPT + Duration::from_millis(1)));
        // A call is under way for at most a minute before the server knows of it.
        assert!(KEPT + Duration::from_secs(60) <= SHELL_IDLE);
        // WinRM takes no less than a minute.
        assert!(SHELL_IDLE >= Duration::from_secs(60));
    }
}
