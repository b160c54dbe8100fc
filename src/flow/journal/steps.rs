//! The life of a change in the journal: begun, read, planned, each step with intent and outcome, finished.

use std::time::Duration;

use serde_json::Value as Json;
use sqlx::Row as _;
use uuid::Uuid;

use super::model::{PlanRecord, Seq, State, StepOutcome};
use super::{Journal, JournalError};

impl Journal {
    /// Begins an attempt and returns its number, from one.
    pub async fn begin(&self, change: Seq) -> Result<u32, JournalError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let row = sqlx::query(
            "UPDATE changes SET state = 'running', attempts = attempts + 1,
                    updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE seq = ? RETURNING attempts",
        )
        .bind(change.0)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| unknown(change))?;
        sqlx::query(
            "UPDATE run_rows SET began_at = coalesce(began_at, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
             WHERE change = ?1 AND run = (SELECT run FROM changes WHERE seq = ?1)",
        )
        .bind(change.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(row.get("attempts"))
    }

    /// Notes which account it is, what its state was when it was read, the steps that were planned and what they change.
    /// Every open intent of the change is closed with that: its account was read again, so what happened is known. In a
    /// report the first difference of a run counts: later ones begin where an interrupted attempt has left the account.
    pub async fn record_plan(&self, change: Seq, plan: &PlanRecord<'_>) -> Result<(), JournalError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query("UPDATE changes SET guid = ?, base_hash = ?, plan = ? WHERE seq = ?")
            .bind(plan.guid.map(|guid| guid.to_string()))
            .bind(plan.base_hash)
            .bind(plan.steps.to_string())
            .bind(change.0)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Err(unknown(change));
        }
        sqlx::query(
            "UPDATE run_rows SET diff = coalesce(diff, ?2)
             WHERE change = ?1 AND run = (SELECT run FROM changes WHERE seq = ?1)",
        )
        .bind(change.0)
        .bind(plan.diff.to_string())
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "UPDATE steps SET outcome = 'unknown', detail = 'the account was read again',
                    outcome_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE change = ? AND outcome IS NULL",
        )
        .bind(change.0)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Whether a cmdlet that makes the account's mailbox was sent for this change and not refused.
    pub async fn has_made(&self, change: Seq) -> Result<bool, JournalError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM steps WHERE change = ? AND coalesce(outcome, '') <> 'failed'
                            AND (cmdlet LIKE 'New-%' OR cmdlet LIKE 'Enable-%'
                                 OR cmdlet = 'Set-MgUserLicense'
                                    AND json_extract(parameters, '$.AddLicenses') IS NOT NULL)
                            AND json_extract(parameters, '$.Archive') IS NULL) AS made",
        )
        .bind(change.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.get("made"))
    }

    /// The primary address that the cmdlet which may have made the object of a change was given. Nobody had it before that, and
    /// only one object can have it, so it names what was made where the change calls that by another name.
    pub async fn addresses_sent(&self, change: Seq) -> Result<Vec<String>, JournalError> {
        let rows = sqlx::query(
            "SELECT DISTINCT json_extract(parameters, '$.PrimarySmtpAddress') AS address FROM steps
             WHERE change = ? AND coalesce(outcome, '') <> 'failed' AND cmdlet LIKE 'New-%'
               AND address IS NOT NULL",
        )
        .bind(change.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(|row| row.get("address")).collect())
    }

    /// Whether a cmdlet of an attempt ended without an answer that says what it did.
    pub async fn is_in_doubt(&self, change: Seq, attempt: u32) -> Result<bool, JournalError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM steps WHERE change = ? AND attempt = ? AND outcome = 'unknown') AS doubt",
        )
        .bind(change.0)
        .bind(attempt)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.get("doubt"))
    }

    /// Whether a change has made an object, and Exchange has said so.
    pub async fn has_certainly_made(&self, change: Seq) -> Result<bool, JournalError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM steps WHERE change = ? AND outcome = 'done'
                            AND cmdlet LIKE 'New-%') AS made",
        )
        .bind(change.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.get("made"))
    }

    /// Whether a change was found to wait for something outside, also where nothing was written for it.
    pub async fn has_waited(&self, change: Seq) -> Result<bool, JournalError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM run_rows
                            WHERE change = ? AND json_extract(result, '$.action') = 'pending') AS waited",
        )
        .bind(change.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.get("waited"))
    }

    /// How long a change has waited: since its last step was done, or since it was first found to wait.
    pub async fn waits_for(&self, change: Seq) -> Result<Duration, JournalError> {
        let row = sqlx::query(
            "SELECT (julianday('now') - julianday(coalesce(
                        (SELECT max(outcome_at) FROM steps WHERE change = ?1 AND outcome = 'done'),
                        (SELECT min(finished_at) FROM run_rows
                         WHERE change = ?1 AND json_extract(result, '$.action') = 'pending'),
                        'now'))) * 86400.0 AS seconds",
        )
        .bind(change.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(Duration::try_from_secs_f64(row.get::<f64, _>("seconds").max(0.0)).unwrap_or_default())
    }

    /// Whether a change may have written already, and if so, the account where that is known: what the account was called by
    /// then may be what the change has changed.
    pub async fn has_written(&self, change: Seq) -> Result<Option<Option<Uuid>>, JournalError> {
        let row = sqlx::query(
            "SELECT guid FROM changes WHERE seq = ?1
                 AND EXISTS (SELECT 1 FROM steps WHERE change = ?1 AND coalesce(outcome, '') <> 'failed')",
        )
        .bind(change.0)
        .fetch_optional(&self.pool)
        .await?;
        let account = |row: sqlx::sqlite::SqliteRow| {
            row.get::<Option<String>, _>("guid").and_then(|guid| Uuid::try_parse(&guid).ok())
        };
        Ok(row.map(account))
    }

    /// Notes that a cmdlet is about to be run. When this returns, the intent is on disk.
    pub async fn intent(
        &self,
        change: Seq,
        attempt: u32,
        step: u32,
        cmdlet: &str,
        masked_parameters: &Json,
    ) -> Result<(), JournalError> {
        sqlx::query(
            "INSERT INTO steps (change, attempt, step, cmdlet, parameters, intent_at, run)
             VALUES (?1, ?2, ?3, ?4, ?5, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
                     (SELECT run FROM changes WHERE seq = ?1))",
        )
        .bind(change.0)
        .bind(attempt)
        .bind(step)
        .bind(cmdlet)
        .bind(masked_parameters.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes what came of a step.
    pub async fn outcome(
        &self,
        change: Seq,
        attempt: u32,
        step: u32,
        outcome: StepOutcome,
        detail: Option<&str>,
    ) -> Result<(), JournalError> {
        let done = sqlx::query(
            "UPDATE steps SET outcome = ?, detail = ?, outcome_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
             WHERE change = ? AND attempt = ? AND step = ? AND outcome IS NULL",
        )
        .bind(outcome.name())
        .bind(detail)
        .bind(change.0)
        .bind(attempt)
        .bind(step)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            return Err(JournalError::Unknown(format!(
                "an open step {step} in attempt {attempt} of change {}",
                change.0
            )));
        }
        Ok(())
    }

    /// Notes the result of a change.
    pub async fn finish(&self, change: Seq, state: State, result: &Json) -> Result<(), JournalError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query(
            "UPDATE changes SET state = ?, result = ?, guid = coalesce(?, guid),
                    updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE seq = ?",
        )
        .bind(state.name())
        .bind(result.to_string())
        .bind(result.get("guid").and_then(Json::as_str))
        .bind(change.0)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Err(unknown(change));
        }
        sqlx::query(
            "UPDATE run_rows SET result = ?2, finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
             WHERE change = ?1 AND run = (SELECT run FROM changes WHERE seq = ?1)",
        )
        .bind(change.0)
        .bind(result.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn unknown(change: Seq) -> JournalError {
    JournalError::Unknown(format!("change {}", change.0))
}
