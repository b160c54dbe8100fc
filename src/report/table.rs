//! `changes.csv`: one row per change, for a spreadsheet.

use serde_json::Value as Json;

use super::{RunReport, RunRow};
use crate::address::Sign;

const HEADER: &[&str] = &[
    "Line",
    "ChangeId",
    "Identity",
    "Guid",
    "Connection",
    "Action",
    "ErrorClass",
    "Error",
    "Hint",
    "HeldBy",
    "Warnings",
    "AddressesAdded",
    "AddressesRemoved",
    "AddressesChanged",
    "Attributes",
    "Cmdlets",
    "Attempts",
    "Began",
    "Finished",
    "Milliseconds",
];

/// The table of a run: UTF-8 with a byte order mark, commas, and no cell that a spreadsheet would take for a formula.
pub fn changes_csv(report: &RunReport) -> String {
    let mut text = String::from("\u{feff}");
    line(&mut text, HEADER.iter().map(ToString::to_string));
    for row in &report.rows {
        line(&mut text, cells(row).into_iter());
    }
    text
}

fn cells(row: &RunRow) -> Vec<String> {
    let result = row.result.as_ref();
    let error = result.and_then(|result| result.error.as_ref());
    let optional = |text: Option<&String>| text.cloned().unwrap_or_default();
    let addresses = |sign: Sign| {
        let lines = row.diff.addresses.iter().filter(|line| line.sign == sign);
        lines.map(|line| line.address.clone()).collect::<Vec<_>>().join("; ")
    };
    let attributes = row.diff.attributes.iter().map(|line| match &line.before {
        Some(before) => format!("{}: {} -> {}", line.name, plain(before), plain(&line.after)),
        None => format!("{}: {}", line.name, plain(&line.after)),
    });
    vec![
        result.map(|result| result.source.line.to_string()).unwrap_or_default(),
        row.change_id.clone(),
        row.identity.clone(),
        result.and_then(|result| result.guid).map(|guid| guid.to_string()).unwrap_or_default(),
        optional(result.map(|result| &result.connection)),
        result.map_or("unfinished", |result| result.action.as_str()).to_owned(),
        error.map(|error| error.class.to_string()).unwrap_or_default(),
        optional(error.map(|error| &error.message)),
        optional(error.and_then(|error| error.hint.as_ref())),
        optional(error.and_then(|error| error.owner.as_ref())),
        result.map(|result| result.warnings.join("; ")).unwrap_or_default(),
        addresses(Sign::Added),
        addresses(Sign::Removed),
        addresses(Sign::Changed),
        attributes.collect::<Vec<_>>().join("; "),
        row.steps.iter().map(|step| step.cmdlet.as_str()).collect::<Vec<_>>().join("; "),
        result.map(|result| result.attempts.to_string()).unwrap_or_default(),
        optional(row.began_at.as_ref()),
        optional(row.finished_at.as_ref()),
        row.millis.map(|millis| millis.to_string()).unwrap_or_default(),
    ]
}

/// A value for a person, on one line.
pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::Null => "$null".into(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Json::Object(parts) => {
            let parts = parts.iter().map(|(name, value)| format!("{name} {}", plain(value)));
            parts.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&guarded(&cell));
    }
    text.push_str("\r\n");
}

/// A cell, quoted where it must be. What a spreadsheet would read as a formula gets an apostrophe, which makes it text.
fn guarded(cell: &str) -> String {
    let cell: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let starts_formula = cell
        .trim_start()
        .starts_with(['=', '+', '-', '@', '|', '%', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let guard = if starts_formula { "'" } else { "" };
    // A semicolon parts the cells where the language of the spreadsheet says so.
    if starts_formula || cell.contains([',', ';', '"']) || cell.starts_with(' ') || cell.ends_with(' ') {
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, guarded_cell) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("\t=1+1", "\"' =1+1\""),
            ("+491234", "\"'+491234\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("a\r\n=b", "a  =b"),
        ] {
            assert_eq!(guarded(cell), guarded_cell);
        }
    }
}
