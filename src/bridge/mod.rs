//! The bridge as a library: what another connector needs to keep mailboxes, and nothing about command lines.
//!
//! ```no_run
//! use mailwright::bridge::{Bridge, Change, Operation};
//! use mailwright::config::Config;
//!
//! # async fn connector() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::load("mailwright.toml".as_ref())?;
//! let bridge = Bridge::open(config.connection(None)?, "state/corp.db".as_ref(), "hr-connector").await?;
//!
//! let mut ada = Change::new(Operation::Ensure, "ada@contoso.com").id("2026-11-20/ada");
//! ada.attributes.insert("CustomAttribute1".into(), "4711".into());
//! ada.addresses = Some(vec!["ada.l@contoso.com", "ada@contoso.com"].into());
//!
//! let plan = bridge.plan([ada.clone()]).await?;
//! println!("{}", plan.text());
//! for outcome in bridge.apply([ada]).await? {
//!     println!("{} {:?} {:?}", outcome.identity, outcome.action, outcome.error);
//! }
//! // For those who want to see it: report.html, run.json, changes.csv, audit.jsonl and what failed.
//! let page = bridge.write_report("state/last-run".as_ref()).await?;
//! println!("see {}", page.display());
//! bridge.close().await;
//! # Ok(())
//! # }
//! ```

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use uuid::Uuid;

use crate::config::Connection;
use crate::exchange::{self, ExchangeError};
use crate::flow::intake::{Flow, LIBRARY, Row, SecretStore};
use crate::flow::journal::{Journal, JournalError, RunEnd};
use crate::flow::lock::{Lock, LockError};
use crate::flow::run::{self, Options, Progress, RunError, Sites, Stop, Work};
use crate::report::{Form, PlannedChange, RunReport, SavedPlan, Style, about, plan_text, write_folder};

pub use crate::recipient::{Action, Change, ErrorClass, Operation};
pub use crate::report::ChangeResult as Outcome;

/// The name of the column that a password of a request counts as.
const PASSWORD: &str = "_param_password";

/// One connection with its journal, open.
///
/// Cancel-safe: a future of [`Bridge::apply`] may be dropped at any point. What was begun is in the journal, and applying
/// the same changes again, by this process or a later one, reads the accounts again and goes on where it ended.
pub struct Bridge {
    sites: Sites,
    journal: Journal,
    source: String,
    about: serde_json::Value,
    stop: Stop,
    _lock: Lock,
}

/// A change with what may go with it.
#[derive(Debug)]
pub struct Request {
    change: Change,
    password: Option<SecretString>,
}

impl From<Change> for Request {
    fn from(change: Change) -> Self {
        Self { change, password: None }
    }
}

impl Request {
    /// A change that makes an account with this password. It is kept in memory until the change has ended, and nowhere
    /// else.
    pub fn with_password(change: Change, password: SecretString) -> Self {
        Self { change, password: Some(password) }
    }
}

/// What would be done: made by [`Bridge::plan`], and done by [`Bridge::apply_plan`] as long as the accounts are as they were.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan(SavedPlan);

impl Plan {
    /// Its changes, each with its steps, or with the reason why it is refused.
    pub fn changes(&self) -> &[PlannedChange] {
        &self.0.changes
    }

    /// It for people, secrets as `***`.
    pub fn text(&self) -> String {
        plan_text(&self.0.changes, Style::new(false))
    }

    /// It as it is saved; secrets by reference.
    ///
    /// # Errors
    /// Never in practice: a plan has a JSON form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        self.0.to_bytes()
    }
}

/// Why a bridge did nothing, or broke off. What became of a change is its [`Outcome`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// Exchange cannot be reached, refuses the sign-in, or the connection cannot be used; nothing was tried
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The journal cannot be used
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another run has the journal
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The run came to nothing, or broke off; what was begun is in the journal
    #[error(transparent)]
    Run(#[from] RunError),
    /// The report cannot be written; what was done is done, and it can be written again
    #[error("the report cannot be written to {}: {error}", folder.display())]
    Report {
        /// Where it was to be
        folder: PathBuf,
        /// Why not
        error: std::io::Error,
    },
}

impl Bridge {
    /// Signs in and opens the journal. `source` names the connector: the id of a change is unique within it.
    ///
    /// # Errors
    /// Exchange or the journal cannot be had; or another process has the journal.
    pub async fn open(connection: &Connection, journal: &Path, source: &str) -> Result<Self, BridgeError> {
        let lock = Lock::of_journal(journal)?;
        let exchange = exchange::open(connection, None).await?;
        let journal = Journal::open(journal).await?;
        let about = about(connection, None, exchange.cloud_account());
        Ok(Self {
            sites: Sites::new(connection.clone(), exchange),
            journal,
            source: format!("{LIBRARY}{source}"),
            about,
            stop: Stop::default(),
            _lock: lock,
        })
    }

