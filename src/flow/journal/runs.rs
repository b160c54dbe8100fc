//! Runs: begun, described, ended.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sqlx::Row as _;
use uuid::Uuid;

use super::model::RunEnd;
use super::{Journal, JournalError};
use crate::recipient::Traffic;

impl Journal {
    /// Notes that a run begins.
    pub async fn begin_run(
        &self,
        id: Uuid,
        command: &str,
        connection: &str,
        source: &str,
    ) -> Result<(), JournalError> {
        sqlx::query(
            "INSERT INTO runs (id, command, connection, source, started_at)
             VALUES (?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
        )
        .bind(id.to_string())
        .bind(command)
        .bind(connection)
        .bind(source)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes who runs what against what, for its report.
    pub async fn describe_run(&self, id: Uuid, about: &Json) -> Result<(), JournalError> {
        sqlx::query("UPDATE runs SET about = ? WHERE id = ?")
            .bind(about.to_string())
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes what a run asked of the cloud, by connection.
    pub async fn note_traffic(
        &self,
        id: Uuid,
        traffic: &BTreeMap<String, Traffic>,
    ) -> Result<(), JournalError> {
        sqlx::query("UPDATE runs SET traffic = ? WHERE id = ?")
            .bind(serde_json::to_string(traffic).unwrap_or_default())
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes that a run has ended, and how.
    pub async fn end_run(&self, id: Uuid, end: &RunEnd) -> Result<(), JournalError> {
        let fault = match end {
            RunEnd::Broken(fault) => Some(fault),
            RunEnd::Complete | RunEnd::Stopped => None,
        };
        sqlx::query(
            "UPDATE runs SET finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ending = ?, fault = ? WHERE id = ?",
        )
        .bind(end.name())
        .bind(fault)
        .bind(id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps the hash of the last line of a run's audit, so that a chain that was made anew can be told.
    pub async fn seal_audit(&self, id: Uuid, hash: &str) -> Result<(), JournalError> {
        sqlx::query("UPDATE runs SET audit_hash = ? WHERE id = ?")
            .bind(hash)
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The hash of the last line of a run's audit, where it is kept.
    pub async fn audit_hash(&self, run: &str) -> Result<Option<String>, JournalError> {
        let row = sqlx::query("SELECT audit_hash FROM runs WHERE id = ?")
            .bind(run)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.and_then(|row| row.get("audit_hash")))
    }
}
