//! What `apply` and `retry` have in common: work is done, journalled, shown.

use serde_json::json;
use uuid::Uuid;

use super::common::{Context, Output};
use super::progress::Bar;
use super::session::Chosen;
use super::{CommandError, input};
use crate::config::Connection;
use crate::flow::journal::RunEnd;
use crate::flow::run::{self, Options, Stop, Work};
use crate::report::{Totals, summary};

/// What is to be done.
pub(super) struct Task {
    pub(super) id: Uuid,
    pub(super) command: &'static str,
    pub(super) work: Work,
    pub(super) options: Options,
}

/// Does it, and returns the exit code.
pub(super) async fn perform(
    context: &Context,
    chosen: Chosen,
    task: Task,
    stop: &Stop,
) -> Result<u8, CommandError> {
    let Task { id, command, work, options } = task;
    let connection = &chosen.default;
    let names = input::connections(work.changes());
    let sites = before_stop(stop, chosen.open(&names)).await?;
    let journal = context.open_journal(&chosen.journal_file(context)?).await?;
    journal.begin_run(id, command, &connection.name, work.source()).await?;
    journal.describe_run(id, &about(connection)).await?;
    let bar = Bar::new(context, "applying");
    let bar = if context.common.output == Output::Text { bar.with_plan(context) } else { bar };
    let applied = run::apply(&sites, work, id, &journal, options, &bar, stop).await;
    drop(bar);
    sites.close().await;
    let end = match &applied {
        Err(error) => RunEnd::Broken(error.to_string()),
        Ok(_) if stop.is_requested() => RunEnd::Stopped,
        Ok(_) => RunEnd::Complete,
    };
    // What broke the run off is said first, also where the journal is what broke.
    let ended = journal.end_run(id, &end).await;
    let results = applied?;
    ended?;
    journal.close().await;
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
pub(super) async fn before_stop<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    tokio::select! {
        biased;
        () = stop.requested() => Err(CommandError::interrupted()),
        done = work => done,
    }
}

/// Who runs what against what; no secret, and no option that holds one.
fn about(connection: &Connection) -> serde_json::Value {
    let operator = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    json!({
        "program": concat!("mailwright ", env!("CARGO_PKG_VERSION")),
        "operator": operator,
        "endpoint": connection.endpoint.to_string(),
        "account": connection.username,
    })
}
