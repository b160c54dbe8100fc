//! A pipeline's command on the server.

use std::collections::HashMap;
use std::sync::mpsc::SyncSender;

use super::service::{PipelineRequest, StopFlag, User};
use crate::clixml::Value;
use crate::psrp::message::HostResult;
use crate::psrp::server::RunPipeline;

/// Where a command stands.
pub(super) enum Phase {
    /// Its pipeline message, or its input, is not complete
    Expected { pipeline: Option<Box<RunPipeline>>, input: Vec<Value> },
    /// It waits for a runspace
    Queued(Box<PipelineRequest>),
    /// It runs, or ran
    Given,
}

/// A command from its Command to its Terminate.
pub(super) struct Command {
    pub(super) phase: Phase,
    pub(super) stop: StopFlag,
    /// Records written since the last Receive
    pub(super) backlog: usize,
    /// Calls of the host that are waited for
    pub(super) calls: HashMap<i64, SyncSender<HostResult>>,
    user: User,
}

impl Command {
    pub(super) fn new(user: User) -> Self {
        Self {
            phase: Phase::Expected { pipeline: None, input: Vec::new() },
            stop: StopFlag::default(),
            backlog: 0,
            calls: HashMap::new(),
            user,
        }
    }

    /// The pipeline message came.
    pub(super) fn set_pipeline(&mut self, run: Box<RunPipeline>) {
        let complete = run.no_input;
        if let Phase::Expected { pipeline, .. } = &mut self.phase {
            *pipeline = Some(run);
        }
        if complete {
            self.end_input();
        }
    }

    pub(super) fn add_input(&mut self, value: Value) {
        if let Phase::Expected { input, .. } = &mut self.phase {
            input.push(value);
        }
    }

    /// All is there: it can run.
    pub(super) fn end_input(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Given) {
            Phase::Expected { pipeline: Some(pipeline), input } => {
                let RunPipeline { id, statements, host, .. } = *pipeline;
                let (stop, user) = (self.stop.clone(), self.user.clone());
                self.phase =
                    Phase::Queued(Box::new(PipelineRequest { id, statements, input, host, stop, user }));
            }
            other => self.phase = other,
        }
    }

    /// Takes it to be run.
    pub(super) fn take(&mut self) -> Option<PipelineRequest> {
        match std::mem::replace(&mut self.phase, Phase::Given) {
            Phase::Queued(request) => Some(*request),
            other => {
                self.phase = other;
                None
            }
        }
    }
}
