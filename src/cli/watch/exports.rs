//! Exports at intervals, each connection by itself.

use std::path::Path;
use std::time::SystemTime;

use futures_util::future::join_all;

use super::{pause, worse};
use crate::cli::common::Context;
use crate::cli::export::{export, show};
use crate::cli::session::Chosen;
use crate::cli::{CommandError, ErrorKind, mailing};
use crate::config::{Connection, Schedule};
use crate::export::{Destination, Format, Summary};
use crate::flow::run::Stop;
use crate::mail::Event;
use crate::report::printable;
use crate::secret::Redaction;
use crate::watch::schedule::{is_full, until_due};

/// The connections that are exported at intervals.
pub(super) struct Exports<'a> {
    pub(super) context: &'a Context,
    pub(super) chosen: &'a Chosen,
    pub(super) once: bool,
    pub(super) stop: &'a Stop,
}

impl Exports<'_> {
    /// Until somebody asks to stop; with `--once` what is due.
    pub(super) async fn run(&self) -> Result<u8, CommandError> {
        let all =
            self.chosen.all().filter_map(|it| it.export.schedule.as_ref().map(|when| self.of(it, when)));
        Ok(join_all(all).await.into_iter().fold(0, worse))
    }

    async fn of(&self, connection: &Connection, schedule: &Schedule) -> u8 {
        let name = &connection.name;
        let cookie = schedule.cookie_directory.join(format!("{name}_cookie.bin"));
        let full = schedule.cookie_directory.join(format!(".{name}_export.full"));
        let mut seen = modified(&cookie);
        let mut last = seen;
        let mut failing = false;
        loop {
            let now = modified(&cookie);
            if now != seen {
                // Another process has exported meanwhile.
                (seen, last) = (now, now);
            }
            let wait = until_due(schedule, last, SystemTime::now());
            if !wait.is_zero() {
                if self.once {
                    self.context.detail(&format!("the export of {name} is due in {} s", wait.as_secs()));
                    return 0;
                }
                pause(self.stop, wait).await;
            }
            if self.stop.is_requested() {
                return 0;
            }
            if !wait.is_zero() {
                continue;
            }
            let started = SystemTime::now();
            let destination = Destination {
                out: schedule.directory.clone(),
                cookie_dir: schedule.cookie_directory.clone(),
                full: is_full(schedule, modified(&full), started),
                format: Format::Usercube,
            };
            let Some(done) = self.one(connection, schedule, &destination).await else { return 0 };
            let code = self.ended(connection, &full, done, &mut failing).await;
            (seen, last) = (modified(&cookie), Some(started));
            if self.once {
                return code;
            }
        }
    }

    /// One export. When the next one is due meanwhile it is left out, and that is said. Nothing when somebody asks to stop:
    /// what was begun leaves the old files whole.
    async fn one(
        &self,
        connection: &Connection,
        schedule: &Schedule,
        destination: &Destination,
    ) -> Option<Result<Summary, CommandError>> {
        let mut running =
            std::pin::pin!(export(self.context, self.chosen, connection, destination, self.stop));
        loop {
            tokio::select! {
                biased;
                done = &mut running => {
                    return if self.stop.is_requested() { None } else { Some(done) };
                }
                () = tokio::time::sleep(schedule.interval) => {
                    let name = &connection.name;
                    self.context.say(&format!("the export of {name} is due, but the last one still runs: left out"));
                }
            }
        }
    }

    async fn ended(
        &self,
        connection: &Connection,
        full: &Path,
        done: Result<Summary, CommandError>,
        failing: &mut bool,
    ) -> u8 {
        let name = &connection.name;
        let error = match done {
            Ok(summary) => {
                *failing = false;
                if summary.full && std::fs::write(full, "full\n").is_err() {
                    self.context.say(&format!("warning: {} cannot be written", full.display()));
                }
                summary.notes.iter().for_each(|note| self.context.say(&format!("note: {note}")));
                return match show(self.context, &summary) {
                    Ok(()) => 0,
                    Err(error) => error.kind.exit_code(),
                };
            }
            Err(error) => error,
        };
        if error.kind == ErrorKind::Busy {
            self.context.say(&format!("the export of {name} is due, but another one runs: left out"));
            return error.kind.exit_code();
        }
        for line in error.message.lines() {
            self.context.say(&format!("warning: the export of {name}: {}", printable(line)));
        }
        error.hints.iter().for_each(|hint| self.context.say(&format!("hint: {hint}")));
        // The first of several in a row is news.
        if !std::mem::replace(failing, true) {
            let (message, hints) = (error.message.as_str(), error.hints.as_slice());
            let event = Event::Nothing { what: "the export", connection: name, message, hints };
            mailing::tell(self.context, self.chosen.mail.as_ref(), &event, &Redaction::default()).await;
        }
        error.kind.exit_code()
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}
