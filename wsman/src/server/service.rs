//! What stands behind a server.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::auth::{AccountStore, Mechanism, UserName};
use crate::clixml::Value;
use crate::psrp::message::HostInfo;
use crate::psrp::server::Choice;
use crate::psrp::{Command, Outcome, Record};

/// What a server is for: accounts, and something that runs commands.
pub trait Service: Send + Sync + 'static {
    /// The accounts for sign-in.
    fn accounts(&self) -> Arc<dyn AccountStore + Send + Sync>;

    /// A shell is opened, or needs one more runspace. An error refuses it with a fault.
    fn open(&self, shell: ShellInfo) -> Result<Box<dyn Runspace>, Refusal>;

    /// Every HTTP exchange, for a log.
    fn on_exchange(&self, exchange: &Exchange) {
        let _ = exchange;
    }
}

/// Runs pipelines, one at a time.
pub trait Runspace: Send + 'static {
    /// Runs one pipeline to its end, on a thread where blocking does no harm. What it writes goes to `sink` at once.
    fn run(&mut self, pipeline: PipelineRequest, sink: &mut dyn FnMut(Record)) -> Outcome;
}

/// Who opens a shell, and where.
#[derive(Clone, Debug)]
pub struct ShellInfo {
    /// The shell's id
    pub id: Uuid,
    /// The path of the endpoint, as it was configured
    pub path: String,
    /// The query of the URL, without the question mark; empty where there is none
    pub query: String,
    /// The resource URI
    pub resource_uri: String,
    /// Who signed in
    pub user: UserName,
    /// How; `None` is Basic
    pub mechanism: Option<Mechanism>,
    /// 0 for the shell itself, then counting the further runspaces that pipelines at the same time need
    pub runspace: u32,
}

/// A shell that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `WSManFault@Code`
    pub code: u32,
    /// What the user is told
    pub message: String,
}

impl Refusal {
    /// A refusal in the way of an authorization plug-in, whose code it carries.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: 2_152_992_672, message: message.into() }
    }
}

/// A pipeline to be run.
#[derive(Clone, Debug)]
pub struct PipelineRequest {
    /// Its id
    pub id: Uuid,
    /// Statements, each a pipeline of commands; SecureStrings in them are clear
    pub statements: Vec<Vec<Command>>,
    /// What was fed to it, complete
    pub input: Vec<Value>,
    /// The host that the client declared
    pub host: HostInfo,
    /// Whether it is to stop
    pub stop: StopFlag,
    /// The way to the client's user
    pub user: User,
}

/// The client's user, as far as a pipeline can ask one.
#[derive(Clone)]
pub struct User(pub(super) Arc<dyn Ask>);

/// What stands behind a [`User`].
pub(super) trait Ask: Send + Sync {
    fn choose(&self, caption: &str, message: &str, choices: &[Choice], default: i32) -> Option<i32>;
}

impl User {
    /// Lets the user choose, and waits for it: the prompt of `ShouldProcess`. `None`: there is nobody to ask, the
    /// client does not answer with a choice, or the pipeline is stopped.
    pub fn choose(&self, caption: &str, message: &str, choices: &[Choice], default: i32) -> Option<i32> {
        self.0.choose(caption, message, choices, default)
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("User")
    }
}

/// Tells a running pipeline that it is to stop. Clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<(Mutex<bool>, Condvar)>);

impl StopFlag {
    /// Whether it is to stop.
    pub fn is_set(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps, but no longer than until it is to stop; returns whether it is.
    pub fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut set = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*set {
            let Some(rest) = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return false;
            };
            set = self.0.1.wait_timeout(set, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Tells it to stop.
    pub fn set(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

/// One HTTP exchange. Bodies, tokens and headers are left out on purpose.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The client
    pub peer: SocketAddr,
    /// Which connection, counted from 1
    pub connection: u64,
    /// HTTP method
    pub method: String,
    /// Path, without query
    pub path: String,
    /// `wsa:Action` of the request; `None` where there was no SOAP in it, or none that was read
    pub action: Option<String>,
    /// HTTP status of the answer
    pub status: u16,
    /// Who is signed in on the connection
    pub user: Option<UserName>,
    /// Whether the SOAP messages were sealed
    pub sealed: bool,
    /// Bytes of the request's body on the wire
    pub request_bytes: usize,
    /// Bytes of the answer's body on the wire
    pub response_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_wakes_the_sleeper() {
        let flag = StopFlag::default();
        assert!(!flag.wait(Duration::from_millis(1)));
        let other = flag.clone();
        let thread = std::thread::spawn(move || other.wait(Duration::from_secs(600)));
        flag.set();
        assert!(thread.join().unwrap() && flag.is_set());
    }
}
