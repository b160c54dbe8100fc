//! Every change with what it did: addresses and attributes before and after, and the cmdlets that were sent.

use serde_json::Value as Json;

use super::attention::{error_lines, named};
use super::page::Page;
use super::{ACTIONS, count};
use crate::address::{AddressLine, Sign};
use crate::recipient::Action;
use crate::report::table::plain;
use crate::report::timing::duration;
use crate::report::{AttributeLine, Diff, RunReport, RunRow, StepRecord};

/// A page with more could not be looked at any more. What needs attention is always in it.
const MAX_QUIET: usize = 2000;

/// The list of changes with its filters, which need no script.
pub(super) fn section(page: &mut Page, report: &RunReport) {
    page.element("section", &[("id", "changes")], |page| {
        page.leaf("h2", "", "Changes");
        let totals = report.totals();
        for action in ACTIONS.into_iter().filter(|action| count(&totals, *action) > 0) {
            let id = format!("show-{action}");
            page.void(
                "input",
                &[("type", "checkbox"), ("id", &id), ("class", "filter"), ("checked", "checked")],
            );
            page.element("label", &[("for", &id), ("class", "filter")], |page| {
                page.text(&format!("{action} {}", count(&totals, action)));
            });
        }
        page.element("div", &[("class", "list")], |page| {
            let mut quiet = 0;
            for (position, row) in report.rows.iter().enumerate() {
                if needs_no_look(row) {
                    quiet += 1;
                    if quiet > MAX_QUIET {
                        continue;
                    }
                }
                page.line();
                change(page, position, row);
            }
            if quiet > MAX_QUIET {
                let left_out =
                    format!("{} more changes that were done are in changes.csv.", quiet - MAX_QUIET);
                page.leaf("p", "quiet", &left_out);
            }
        });
    });
    page.line();
}

fn needs_no_look(row: &RunRow) -> bool {
    row.result.as_ref().is_some_and(|result| result.error.is_none() && result.warnings.is_empty())
}

