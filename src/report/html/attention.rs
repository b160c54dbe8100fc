//! What a person has to do something about: errors by their class with the cure, then warnings.

use super::page::Page;
use crate::recipient::Action;
use crate::report::cure::Cure;
use crate::report::{ChangeResult, RunReport, RunRow, failures};

/// So many of one class are listed; the rest is in the tables beside the page.
const MAX_LISTED: usize = 1000;

/// A change with its place in the run and its result.
type Place<'a> = (usize, &'a RunRow, &'a ChangeResult);

/// Errors, the class with most of them first.
pub(super) fn errors(page: &mut Page, report: &RunReport) {
    let mut groups: Vec<(&str, Cure, Vec<Place<'_>>)> = Vec::new();
    for (position, row) in report.rows.iter().enumerate() {
        let Some(result) = &row.result else { continue };
        let Some(error) = &result.error else { continue };
        let (name, cure) = match result.action {
            Action::Pending => (Action::Pending.as_str(), Cure::WAITING),
            _ => (error.class.as_str(), Cure::of(error.class)),
        };
        match groups.iter_mut().find(|(held, ..)| *held == name) {
            Some((.., rows)) => rows.push((position, row, result)),
            None => groups.push((name, cure, vec![(position, row, result)])),
        }
    }
    if groups.is_empty() {
        return;
    }
    groups.sort_by_key(|(.., rows)| std::cmp::Reverse(rows.len()));
    page.element("section", &[("id", "attention")], |page| {
        page.leaf("h2", "", "Needs attention");
        for (name, cure, rows) in &groups {
            group(page, name, *cure, rows);
        }
        next(page, report);
    });
    page.line();
}

/// How to go on.
fn next(page: &mut Page, report: &RunReport) {
    let Some(failed) = failures(report) else { return };
    page.element("p", &[("class", "next")], |page| {
        page.text("To go on: mend the rows in ");
        page.leaf("code", "", &format!("failures.{}", failed.format.name()));
        page.text(" beside this page and apply that file. Where the cause was not in the rows, ");
        page.leaf("code", "", "mailwright retry --all-failed");
        page.text(" tries them again.");
    });
}

fn group(page: &mut Page, name: &str, cure: Cure, rows: &[Place<'_>]) {
    let Cure { title, cure } = cure;
    page.element("article", &[("class", "group")], |page| {
        page.element("h3", &[], |page| {
            page.text(title);
            page.text(" ");
            page.leaf("span", "count", &rows.len().to_string());
            page.leaf("code", "class", name);
        });
        page.leaf("p", "cure", cure);
        page.element("ul", &[("class", "errors")], |page| {
            for (position, row, result) in rows.iter().take(MAX_LISTED) {
                page.line();
                page.element("li", &[], |page| {
                    page.element(
                        "a",
                        &[("class", "identity"), ("href", &format!("#change-{position}"))],
                        |page| {
                            page.text(named(row));
                        },
                    );
                    page.text(" ");
                    page.leaf("span", "quiet", &result.source.to_string());
                    error_lines(page, result);
                });
            }
        });
        if rows.len() > MAX_LISTED {
            page.leaf("p", "quiet", &format!("{} more are in changes.csv.", rows.len() - MAX_LISTED));
        }
    });
}

/// The error of a change: message, owner, hint.
pub(super) fn error_lines(page: &mut Page, result: &ChangeResult) {
    let Some(error) = &result.error else { return };
    page.leaf("p", "message", &error.message);
    if let Some(owner) = &error.owner {
        page.leaf("p", "owner", &format!("Held by {owner}"));
    }
    if let Some(hint) = &error.hint {
        page.leaf("p", "hint", hint);
    }
}

/// Warnings of changes that were done all the same.
pub(super) fn warnings(page: &mut Page, report: &RunReport) {
    let warned: Vec<_> = report
        .rows
        .iter()
        .enumerate()
        .filter_map(|(position, row)| Some((position, row, row.result.as_ref()?)))
        .filter(|(_, _, result)| !result.warnings.is_empty())
        .collect();
    if warned.is_empty() {
        return;
    }
    page.element("section", &[("id", "warnings")], |page| {
        page.element("h2", &[], |page| {
            page.text("Warnings ");
            page.leaf("span", "count", &warned.len().to_string());
        });
        page.element("ul", &[("class", "errors")], |page| {
            for (position, row, result) in warned.iter().take(MAX_LISTED) {
                page.line();
                page.element("li", &[], |page| {
                    page.element(
                        "a",
                        &[("class", "identity"), ("href", &format!("#change-{position}"))],
                        |page| {
                            page.text(named(row));
                        },
                    );
                    for warning in &result.warnings {
                        page.leaf("p", "warning", warning);
                    }
                });
            }
        });
        if warned.len() > MAX_LISTED {
            page.leaf("p", "quiet", &format!("{} more are in changes.csv.", warned.len() - MAX_LISTED));
        }
    });
    page.line();
}

/// What a row is called: a row without identity by its id.
pub(super) fn named(row: &RunRow) -> &str {
    if row.identity.trim().is_empty() { &row.change_id } else { &row.identity }
}
