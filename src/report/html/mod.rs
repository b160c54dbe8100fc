//! `report.html`: a run for people, in one file that needs nothing else: no script, no font, no picture, no network.

use super::timing::duration;
use super::{Audit, Ending, RunReport, Timing, Totals};
use crate::recipient::Action;
use page::Page;

mod attention;
mod changes;
mod page;
#[cfg(test)]
mod tests;

const STYLE: &str = include_str!("style.css");
/// Actions in the order in which a person wants to see them.
const ACTIONS: [Action; 8] = [
    Action::Failed,
    Action::Refused,
    Action::Pending,
    Action::Created,
    Action::Updated,
    Action::Disabled,
    Action::Removed,
    Action::Unchanged,
];

/// The page of a run.
pub fn report_html(report: &RunReport, audit: &Audit) -> String {
    let mut page = Page::default();
    page.markup("<!DOCTYPE html>\n<html lang=\"en\">\n");
    head(&mut page, report);
    page.element("body", &[], |page| {
        page.line();
        header(page, report);
        page.element("main", &[], |page| {
            page.line();
            totals(page, report);
            attention::errors(page, report);
            attention::warnings(page, report);
            changes::section(page, report);
            timings(page, report);
            cloud(page, report);
        });
        footer(page, report, audit);
    });
    page.markup("\n</html>\n");
    page.into_string()
}

fn head(page: &mut Page, report: &RunReport) {
    page.element("head", &[], |page| {
        page.markup(
            "<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"robots\" content=\"noindex\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
        );
        page.leaf("title", "", &format!("{} · {}", title(report), report.totals().line()));
        page.line();
        page.element("style", &[], |page| page.markup(STYLE));
    });
    page.line();
}

fn title(report: &RunReport) -> String {
    let source = match report.run.source.as_str() {
        "-" => "standard input",
        source => source.rsplit(['/', '\\']).next().unwrap_or(source),
    };
    format!("{} {source}", report.run.command)
}

/// How the run ended, as a class and as words.
fn verdict(report: &RunReport) -> (&'static str, String) {
    let totals = report.totals();
    let bad = totals.refused + totals.failed;
    match &report.run.ending {
        Ending::Broken(fault) => ("bad", format!("Broken off: {fault}")),
        Ending::Stopped => ("warn", "Stopped by a signal; what was not begun waits in the journal".into()),
        Ending::Open => {
            ("warn", "Not ended: it is still running, or its process ended without a word".into())
        }
        Ending::Complete if bad > 0 => ("bad", format!("{bad} of {} need attention", totals.all())),
        Ending::Complete if totals.pending > 0 => ("warn", format!("{} wait", totals.pending)),
        Ending::Complete => ("good", "All done".into()),
    }
}

fn header(page: &mut Page, report: &RunReport) {
    let run = &report.run;
    page.element("header", &[], |page| {
        page.leaf("p", "brand", "mailwright");
        page.leaf("h1", "", &title(report));
        page.element("p", &[("class", "facts")], |page| {
            page.leaf("span", "", &format!("Connection {}", run.connection));
            page.leaf("span", "", &moment(&run.started_at));
            if let Some(millis) = run.millis {
                page.leaf("span", "", &format!("took {}", duration(millis)));
            }
            for (key, words) in [("operator", "by"), ("account", "signed in as"), ("endpoint", "at")] {
                let value = run.about.as_ref().and_then(|about| about.get(key)?.as_str());
                if let Some(value) = value {
                    page.leaf("span", "", &format!("{words} {value}"));
                }
            }
            let cloud = run.about.as_ref().and_then(|about| about.get("cloud"));
            for (key, words) in [("account", "in the cloud as"), ("endpoint", "at")] {
                if let Some(value) = cloud.and_then(|cloud| cloud.get(key)?.as_str()) {
                    page.leaf("span", "", &format!("{words} {value}"));
                }
            }
        });
        let (tone, words) = verdict(report);
        page.element("p", &[("class", &format!("verdict {tone}"))], |page| page.text(&words));
    });
    page.line();
}

fn totals(page: &mut Page, report: &RunReport) {
    let totals = report.totals();
    let counted: Vec<(Action, usize)> =
        ACTIONS.into_iter().map(|action| (action, count(&totals, action))).filter(|(_, n)| *n > 0).collect();
    page.element("section", &[("class", "totals"), ("aria-label", "Totals")], |page| {
        page.element("div", &[("class", "bar"), ("aria-hidden", "true")], |page| {
            for (action, number) in &counted {
                let style = format!("flex-grow:{number}");
                page.element("span", &[("class", action.as_str()), ("style", &style)], |_| {});
            }
        });
        page.element("dl", &[("class", "tiles")], |page| {
            tile(page, "", totals.all() + report.unfinished(), "changes");
            for (action, number) in &counted {
                tile(page, action.as_str(), *number, action.as_str());
            }
            if report.unfinished() > 0 {
                tile(page, "unfinished", report.unfinished(), "without a result");
            }
        });
    });
    page.line();
}

