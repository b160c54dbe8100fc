//! Running a flow: reading, planning, applying.

use std::sync::Arc;

use tokio::sync::watch;
use uuid::Uuid;

use super::intake::Flow;
use super::journal::{Journal, JournalError};
use crate::config::Connection;
use crate::exchange::{Exchange, ExchangeError};
use crate::report::{ChangeResult, PlannedChange, SavedPlan};

/// What one run is told beyond its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `--allow-mass-removal`: the guards against removing many addresses are off
    pub allow_mass_removal: bool,
    /// `--what-if`: every planned cmdlet is sent to Exchange with `-WhatIf`
    pub what_if: bool,
}

/// What is to be applied.
#[derive(Debug)]
pub enum Work {
    /// A flow, planned on the way
    Flow(Flow),
    /// A saved plan, which must still hold
    Plan(SavedPlan),
}

/// Where a run says how far it is.
pub trait Progress: Send + Sync {
    /// So many changes there are.
    fn total(&self, changes: usize);
    /// One more is through.
    fn done(&self, identity: &str);
}

/// A request to stop: what has begun is finished, nothing new is begun. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Asks to stop.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when somebody has asked.
    pub async fn requested(&self) {
        // It ends early only without a sender, and this is one.
        let _ = self.0.subscribe().wait_for(|asked| *asked).await;
    }
}

/// Why a run as a whole came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Exchange cannot be reached or refuses the sign-in
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The journal failed
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Plans every change of a flow; writes nothing.
pub async fn plan(
    _exchange: Arc<dyn Exchange>,
    _connection: &Connection,
    _flow: &Flow,
    _options: Options,
    _progress: &dyn Progress,
) -> Result<Vec<PlannedChange>, RunError> {
    Err(ExchangeError::NotYet("planning against Exchange").into())
}

/// Applies every change and returns one result for each that was begun, in the order of the flow.
#[allow(clippy::too_many_arguments)]
pub async fn apply(
    _exchange: Arc<dyn Exchange>,
    _connection: &Connection,
    _work: Work,
    _run: Uuid,
    _journal: &Journal,
    _options: Options,
    _progress: &dyn Progress,
    _stop: &Stop,
) -> Result<Vec<ChangeResult>, RunError> {
    Err(ExchangeError::NotYet("applying to Exchange").into())
}