fn change(page: &mut Page, position: usize, row: &RunRow) {
    let class = format!("change {}", row.action().map_or("unfinished", Action::as_str));
    let id = format!("change-{position}");
    let closed: &[(&'static str, &str)] = &[("class", &class), ("id", &id)];
    let open: &[(&'static str, &str)] = &[("class", &class), ("id", &id), ("open", "open")];
    page.element("details", if needs_no_look(row) { closed } else { open }, |page| {
        summary(page, row);
        page.element("div", &[("class", "inside")], |page| {
            if let Some(result) = &row.result {
                error_lines(page, result);
                for warning in &result.warnings {
                    page.leaf("p", "warning", warning);
                }
            } else if let Some(run) = &row.taken_over_by {
                page.leaf("p", "message", &format!("It went on in run {run}."));
            } else {
                page.leaf("p", "message", "It came to no result and waits in the journal.");
            }
            difference(page, &row.diff, row.action() == Some(Action::Created));
            steps(page, &row.steps);
            facts(page, row);
        });
    });
}

fn summary(page: &mut Page, row: &RunRow) {
    let (symbol, word) = match row.action() {
        Some(action @ Action::Created) => ("+", action.as_str()),
        Some(action @ (Action::Updated | Action::Disabled | Action::Removed)) => ("~", action.as_str()),
        Some(action @ Action::Unchanged) => ("=", action.as_str()),
        Some(action @ (Action::Refused | Action::Failed)) => ("!", action.as_str()),
        Some(action @ Action::Pending) => ("?", action.as_str()),
        None => ("?", "no result"),
    };
    page.element("summary", &[], |page| {
        page.element("span", &[("class", "symbol"), ("aria-hidden", "true")], |page| page.text(symbol));
        page.leaf("span", "identity", named(row));
        page.leaf("span", "word", word);
        page.leaf("span", "brief", &brief(&row.diff));
        if let Some(millis) = row.millis {
            page.leaf("span", "time", &duration(millis));
        }
    });
}

/// `2 addresses, 1 attribute`
fn brief(diff: &Diff) -> String {
    let addresses = diff.addresses.iter().filter(|line| line.sign != Sign::Kept).count();
    let parts = [(addresses, "address", "addresses"), (diff.attributes.len(), "attribute", "attributes")];
    let words = parts.into_iter().filter(|(number, _, _)| *number > 0);
    words
        .map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }))
        .collect::<Vec<_>>()
        .join(", ")
}

fn difference(page: &mut Page, diff: &Diff, is_new: bool) {
    if !diff.addresses.is_empty() {
        page.leaf("h4", "", "Addresses");
        page.element("ul", &[("class", "diff")], |page| {
            diff.addresses.iter().for_each(|line| address(page, line))
        });
    }
    if !diff.attributes.is_empty() {
        page.leaf("h4", "", "Attributes");
        page.element("div", &[("class", "wide")], |page| {
            page.element("table", &[("class", "attributes")], |page| {
                page.markup(
                    "<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Before</th>\
                     <th scope=\"col\">After</th></tr></thead>",
                );
                page.element("tbody", &[], |page| {
                    diff.attributes.iter().for_each(|line| attribute(page, line, is_new))
                });
            });
        });
    }
}

fn address(page: &mut Page, line: &AddressLine) {
    let class = match line.sign {
        Sign::Added => "add",
        Sign::Removed => "remove",
        Sign::Changed => "change-line",
        Sign::Kept => "keep",
    };
    page.element("li", &[("class", class)], |page| {
        page.element("span", &[("class", "sign")], |page| page.text(&line.sign.symbol().to_string()));
        page.leaf("code", if line.address.starts_with("SMTP:") { "primary" } else { "" }, &line.address);
        if let Some(was) = &line.was {
            page.leaf("span", "quiet", &format!("was {was}"));
        }
    });
}

fn attribute(page: &mut Page, line: &AttributeLine, is_new: bool) {
    page.element("tr", &[], |page| {
        page.element("th", &[("scope", "row")], |page| page.text(&line.name));
        page.element("td", &[("class", "before")], |page| match &line.before {
            Some(before) => value(page, before),
            None => page.leaf("span", "quiet", if is_new { "new" } else { "not read" }),
        });
        page.element("td", &[("class", "after")], |page| value(page, &line.after));
    });
}

fn value(page: &mut Page, value: &Json) {
    match value {
        Json::Null => page.leaf("span", "quiet", "empty"),
        Json::String(text) if text.is_empty() => page.leaf("span", "quiet", "empty"),
        Json::Array(items) if items.is_empty() => page.leaf("span", "quiet", "empty"),
        Json::Array(items) => {
            page.element("ul", &[], |page| items.iter().for_each(|item| page.leaf("li", "", &plain(item))));
        }
        Json::Object(parts) => page.element("ul", &[("class", "diff")], |page| {
            for (name, part) in parts {
                let (class, sign) = if name == "Remove" { ("remove", "-") } else { ("add", "+") };
                for item in part.as_array().into_iter().flatten() {
                    page.element("li", &[("class", class)], |page| {
                        page.element("span", &[("class", "sign")], |page| page.text(sign));
                        page.text(&plain(item));
                    });
                }
            }
        }),
        other => page.text(&plain(other)),
    }
}

fn steps(page: &mut Page, steps: &[StepRecord]) {
    if steps.is_empty() {
        return;
    }
    page.leaf("h4", "", "Cmdlets");
    page.element("ol", &[("class", "steps")], |page| {
        for step in steps {
            let outcome = step.outcome.as_deref().unwrap_or("unknown");
            page.element("li", &[], |page| {
                page.element("span", &[("class", &format!("outcome {outcome}"))], |page| page.text(outcome));
                page.leaf("code", "", &call(step));
                if let Some(millis) = step.millis {
                    page.leaf("span", "quiet", &duration(millis));
                }
                if let Some(detail) = &step.detail {
                    page.leaf("p", "quiet", detail);
                }
            });
        }
    });
}

/// A cmdlet with the names of its parameters; their values are in the lines above.
fn call(step: &StepRecord) -> String {
    let names =
        step.parameters.as_object().map(|parameters| parameters.keys().map(|name| format!(" -{name}")));
    format!("{}{}", step.cmdlet, names.into_iter().flatten().collect::<String>())
}

fn facts(page: &mut Page, row: &RunRow) {
    page.element("p", &[("class", "facts")], |page| {
        page.leaf("span", "", &format!("ChangeId {}", row.change_id));
        let Some(result) = &row.result else { return };
        page.leaf("span", "", &result.source.to_string());
        if let Some(guid) = result.guid {
            page.leaf("span", "", &format!("GUID {guid}"));
        }
        page.leaf("span", "", &format!("connection {}", result.connection));
        if result.attempts > 1 {
            page.leaf("span", "", &format!("{} attempts", result.attempts));
        }
    });
}
