//! `mailwright status`

use clap::Args;
use serde::Serialize;

use super::CommandError;
use super::common::{Context, Output};
use crate::flow::journal::{Entry, Filter, State};
use crate::report::{StepRecord, Style, Tone, printable};

/// Show what the journal holds
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Only this change, with every cmdlet that was sent for it
    #[arg(long, value_name = "ID")]
    change: Option<String>,
    /// Only what was refused or failed
    #[arg(long)]
    failed: bool,
}

/// A change, and with `--change` what was sent for it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Sent>>,
}

/// A cmdlet that was sent.
#[derive(Serialize)]
struct Sent {
    run: String,
    #[serde(flatten)]
    step: StepRecord,
}

pub(super) async fn run(context: &Context, command: Status) -> Result<u8, CommandError> {
    let journal = context.existing_journal().await?;
    let filter = Filter { change_id: command.change.clone(), failed: command.failed };
    let mut shown = Vec::new();
    for entry in journal.status(&filter).await? {
        let steps = match &command.change {
            Some(_) => Some(journal.history(entry.seq).await?),
            None => None,
        };
        let steps = steps.map(|steps| steps.into_iter().map(|(run, step)| Sent { run, step }).collect());
        shown.push(Shown { entry, steps });
    }
    journal.close().await;
    if let (true, Some(id)) = (shown.is_empty(), &command.change) {
        let failed = if command.failed { "failed " } else { "" };
        return Err(CommandError::usage(format!("the journal has no {failed}change `{}`", printable(id))));
    }
    match context.common.output {
        Output::Text => context.out(&text(&shown, context.output_style()))?,
        Output::Json | Output::Jsonl => context.out_json(&shown)?,
    }
    Ok(0)
}

fn text(shown: &[Shown], style: Style) -> String {
    let mut text: String = shown.iter().map(|one| entry(one, style)).collect();
    let states = [State::Waiting, State::Running, State::Done, State::Refused, State::Failed, State::Pending];
    let counts = states
        .map(|state| (state, shown.iter().filter(|one| one.entry.state == state).count()))
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(state, number)| format!("{number} {state}"))
        .collect::<Vec<_>>();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    text.push_str(&style.paint(Tone::Strong, &format!("Journal: {counts}")));
    text.push('\n');
    if shown.iter().any(|one| matches!(one.entry.state, State::Refused | State::Failed)) {
        let next = "To try again: mailwright retry --all-failed, or --change ID";
        text.push_str(&style.paint(Tone::Quiet, next));
        text.push('\n');
    }
    if shown.iter().any(|one| one.entry.state == State::Pending) {
        let next =
            "To go on with what is pending: apply the same flow again, or leave it to mailwright watch";
        text.push_str(&style.paint(Tone::Quiet, next));
        text.push('\n');
    }
    text
}

fn entry(Shown { entry, steps }: &Shown, style: Style) -> String {
    let tone = match entry.state {
        State::Done => Tone::Add,
        State::Refused | State::Failed => Tone::Attention,
        State::Waiting | State::Running | State::Pending => Tone::Change,
    };
    let state = style.paint(tone, &format!("{:<8}", entry.state));
    let line = entry.line.map_or_else(String::new, |line| format!(":{line}"));
    let mut text = format!(
        "{state} {} {} ({}{line}, attempts: {})\n",
        printable(&entry.change_id),
        style.paint(Tone::Strong, &printable(&entry.identity)),
        printable(&entry.source),
        entry.attempts
    );
    let error = entry.result.as_ref().and_then(|result| result.get("error"));
    let of_error = |key: &str| error.and_then(|error| error.get(key)?.as_str()).map(printable);
    if let Some(message) = of_error("message") {
        let class = of_error("class").map_or_else(String::new, |class| format!("{class}: "));
        text.push_str(&format!("         {class}{message}\n"));
    }
    if let Some(hint) = of_error("hint") {
        text.push_str(&format!("         hint: {hint}\n"));
    }
    if entry.in_doubt {
        text.push_str("         a step was begun and its outcome is not known; it is read again first\n");
    }
    let mut run = "";
    for sent in steps.iter().flatten() {
        if sent.run != run {
            run = &sent.run;
            text.push_str(&style.paint(Tone::Quiet, &format!("         run {run}\n")));
        }
        let StepRecord { attempt, step, cmdlet, outcome, detail, intent_at, .. } = &sent.step;
        let outcome = outcome.as_deref().unwrap_or("not known");
        let detail = detail.as_ref().map_or_else(String::new, |detail| format!(": {}", printable(detail)));
        text.push_str(&format!(
            "           {intent_at} attempt {attempt}, step {step}: {} {outcome}{detail}\n",
            printable(cmdlet)
        ));
    }
    text
}
