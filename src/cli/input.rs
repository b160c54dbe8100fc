//! Flows and saved plans from a file or standard input.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::CommandError;
use super::common::Context;
use super::session::Chosen;
use crate::flow::intake::orders::{self, Order};
use crate::flow::intake::{self, Flow, RefusedRow, Row};
use crate::flow::journal::Failed;
use crate::flow::run::Work;
use crate::recipient::{Change, SecretSource};
use crate::report::SavedPlan;
use crate::watch::name;

/// Reads a flow for a connection.
pub(super) async fn flow(
    context: &Context,
    file: &str,
    chosen: &Chosen,
    run: Uuid,
) -> Result<Flow, CommandError> {
    let bytes = bytes(context, file).await?;
    if SavedPlan::is_one(&bytes) {
        return Err(CommandError::usage(format!("{file} is a saved plan, not a flow"))
            .hint(format!("mailwright apply {file}")));
    }
    fitting(intake::parse(file, bytes, run)?, chosen)
}

/// Reads a flow or a saved plan, told apart by content.
pub(super) async fn work(
    context: &Context,
    file: &str,
    chosen: &Chosen,
    run: Uuid,
) -> Result<Work, CommandError> {
    let bytes = bytes(context, file).await?;
    if !SavedPlan::is_one(&bytes) {
        return Ok(Work::Flow(fitting(intake::parse(file, bytes, run)?, chosen)?));
    }
    let plan = SavedPlan::from_bytes(&bytes)?;
    if plan.connection != chosen.default.name {
        let message = format!(
            "{file} was planned for connection `{}`, this is `{}`",
            plan.connection, chosen.default.name
        );
        return Err(CommandError::usage(message).hint(format!("--connection {}", plan.connection)));
    }
    for change in plan.changes.iter().filter_map(|planned| planned.change.as_ref()) {
        check_password(change, chosen)?;
    }
    Ok(Work::Plan(plan))
}

/// Reads provisioning orders for a connection.
pub(super) fn orders(
    named: &Path,
    files: &[PathBuf],
    chosen: &Chosen,
    run: Uuid,
) -> Result<(Flow, Vec<Order>), CommandError> {
    let (flow, orders) = orders::read(named, files, run)?;
    Ok((fitting(flow, chosen)?, orders))
}

/// Reads a file of a hot folder. It is known as `source` wherever it lies, and rows without an id of their own get one by its
/// ticket: taken up again it is the same flow.
pub(super) async fn dropped(
    file: &Path,
    source: &str,
    chosen: &Chosen,
    ticket: Uuid,
) -> Result<Work, CommandError> {
    let (file, source) = (file.display().to_string(), source.to_owned());
    let read = move || {
        let bytes = intake::read_bytes(&file)?;
        match name::kind(&source) {
            Some(name::Kind::Orders) => orders::parse(&source, bytes, ticket).map(|(flow, _)| flow),
            Some(name::Kind::Flow) | None => intake::parse(&source, bytes, ticket),
        }
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(flow) => Ok(Work::Flow(fitting(flow?, chosen)?)),
        Err(error) => Err(CommandError::internal(format!("reading a file ended: {error}"))),
    }
}

/// Changes of the journal, to be tried again.
pub(super) fn again(journal: &Path, failed: Vec<Failed>, chosen: &Chosen) -> Result<Work, CommandError> {
    let mut flow = Flow { file: journal.display().to_string(), ..Flow::default() };
    let mut known = Vec::new();
    for Failed { seq, source, connection, mut change, .. } in failed {
        // The journal has the absolute path: the folder is another one now, perhaps.
        if let Some(SecretSource::Flow { file, .. }) = &mut change.password {
            *file = source;
        }
        if connection != chosen.default.name {
            change.connection = Some(connection);
        }
        flow.rows.push(Row::Change(Box::new(change)));
        known.push(seq);
    }
    Ok(Work::Retry(fitting(flow, chosen)?, known))
}

/// The connections that changes name.
pub(super) fn connections<'a>(changes: impl Iterator<Item = &'a Change>) -> BTreeSet<String> {
    changes.filter_map(|change| change.connection.clone()).collect()
}

/// A password must be able to travel over the change's connection.
fn check_password(change: &Change, chosen: &Chosen) -> Result<(), CommandError> {
    let connection =
        change.connection.as_deref().and_then(|name| chosen.named(name)).unwrap_or(&chosen.default);
    if change.password.is_some() {
        connection.check_password_flow()?;
    }
    Ok(())
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

/// A flow must fit its connections: passwords must be able to travel, and a row for an unknown connection is refused.
fn fitting(mut flow: Flow, chosen: &Chosen) -> Result<Flow, CommandError> {
    chosen.hide(&flow);
    for row in &mut flow.rows {
        let Row::Change(change) = row else { continue };
        check_password(change, chosen)?;
        let Some(unknown) = change.connection.as_ref().filter(|name| chosen.named(name).is_none()) else {
            continue;
        };
        let known =
            std::iter::once(&chosen.default).chain(&chosen.others).map(|connection| connection.name.as_str());
        *row = Row::Refused(RefusedRow {
            change_id: change.change_id.clone(),
            source: change.source.clone(),
            connection: Some(unknown.clone()),
            identity: change.identity.clone(),
            problems: vec![format!("column Connection: there is no connection `{unknown}`")],
            hint: Some(format!("there are: {}", known.collect::<Vec<_>>().join(", "))),
        });
    }
    Ok(flow)
}
