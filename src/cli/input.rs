//! Flows and saved plans from a file or standard input.

use uuid::Uuid;

use super::CommandError;
use super::common::Context;
use crate::config::Connection;
use crate::flow::intake::{self, Flow, RefusedRow, Row};
use crate::flow::run::Work;
use crate::report::SavedPlan;

/// Reads a flow for a connection.
pub(super) async fn flow(
    context: &Context,
    file: &str,
    connection: &Connection,
    run: Uuid,
) -> Result<Flow, CommandError> {
    let bytes = bytes(context, file).await?;
    if SavedPlan::is_one(&bytes) {
        return Err(CommandError::usage(format!("{file} is a saved plan, not a flow"))
            .hint(format!("mailwright apply {file}")));
    }
    fitting(intake::parse(file, bytes, run)?, connection)
}

/// Reads a flow or a saved plan, told apart by content.
pub(super) async fn work(
    context: &Context,
    file: &str,
    connection: &Connection,
    run: Uuid,
) -> Result<Work, CommandError> {
    let bytes = bytes(context, file).await?;
    if !SavedPlan::is_one(&bytes) {
        return Ok(Work::Flow(fitting(intake::parse(file, bytes, run)?, connection)?));
    }
    let plan = SavedPlan::from_bytes(&bytes)?;
    if plan.connection != connection.name {
        let message =
            format!("{file} was planned for connection `{}`, this is `{}`", plan.connection, connection.name);
        return Err(CommandError::usage(message).hint(format!("--connection {}", plan.connection)));
    }
    let changes = || plan.changes.iter().filter_map(|planned| planned.change.as_ref());
    if changes().any(|change| change.password.is_some()) {
        connection.check_password_flow()?;
    }
    Ok(Work::Plan(plan))
}

/// On a thread of its own: standard input may be silent for long, and a signal must be heard all the same.
async fn bytes(context: &Context, file: &str) -> Result<Vec<u8>, CommandError> {
    if file == intake::STDIN {
        context.detail("reading standard input");
    }
    let name = file.to_owned();
    match tokio::task::spawn_blocking(move || intake::read_bytes(&name)).await {
        Ok(bytes) => Ok(bytes?),
        Err(error) => Err(CommandError::internal(format!("reading {file} ended: {error}"))),
    }
}

/// A flow must fit its connection: passwords must be able to travel, and a row for another connection is refused.
fn fitting(mut flow: Flow, connection: &Connection) -> Result<Flow, CommandError> {
    if flow.has_passwords() {
        connection.check_password_flow()?;
    }
    for row in &mut flow.rows {
        let Row::Change(change) = row else { continue };
        let Some(other) = change.connection.as_ref().filter(|name| **name != connection.name) else {
            continue;
        };
        *row = Row::Refused(RefusedRow {
            change_id: change.change_id.clone(),
            source: change.source.clone(),
            connection: Some(other.clone()),
            identity: change.identity.clone(),
            problems: vec![format!(
                "the row is for connection `{other}`, this run is for `{}`",
                connection.name
            )],
            hint: Some(format!("run the flow with --connection {other} too")),
        });
    }
    Ok(flow)
}
