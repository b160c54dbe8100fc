//! Taking changes in: all of a source in one transaction, none twice.

use sqlx::{Row as _, Sqlite, Transaction};
use uuid::Uuid;

use super::model::{Enqueued, NewChange, Seq, State};
use super::{Journal, JournalError};

impl Journal {
    /// Journals the changes of a run; either all are on disk afterwards or none.
    pub async fn enqueue(&self, run: Uuid, changes: &[NewChange]) -> Result<Vec<Enqueued>, JournalError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            outcomes.push(one(&mut transaction, run, change).await?);
        }
        transaction.commit().await?;
        Ok(outcomes)
    }
}

async fn one(
    t: &mut Transaction<'_, Sqlite>,
    run: Uuid,
    change: &NewChange,
) -> Result<Enqueued, JournalError> {
    let earlier = sqlx::query(
        "SELECT seq, content_hash, state, result, line FROM changes
         WHERE connection = ? AND source = ? AND change_id = ?",
    )
    .bind(&change.connection)
    .bind(&change.source)
    .bind(&change.change_id)
    .fetch_optional(&mut **t)
    .await?;
    let Some(earlier) = earlier else { return insert(t, run, change).await };
    let seq = Seq(earlier.get("seq"));
    if earlier.get::<String, _>("content_hash") != change.content_hash {
        let earlier_line = earlier.get::<Option<i64>, _>("line").and_then(|line| u64::try_from(line).ok());
        return Ok(Enqueued::Conflict { earlier_line });
    }
    let result = earlier.get::<Option<String>, _>("result").and_then(|text| serde_json::from_str(&text).ok());
    if let (State::Done, Some(result)) = (State::from_name(earlier.get("state")), result) {
        return Ok(Enqueued::Done(seq, result));
    }
    sqlx::query(
        "UPDATE changes SET state = 'waiting', run = ?, line = ?,
                updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE seq = ?",
    )
    .bind(run.to_string())
    .bind(change.line.and_then(|line| i64::try_from(line).ok()))
    .bind(seq.0)
    .execute(&mut **t)
    .await?;
    Ok(Enqueued::Again(seq))
}

async fn insert(
    t: &mut Transaction<'_, Sqlite>,
    run: Uuid,
    change: &NewChange,
) -> Result<Enqueued, JournalError> {
    let done = sqlx::query(
        "INSERT INTO changes (run, source, line, change_id, content_hash, content, connection, identity, state,
                              created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting',
                 strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
    )
    .bind(run.to_string())
    .bind(&change.source)
    .bind(change.line.and_then(|line| i64::try_from(line).ok()))
    .bind(&change.change_id)
    .bind(&change.content_hash)
    .bind(change.content.to_string())
    .bind(&change.connection)
    .bind(&change.identity)
    .execute(&mut **t)
    .await?;
    Ok(Enqueued::New(Seq(done.last_insert_rowid())))
}