fn tile(page: &mut Page, class: &str, number: usize, word: &str) {
    page.element("div", &[("class", class)], |page| {
        page.leaf("dt", "", word);
        page.leaf("dd", "", &number.to_string());
    });
}

fn count(totals: &Totals, action: Action) -> usize {
    totals.words().into_iter().find(|(word, _)| *word == action.as_str()).map_or(0, |(_, number)| number)
}

fn timings(page: &mut Page, report: &RunReport) {
    let timings = Timing::of(report);
    if timings.is_empty() {
        return;
    }
    page.element("section", &[("id", "timings")], |page| {
        page.leaf("h2", "", "Timings");
        page.element("div", &[("class", "wide")], |page| {
            page.element("table", &[], |page| {
                page.markup(
                    "<thead><tr><th scope=\"col\">Cmdlet</th><th scope=\"col\">Calls</th>\
                     <th scope=\"col\">Not done</th><th scope=\"col\">Median</th><th scope=\"col\">95 %</th>\
                     <th scope=\"col\">Longest</th><th scope=\"col\">Together</th></tr></thead>",
                );
                page.element("tbody", &[], |page| {
                    for timing in &timings {
                        page.element("tr", &[], |page| {
                            page.element("th", &[("scope", "row")], |page| {
                                page.leaf("code", "", &timing.cmdlet)
                            });
                            page.leaf("td", "", &timing.calls.to_string());
                            page.leaf("td", "", &timing.failed.to_string());
                            for millis in [timing.median, timing.slow, timing.longest, timing.total] {
                                page.leaf("td", "", &duration(millis));
                            }
                        });
                    }
                });
            });
        });
        page.leaf(
            "p",
            "quiet",
            "Writing cmdlets only, from the intent on disk to the outcome on disk. Reads are not in here.",
        );
        slowest(page, report);
    });
    page.line();
}

/// What was asked of the cloud, and how long it kept the run waiting.
fn cloud(page: &mut Page, report: &RunReport) {
    if report.run.traffic.is_empty() {
        return;
    }
    page.element("section", &[("id", "cloud")], |page| {
        page.leaf("h2", "", "Requests to the cloud");
        page.element("div", &[("class", "wide")], |page| {
            page.element("table", &[], |page| {
                page.markup(
                    "<thead><tr><th scope=\"col\">Connection</th><th scope=\"col\">Requests</th>\
                     <th scope=\"col\">Turned away</th><th scope=\"col\">Waited for that</th></tr></thead>",
                );
                page.element("tbody", &[], |page| {
                    for (connection, traffic) in &report.run.traffic {
                        page.element("tr", &[], |page| {
                            page.element("th", &[("scope", "row")], |page| page.text(connection));
                            page.leaf("td", "", &traffic.requests.to_string());
                            page.leaf("td", "", &traffic.turned_away.to_string());
                            let waited = i64::try_from(traffic.waited_ms).unwrap_or(i64::MAX);
                            page.leaf("td", "", &duration(waited));
                        });
                    }
                });
            });
        });
        page.leaf(
            "p",
            "quiet",
            "Waits of cmdlets are part of their times. Two that wait at once count once here.",
        );
    });
    page.line();
}

fn slowest(page: &mut Page, report: &RunReport) {
    let mut rows: Vec<_> = report.rows.iter().filter_map(|row| Some((row.millis?, row))).collect();
    rows.sort_by_key(|(millis, _)| std::cmp::Reverse(*millis));
    rows.truncate(5);
    if rows.len() < 5 {
        return;
    }
    page.leaf("h3", "", "The slowest changes");
    page.element("ol", &[("class", "slowest")], |page| {
        for (millis, row) in rows {
            page.element("li", &[], |page| {
                page.leaf("span", "identity", &row.identity);
                page.leaf("span", "quiet", &duration(millis));
            });
        }
    });
}

fn footer(page: &mut Page, report: &RunReport, audit: &Audit) {
    page.element("footer", &[], |page| {
        let program = report.run.about.as_ref().and_then(|about| about.get("program")?.as_str());
        page.element("p", &[], |page| {
            page.text(program.unwrap_or("mailwright"));
            page.text(" · run ");
            page.leaf("code", "", &report.run.id);
            page.text(" · source ");
            page.leaf("code", "", &report.run.source);
        });
        page.element("p", &[], |page| {
            page.text("Audit: ");
            page.text(&audit.text.lines().count().to_string());
            page.text(" lines, SHA-256 of the last ");
            page.leaf("code", "", &audit.hash);
        });
    });
}

/// `2026-01-31T10:15:45.123Z` as a person reads it.
fn moment(time: &str) -> String {
    match (time.get(..10), time.get(11..19)) {
        (Some(day), Some(clock)) => format!("{day} {clock} UTC"),
        _ => time.to_owned(),
    }
}
