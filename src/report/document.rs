//! `run.json`: a run for programs.

use serde_json::{Value as Json, json};

use super::{Audit, RunInfo, RunReport, RunRow, Timing};
use crate::recipient::Traffic;

/// The layout of `run.json`. New members may come with the same number; one that goes or changes its meaning raises it.
pub const RUN_VERSION: u32 = 1;

/// A run as one JSON document.
pub fn run_json(report: &RunReport, audit: &Audit) -> Json {
    let run = &report.run;
    let fault = match &run.ending {
        super::Ending::Broken(fault) => Some(fault),
        _ => None,
    };
    json!({
        "mailwright_run": RUN_VERSION,
        "id": run.id,
        "command": run.command,
        "connection": run.connection,
        "source": run.source,
        "about": run.about,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "milliseconds": run.millis,
        "ending": run.ending.name(),
        "fault": fault,
        "totals": report.totals(),
        "unfinished": report.unfinished(),
        "timings": Timing::of(report),
        "cloud": traffic(run),
        "audit": {"lines": audit.text.lines().count(), "sha256": audit.hash},
        "changes": report.rows.iter().map(row_json).collect::<Vec<_>>(),
    })
}

/// What was asked of the cloud, by connection.
fn traffic(run: &RunInfo) -> Json {
    let of = |(connection, traffic): (&String, &Traffic)| {
        let counted = json!({
            "requests": traffic.requests, "turned_away": traffic.turned_away, "waited_milliseconds": traffic.waited_ms,
        });
        (connection.clone(), counted)
    };
    Json::Object(run.traffic.iter().map(of).collect())
}

/// A row as `--output jsonl` prints a change, with what it changed and when. One that came to no result has no `action`.
pub fn row_json(row: &RunRow) -> Json {
    let mut json = match &row.result {
        Some(result) => serde_json::to_value(result).unwrap_or_default(),
        None => json!({"change_id": row.change_id, "identity": row.identity, "action": null}),
    };
    let more = json!({
        "addresses": row.diff.addresses,
        "attributes": row.diff.attributes,
        "began_at": row.began_at,
        "finished_at": row.finished_at,
        "milliseconds": row.millis,
        "taken_over_by": row.taken_over_by.as_ref().filter(|_| row.result.is_none()),
    });
    if let (Json::Object(json), Json::Object(more)) = (&mut json, more) {
        json.extend(more);
    }
    json
}
