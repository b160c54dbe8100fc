//! What stands beside a file that was put away. Pure.

use serde::Serialize;
use uuid::Uuid;

use crate::report::{ChangeResult, Totals};

/// What became of a file; `<file>.receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    /// The file as it was dropped
    pub file: String,
    /// What it is known by here; a file that is taken up again keeps it
    pub ticket: Uuid,
    /// The run in which it came to its end; none where nothing was tried
    pub run: Option<Uuid>,
    /// The connection of rows that name none
    pub connection: String,
    /// As `apply` would have ended
    pub exit_code: u8,
    /// How many changes ended how
    pub counts: Totals,
    /// Why nothing of it was tried, or why it broke off
    pub error: Option<Refused>,
    /// The page of the run's report
    pub report: Option<String>,
    /// The rows that were refused or failed, in input form, beside this receipt
    pub failures: Option<String>,
    /// One for each change, as `apply --output jsonl` prints it
    pub results: Vec<ChangeResult>,
}

/// Why a file came to nothing as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// What is wrong; several lines when several things are
    pub message: String,
    /// What to do about it
    pub hints: Vec<String>,
}

impl Receipt {
    /// Of a file of which nothing was tried.
    pub fn new(file: &str, ticket: Uuid, connection: &str) -> Self {
        Self {
            file: file.to_owned(),
            ticket,
            run: None,
            connection: connection.to_owned(),
            exit_code: 0,
            counts: Totals::default(),
            error: None,
            report: None,
            failures: None,
            results: Vec::new(),
        }
    }

    /// One line for people: what became of it.
    pub fn line(&self) -> String {
        match &self.error {
            Some(error) => error.message.lines().next().unwrap_or_default().to_owned(),
            None => self.counts.line(),
        }
    }
}
