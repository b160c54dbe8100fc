//! A run as its journal holds it: what every form of its report is made from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::{ChangeResult, Diff, Form, Totals};
use crate::recipient::{Action, Traffic};

/// A run with its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// The run as a whole
    pub run: RunInfo,
    /// Its rows in the order of the flow
    pub rows: Vec<RunRow>,
    /// The forms of the sources, by number
    pub forms: BTreeMap<i64, Form>,
}

/// A run as a whole. Times are UTC, in the form of RFC 3339 with milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct RunInfo {
    /// Its id
    pub id: String,
    /// The command
    pub command: String,
    /// The connection
    pub connection: String,
    /// The source
    pub source: String,
    /// Who ran what against what, as it was noted at the beginning
    pub about: Option<Json>,
    /// When it began
    pub started_at: String,
    /// When it ended, if it did
    pub finished_at: Option<String>,
    /// How long it took
    pub millis: Option<i64>,
    /// How it ended
    pub ending: Ending,
    /// The hash of the last line of its audit, as it was first written
    pub audit_hash: Option<String>,
    /// What it asked of the cloud, by connection; a run that reached none, or has not ended, has nothing here
    pub traffic: BTreeMap<String, Traffic>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every change came to a result
    Complete,
    /// Somebody stopped it
    Stopped,
    /// It broke off, and why
    Broken(String),
    /// It goes on, or its process ended without a word
    Open,
}

impl Ending {
    /// The word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Broken(_) => "broken",
            Self::Open => "open",
        }
    }
}

/// A row of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// What came of it; absent when this run did not bring it to an end
    pub result: Option<ChangeResult>,
    /// Id of the change
    pub change_id: String,
    /// The identity as the source names it
    pub identity: String,
    /// What it changed
    pub diff: Diff,
    /// The cmdlets that were sent in this run
    pub steps: Vec<StepRecord>,
    /// When it was begun
    pub began_at: Option<String>,
    /// When it came to its result
    pub finished_at: Option<String>,
    /// How long that took
    pub millis: Option<i64>,
    /// The row as its source has it, without passwords, and the number of the form
    pub written: Option<(i64, String)>,
    /// What it wants, as JSON; for rows that failed
    pub content: Option<String>,
    /// The run that took it over later
    pub taken_over_by: Option<String>,
}

/// A cmdlet that was sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRecord {
    /// Which attempt of the change
    pub attempt: u32,
    /// Which step of the attempt
    pub step: u32,
    /// The cmdlet
    pub cmdlet: String,
    /// Its parameters, masked
    pub parameters: Json,
    /// When it was about to be sent
    pub intent_at: String,
    /// `done`, `failed` or `unknown`; absent when nothing was heard of it
    pub outcome: Option<String>,
    /// What there is to say of the outcome
    pub detail: Option<String>,
    /// When the outcome was known
    pub outcome_at: Option<String>,
    /// How long it took
    pub millis: Option<i64>,
}

impl RunReport {
    /// The results that there are.
    pub fn results(&self) -> impl Iterator<Item = &ChangeResult> {
        self.rows.iter().filter_map(|row| row.result.as_ref())
    }

    /// How many ended how.
    pub fn totals(&self) -> Totals {
        Totals::of(self.results())
    }

    /// How many came to no result in this run.
    pub fn unfinished(&self) -> usize {
        self.rows.iter().filter(|row| row.result.is_none()).count()
    }

    /// The rows that failed for good.
    pub fn failed(&self) -> impl Iterator<Item = &RunRow> {
        self.rows.iter().filter(|row| row.has_failed())
    }
}

impl RunRow {
    /// Whether it was refused or failed.
    pub fn has_failed(&self) -> bool {
        self.action().is_some_and(|action| matches!(action, Action::Refused | Action::Failed))
    }

    /// What was done.
    pub fn action(&self) -> Option<Action> {
        self.result.as_ref().map(|result| result.action)
    }
}
