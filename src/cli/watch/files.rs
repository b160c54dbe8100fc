//! The hot folder: what is dropped is taken, applied, put away.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use super::{Watch, pause, worse};
use crate::cli::common::{Context, Output};
use crate::cli::perform::{Carried, Task, carry};
use crate::cli::progress::Bar;
use crate::cli::session::Chosen;
use crate::cli::{CommandError, ErrorKind, input, mailing};
use crate::flow::run::{Options, Stop};
use crate::flow::{Held, chance};
use crate::mail::Event;
use crate::report::{Totals, failures, printable};
use crate::secret::Redaction;
use crate::watch::folder::{Accepted, Away, Folder, FolderError};
use crate::watch::look::{Looks, Stamp};
use crate::watch::receipt::{Receipt, Refused};
use crate::watch::verdict::{Verdict, Why, of_results, waits_for};

/// The folder with what is known of it.
pub(super) struct Files<'a> {
    context: &'a Context,
    chosen: &'a Chosen,
    folder: Folder,
    interval: Duration,
    pending: Duration,
    once: bool,
    options: Options,
    stop: &'a Stop,
    dropped: Looks,
    accepted: Looks,
    /// Dropped files of which something was said
    told: HashSet<String>,
    /// Those in `accepted/` that have to wait, by their tickets, which are in the order in which they came
    waiting: BTreeMap<Uuid, Waiting>,
}

/// A file that waits.
struct Waiting {
    why: Why,
    tries: u32,
    until: Instant,
    /// The accounts whose changes wait
    held: Held,
}

/// Why a file stays, and what it waits for in words, where somebody said so.
struct Wait {
    why: Why,
    what: Option<String>,
}

/// How a try with a file ended.
enum Tried {
    /// It was put away; the exit code of `apply`
    Away(u8),
    /// It stays; the exit code for somebody who does not wait, and the accounts whose changes wait
    Waits(Wait, u8, Held),
    /// Somebody has written to it again
    Unsettled,
    Stopped,
}

