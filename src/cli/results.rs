//! The results file of `fulfill`: what became of every order, also when the run broke off.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;
use uuid::Uuid;

use super::CommandError;
use crate::flow::intake::orders::Order;
use crate::flow::journal::{Journal, JournalError};
use crate::flow::run::Stop;
use crate::report::{
    ChangeResult, OrderResult, ProvisioningState, RunRow, outcome, results_csv, results_json,
};

/// What is known of the orders of a run.
pub(super) struct Known {
    /// State and message by the change that an order became
    by_change: HashMap<String, (ProvisioningState, String)>,
    /// What there is to say of all others
    otherwise: String,
}

impl Known {
    /// Of a run that came to its end.
    pub(super) fn of(results: &[ChangeResult], stop: &Stop) -> Self {
        let by_change = results.iter().map(|result| (result.change_id.clone(), outcome(result))).collect();
        let otherwise = match stop.is_requested() {
            true => "not begun: the run was stopped by a signal",
            false => "there is no result",
        };
        Self { by_change, otherwise: otherwise.to_owned() }
    }

    /// Of a run that broke off: what its journal holds.
    pub(super) async fn of_broken(journal: &Path, run: Uuid, why: &CommandError) -> Self {
        let mut otherwise = format!("not begun: {}", why.message);
        for hint in &why.hints {
            otherwise.push_str(&format!(" (hint: {hint})"));
        }
        // A run that did not come to its journal has begun nothing.
        let rows = journalled(journal, run).await.unwrap_or_default();
        let by_change = rows.into_iter().filter_map(|row| Some((row.change_id.clone(), of_row(&row, why)?)));
        Self { by_change: by_change.collect(), otherwise }
    }

    /// Writes the file under its name when it is whole and on disk, never before.
    pub(super) fn write(&self, file: &Path, run: Uuid, orders: &[Order]) -> Result<(), CommandError> {
        let results: Vec<OrderResult> = orders.iter().map(|order| self.result(order)).collect();
        let is_json = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let text = if is_json { results_json(&run.to_string(), &results) } else { results_csv(&results) };
        let attempt = || {
            let mut temporary = NamedTempFile::new_in(folder_of(file))?;
            temporary.write_all(text.as_bytes())?;
            temporary.as_file().sync_all()?;
            temporary.persist(file).map_err(|error| error.error)
        };
        attempt().map(drop).map_err(|error| {
            CommandError::internal(format!("cannot write {}: {error}", file.display()))
                .hint("what became of the orders is in the journal: mailwright report")
        })
    }

    fn result(&self, order: &Order) -> OrderResult {
        let (provisioning_state, message) = match self.by_change.get(&order.change_id) {
            Some(known) => known.clone(),
            None => (ProvisioningState::Errored, self.otherwise.clone()),
        };
        OrderResult {
            assigned_resource_type_id: order.id.clone(),
            workflow_instance_id: order.workflow_instance.clone(),
            change_type: order.change_type.clone(),
            owner_id: order.owner.clone(),
            owner_type: order.owner_type.clone(),
            provisioning_state,
            message,
            change_id: order.change_id.clone(),
            file: order.file.clone(),
            number: order.number,
        }
    }
}

/// The rows of a run, from its journal.
async fn journalled(file: &Path, run: Uuid) -> Result<Vec<RunRow>, JournalError> {
    let journal = Journal::open_existing(file).await?;
    let report = journal.run_report(Some(&run.to_string())).await;
    journal.close().await;
    Ok(report?.rows)
}

/// What became of a row, unless it was never begun.
fn of_row(row: &RunRow, why: &CommandError) -> Option<(ProvisioningState, String)> {
    if let Some(result) = &row.result {
        return Some(outcome(result));
    }
    let last = row.steps.last()?;
    let message = format!(
        "broken off at {}: {}; what was done stays, and the same order once more does the rest",
        last.cmdlet, why.message
    );
    Some((ProvisioningState::Errored, message))
}

/// That the answer cannot be given is known before anything is tried.
pub(super) fn writable(file: &Path) -> Result<(), CommandError> {
    if file.is_dir() {
        return Err(
            CommandError::usage(format!("{} is a folder", file.display())).hint("--results names a file")
        );
    }
    let trial = NamedTempFile::new_in(folder_of(file));
    trial.map(drop).map_err(|error| CommandError::usage(format!("cannot write {}: {error}", file.display())))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
