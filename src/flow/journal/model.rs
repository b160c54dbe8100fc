//! The plain data that goes into the journal and comes out of it.

use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::flow::intake::{LIBRARY, STDIN, content_hash};
use crate::recipient::{Action, Change};

/// The number of a change in its journal; later changes have larger ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Seq(pub i64);

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Journalled, not begun
    Waiting,
    /// Begun
    Running,
    /// Done for good, also when nothing had to be done
    Done,
    /// A rule stands against it; nothing was written
    Refused,
    /// Tried and failed
    Failed,
    /// Waits for something outside: a licence, replication, directory synchronisation
    Pending,
}

impl State {
    /// The word in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }

    /// How far a change is that ended so.
    pub fn of(action: Action) -> Self {
        match action {
            Action::Refused => Self::Refused,
            Action::Failed => Self::Failed,
            Action::Pending => Self::Pending,
            Action::Created | Action::Updated | Action::Unchanged | Action::Disabled | Action::Removed => {
                Self::Done
            }
        }
    }

    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "running" => Self::Running,
            "done" => Self::Done,
            "refused" => Self::Refused,
            "failed" => Self::Failed,
            "pending" => Self::Pending,
            _ => Self::Waiting,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A change that is to be journalled.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChange {
    /// Id of the change within its source
    pub change_id: String,
    /// The source: the file as an absolute path, `-` for standard input
    pub source: String,
    /// Line or row in the source
    pub line: Option<u64>,
    /// Hash over everything that is wanted, secrets by reference
    pub content_hash: String,
    /// What is wanted, with references for secrets
    pub content: Json,
    /// The connection it goes to
    pub connection: String,
    /// The identity as the source names it
    pub identity: String,
}

impl NewChange {
    /// A change of a flow. It holds references to secrets only, so it can be kept as it is.
    pub fn of(change: &Change, connection: &str) -> Self {
        let file = &change.source.file;
        // The same file by another relative name is the same source.
        let source =
            if file == STDIN || file.starts_with(LIBRARY) { None } else { std::path::absolute(file).ok() };
        Self {
            change_id: change.change_id.clone(),
            source: source.map_or_else(|| file.clone(), |path| path.display().to_string()),
            line: Some(change.source.line),
            content_hash: content_hash(change),
            content: serde_json::to_value(change).unwrap_or_default(),
            connection: connection.to_owned(),
            identity: change.identity.clone(),
        }
    }
}

/// What became of journalling a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Enqueued {
    /// It is new
    New(Seq),
    /// It was there but never came to a good end: it is tried again
    Again(Seq),
    /// The identical change was done before; this is what came of it
    Done(Seq, Json),
    /// Its id was used for other content before, in this line of the source if known
    Conflict {
        /// Line of the earlier one
        earlier_line: Option<u64>,
    },
}

/// An account as it was read, and what was planned for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanRecord<'a> {
    /// The account, where there is one
    pub guid: Option<Uuid>,
    /// The hash of its state
    pub base_hash: &'a str,
    /// The steps, masked
    pub steps: Json,
    /// What they change
    pub diff: Json,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Exchange did it
    Done,
    /// Exchange refused it
    Failed,
    /// No answer: it may have happened or not
    Unknown,
}

impl StepOutcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Every change came to a result
    Complete,
    /// Somebody stopped it; what was not begun waits
    Stopped,
    /// It broke off, and why
    Broken(String),
}

impl RunEnd {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Broken(_) => "broken",
        }
    }
}

/// Which changes [`super::Journal::status`] returns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Only this id
    pub change_id: Option<String>,
    /// Only those refused or failed
    pub failed: bool,
}

/// A change as the journal holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its number
    pub seq: Seq,
    /// The run that it was last part of
    pub run: String,
    /// Its id
    pub change_id: String,
    /// Where it came from
    pub source: String,
    /// Line in the source
    pub line: Option<u64>,
    /// The connection
    pub connection: String,
    /// The identity as the source names it
    pub identity: String,
    /// The account, once it was read
    pub guid: Option<Uuid>,
    /// How far it is
    pub state: State,
    /// How often it was tried
    pub attempts: u32,
    /// The last result
    pub result: Option<Json>,
    /// When it was last written
    pub updated_at: String,
    /// Whether a step was begun whose outcome is not known
    pub in_doubt: bool,
}

/// A change that was refused or failed, as it can be tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// Its number
    pub seq: Seq,
    /// Its id
    pub change_id: String,
    /// Where it came from, a file by its absolute path
    pub source: String,
    /// The connection it went to
    pub connection: String,
    /// What is wanted
    pub change: Change,
    /// The id of a later change of the same account that is done and wants something else
    pub overtaken_by: Option<String>,
}

/// A run as the journal holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Its id
    pub id: String,
    /// The command
    pub command: String,
    /// The connection
    pub connection: String,
    /// The source
    pub source: String,
    /// When it began
    pub started_at: String,
    /// When it ended, if it did
    pub finished_at: Option<String>,
    /// How it ended: `complete`, `stopped` or `broken`
    pub ending: Option<String>,
}

/// A step that was begun and whose outcome is not known: the account must be read again before anything else.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenIntent {
    /// The change
    pub seq: Seq,
    /// Its id
    pub change_id: String,
    /// The identity as the source names it
    pub identity: String,
    /// The account, where it was known
    pub guid: Option<Uuid>,
    /// Which attempt
    pub attempt: u32,
    /// Which step
    pub step: u32,
    /// The cmdlet
    pub cmdlet: String,
    /// Its parameters, masked
    pub parameters: Json,
}
