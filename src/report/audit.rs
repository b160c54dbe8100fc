//! The audit of a run: one JSON object per line, each holding the hash of the line before, so that a line which was changed,
//! taken away or put in shows. Made from the journal, it is the same every time it is made.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{RunReport, RunRow, StepRecord};

/// The layout of the lines.
const VERSION: u32 = 1;
/// What the first line holds in place of a hash.
const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An audit, written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Its lines, each with its line end
    pub text: String,
    /// The hash of the last one
    pub hash: String,
}

/// An audit that was found unbroken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unbroken {
    /// The run that it is of
    pub run: String,
    /// How many lines there are
    pub lines: u64,
    /// The hash of the last one
    pub hash: String,
}

/// Why an audit cannot be relied on. Lines count from one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// There is nothing in it
    #[error("the audit is empty")]
    Empty,
    /// A line that is no line of an audit
    #[error("line {0} is no line of an audit")]
    NotALine(u64),
    /// The numbers do not follow each other
    #[error("line {line} has the number {number}: a line before it was taken away or put in")]
    Number {
        /// Where
        line: u64,
        /// The number that it has
        number: u64,
    },
    /// The hash of the line before is another
    #[error(
        "line {0} does not fit the line before it: one of the two was changed, or a line between them taken away"
    )]
    Hash(u64),
    /// The last line is not the end of a run
    #[error("the end of the audit is missing: it stops after line {0}")]
    Cut(u64),
    /// The chain holds, and yet it is not the one that was written
    #[error(
        "the chain holds, but it is not the one that was written: the journal keeps another hash of its last line"
    )]
    Another,
}

/// The chain while it is made.
struct Chain {
    text: String,
    number: u64,
    hash: String,
}

impl Chain {
    fn push(&mut self, run: &str, at: Option<&str>, kind: &str, more: Json) {
        self.number += 1;
        let mut line = json!({
            "number": self.number, "previous": self.hash, "version": VERSION, "run": run, "at": at, "kind": kind,
        });
        if let (Json::Object(line), Json::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        let line = line.to_string();
        self.hash = hash(&line);
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

impl Audit {
    /// The audit of a run: its beginning, then for each change what it was about to do, every cmdlet with intent and
    /// outcome, and the result, then its end.
    pub fn of(report: &RunReport) -> Self {
        let run = &report.run;
        let mut chain = Chain { text: String::new(), number: 0, hash: NOTHING_BEFORE.into() };
        let begun = json!({
            "command": run.command, "connection": run.connection, "source": run.source, "about": run.about,
            "rows": report.rows.len(),
        });
        chain.push(&run.id, Some(&run.started_at), "run_begun", begun);
        for row in &report.rows {
            of_row(&mut chain, &run.id, row);
        }
        let fault = match &run.ending {
            super::Ending::Broken(fault) => Some(fault),
            _ => None,
        };
        let ended = json!({"ending": run.ending.name(), "fault": fault, "lines": chain.number + 1});
        chain.push(&run.id, run.finished_at.as_deref(), "run_ended", ended);
        Self { text: chain.text, hash: chain.hash }
    }

    /// Looks at every line of an audit; `kept` is the hash of its last line as the journal keeps it, where it is known.
    pub fn verify(text: &str, kept: Option<&str>) -> Result<Unbroken, AuditError> {
        #[derive(Deserialize)]
        struct Line {
            number: u64,
            previous: String,
            run: String,
            kind: String,
        }
        let mut run: Option<String> = None;
        let mut previous = NOTHING_BEFORE.to_owned();
        let mut last = (0, String::new());
        for (number, text) in (1..).zip(text.lines()) {
            let line: Line = serde_json::from_str(text).map_err(|_| AuditError::NotALine(number))?;
            if line.number != number {
                return Err(AuditError::Number { line: number, number: line.number });
            }
            if line.previous != previous || run.as_ref().is_some_and(|run| *run != line.run) {
                return Err(AuditError::Hash(number));
            }
            previous = hash(text);
            run = Some(line.run);
            last = (number, line.kind);
        }
        let Some(run) = run else { return Err(AuditError::Empty) };
        if last.1 != "run_ended" || !text.ends_with('\n') {
            return Err(AuditError::Cut(last.0));
        }
        if kept.is_some_and(|kept| kept != previous) {
            return Err(AuditError::Another);
        }
        Ok(Unbroken { run, lines: last.0, hash: previous })
    }

    /// The run that an audit says it is of; nothing is verified.
    pub fn run_of(text: &str) -> Option<String> {
        let line: Json = serde_json::from_str(text.lines().next()?).ok()?;
        Some(line.get("run")?.as_str()?.to_owned())
    }
}

fn of_row(chain: &mut Chain, run: &str, row: &RunRow) {
    let subject = |more: Json| {
        let mut subject = json!({"change_id": row.change_id, "identity": row.identity});
        if let (Json::Object(subject), Json::Object(more)) = (&mut subject, more) {
            subject.extend(more);
        }
        subject
    };
    if !row.diff.is_empty() {
        let planned = json!({"addresses": row.diff.addresses, "attributes": row.diff.attributes});
        chain.push(run, row.began_at.as_deref(), "planned", subject(planned));
    }
    for step in &row.steps {
        let StepRecord {
            attempt,
            step: number,
            cmdlet,
            parameters,
            intent_at,
            outcome,
            detail,
            outcome_at,
            ..
        } = step;
        let intent = json!({"attempt": attempt, "step": number, "cmdlet": cmdlet, "parameters": parameters});
        chain.push(run, Some(intent_at), "intent", subject(intent));
        if let Some(outcome) = outcome {
            let outcome = json!({
                "attempt": attempt, "step": number, "cmdlet": cmdlet, "outcome": outcome, "detail": detail,
            });
            chain.push(run, outcome_at.as_deref(), "outcome", subject(outcome));
        }
    }
    let result = match &row.result {
        Some(result) => json!({
            "source": result.source, "connection": result.connection, "guid": result.guid, "action": result.action,
            "error": result.error, "warnings": result.warnings, "attempts": result.attempts,
        }),
        None => json!({"action": null, "taken_over_by": row.taken_over_by}),
    };
    chain.push(run, row.finished_at.as_deref(), "result", subject(result));
}

fn hash(line: &str) -> String {
    Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
