//! `mailwright apply`

use clap::Args;
use uuid::Uuid;

use super::common::{Context, Output};
use super::progress::Bar;
use super::{CommandError, input, session};
use crate::flow::run::{self, Options, Stop, Work};
use crate::report::{Totals, summary};

/// Apply a flow or a saved plan; one result per change
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The flow (CSV or JSON Lines; `-` is standard input), or what `plan --out` saved
    #[arg(value_name = "FLOW|PLAN")]
    input: String,
    /// Lift the guards against removing many addresses, for this run
    #[arg(long)]
    allow_mass_removal: bool,
}

pub(super) async fn run(context: &Context, command: Apply, stop: &Stop) -> Result<u8, CommandError> {
    let chosen = before_stop(stop, session::choose(context)).await?;
    let id = Uuid::now_v7();
    let work = before_stop(stop, input::work(context, &command.input, &chosen, id)).await?;
    let source = match &work {
        Work::Flow(flow) => flow.file.clone(),
        Work::Plan(plan) => plan.flow.clone(),
    };
    let names = match &work {
        Work::Flow(flow) => input::connections(flow.changes()),
        Work::Plan(plan) => {
            input::connections(plan.changes.iter().filter_map(|planned| planned.change.as_ref()))
        }
    };
    let connection = &chosen.default;
    let locks = chosen.locks(context, &names)?;
    let sites = before_stop(stop, chosen.open(&names)).await?;
    let journal = context.open_journal(&chosen.journal_file(context)?).await?;
    journal.begin_run(id, "apply", &connection.name, &source).await?;
    let options = Options { allow_mass_removal: command.allow_mass_removal, ..Options::default() };
    let bar = Bar::new(context, "applying");
    let bar = if context.common.output == Output::Text { bar.with_plan(context) } else { bar };
    let applied = run::apply(&sites, work, id, &journal, options, &bar, stop).await;
    drop(bar);
    sites.close().await;
    let results = applied?;
    if !stop.is_requested() {
        journal.end_run(id).await?;
    }
    journal.close().await;
    drop(locks);
    chosen.end().await?;
    match context.common.output {
        Output::Text => context.out(&summary(&results, context.output_style()))?,
        Output::Json | Output::Jsonl => context.out_json(&results)?,
    }
    if stop.is_requested() {
        return Err(
            CommandError::interrupted().hint("what was not begun is kept; run the same command again")
        );
    }
    Ok(Totals::of(&results).exit_code())
}

/// As long as nothing has begun there is nothing to finish, and a signal ends it at once.
async fn before_stop<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    tokio::select! {
        biased;
        () = stop.requested() => Err(CommandError::interrupted()),
        done = work => done,
    }
}
