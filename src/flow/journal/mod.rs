//! The durable record of every change: what was wanted, what was about to be run, what came of it.
//!
//! A step's intent is on disk before its cmdlet is sent and its outcome before the next step, so that after a crash
//! the one step that may or may not have happened is known. No secret is ever written: parameters come masked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, SqlitePool};

mod enqueue;
mod model;
mod path;
mod query;
mod report;
mod rows;
mod runs;
mod steps;
#[cfg(test)]
mod tests;

pub use model::{
    Enqueued, Entry, Failed, Filter, NewChange, OpenIntent, PlanRecord, Run, RunEnd, Seq, State, StepOutcome,
};
pub use path::default_path;
pub(super) use path::private_folder;
pub use rows::NewRow;

/// The layout that this program writes, `PRAGMA user_version`.
const VERSION: i64 = 3;
/// One script per version, each bringing the version before up to its own.
const MIGRATIONS: [&str; 3] =
    [include_str!("schema.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];
/// How long another process may hold the write lock.
const BUSY: Duration = Duration::from_secs(10);

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be opened or made
    #[error("journal {}: {message}", .file.display())]
    Unusable {
        /// The file
        file: PathBuf,
        /// Why
        message: String,
    },
    /// There is no such file
    #[error("there is no journal {} yet", .0.display())]
    Missing(PathBuf),
    /// A later version of this program wrote it
    #[error("journal {} was written by a newer mailwright (layout {found}, this one knows {VERSION})", .file.display())]
    Newer {
        /// The file
        file: PathBuf,
        /// Its layout
        found: i64,
    },
    /// Reading or writing failed
    #[error("the journal failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A step or a change that the journal does not know
    #[error("the journal does not know {0}")]
    Unknown(String),
}

/// An open journal. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    pool: SqlitePool,
    file: PathBuf,
}

impl Journal {
    /// Opens a journal, making it and its folder where they are not there; only the owner may read it.
    pub async fn open(file: &Path) -> Result<Self, JournalError> {
        path::prepare(file)
            .map_err(|error| JournalError::Unusable { file: file.to_owned(), message: error.to_string() })?;
        Self::connect(file).await
    }

    /// Opens a journal that must be there.
    pub async fn open_existing(file: &Path) -> Result<Self, JournalError> {
        if !file.exists() {
            return Err(JournalError::Missing(file.to_owned()));
        }
        Self::connect(file).await
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Closes it; what was written is written either way.
    pub async fn close(self) {
        self.pool.close().await;
    }

    async fn connect(file: &Path) -> Result<Self, JournalError> {
        let unusable =
            |error: sqlx::Error| JournalError::Unusable { file: file.to_owned(), message: error.to_string() };
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        // One connection: SQLite has one writer, and here it never has to wait for itself.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(unusable)?;
        let journal = Self { pool, file: file.to_owned() };
        journal.migrate().await?;
        Ok(journal)
    }

    async fn migrate(&self) -> Result<(), JournalError> {
        let fault = |error: sqlx::Error| JournalError::Unusable {
            file: self.file.clone(),
            message: error.to_string(),
        };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
        let found: i64 =
            sqlx::query("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(fault)?.get(0);
        let Some(missing) = usize::try_from(found).ok().and_then(|known| MIGRATIONS.get(known..)) else {
            return Err(JournalError::Newer { file: self.file.clone(), found });
        };
        for script in missing {
            sqlx::raw_sql(*script).execute(&mut *transaction).await.map_err(fault)?;
        }
        if !missing.is_empty() {
            // A pragma takes no parameter.
            let version = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {VERSION}"));
            sqlx::raw_sql(version).execute(&mut *transaction).await.map_err(fault)?;
        }
        transaction.commit().await.map_err(fault)
    }
}
