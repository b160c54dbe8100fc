//! A run for a person at a terminal.

use std::collections::BTreeMap;

use super::cure::Cure;
use super::text::result_text;
use super::timing::{duration, turned_away};
use super::{Ending, RunReport, Style, Timing, Tone, printable};
use crate::recipient::Action;

/// What a run was, what needs attention with its cure, how long the cmdlets took, and the totals.
pub fn run_text(report: &RunReport, style: Style) -> String {
    let run = &report.run;
    let mut text = style.paint(Tone::Strong, &format!("{} {}", run.command, printable(&run.source)));
    text.push_str(&format!(" on {}\n", printable(&run.connection)));
    let took = run.millis.map_or_else(String::new, |millis| format!(", took {}", duration(millis)));
    text.push_str(&style.paint(Tone::Quiet, &format!("run {}, {}{took}", run.id, run.started_at)));
    text.push('\n');
    let ending = match &run.ending {
        Ending::Complete => None,
        Ending::Stopped => Some("stopped by a signal".to_owned()),
        Ending::Broken(fault) => Some(format!("broken off: {}", printable(fault))),
        Ending::Open => Some("not ended: still running, or its process ended without a word".to_owned()),
    };
    if let Some(ending) = ending {
        text.push_str(&style.paint(Tone::Attention, &ending));
        text.push('\n');
    }
    attention(report, style, &mut text);
    for timing in Timing::of(report) {
        let Timing { cmdlet, calls, median, longest, .. } = timing;
        let times = format!("{calls} calls, median {}, longest {}", duration(median), duration(longest));
        text.push_str(&format!("{} {times}\n", style.paint(Tone::Quiet, &printable(&cmdlet))));
    }
    for (connection, traffic) in &run.traffic {
        let line = turned_away(connection, *traffic).unwrap_or_else(|| {
            format!("{}: {} requests to the cloud", printable(connection), traffic.requests)
        });
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&style.paint(Tone::Strong, &format!("Done: {}", report.totals().line())));
    if report.unfinished() > 0 {
        text.push_str(&format!(", {} without a result", report.unfinished()));
    }
    text.push('\n');
    text
}

fn attention(report: &RunReport, style: Style, text: &mut String) {
    let mut classes: BTreeMap<&str, (Cure, Vec<&super::ChangeResult>)> = BTreeMap::new();
    for result in report.results() {
        if let Some(error) = &result.error {
            let (name, cure) = match result.action {
                Action::Pending => (Action::Pending.as_str(), Cure::WAITING),
                _ => (error.class.as_str(), Cure::of(error.class)),
            };
            let group = classes.entry(name).or_insert_with(|| (cure, Vec::new()));
            group.1.push(result);
        }
    }
    for (class, (cure, results)) in classes {
        let title = format!("{} ({class}): {}", cure.title, results.len());
        text.push_str(&format!("\n{}\n  {}\n", style.paint(Tone::Attention, &title), cure.cure));
        for result in results {
            text.push_str(&result_text(result, style));
        }
    }
    let warned: Vec<_> =
        report.results().filter(|result| result.error.is_none() && !result.warnings.is_empty()).collect();
    if !warned.is_empty() {
        let title = format!("Warnings: {}", warned.len());
        text.push_str(&format!("\n{}\n", style.paint(Tone::Change, &title)));
        warned.iter().for_each(|result| text.push_str(&result_text(result, style)));
    }
    text.push('\n');
}
