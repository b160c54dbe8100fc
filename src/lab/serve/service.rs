//! What stands behind the server: accounts from the directory, sessions as runspaces.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wsman::auth::{AccountStore, Secret, UserName};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome, Record};
use wsman::server::{
    Endpoint as Served, Exchange as HttpExchange, PipelineRequest, Refusal, Runspace, Service, ShellInfo,
    StopFlag,
};

use super::ServeError;
use super::journal::Journal;
use crate::lab::cloud::{Carried, Seen, Witness};
use crate::lab::{Endpoint, Exchange, LabSession, LogEntry, Serialization};

const POWERSHELL: &str = "/PowerShell";
const WSMAN: &str = "/wsman";
/// Objects that are written without letting others in between.
const AT_ONCE: usize = 64;

/// What is served, and under which paths.
pub(super) fn endpoints() -> Vec<Served> {
    [(POWERSHELL, "Microsoft.Exchange"), (WSMAN, "Microsoft.PowerShell")]
        .map(|(path, name)| Served {
            path: path.to_owned(),
            resource_uris: vec![format!("http://schemas.microsoft.com/powershell/{name}")],
        })
        .into()
}

/// What all sessions share. Of the two locks at most one is held at a time, and neither while the server is called:
/// it opens runspaces under a lock of its own. That of the tenant is taken before, never while one of them is held.
#[derive(Debug)]
pub(super) struct Shared {
    exchange: Mutex<Exchange>,
    journal: Option<Mutex<Journal>>,
    latency: Duration,
    /// How much later the tenant has what changes; nothing where it is not synchronised
    sync_delay_ms: Option<u64>,
}

impl Shared {
    pub(super) fn new(
        mut exchange: Exchange,
        journal: Option<Journal>,
        latency: Duration,
        sync_delay: Option<Duration>,
    ) -> Self {
        let sync_delay_ms = sync_delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        if sync_delay_ms.is_some() {
            exchange.note_changes();
        }
        Self { exchange: Mutex::new(exchange), journal: journal.map(Mutex::new), latency, sync_delay_ms }
    }

    pub(super) fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn end_journal(&self) -> Result<(), ServeError> {
        self.journal().map_or(Ok(()), |mut journal| journal.end())
    }

    fn journal(&self) -> Option<MutexGuard<'_, Journal>> {
        self.journal.as_ref().map(|journal| journal.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Witness for Shared {
    fn saw(&self, seen: &Seen<'_>, calls: &[LogEntry]) {
        if let Some(mut journal) = self.journal() {
            calls.iter().for_each(|entry| journal.cmdlet(entry));
            journal.cloud(seen);
        }
    }

    fn carried(&self, now_ms: u64) -> Vec<Carried> {
        let until_ms = self.sync_delay_ms.and_then(|delay| now_ms.checked_sub(delay));
        until_ms.map_or_else(Vec::new, |until_ms| self.exchange().carried(until_ms, now_ms))
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The service.
pub(super) struct Lab(pub(super) Arc<Shared>);

impl Service for Lab {
    fn accounts(&self) -> Arc<dyn AccountStore + Send + Sync> {
        Arc::new(Accounts(Arc::clone(&self.0)))
    }

    fn open(&self, shell: ShellInfo) -> Result<Box<dyn Runspace>, Refusal> {
        let endpoint = if shell.path == POWERSHELL { Endpoint::PowerShell } else { Endpoint::Wsman };
        let serialization = serialization(&shell.query);
        let session = self.0.exchange().session(endpoint, &shell.user.to_string(), serialization);
        Ok(Box::new(LabRunspace { shared: Arc::clone(&self.0), session }))
    }

    fn on_exchange(&self, exchange: &HttpExchange) {
        if let Some(mut journal) = self.0.journal() {
            journal.http(exchange, now_ms());
        }
    }
}

/// `serializationLevel=Full` in the query of the URL that a shell is created at.
fn serialization(query: &str) -> Serialization {
    let full = url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        name.eq_ignore_ascii_case("serializationLevel") && value.eq_ignore_ascii_case("Full")
    });
    if full { Serialization::Full } else { Serialization::Default }
}

/// The directory's accounts: `DOMAIN\user`, `user@domain` or the bare account name.
struct Accounts(Arc<Shared>);

impl AccountStore for Accounts {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        let domain = (!user.domain.is_empty()).then_some(user.domain.as_str());
        self.0.exchange().password(domain, &user.user).map(Secret::Password)
    }
}

struct LabRunspace {
    shared: Arc<Shared>,
    session: LabSession,
}

impl Runspace for LabRunspace {
    /// Several statements are those of the real server's `ExtraCmds`: a failure that ends the first is written as an
    /// error and the next one runs; a failure that ends a later one ends the pipeline.
    fn run(&mut self, pipeline: PipelineRequest, sink: &mut dyn FnMut(Record)) -> Outcome {
        if pipeline.stop.wait(self.shared.latency) {
            return Outcome::Stopped(None);
        }
        let several = pipeline.statements.len() > 1;
        let mut input = Some(pipeline.input.as_slice()).filter(|values| !values.is_empty());
        for (index, statement) in pipeline.statements.iter().enumerate() {
            if pipeline.stop.is_set() {
                return Outcome::Stopped(None);
            }
            match self.statement(statement, input.take(), &pipeline.stop, sink) {
                Outcome::Completed => {}
                Outcome::Failed(record) if several && index == 0 => {
                    if let Some(record) = record {
                        sink(Record::Error(record));
                    }
                }
                other => return other,
            }
        }
        Outcome::Completed
    }
}

impl LabRunspace {
    fn statement(
        &mut self,
        commands: &[Command],
        input: Option<&[Value]>,
        stop: &StopFlag,
        sink: &mut dyn FnMut(Record),
    ) -> Outcome {
        let mut records = Vec::new();
        let ((outcome, found), entries) = {
            let mut exchange = self.shared.exchange();
            let keep = &mut |record| records.push(record);
            let outcome = self.session.run_and_find(&mut exchange, commands, input, now_ms(), keep);
            (outcome, exchange.take_log())
        };
        if let Some(mut journal) = self.shared.journal() {
            entries.iter().for_each(|entry| journal.cmdlet(entry));
        }
        for some in found.chunks(AT_ONCE) {
            if stop.is_set() {
                return Outcome::Stopped(None);
            }
            let written: Vec<Value> = {
                let exchange = self.shared.exchange();
                some.iter().map(|found| self.session.write(&exchange, found)).collect()
            };
            written.into_iter().for_each(|value| sink(Record::Output(value)));
        }
        records.into_iter().for_each(sink);
        outcome
    }
}
