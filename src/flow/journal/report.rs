//! Reading a run back as a whole, for its report.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Journal, JournalError, Seq};
use crate::report::{Ending, Form, Format, RunInfo, RunReport, RunRow, StepRecord};

impl Journal {
    /// Everything that the report of a run is made from. The run is named by its id or the beginning of it; the
    /// latest, where none is named.
    pub async fn run_report(&self, wanted: Option<&str>) -> Result<RunReport, JournalError> {
        let run = self.run_info(wanted).await?;
        let mut steps = self.steps_of(&run.id).await?;
        let rows = sqlx::query(
            "SELECT run_rows.*, changes.change_id, changes.identity, changes.content, changes.run AS last_run,
                    CAST(round((julianday(run_rows.finished_at) - julianday(began_at)) * 86400000) AS INTEGER) AS millis
             FROM run_rows LEFT JOIN changes ON seq = change
             WHERE run_rows.run = ? ORDER BY position",
        )
        .bind(&run.id)
        .fetch_all(&self.pool)
        .await?;
        let rows = rows.iter().map(|found| row(found, &run.id, &mut steps)).collect();
        let forms = self.forms_of(&run.id).await?;
        Ok(RunReport { run, rows, forms })
    }

    async fn run_info(&self, wanted: Option<&str>) -> Result<RunInfo, JournalError> {
        // A latest run without a row never came to its work: the one before says more.
        let found = sqlx::query(
            "SELECT *, CAST(round((julianday(finished_at) - julianday(started_at)) * 86400000) AS INTEGER) AS millis
             FROM runs WHERE (?1 IS NULL AND EXISTS (SELECT 1 FROM run_rows WHERE run = id))
                          OR substr(id, 1, length(?1)) = lower(?1)
             ORDER BY started_at DESC, rowid DESC LIMIT 2",
        )
        .bind(wanted.map(str::trim))
        .fetch_all(&self.pool)
        .await?;
        let row = match (found.as_slice(), wanted) {
            ([], None) => return Err(JournalError::Unknown("any run yet".into())),
            ([], Some(wanted)) => return Err(JournalError::Unknown(format!("a run `{wanted}`"))),
            ([_, _], Some(wanted)) => {
                return Err(JournalError::Unknown(format!(
                    "which run is meant: several begin with `{wanted}`"
                )));
            }
            ([row, ..], _) => row,
        };
        let ending = match row.get::<Option<&str>, _>("ending") {
            Some("complete") => Ending::Complete,
            Some("stopped") => Ending::Stopped,
            Some(_) => Ending::Broken(row.get::<Option<String>, _>("fault").unwrap_or_default()),
            // Before endings were noted, only complete runs had a time.
            None if row.get::<Option<&str>, _>("finished_at").is_some() => Ending::Complete,
            None => Ending::Open,
        };
        Ok(RunInfo {
            id: row.get("id"),
            command: row.get("command"),
            connection: row.get("connection"),
            source: row.get("source"),
            about: parsed(row, "about"),
            started_at: row.get("started_at"),
            finished_at: row.get("finished_at"),
            millis: row.get("millis"),
            ending,
            audit_hash: row.get("audit_hash"),
            traffic: parsed(row, "traffic").unwrap_or_default(),
        })
    }

    /// Every step of a change, of all its runs, each with its run.
    pub async fn history(&self, change: Seq) -> Result<Vec<(String, StepRecord)>, JournalError> {
        let rows = sqlx::query(
            "SELECT *, CAST(round((julianday(outcome_at) - julianday(intent_at)) * 86400000) AS INTEGER) AS millis
             FROM steps WHERE change = ? ORDER BY attempt, step",
        )
        .bind(change.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(|row| (row.get("run"), step(row))).collect())
    }

    /// The steps of a run by the change that they belong to.
    async fn steps_of(&self, run: &str) -> Result<HashMap<i64, Vec<StepRecord>>, JournalError> {
        let rows = sqlx::query(
            "SELECT *, CAST(round((julianday(outcome_at) - julianday(intent_at)) * 86400000) AS INTEGER) AS millis
             FROM steps WHERE run = ? ORDER BY change, attempt, step",
        )
        .bind(run)
        .fetch_all(&self.pool)
        .await?;
        let mut steps: HashMap<i64, Vec<StepRecord>> = HashMap::new();
        for row in &rows {
            steps.entry(row.get("change")).or_default().push(step(row));
        }
        Ok(steps)
    }

    async fn forms_of(&self, run: &str) -> Result<BTreeMap<i64, Form>, JournalError> {
        let rows = sqlx::query("SELECT * FROM forms WHERE id IN (SELECT form FROM run_rows WHERE run = ?)")
            .bind(run)
            .fetch_all(&self.pool)
            .await?;
        let form = |row: &SqliteRow| {
            let format = if row.get::<&str, _>("format") == "csv" { Format::Csv } else { Format::Jsonl };
            (row.get("id"), Form { format, head: row.get("head"), newline: row.get("newline") })
        };
        Ok(rows.iter().map(form).collect())
    }
}

fn row(row: &SqliteRow, run: &str, steps: &mut HashMap<i64, Vec<StepRecord>>) -> RunRow {
    let result: Option<crate::report::ChangeResult> = parsed(row, "result");
    let change: Option<i64> = row.get("change");
    let text = |name: &str| row.get::<Option<String>, _>(name);
    let of_result = |get: fn(&crate::report::ChangeResult) -> &String| result.as_ref().map(get).cloned();
    let mut read = RunRow {
        change_id: text("change_id").or_else(|| of_result(|result| &result.change_id)).unwrap_or_default(),
        identity: text("identity").or_else(|| of_result(|result| &result.identity)).unwrap_or_default(),
        diff: parsed(row, "diff").unwrap_or_default(),
        steps: change.and_then(|change| steps.remove(&change)).unwrap_or_default(),
        began_at: text("began_at"),
        finished_at: text("finished_at"),
        millis: row.get("millis"),
        written: row.get::<Option<i64>, _>("form").zip(text("written")),
        content: None,
        taken_over_by: text("last_run").filter(|last| last != run),
        result,
    };
    if read.has_failed() {
        read.content = text("content");
    }
    read
}

fn step(row: &SqliteRow) -> StepRecord {
    StepRecord {
        attempt: row.get("attempt"),
        step: row.get("step"),
        cmdlet: row.get("cmdlet"),
        parameters: parsed(row, "parameters").unwrap_or(Json::Null),
        intent_at: row.get("intent_at"),
        outcome: row.get("outcome"),
        detail: row.get("detail"),
        outcome_at: row.get("outcome_at"),
        millis: row.get("millis"),
    }
}

fn parsed<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Option<T> {
    row.get::<Option<&str>, _>(column).and_then(|text| serde_json::from_str(text).ok())
}
