//! The handle of a pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::config::new_id;
use super::driver::{Feed, Item, Order};
use super::error::Error;
use crate::clixml::Value;
use crate::psrp::client::{PipelineInput, PipelineSpec};
use crate::psrp::{Command, ErrorRecord, Outcome, Record};

/// A pipeline that does not run yet.
#[derive(Clone, Debug)]
#[must_use = "nothing runs before `run`"]
pub struct PipelineBuilder {
    orders: mpsc::UnboundedSender<Order>,
    spec: PipelineSpec,
    deadline: Option<Duration>,
}

impl PipelineBuilder {
    pub(super) fn new(orders: mpsc::UnboundedSender<Order>) -> Self {
        Self { orders, spec: PipelineSpec::new(Vec::new()), deadline: None }
    }

    /// Adds a command at the end of the pipeline.
    pub fn command(mut self, command: Command) -> Self {
        if let Some(statement) = self.spec.statements.last_mut() {
            statement.push(command);
        }
        self
    }

    /// Begins another statement: what follows is a pipeline of its own in the same request. The end of such a batch
    /// does not say that all of it ran: one statement per pipeline where anything is written.
    pub fn statement(mut self) -> Self {
        if self.spec.statements.last().is_some_and(|statement| !statement.is_empty()) {
            self.spec.statements.push(Vec::new());
        }
        self
    }

    /// Feeds values to the first command.
    pub fn input(mut self, values: Vec<Value>) -> Self {
        self.spec.input = PipelineInput::Values(values);
        self
    }

    /// Stops the pipeline after this time; it ends with [`Error::Timeout`] then.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// Starts it.
    pub async fn run(self) -> Result<Pipeline, Error> {
        let id = new_id();
        let (items, records) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let gap = Arc::new(AtomicBool::new(false));
        let feed = Feed { items, waiting, gap };
        let (reply, started) = oneshot::channel();
        let spec = Box::new(self.spec);
        let order = Order::Start { id, spec, deadline: self.deadline, feed: feed.clone(), reply };
        self.orders.send(order).map_err(|_| Error::Closed)?;
        started.await.map_err(|_| Error::Closed)??;
        let Feed { waiting, gap, .. } = feed;
        Ok(Pipeline { id, orders: self.orders, records, waiting, gap, held_back: 0, outcome: None })
    }
}

/// A pipeline that runs, or has ended. Dropping it before its end terminates it.
#[derive(Debug)]
pub struct Pipeline {
    id: Uuid,
    orders: mpsc::UnboundedSender<Order>,
    records: mpsc::UnboundedReceiver<Item>,
    waiting: Arc<AtomicUsize>,
    gap: Arc<AtomicBool>,
    held_back: usize,
    outcome: Option<Outcome>,
}

/// All that a pipeline wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// Output
    pub output: Vec<Value>,
    /// Non-terminating errors
    pub errors: Vec<ErrorRecord>,
    /// Warnings
    pub warnings: Vec<String>,
    /// Everything else
    pub others: Vec<Record>,
    /// How it ended; `None` never stays
    pub outcome: Option<Outcome>,
}

impl Pipeline {
    /// Its id on the server.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The next record; `None` at the end, whose kind [`Self::outcome`] tells.
    ///
    /// Cancel safe: what was not returned comes with the next call.
    pub async fn next(&mut self) -> Result<Option<Record>, Error> {
        if self.outcome.is_some() {
            return Ok(None);
        }
        match self.records.recv().await {
            Some(Item::Record(record)) => {
                self.taken();
                Ok(Some(record))
            }
            Some(Item::End(Ok(outcome))) => {
                self.outcome = Some(outcome);
                Ok(None)
            }
            Some(Item::End(Err(error))) => Err(error),
            None => Err(Error::Closed),
        }
    }

    /// How it ended, once [`Self::next`] gave `None`. Errors that did not end it do not show here.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether records may be missing from the middle: while the pipeline ran, an answer of the server did not arrive, and
    /// the protocol cannot tell what was in it. Ask at the end, where what came must be all there is.
    pub fn may_have_gaps(&self) -> bool {
        self.gap.load(Ordering::Acquire)
    }

    /// Reads to the end.
    pub async fn collect(mut self) -> Result<Collected, Error> {
        let mut collected = Collected::default();
        while let Some(record) = self.next().await? {
            match record {
                Record::Output(value) => collected.output.push(value),
                Record::Error(error) => collected.errors.push(*error),
                Record::Warning(text) => collected.warnings.push(text),
                other => collected.others.push(other),
            }
        }
        collected.outcome = self.outcome.clone();
        Ok(collected)
    }

    /// Asks the server to stop it. Its records go on until its end, which may also be another one than `Stopped`.
    pub fn stop(&self) {
        let _ = self.orders.send(Order::Stop(self.id));
    }

    /// Receives are held back while too much waits; this lets them go again.
    fn taken(&mut self) {
        let before = self.waiting.fetch_sub(1, Ordering::AcqRel);
        self.held_back = self.held_back.max(before);
        if before == 1 && self.held_back >= super::driver::MAX_WAITING {
            self.held_back = 0;
            let _ = self.orders.send(Order::Resume(self.id));
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if self.outcome.is_none() {
            let _ = self.orders.send(Order::Abandon(self.id));
        }
    }
}
