//! A journal seen, and held up, from outside.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use mailwright::flow::journal::Journal;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::runtime::{Builder, Runtime};

/// So often in a row somebody else is writing before that counts as held up.
const STUCK: u32 = 20;

/// Where a program is held up: it is about to write this into the journal, and never comes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The change itself
    Take,
    /// That an attempt begins
    Begin,
    /// What was read and planned
    Plan,
    /// The intent of a step
    Intent(usize),
    /// The outcome of a step
    Outcome(usize),
    /// The result of the change
    Finish,
    /// The end of the run
    End,
}

impl Moment {
    /// The write that a trigger stops.
    fn trigger(self) -> String {
        match self {
            Self::Take => "INSERT ON changes".into(),
            Self::Begin => "UPDATE OF attempts ON changes".into(),
            Self::Plan => "UPDATE OF plan ON changes".into(),
            Self::Intent(step) => format!("INSERT ON steps WHEN NEW.step = {step}"),
            Self::Outcome(step) => format!("UPDATE OF outcome ON steps WHEN NEW.step = {step}"),
            Self::Finish => "UPDATE OF result ON changes".into(),
            Self::End => "UPDATE OF ending ON runs".into(),
        }
    }
}

/// A step of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    pub change: i64,
    pub attempt: i64,
    pub step: i64,
    pub cmdlet: String,
    pub outcome: Option<String>,
}

/// A journal that a program writes while this looks on.
pub struct Watched {
    runtime: Runtime,
    hands: SqliteConnection,
    /// Waits for nobody
    probe: SqliteConnection,
}

impl Watched {
    /// Makes the journal, so that it can be looked at before the program has begun.
    pub fn new(file: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (hands, probe) = runtime.block_on(async {
            Journal::open(file).await.unwrap().close().await;
            let options = SqliteConnectOptions::new().filename(file);
            let hands = options.clone().busy_timeout(Duration::from_secs(10)).connect().await.unwrap();
            (hands, options.busy_timeout(Duration::ZERO).connect().await.unwrap())
        });
        Self { runtime, hands, probe }
    }

    fn execute(&mut self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        self.runtime.block_on(sqlx::raw_sql(sql).execute(&mut self.hands)).unwrap();
    }

    /// From now on whoever comes to this moment counts without end inside its transaction.
    pub fn hold(&mut self, moment: Moment) {
        self.execute(&format!(
            "CREATE VIEW forever AS WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n) SELECT max(n) AS n FROM n;
             CREATE TRIGGER hold BEFORE {} BEGIN SELECT n FROM forever; END;",
            moment.trigger()
        ));
    }

    pub fn release(&mut self) {
        self.execute("DROP TRIGGER hold; DROP VIEW forever;");
    }

    /// Waits until the program is held up; it must not end before.
    pub fn until_held(&mut self, child: &mut Child) {
        let mut busy = 0;
        while busy < STUCK {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was held up");
            let probe = &mut self.probe;
            let begun = self.runtime.block_on(sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK;").execute(probe));
            busy = if begun.is_err() { busy + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Every step, in order.
    pub fn steps(&mut self) -> Vec<Step> {
        let all = "SELECT change, attempt, step, cmdlet, outcome FROM steps ORDER BY change, attempt, step";
        let rows = self.runtime.block_on(sqlx::query(all).fetch_all(&mut self.hands)).unwrap();
        let step = |row: &sqlx::sqlite::SqliteRow| Step {
            change: row.get("change"),
            attempt: row.get("attempt"),
            step: row.get("step"),
            cmdlet: row.get("cmdlet"),
            outcome: row.get("outcome"),
        };
        rows.iter().map(step).collect()
    }

    /// How many steps were begun and have no outcome.
    pub fn open(&mut self) -> i64 {
        self.number("SELECT count(*) FROM steps WHERE outcome IS NULL")
    }

    /// How many steps were ever begun.
    pub fn begun(&mut self) -> i64 {
        self.number("SELECT count(*) FROM steps")
    }

    pub fn number(&mut self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        self.runtime.block_on(sqlx::query_scalar(sql).fetch_one(&mut self.hands)).unwrap()
    }
}
