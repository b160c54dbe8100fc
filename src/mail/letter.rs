//! What people read when a run failed. Pure.

use std::path::Path;

use crate::report::{ChangeResult, Ending, RunReport, printable};
use crate::secret::Redaction;

/// Most changes that are shown; the report has the others.
const SHOWN: usize = 20;
/// A subject is no place for more.
const LONGEST_NAME: usize = 80;

/// What people are told of.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A run that came to its end, or broke off
    Run {
        /// The run
        report: &'a RunReport,
        /// Where its report was written
        page: Option<&'a Path>,
    },
    /// Something that came to nothing as a whole
    Nothing {
        /// What: a file of the hot folder, an export
        what: &'a str,
        /// The connection
        connection: &'a str,
        /// Why
        message: &'a str,
        /// What to do about it
        hints: &'a [String],
    },
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line
    pub subject: String,
    /// The text
    pub body: String,
}

impl Letter {
    /// What there is to tell; nothing where fewer than `after` objects failed and the run did not break off.
    pub fn of(event: &Event<'_>, after: usize, redaction: &Redaction) -> Option<Self> {
        let letter = match event {
            Event::Run { report, page } => of_run(report, *page, after)?,
            Event::Nothing { what, connection, message, hints } => nothing(what, connection, message, hints),
        };
        Some(Self { subject: redaction.clean(&letter.subject), body: redaction.clean(&letter.body) })
    }
}

fn of_run(report: &RunReport, page: Option<&Path>, after: usize) -> Option<Letter> {
    let run = &report.run;
    let failed: Vec<&ChangeResult> = report.failed().filter_map(|row| row.result.as_ref()).collect();
    let broken = match &run.ending {
        Ending::Broken(fault) => Some(fault),
        Ending::Complete | Ending::Stopped | Ending::Open => None,
    };
    if failed.len() < after.max(1) && broken.is_none() {
        return None;
    }
    let (connection, source) = (named(&run.connection), named(file_name(&run.source)));
    let of = report.rows.len();
    let subject = match broken {
        Some(_) => format!("mailwright: {source} on {connection} broke off"),
        None => format!("mailwright: {} of {of} changes failed: {source} on {connection}", failed.len()),
    };
    let mut body = format!("{} {} on {}\n", run.command, printable(&run.source), printable(&run.connection));
    body.push_str(&format!("run {}, {}\n", run.id, run.started_at));
    body.push_str(&format!("{}\n", report.totals().line()));
    if let Some(fault) = broken {
        body.push_str(&format!("\nThe run broke off: {}\n", printable(fault)));
    }
    for result in failed.iter().take(SHOWN) {
        body.push('\n');
        body.push_str(&change(result));
    }
    if failed.len() > SHOWN {
        body.push_str(&format!("\nand {} more, which the report has\n", failed.len() - SHOWN));
    }
    if let Some(page) = page {
        body.push_str(&format!("\nreport: {}\n", page.display()));
    }
    Some(Letter { subject, body })
}

fn change(result: &ChangeResult) -> String {
    let place = printable(&result.source.to_string());
    let mut text = format!("{} ({place}): {}\n", printable(&result.identity), result.action);
    if let Some(error) = &result.error {
        text.push_str(&format!("    {}: {}\n", error.class, printable(&error.message)));
        if let Some(owner) = &error.owner {
            text.push_str(&format!("    held by {}\n", printable(owner)));
        }
        if let Some(hint) = &error.hint {
            text.push_str(&format!("    hint: {}\n", printable(hint)));
        }
    }
    text
}

fn nothing(what: &str, connection: &str, message: &str, hints: &[String]) -> Letter {
    let mut body = format!("{} on {}\n\n", printable(what), printable(connection));
    message.lines().for_each(|line| body.push_str(&format!("{}\n", printable(line))));
    hints.iter().for_each(|hint| body.push_str(&format!("hint: {}\n", printable(hint))));
    let subject = format!("mailwright: {} on {} came to nothing", named(what), named(connection));
    Letter { subject, body }
}

fn file_name(source: &str) -> &str {
    source.rsplit(['/', '\\']).next().unwrap_or(source)
}

