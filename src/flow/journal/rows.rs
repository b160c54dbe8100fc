//! The rows of a run: what its report lists, in the order of the flow.

use serde_json::Value as Json;
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::model::Seq;
use super::{Journal, JournalError};
use crate::report::Form;

/// A row of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRow {
    /// The change it became; a row that was refused when it was read became none
    pub change: Option<Seq>,
    /// The row as the source has it, without passwords
    pub written: Option<String>,
    /// What came of it, where that is known before anything is tried
    pub result: Option<Json>,
}

impl Journal {
    /// Notes the rows of a run in their order, and the form that their source has.
    pub async fn record_rows(
        &self,
        run: Uuid,
        form: Option<&Form>,
        rows: &[NewRow],
    ) -> Result<(), JournalError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let form = match form {
            Some(form) => Some(insert_form(&mut transaction, form).await?),
            None => None,
        };
        for (position, row) in (0_i64..).zip(rows) {
            sqlx::query(
                "INSERT INTO run_rows (run, position, change, form, written, result) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(run.to_string())
            .bind(position)
            .bind(row.change.map(|change| change.0))
            .bind(form.filter(|_| row.written.is_some()))
            .bind(row.written.as_deref())
            .bind(row.result.as_ref().map(Json::to_string))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Takes changes that are journalled already into a run, to be tried again, each written as it was.
    pub async fn requeue(&self, run: Uuid, changes: &[Seq]) -> Result<(), JournalError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for (position, change) in (0_i64..).zip(changes) {
            sqlx::query(
                "INSERT INTO run_rows (run, position, change, form, written)
                 SELECT ?1, ?2, seq, form, written
                 FROM changes LEFT JOIN run_rows ON run_rows.change = seq AND run_rows.run = changes.run
                 WHERE seq = ?3 LIMIT 1",
            )
            .bind(run.to_string())
            .bind(position)
            .bind(change.0)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "UPDATE changes SET state = 'waiting', run = ?,
                        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE seq = ?",
            )
            .bind(run.to_string())
            .bind(change.0)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn insert_form(t: &mut Transaction<'_, Sqlite>, form: &Form) -> Result<i64, JournalError> {
    let done = sqlx::query("INSERT INTO forms (format, head, newline) VALUES (?, ?, ?)")
        .bind(form.format.name())
        .bind(&form.head)
        .bind(&form.newline)
        .execute(&mut **t)
        .await?;
    Ok(done.last_insert_rowid())
}
