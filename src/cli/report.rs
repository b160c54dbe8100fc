//! `mailwright report`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::CommandError;
use super::common::{Context, Output};
use crate::flow::journal::{JournalError, Run};
use crate::report::{
    Audit, AuditError, RunReport, Style, Tone, default_folder, printable, report_html, row_json, run_json,
    run_text, write_folder,
};

/// Show the report of a run, or make it again from the journal
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The run: its id or the beginning of it; the latest, where none is named
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Write the page of the run; `-` is standard output
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write every form of the report into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// List the runs that the journal holds
    #[arg(long, conflicts_with_all = ["run", "html", "report", "verify"])]
    list: bool,
    /// Check that no line of an audit.jsonl was changed, taken away or put in
    #[arg(long, value_name = "FILE", conflicts_with_all = ["run", "html", "report"])]
    verify: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Report) -> Result<u8, CommandError> {
    if let Some(file) = &command.verify {
        return verify(context, file).await;
    }
    let journal = context.existing_journal().await?;
    if command.list {
        let runs = journal.runs().await?;
        journal.close().await;
        match context.common.output {
            Output::Text => context.out(&list(&runs, context.output_style()))?,
            Output::Json | Output::Jsonl => context.out_json(&runs)?,
        }
        return Ok(0);
    }
    let report = journal.run_report(command.run.as_deref()).await;
    let folder = report.as_ref().ok().map(|report| default_folder(journal.file(), &report.run.id));
    journal.close().await;
    let report = report.map_err(|error| match error {
        JournalError::Unknown(_) => {
            CommandError::usage(error.to_string()).hint("mailwright report --list shows the runs")
        }
        other => other.into(),
    })?;
    if let Some(folder) = &command.report {
        let (page, _) = write_folder(&report, folder).map_err(|error| unwritable(folder, &error))?;
        context.detail(&format!("report: {}", page.display()));
    }
    match &command.html {
        Some(file) if file.as_os_str() == "-" => {
            context.out(&report_html(&report, &Audit::of(&report)))?;
            return Ok(0);
        }
        Some(file) => {
            let page = report_html(&report, &Audit::of(&report));
            std::fs::write(file, page).map_err(|error| unwritable(file, &error))?;
        }
        None => {}
    }
    show(context, &report)?;
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        context.detail(&format!("the run's folder: {}", folder.display()));
    }
    Ok(0)
}

fn show(context: &Context, report: &RunReport) -> Result<(), CommandError> {
    match context.common.output {
        Output::Text => context.out(&run_text(report, context.output_style())),
        Output::Json => context.out_document(&run_json(report, &Audit::of(report))),
        Output::Jsonl => context.out_json(&report.rows.iter().map(row_json).collect::<Vec<_>>()),
    }
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> CommandError {
    CommandError::usage(format!("cannot write {}: {error}", path.display()))
}

fn list(runs: &[Run], style: Style) -> String {
    let mut text = String::new();
    for run in runs {
        let end = match (&run.ending, &run.finished_at) {
            (Some(ending), _) => ending,
            (None, Some(_)) => "complete",
            (None, None) => "open",
        };
        let tone = if end == "complete" { Tone::Add } else { Tone::Attention };
        text.push_str(&format!(
            "{} {} {} {} {}\n",
            run.id,
            style.paint(Tone::Quiet, &run.started_at),
            style.paint(tone, &format!("{end:<8}")),
            style.paint(Tone::Strong, &run.command),
            printable(&run.source)
        ));
    }
    text.push_str(&style.paint(Tone::Strong, &format!("Runs: {}", runs.len())));
    text.push('\n');
    text
}

/// Exit code 0 when the audit is unbroken, 1 when it is not.
async fn verify(context: &Context, file: &std::path::Path) -> Result<u8, CommandError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CommandError::input(format!("cannot read {}: {error}", file.display())))?;
    let (kept, compared) = kept_hash(context, &text).await;
    let verified = Audit::verify(&text, kept.as_deref());
    if context.common.output != Output::Text {
        let fault = verified.as_ref().err().map(ToString::to_string);
        let unbroken = verified.as_ref().ok();
        let answer = json!({"unbroken": unbroken, "fault": fault, "compared_with_journal": kept.is_some()});
        context.out_document(&answer)?;
        return Ok(u8::from(verified.is_err()));
    }
    match verified {
        Ok(unbroken) => {
            context.out(&format!(
                "unbroken: {} lines of run {}, {compared}\n",
                unbroken.lines,
                printable(&unbroken.run)
            ))?;
            Ok(0)
        }
        Err(error @ AuditError::Another) => Err(CommandError::refused(error.to_string())
            .hint("make it again: mailwright report RUN --report DIR")),
        Err(error) => Err(CommandError::refused(error.to_string())),
    }
}

/// The hash that the journal keeps of an audit, and what a person is told about the comparison.
async fn kept_hash(context: &Context, text: &str) -> (Option<String>, &'static str) {
    const NOT: &str = "not compared with a journal: a chain that was made anew would not show";
    let Some(run) = Audit::run_of(text) else { return (None, NOT) };
    let Ok(journal) = context.existing_journal().await else { return (None, NOT) };
    let kept = journal.audit_hash(&run).await;
    journal.close().await;
    match kept {
        Ok(Some(hash)) => (Some(hash), "as the journal keeps it"),
        Ok(None) | Err(_) => (None, NOT),
    }
}