/// A name as a subject can show it: one line, not endless.
fn named(name: &str) -> String {
    let safe = printable(name);
    match safe.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}...", safe.get(..end).unwrap_or_default()),
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::recipient::{Action, ErrorClass, Source};
    use crate::report::{ResultError, RunInfo, RunRow};

    fn result(number: usize, action: Action) -> ChangeResult {
        let error =
            ResultError::new(ErrorClass::Conflict, format!("taken; the password was Canary-{number}!"));
        ChangeResult {
            change_id: number.to_string(),
            source: Source { file: "drop/joiners.csv".into(), line: 1 },
            connection: "corp".into(),
            identity: format!("user{number}\r\nBcc: x@y.org"),
            guid: None,
            action,
            error: (action != Action::Updated).then(|| error.hint("choose another")),
            warnings: Vec::new(),
            steps: Vec::new(),
            attempts: 1,
        }
    }

    fn run(results: Vec<ChangeResult>, ending: Ending) -> RunReport {
        let row = |result| RunRow {
            change_id: String::new(),
            identity: String::new(),
            diff: Default::default(),
            steps: Vec::new(),
            began_at: None,
            finished_at: None,
            millis: None,
            written: None,
            content: None,
            taken_over_by: None,
            result: Some(result),
        };
        let run = RunInfo {
            id: "0199".into(),
            command: "watch".into(),
            connection: "corp\r\nBcc: x@y.org".into(),
            source: "drop/joiners\n.csv".into(),
            about: None,
            started_at: "2026-11-20T10:00:00.000Z".into(),
            finished_at: None,
            millis: None,
            ending,
            audit_hash: None,
            traffic: BTreeMap::new(),
        };
        RunReport { run, rows: results.into_iter().map(row).collect(), forms: BTreeMap::new() }
    }

    fn letter(report: &RunReport, after: usize) -> Option<Letter> {
        let event = Event::Run { report, page: Some(Path::new("runs/1/report.html")) };
        let mut redaction = Redaction::default();
        redaction.hide(&"Canary-1!".into());
        Letter::of(&event, after, &redaction)
    }

    #[test]
    fn only_enough_failures_are_worth_a_letter() {
        let one = run(vec![result(1, Action::Failed), result(2, Action::Updated)], Ending::Complete);
        assert!(letter(&one, 1).is_some());
        assert_eq!(letter(&one, 2), None);
        assert_eq!(letter(&run(vec![result(2, Action::Updated)], Ending::Complete), 1), None);
        let broken = run(vec![], Ending::Broken("the disk is full".into()));
        let told = letter(&broken, 5).unwrap();
        assert!(told.subject.ends_with("broke off") && told.body.contains("the disk is full"));
    }

    #[test]
    fn the_first_twenty_are_shown_with_class_and_hint_and_the_others_counted() {
        let failed = (1..=23).map(|number| result(number, Action::Refused)).collect();
        let told = letter(&run(failed, Ending::Complete), 1).unwrap();
        assert!(told.subject.starts_with("mailwright: 23 of 23 changes failed: joiners"), "{}", told.subject);
        assert_eq!(told.body.matches("    conflict: taken").count(), 20);
        assert!(told.body.contains("hint: choose another") && told.body.contains("and 3 more"));
        assert!(told.body.contains("report: runs/1/report.html"));
    }

    #[test]
    fn nothing_from_outside_makes_a_line_and_no_secret_leaves() {
        let told = letter(&run(vec![result(1, Action::Failed)], Ending::Complete), 1).unwrap();
        assert!(!told.subject.contains(['\r', '\n']), "{:?}", told.subject);
        assert!(!told.body.contains('\r') && !told.body.lines().any(|line| line.starts_with("Bcc:")));
        assert!(!told.body.contains("Canary-1!") && told.body.contains("the password was ***"));
        let event = Event::Nothing {
            what: "a\r\nBcc: x@y.org",
            connection: &"long".repeat(60),
            message: "line 3: `x`",
            hints: &["mend it".to_owned()],
        };
        let told = Letter::of(&event, 9, &Redaction::default()).unwrap();
        assert!(!told.subject.contains(['\r', '\n']) && told.subject.len() < 200);
        assert!(told.body.contains("line 3: `x`\nhint: mend it\n"));
    }
}
