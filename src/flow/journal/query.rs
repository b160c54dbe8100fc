//! Reading the journal.

use serde_json::Value as Json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::model::{Entry, Failed, Filter, OpenIntent, Run, Seq, State};
use super::{Journal, JournalError};
use crate::recipient::Change;

impl Journal {
    /// The changes that match, in the order in which they came.
    pub async fn status(&self, filter: &Filter) -> Result<Vec<Entry>, JournalError> {
        let rows = sqlx::query(
            "SELECT *, EXISTS (SELECT 1 FROM steps WHERE steps.change = changes.seq AND outcome IS NULL) AS in_doubt
             FROM changes
             WHERE (?1 IS NULL OR change_id = ?1) AND (NOT ?2 OR state IN ('refused', 'failed'))
             ORDER BY seq",
        )
        .bind(filter.change_id.as_deref())
        .bind(filter.failed)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(entry).collect())
    }

    /// What was refused or failed, in the order in which it came.
    pub async fn failed(&self) -> Result<Vec<Failed>, JournalError> {
        let rows = sqlx::query("SELECT * FROM changes WHERE state IN ('refused', 'failed') ORDER BY seq")
            .fetch_all(&self.pool)
            .await?;
        let mut failed = Vec::with_capacity(rows.len());
        for row in &rows {
            let (seq, change) = (Seq(row.get("seq")), content(row)?);
            failed.push(Failed {
                seq,
                change_id: row.get("change_id"),
                source: row.get("source"),
                connection: row.get("connection"),
                overtaken_by: self.overtaken_by(seq, &change, None).await?,
                change,
            });
        }
        Ok(failed)
    }

    /// The id of a later change of the same account that is done and that [contradicts](Change::contradicts) this one. `guid`
    /// is the account, where it is known better than here.
    pub async fn overtaken_by(
        &self,
        seq: Seq,
        change: &Change,
        guid: Option<Uuid>,
    ) -> Result<Option<String>, JournalError> {
        let later = sqlx::query(
            "SELECT later.change_id, later.content FROM changes AS one, changes AS later
             WHERE one.seq = ?1 AND later.seq > one.seq AND later.connection = one.connection AND later.state = 'done'
               AND (later.guid = one.guid OR later.guid = ?2 OR later.identity = one.identity COLLATE NOCASE)
             ORDER BY later.seq",
        )
        .bind(seq.0)
        .bind(guid.map(|guid| guid.to_string()))
        .fetch_all(&self.pool)
        .await?;
        for row in &later {
            if content(row)?.contradicts(change) {
                return Ok(row.get("change_id"));
            }
        }
        Ok(None)
    }

    /// The steps that were begun and have no outcome, in order.
    pub async fn open_intents(&self) -> Result<Vec<OpenIntent>, JournalError> {
        let rows = sqlx::query(
            "SELECT seq, change_id, identity, guid, attempt, step, cmdlet, parameters
             FROM steps JOIN changes ON seq = change WHERE outcome IS NULL ORDER BY seq, attempt, step",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(open_intent).collect())
    }

    /// Every run, the latest first.
    pub async fn runs(&self) -> Result<Vec<Run>, JournalError> {
        let rows = sqlx::query("SELECT * FROM runs ORDER BY started_at DESC, rowid DESC")
            .fetch_all(&self.pool)
            .await?;
        let run = |row: &SqliteRow| Run {
            id: row.get("id"),
            command: row.get("command"),
            connection: row.get("connection"),
            source: row.get("source"),
            started_at: row.get("started_at"),
            finished_at: row.get("finished_at"),
            ending: row.get("ending"),
        };
        Ok(rows.iter().map(run).collect())
    }
}

fn content(row: &SqliteRow) -> Result<Change, JournalError> {
    serde_json::from_str(row.get("content")).map_err(|error| {
        let change_id: String = row.get("change_id");
        JournalError::Unknown(format!("what the change {change_id} wants: {error}"))
    })
}

fn entry(row: &SqliteRow) -> Entry {
    Entry {
        seq: Seq(row.get("seq")),
        run: row.get("run"),
        change_id: row.get("change_id"),
        source: row.get("source"),
        line: row.get::<Option<i64>, _>("line").and_then(|line| u64::try_from(line).ok()),
        connection: row.get("connection"),
        identity: row.get("identity"),
        guid: row.get::<Option<String>, _>("guid").and_then(|text| text.parse().ok()),
        state: State::from_name(row.get("state")),
        attempts: row.get("attempts"),
        result: row.get::<Option<String>, _>("result").and_then(|text| serde_json::from_str(&text).ok()),
        updated_at: row.get("updated_at"),
        in_doubt: row.get("in_doubt"),
    }
}

fn open_intent(row: &SqliteRow) -> OpenIntent {
    OpenIntent {
        seq: Seq(row.get("seq")),
        change_id: row.get("change_id"),
        identity: row.get("identity"),
        guid: row.get::<Option<String>, _>("guid").and_then(|text| text.parse().ok()),
        attempt: row.get("attempt"),
        step: row.get("step"),
        cmdlet: row.get("cmdlet"),
        parameters: serde_json::from_str(row.get("parameters")).unwrap_or(Json::Null),
    }
}
