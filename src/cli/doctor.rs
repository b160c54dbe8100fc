//! `mailwright doctor`

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;

use super::common::{Context, Output};
use super::{CommandError, session};
use crate::doctor::live::{Compared, Point};
use crate::doctor::{self, Check, Verdict};
use crate::report::{Style, Tone, printable};

/// Look at everything between here and a mailbox: host, TLS, sign-in, permissions. Nothing is written, unless --live-write-test asks for it
///
/// Exit code 0: no check failed; 1: one did; 3: the endpoint cannot be reached or refuses the sign-in.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Try on this mailbox of a real tenant what nobody has published of Exchange Online: an attribute is written and put back, and
    /// two addresses are offered that must be refused. What was seen goes into a file
    #[arg(long, value_name = "MAILBOX")]
    live_write_test: Option<String>,
    /// Do it also where nobody sits at a terminal
    #[arg(long, requires = "live_write_test")]
    yes: bool,
    /// The file for what was seen, without names and addresses
    #[arg(long, value_name = "FILE", default_value = "live-write-test.json", requires = "live_write_test")]
    record: PathBuf,
}

impl Doctor {
    /// Whether something is written, which must be put back.
    pub(super) fn writes(&self) -> bool {
        self.live_write_test.is_some()
    }
}

pub(super) async fn run(context: &Context, command: Doctor) -> Result<u8, CommandError> {
    if let Some(mailbox) = &command.live_write_test {
        return live(context, &command, mailbox).await;
    }
    let chosen = session::choose(context).await?;
    let checks = doctor::examine(&chosen.default, chosen.trace.as_ref()).await;
    chosen.end().await?;
    let checks = checks?;
    if context.common.output == Output::Text {
        let style = context.output_style();
        context.out(&checks.iter().map(|check| text(check, style)).collect::<String>())?;
    } else {
        context.out_json(&checks)?;
    }
    let failed = |check: &&Check| check.status == Verdict::Failed;
    let mut failures = checks.iter().filter(failed);
    let mut sign_ins = checks.iter().filter(|check| check.is_sign_in());
    let is_in = sign_ins.all(|check| check.status == Verdict::Ok);
    Ok(match failures.clone().next() {
        None => 0,
        // What failed on the way and did not keep the sign-in from going through is no refusal.
        Some(_) if !is_in && failures.any(Check::is_way_in) => 3,
        Some(_) => 1,
    })
}

async fn live(context: &Context, command: &Doctor, mailbox: &str) -> Result<u8, CommandError> {
    if !command.yes && !std::io::stdin().is_terminal() {
        let text = "--live-write-test writes to a mailbox, and nobody sits at a terminal";
        return Err(CommandError::usage(text).hint("add --yes"));
    }
    let chosen = session::choose(context).await?;
    let connection = &chosen.default;
    let Some(cloud) = &connection.cloud else {
        let text = format!("the connection `{}` does not reach Exchange Online", connection.name);
        return Err(CommandError::usage(text).hint("-n names one with a table [connections.NAME.cloud]"));
    };
    context.say(&doctor::live::announcement(mailbox));
    let mut progress = |text: String| context.say(&printable(&text));
    let record = doctor::live::live(connection, cloud, mailbox, chosen.trace.as_ref(), &mut progress).await;
    chosen.end().await?;
    let record = record?;
    let document =
        serde_json::to_value(&record).map_err(|error| CommandError::internal(error.to_string()))?;
    std::fs::write(&command.record, format!("{document:#}\n")).map_err(|error| {
        CommandError::internal(format!("{} cannot be written: {error}", command.record.display()))
    })?;
    if context.common.output == Output::Text {
        let style = context.output_style();
        context.out(&record.points.iter().map(|point| point_text(point, style)).collect::<String>())?;
        context.say(&format!("what was seen is in {}", command.record.display()));
    } else {
        context.out_document(&document)?;
    }
    Ok(u8::from(record.differs()))
}

fn point_text(point: &Point, style: Style) -> String {
    let tone = match point.compared {
        Compared::AsExpected | Compared::Recorded => Tone::Add,
        Compared::Differs => Tone::Attention,
        Compared::NotTried => Tone::Quiet,
    };
    let compared = style.paint(tone, &format!("{:<15}", point.compared.text()));
    let errors = point.seen.iter().filter_map(|seen| {
        let error = seen.error.as_ref()?;
        Some(format!("status {} {} {}", seen.status, error.exception, error.id).trim_end().to_owned())
    });
    let note = point.note.iter().cloned();
    let told = errors.chain(note).collect::<Vec<_>>().join("; ");
    let told = if told.is_empty() { String::new() } else { format!(" ({})", printable(&told)) };
    format!("{compared}  {}: {}{told}\n", point.point, point.question)
}

fn text(check: &Check, style: Style) -> String {
    let tone = match check.status {
        Verdict::Ok => Tone::Add,
        Verdict::Failed => Tone::Attention,
        Verdict::CouldNotCheck => Tone::Quiet,
    };
    let status = style.paint(tone, &format!("{:<15}", check.status.text()));
    let mut text = format!("{status}  {}: {}\n", check.check, printable(&check.detail));
    for (name, more) in [("warning", &check.warning), ("hint", &check.hint)] {
        if let Some(more) = more {
            text +=
                &format!("{:<17}{} {}\n", "", style.paint(Tone::Quiet, &format!("{name}:")), printable(more));
        }
    }
    text
}
