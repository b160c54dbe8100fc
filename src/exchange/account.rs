//! The account that a connection signs in with, and what is done when the server refuses it: passwords are changed where
//! they are kept, also while a run goes on, so the secret is read once more. Only another one is tried, and only once, for
//! each refusal brings the account nearer to being locked.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;
use tokio::time::Instant;
use wsman::auth::{Credentials, Secret};
use wsman::client::{ConnectionConfig, Error, PoolOptions, ProxyProblem, RunspacePool, Trace};

use super::wire::wire_config;
use super::{ExchangeError, throttled};
use crate::config::Connection;

/// For how long an account is left alone that was refused. Directories count wrong sign-ins over about this time.
const REST: Duration = Duration::from_secs(300);
/// How long a server that is starting, or full for a moment, is asked for a runspace.
const BUSY: Duration = Duration::from_secs(30);

/// One account. All runspaces of a connection sign in with it.
pub(super) struct Account {
    connection: Connection,
    trace: Option<Trace>,
    /// Counts what became of the secret: a runspace that was opened at an earlier number is not used again
    generation: AtomicU32,
    state: Mutex<State>,
}

struct State {
    config: ConnectionConfig,
    standing: Standing,
}

/// What is known of the present secret.
enum Standing {
    /// Nothing that speaks against it
    Usable,
    /// The server refused it where there was a session already, and nobody has looked for another one since
    Doubtful(Error),
    /// The server refused it, and there is no other one, or it was refused too
    Refused { until: Instant, error: Error, looked: Looked },
}

/// What became of looking for another secret.
#[derive(Clone, Copy)]
enum Looked {
    Same,
    Unreadable,
    AlsoRefused,
}

impl Account {
    /// Fetches the secret. The server is not asked.
    pub(super) async fn new(connection: &Connection, trace: Option<&Trace>) -> Result<Self, ExchangeError> {
        let config = config(connection, trace).await?;
        Ok(Self {
            connection: connection.clone(),
            trace: trace.cloned(),
            generation: AtomicU32::new(0),
            state: Mutex::new(State { config, standing: Standing::Usable }),
        })
    }

    /// The number that a runspace must have to be used.
    pub(super) fn generation(&self) -> u32 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Opens a runspace, with its number. Nothing has been run when this fails.
    pub(super) async fn open(&self) -> Result<(u32, RunspacePool), ExchangeError> {
        let (generation, config) = {
            let mut state = self.state.lock().await;
            match &state.standing {
                Standing::Refused { until, error, looked } if *until > Instant::now() => {
                    return Err(self.refusal(error, *looked));
                }
                Standing::Doubtful(error) => {
                    let error = error.clone();
                    return self.once_more(&mut state, error).await;
                }
                Standing::Usable | Standing::Refused { .. } => (self.generation(), state.config.clone()),
            }
        };
        // Not under the lock: runspaces are opened side by side.
        let error = match open(config).await {
            Ok(pool) => return Ok((generation, pool)),
            Err(error) if is_about_secret(&error) => error,
            Err(error) => return Err(self.not_opened(error)),
        };
        let mut state = self.state.lock().await;
        match &state.standing {
            // Somebody else was faster, and what came of it goes for this one too.
            Standing::Refused { until, error, looked } if *until > Instant::now() => {
                Err(self.refusal(error, *looked))
            }
            Standing::Usable if self.generation() != generation => {
                let opened = open(state.config.clone()).await;
                opened.map(|pool| (self.generation(), pool)).map_err(|error| self.not_opened(error))
            }
            _ => self.once_more(&mut state, error).await,
        }
    }

    /// Notes that a sign-in was refused where there was a session already. The next runspace looks for another secret
    /// before it tries.
    pub(super) async fn note(&self, generation: u32, error: &Error) {
        if !is_about_secret(error) {
            return;
        }
        let mut state = self.state.lock().await;
        if generation == self.generation() && matches!(state.standing, Standing::Usable) {
            self.retire();
            state.standing = Standing::Doubtful(error.clone());
        }
    }