impl<'a> Files<'a> {
    pub(super) fn new(
        context: &'a Context,
        chosen: &'a Chosen,
        folder: Folder,
        command: &Watch,
        stop: &'a Stop,
    ) -> Self {
        Self {
            context,
            chosen,
            folder,
            interval: command.interval,
            pending: command.pending_wait,
            once: command.once,
            options: Options { allow_mass_removal: command.allow_mass_removal, ..Options::default() },
            stop,
            dropped: Looks::default(),
            accepted: Looks::default(),
            told: HashSet::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Until somebody asks to stop; with `--once` until what is there is through.
    pub(super) async fn run(mut self) -> Result<u8, CommandError> {
        if !self.once {
            self.context.say(&format!("watching {}", self.folder.path().display()));
        }
        let mut trouble = 0;
        // The first look finds nothing that is known to be whole.
        self.look()?;
        loop {
            pause(self.stop, self.interval).await;
            if self.stop.is_requested() {
                return Err(CommandError::interrupted()
                    .hint("what is in accepted/ goes on where it ended with the next start"));
            }
            match self.round().await {
                Ok(Some(code)) => return Ok(code),
                Ok(None) => trouble = 0,
                Err(error) if self.once => return Err(error),
                Err(error) => {
                    // A network share comes back.
                    trouble += 1;
                    self.context.say(&format!("warning: {error}"));
                    pause(self.stop, Why::Local.wait(trouble, self.pending, chance())).await;
                }
            }
        }
    }

    /// One look, and what can be done after it; the exit code when that was all.
    async fn round(&mut self) -> Result<Option<u8>, CommandError> {
        let ready = self.look()?;
        let mut code = 0;
        for (accepted, stamp) in ready {
            if let Some(waiting) = self.waiting.get(&accepted.ticket).filter(|it| Instant::now() < it.until) {
                if waiting.why.lets_others_go_on() {
                    continue;
                }
                break;
            }
            match self.attempt(&accepted, stamp).await? {
                Tried::Away(ended) => {
                    code = worse(code, ended);
                    self.release(accepted.ticket);
                }
                Tried::Waits(wait, ended, held) => {
                    code = worse(code, ended);
                    let why = wait.why;
                    self.wait(&accepted, &wait, held);
                    if !why.lets_others_go_on() {
                        break;
                    }
                }
                Tried::Unsettled | Tried::Stopped => break,
            }
        }
        Ok((self.once && !self.stop.is_requested()).then_some(code))
    }

    /// Takes what is whole; everything that is in `accepted/` and whole then, up to the first that is not.
    fn look(&mut self) -> Result<Vec<(Accepted, Stamp)>, CommandError> {
        let dropped = self.folder.dropped()?;
        for (name, stamp) in self.dropped.look(dropped) {
            if stamp.length == 0 {
                // Somebody has opened it, and writes later.
                self.tell(&name, "empty; left until something is in it");
                continue;
            }
            match self.folder.take(&name) {
                Ok(accepted) => self.accepted.know(accepted.name, stamp),
                // Somebody else took it away, or it cannot be renamed; the others can.
                Err(error) => self.tell(&name, &format!("cannot be taken: {error}")),
            }
        }
        let there = self.folder.accepted()?;
        // Somebody may have taken one away.
        self.waiting.retain(|ticket, _| there.iter().any(|(accepted, _)| accepted.ticket == *ticket));
        let stamps = there.iter().map(|(accepted, stamp)| (accepted.name.clone(), *stamp)).collect();
        let whole: HashSet<String> = self.accepted.look(stamps).into_iter().map(|(name, _)| name).collect();
        Ok(there.into_iter().take_while(|(accepted, _)| whole.contains(&accepted.name)).collect())
    }

    /// Says it of a file that was dropped, once.
    fn tell(&mut self, name: &str, what: &str) {
        if self.told.insert(name.to_owned()) {
            self.context.say(&format!("warning: {}: {what}", printable(name)));
        }
    }

    fn wait(&mut self, accepted: &Accepted, Wait { why, what }: &Wait, held: Held) {
        let why = *why;
        let tries = self.waiting.get(&accepted.ticket).map_or(0, |waiting| waiting.tries) + 1;
        let wait = why.wait(tries, self.pending, chance());
        if !self.once {
            let name = printable(&accepted.name);
            let again = format!("tried again in {} s", wait.as_secs().max(1));
            let when = match (why, what) {
                (Why::Behind, _) => "until the file before it is through".to_owned(),
                (Why::Pending, _) => format!("it waits for directory synchronisation, {again}"),
                (Why::Cloud, Some(what)) => format!("{}, {again}", printable(what)),
                _ => again,
            };
            self.context.say(&format!("{name}: stays in accepted/, {when}"));
        }
        self.waiting.insert(accepted.ticket, Waiting { why, tries, until: Instant::now() + wait, held });
    }

    /// A file is through: whoever waits behind it may try.
    fn release(&mut self, ticket: Uuid) {
        self.waiting.remove(&ticket);
        let now = Instant::now();
        self.waiting.values_mut().filter(|it| it.why == Why::Behind).for_each(|it| it.until = now);
    }

    /// The accounts of which changes wait in files that came before.
    fn held_before(&self, ticket: Uuid) -> Held {
        let mut held = Held::default();
        self.waiting.range(..ticket).for_each(|(_, waiting)| held.add(&waiting.held));
        held
    }

    /// One try: read, applied, put away.
    async fn attempt(&self, accepted: &Accepted, stamp: Stamp) -> Result<Tried, CommandError> {
        let run = Uuid::now_v7();
        // A file that is taken up again is the same source, wherever it lies now.
        let source = self.folder.path().join(&accepted.dropped).display().to_string();
        let file = self.folder.file(accepted);
        let work = input::dropped(&file, &source, self.chosen, accepted.ticket).await;
        if !self.folder.is_as_it_was(accepted, stamp) {
            return Ok(Tried::Unsettled);
        }
        let work = match work {
            Ok(work) => work,
            Err(error) => return self.refused(accepted, None, &error).await,
        };
        let options = Options { held: self.held_before(accepted.ticket), ..self.options.clone() };
        let task = Task { id: run, command: "watch", work, options, report: None };
        let bar = Bar::new(self.context, "applying");
        let carried = match carry(self.context, self.chosen, task, &bar, self.stop).await {
            Ok(carried) => carried,
            Err(error) => return Ok(self.not_begun(accepted, &error)),
        };
        carried.say_what_was_turned_away(self.context);
        match &carried.results {
            _ if self.stop.is_requested() => Ok(Tried::Stopped),
            Err(error) if error.kind == ErrorKind::Refused => {
                self.refused(accepted, Some((run, &carried)), error).await
            }
            Err(error) => Ok(self.not_begun(accepted, error)),
            Ok(results) => {
                let counts = Totals::of(results);
                let away = match of_results(results) {
                    Verdict::Wait(why) => {
                        let line = counts.line();
                        self.context.say(&format!("{}: {line}", printable(&accepted.name)));
                        let code = if why.lets_others_go_on() { counts.exit_code() } else { 3 };
                        let what = waits_for(results).map(str::to_owned);
                        return Ok(Tried::Waits(Wait { why, what }, code, Held::of(results)));
                    }
                    Verdict::Failed => Away::Failed,
                    Verdict::Done => Away::Done,
                };
                let receipt = Receipt {
                    run: Some(run),
                    exit_code: counts.exit_code(),
                    counts,
                    report: carried.page.as_ref().map(|page| page.display().to_string()),
                    results: results.clone(),
                    ..self.receipt(accepted)
                };
                let code = receipt.exit_code;
                self.put_away(accepted, away, receipt, Some(&carried))?;
                carried.tell(self.context, self.chosen.mail.as_ref()).await;
                Ok(Tried::Away(code))
            }
        }
    }

    /// Something stands in the way that is no fault of the file.
    fn not_begun(&self, accepted: &Accepted, error: &CommandError) -> Tried {
        let why = match error.kind {
            ErrorKind::Interrupted => return Tried::Stopped,
            ErrorKind::SignIn => Why::SignIn,
            ErrorKind::Endpoint => Why::Away,
            ErrorKind::Busy => Why::Busy,
            _ => Why::Local,
        };
        for line in error.message.lines() {
            self.context.say(&format!("{}: {line}", printable(&accepted.name)));
        }
        error.hints.iter().for_each(|hint| self.context.say(&format!("hint: {hint}")));
        Tried::Waits(Wait { why, what: None }, error.kind.exit_code(), Held::default())
    }

    /// The file as a whole is refused: as input, or by a guard.
    async fn refused(
        &self,
        accepted: &Accepted,
        carried: Option<(Uuid, &Carried)>,
        error: &CommandError,
    ) -> Result<Tried, CommandError> {
        let refused = Refused { message: error.message.clone(), hints: error.hints.clone() };
        let page = carried.and_then(|(_, carried)| carried.page.as_ref());
        let receipt = Receipt {
            run: carried.map(|(run, _)| run),
            exit_code: error.kind.exit_code(),
            error: Some(refused),
            report: page.map(|page| page.display().to_string()),
            ..self.receipt(accepted)
        };
        self.put_away(accepted, Away::Failed, receipt, None)?;
        error.hints.iter().for_each(|hint| self.context.say(&format!("hint: {hint}")));
        let event = Event::Nothing {
            what: &accepted.dropped,
            connection: &self.chosen.default.name,
            message: &error.message,
            hints: &error.hints,
        };
        let none = Redaction::default();
        let redaction = carried.map_or(&none, |(_, carried)| &carried.secrets);
        mailing::tell(self.context, self.chosen.mail.as_ref(), &event, redaction).await;
        Ok(Tried::Away(error.kind.exit_code()))
    }

    fn receipt(&self, accepted: &Accepted) -> Receipt {
        Receipt::new(&accepted.dropped, accepted.ticket, &self.chosen.default.name)
    }

    fn put_away(
        &self,
        accepted: &Accepted,
        away: Away,
        receipt: Receipt,
        carried: Option<&Carried>,
    ) -> Result<(), CommandError> {
        let report = carried.and_then(|carried| carried.report.as_ref());
        let failures = report.and_then(failures);
        let line = receipt.line();
        let shown = json!({
            "file": receipt.file,
            "run": receipt.run,
            "exit_code": receipt.exit_code,
            "counts": receipt.counts,
            "error": receipt.error,
        });
        let to = self.folder.put_away(accepted, away, receipt, failures.as_ref())?;
        self.show(&accepted.dropped, &to, &line, shown)
    }

    fn show(
        &self,
        dropped: &str,
        to: &Path,
        line: &str,
        mut shown: serde_json::Value,
    ) -> Result<(), CommandError> {
        let to = to.display().to_string();
        if self.context.common.output == Output::Text {
            let (dropped, to) = (printable(dropped), printable(&to));
            return self.context.out(&format!("{dropped}: {}; now {to}\n", printable(line)));
        }
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("now".into(), to.into());
        }
        self.context.out_document(&shown)
    }
}

impl From<FolderError> for CommandError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Lock(error) => error.into(),
            error => Self::usage(error.to_string()),
        }
    }
}
