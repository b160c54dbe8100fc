//! `mailwright status`

use clap::Args;

use super::CommandError;
use super::common::{Context, Output};
use crate::flow::journal::{Entry, Filter, State};
use crate::report::{Style, Tone, printable};

/// Show what the journal holds
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Only this change
    #[arg(long, value_name = "ID")]
    change: Option<String>,
    /// Only what was refused or failed
    #[arg(long)]
    failed: bool,
}

pub(super) async fn run(context: &Context, command: Status) -> Result<u8, CommandError> {
    let journal = context.existing_journal().await?;
    let filter = Filter { change_id: command.change.clone(), failed: command.failed };
    let entries = journal.status(&filter).await?;
    journal.close().await;
    if let (true, Some(id)) = (entries.is_empty(), &command.change) {
        return Err(CommandError::usage(format!("the journal has no change `{}`", printable(id))));
    }
    match context.common.output {
        Output::Text => context.out(&text(&entries, context.output_style()))?,
        Output::Json | Output::Jsonl => context.out_json(&entries)?,
    }
    Ok(0)
}

fn text(entries: &[Entry], style: Style) -> String {
    let mut text = String::new();
    for entry in entries {
        let tone = match entry.state {
            State::Done => Tone::Add,
            State::Refused | State::Failed => Tone::Attention,
            State::Waiting | State::Running | State::Pending => Tone::Change,
        };
        let state = style.paint(tone, &format!("{:<8}", entry.state));
        let line = entry.line.map_or_else(String::new, |line| format!(":{line}"));
        text.push_str(&format!(
            "{state} {} {} ({}{line}, attempts: {})\n",
            printable(&entry.change_id),
            style.paint(Tone::Strong, &printable(&entry.identity)),
            printable(&entry.source),
            entry.attempts
        ));
        let error = entry.result.as_ref().and_then(|result| result.get("error")?.get("message")?.as_str());
        if let Some(message) = error {
            text.push_str(&format!("         {}\n", printable(message)));
        }
        if entry.in_doubt {
            text.push_str("         a step was begun and its outcome is not known; it is read again first\n");
        }
    }
    let states = [State::Waiting, State::Running, State::Done, State::Refused, State::Failed, State::Pending];
    let counts = states
        .map(|state| (state, entries.iter().filter(|entry| entry.state == state).count()))
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(state, number)| format!("{number} {state}"))
        .collect::<Vec<_>>();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    text.push_str(&style.paint(Tone::Strong, &format!("Journal: {counts}")));
    text.push('\n');
    if entries.iter().any(|entry| matches!(entry.state, State::Refused | State::Failed)) {
        text.push_str(
            &style.paint(Tone::Quiet, "To try again: mailwright retry --all-failed, or --change ID"),
        );
        text.push('\n');
    }
    text
}