    /// Reads the secret again and tries it if it is another one. Everybody else waits for what comes of it.
    async fn once_more(&self, state: &mut State, error: Error) -> Result<(u32, RunspacePool), ExchangeError> {
        let refuse = |state: &mut State, error: Error, looked| {
            let told = self.refusal(&error, looked);
            state.standing = Standing::Refused { until: Instant::now() + REST, error, looked };
            Err(told)
        };
        self.retire();
        let Ok(renewed) = config(&self.connection, self.trace.as_ref()).await else {
            return refuse(state, error, Looked::Unreadable);
        };
        if same_secrets(&renewed, &state.config) {
            return refuse(state, error, Looked::Same);
        }
        state.config = renewed.clone();
        match open(renewed).await {
            Ok(pool) => {
                state.standing = Standing::Usable;
                Ok((self.generation(), pool))
            }
            Err(error) if is_about_secret(&error) => refuse(state, error, Looked::AlsoRefused),
            Err(error) => {
                state.standing = Standing::Usable;
                Err(self.not_opened(error))
            }
        }
    }

    /// Runspaces that are open have to sign in again now and then; those that were opened before must not.
    fn retire(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn refusal(&self, error: &Error, looked: Looked) -> ExchangeError {
        let mut told = self.not_opened(error.clone());
        if let ExchangeError::SignIn { message, .. } | ExchangeError::Unreachable { message, .. } = &mut told
        {
            *message += match looked {
                Looked::Same => "",
                Looked::Unreadable => " (and the secret cannot be read again)",
                Looked::AlsoRefused => " (the secret had changed meanwhile, and the new one is refused too)",
            };
        }
        told
    }

    /// An error before there was a runspace: nothing was tried.
    fn not_opened(&self, error: Error) -> ExchangeError {
        let endpoint = self.connection.endpoint.url().to_string();
        match error {
            Error::SignIn(error) => ExchangeError::SignIn { endpoint, message: error.to_string() },
            Error::Fault(fault) if fault.is_quota() => throttled(fault.to_string()),
            Error::Configuration(message) => {
                ExchangeError::Setting { connection: self.connection.name.clone(), message }
            }
            Error::Connect { reason, .. } => ExchangeError::Unreachable { endpoint, message: reason },
            Error::Protocol(message) => ExchangeError::Protocol(message),
            other => ExchangeError::Unreachable { endpoint, message: other.to_string() },
        }
    }
}

async fn config(connection: &Connection, trace: Option<&Trace>) -> Result<ConnectionConfig, ExchangeError> {
    let mut config = wire_config(connection, trace).await?;
    // A server that is starting, or full for a moment; nothing has been run when a runspace is opened.
    config.timeouts.busy = BUSY;
    Ok(config)
}

async fn open(config: ConnectionConfig) -> Result<RunspacePool, Error> {
    RunspacePool::open(config, PoolOptions::default()).await
}

/// Whether another secret could have been let in, at the server or at the proxy.
fn is_about_secret(error: &Error) -> bool {
    match error {
        Error::SignIn(error) => error.is_about_secret(),
        Error::Proxy { reason, .. } => *reason == ProxyProblem::SignIn,
        _ => false,
    }
}

fn same_secrets(a: &ConnectionConfig, b: &ConnectionConfig) -> bool {
    let same_at_proxy = match (&a.proxy_credentials, &b.proxy_credentials) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    same_at_proxy && same(&a.credentials, &b.credentials)
}

fn same(a: &Credentials, b: &Credentials) -> bool {
    match (&a.secret, &b.secret) {
        (Secret::Password(a), Secret::Password(b)) => a.expose_secret() == b.expose_secret(),
        (Secret::Keytab(a), Secret::Keytab(b)) => a == b,
        (Secret::TicketCache(a), Secret::TicketCache(b)) => a == b,
        (Secret::None, Secret::None) => true,
        _ => false,
    }
}
