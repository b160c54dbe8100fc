//! `mailwright plan`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::common::{Context, Output};
use super::progress::Bar;
use super::{CommandError, input, session};
use crate::address::AddressLine;
use crate::flow::run::{self, Options};
use crate::report::{ChangeResult, PlannedChange, SavedPlan, Totals, plan_text};

/// Show what applying a flow would do; writes nothing
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The flow: CSV or JSON Lines; `-` is standard input
    #[arg(value_name = "FLOW")]
    flow: String,
    /// Save the plan, for `mailwright apply PLAN`
    #[arg(long, value_name = "PLAN")]
    out: Option<PathBuf>,
    /// Ask Exchange about the first cmdlet of each change with -WhatIf; what that proves nothing about is NOT PREVIEWED
    #[arg(long)]
    what_if: bool,
    /// Exit with 4 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
}

/// A planned change without what only the saved plan needs.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    result: &'a ChangeResult,
    addresses: &'a [AddressLine],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    not_previewed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_previewed_because: Option<&'a str>,
}

pub(super) async fn run(context: &Context, command: Plan) -> Result<u8, CommandError> {
    let chosen = session::choose(context).await?;
    let id = Uuid::now_v7();
    let flow = input::flow(context, &command.flow, &chosen, id).await?;
    let sites = chosen.open(&input::connections(flow.changes())).await?;
    let options = Options { what_if: command.what_if, ..Options::default() };
    let bar = Bar::new(context, "planning");
    let planned = run::plan(&sites, &flow, options, &bar).await;
    drop(bar);
    sites.close().await;
    let changes = planned?;
    if let Some(file) = &command.out {
        let plan = SavedPlan::new(id, chosen.default.name.clone(), command.flow.clone(), changes.clone());
        let bytes = plan.to_bytes().map_err(|error| CommandError::internal(error.to_string()))?;
        std::fs::write(file, bytes)
            .map_err(|error| CommandError::usage(format!("cannot write {}: {error}", file.display())))?;
        context.detail(&format!("plan: {}", file.display()));
    }
    chosen.end().await?;
    show(context, &changes)?;
    let totals = Totals::of(changes.iter().map(|change| &change.result));
    let code = totals.exit_code();
    Ok(if code != 1 && command.detailed_exitcode && totals.writing() > 0 { 4 } else { code })
}

fn show(context: &Context, changes: &[PlannedChange]) -> Result<(), CommandError> {
    if context.common.output == Output::Text {
        let text = plan_text(changes, context.output_style());
        return context.out(&text);
    }
    let shown: Vec<Shown<'_>> = changes
        .iter()
        .map(|change| Shown {
            result: &change.result,
            addresses: change.address_lines(),
            not_previewed: change.not_previewed,
            not_previewed_because: change.not_previewed_because.as_deref(),
        })
        .collect();
    context.out_json(&shown)
}