    /// A handle that ends [`Bridge::apply`] early: what has begun is finished, nothing new is begun.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// What would be done; writes nothing.
    ///
    /// # Errors
    /// The accepted domains cannot be read, or the guard against removing many addresses stands against it.
    pub async fn plan<R: Into<Request>>(
        &self,
        requests: impl IntoIterator<Item = R>,
    ) -> Result<Plan, BridgeError> {
        let run = Uuid::now_v7();
        let flow = self.flow(requests, run);
        let changes = run::plan(&self.sites, &flow, Options::default(), &Silent).await?;
        let connection = self.sites.default_name().to_owned();
        Ok(Plan(SavedPlan::new(run, connection, self.source.clone(), changes)))
    }

    /// Does what has to be done; one outcome for each change that was begun, in order.
    ///
    /// # Errors
    /// As [`Bridge::plan`]; or the journal fails.
    pub async fn apply<R: Into<Request>>(
        &self,
        requests: impl IntoIterator<Item = R>,
    ) -> Result<Vec<Outcome>, BridgeError> {
        let run = Uuid::now_v7();
        let flow = self.flow(requests, run);
        self.run(run, Work::Flow(flow)).await
    }

    /// Does exactly what was planned; an account that has changed since is refused.
    ///
    /// # Errors
    /// As [`Bridge::apply`].
    pub async fn apply_plan(&self, plan: Plan) -> Result<Vec<Outcome>, BridgeError> {
        self.run(Uuid::now_v7(), Work::Plan(plan.0)).await
    }

    /// The last run of this journal that had changes, as data: [`crate::report`] makes its text, page and tables.
    ///
    /// # Errors
    /// There was no run yet, or the journal fails.
    pub async fn report(&self) -> Result<RunReport, BridgeError> {
        Ok(self.journal.run_report(None).await?)
    }

    /// Writes the report of [`Bridge::report`] into a folder, making it where it is not there, and returns its page. The journal
    /// keeps the hash of the audit that is in it.
    ///
    /// # Errors
    /// As [`Bridge::report`]; or the folder cannot be written.
    pub async fn write_report(&self, folder: &Path) -> Result<PathBuf, BridgeError> {
        let report = self.report().await?;
        let (page, audit) = write_folder(&report, folder)
            .map_err(|error| BridgeError::Report { folder: folder.to_owned(), error })?;
        if let Ok(run) = report.run.id.parse() {
            self.journal.seal_audit(run, &audit.hash).await?;
        }
        Ok(page)
    }

    /// Deletes what the server keeps for this connection.
    pub async fn close(self) {
        self.sites.close().await;
        self.journal.close().await;
    }

    async fn run(&self, run: Uuid, work: Work) -> Result<Vec<Outcome>, BridgeError> {
        self.journal.begin_run(run, "library", self.sites.default_name(), work.source()).await?;
        self.journal.describe_run(run, &self.about).await?;
        let done =
            run::apply(&self.sites, work, run, &self.journal, Options::default(), &Silent, &self.stop).await;
        let end = match &done {
            Err(error) => RunEnd::Broken(error.to_string()),
            Ok(_) if self.stop.is_requested() => RunEnd::Stopped,
            Ok(_) => RunEnd::Complete,
        };
        let ended = self.journal.end_run(run, &end).await;
        let done = done?;
        ended?;
        Ok(done)
    }

    fn flow<R: Into<Request>>(&self, requests: impl IntoIterator<Item = R>, run: Uuid) -> Flow {
        let secrets = SecretStore::new(&self.source);
        let mut rows = Vec::new();
        for (line, request) in (1..).zip(requests) {
            let Request { mut change, password } = request.into();
            change.source.file.clone_from(&self.source);
            change.source.line = line;
            if change.change_id.is_empty() {
                change.change_id = format!("{run}-{line}");
            }
            if let Some(password) = password {
                secrets.keep(line, &change.identity, password);
                change.password = Some(crate::recipient::SecretSource::Flow {
                    file: self.source.clone(),
                    line,
                    column: PASSWORD.into(),
                });
            }
            rows.push(Row::Change(Box::new(change)));
        }
        Flow { file: self.source.clone(), form: Form::json_lines(), rows, written: Vec::new(), secrets }
    }
}

struct Silent;

impl Progress for Silent {
    fn total(&self, _: usize) {}
    fn planned(&self, _: &[PlannedChange], _: usize) {}
    fn done(&self, _: &str) {}
}
