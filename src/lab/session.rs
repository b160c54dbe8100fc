//! A session: what one runspace of one user remembers between pipelines.

use std::sync::Arc;

use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome, Record};

use super::cmdlet;
use super::directory::Entry;
use super::exchange::Exchange;
use super::output::{self, Shape};

/// Which door the session came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/PowerShell`, configuration `Microsoft.Exchange`: NoLanguage, Exchange cmdlets are there
    PowerShell,
    /// `/wsman`, configuration `Microsoft.PowerShell`: the ordinary endpoint, Exchange must be loaded first
    Wsman,
    /// `InvokeCommand` of Exchange Online
    Online,
}

/// In which shape objects are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serialization {
    /// Properties of Exchange's own types as text
    #[default]
    Default,
    /// `?serializationLevel=Full`: addresses as objects
    Full,
}

/// One runspace of one user.
#[derive(Debug)]
pub struct LabSession {
    pub(super) endpoint: Endpoint,
    pub(super) user: String,
    pub(super) serialization: Serialization,
    /// Whether the Exchange cmdlets are there
    pub(super) loaded: bool,
    /// The domain controller that this session uses
    pub(super) dc: usize,
    /// `Set-ADServerSettings -ViewEntireForest`
    pub(super) entire_forest: bool,
    /// Where objects are kept that a lone cmdlet finds, instead of being written at once
    pub(super) found: Option<Vec<Found>>,
}

/// An object that a cmdlet found. As it is written it is some twenty thousand bytes, as it is kept a pointer.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) entry: Arc<Entry>,
    pub(super) shape: Shape,
    pub(super) dc: usize,
}

impl LabSession {
    pub(super) fn new(endpoint: Endpoint, user: &str, serialization: Serialization, dc: usize) -> Self {
        let loaded = endpoint != Endpoint::Wsman;
        Self { endpoint, user: user.to_owned(), serialization, loaded, dc, entire_forest: false, found: None }
    }

    /// Runs one pipeline: `commands` piped into each other.
    pub fn run(
        &mut self,
        exchange: &mut Exchange,
        commands: &[Command],
        now_ms: u64,
        sink: &mut dyn FnMut(Record),
    ) -> Outcome {
        self.run_with_input(exchange, commands, None, now_ms, sink)
    }

    /// Runs one pipeline with pipeline input: each value is an identity for the first command. `None` means that no input is expected.
    pub fn run_with_input(
        &mut self,
        exchange: &mut Exchange,
        commands: &[Command],
        input: Option<&[Value]>,
        now_ms: u64,
        sink: &mut dyn FnMut(Record),
    ) -> Outcome {
        cmdlet::run(self, exchange, commands, input, now_ms, sink)
    }

    /// The same for one who writes the objects later, with [`Self::write`] and one at a time: what was found comes before
    /// what is in `sink`.
    pub(super) fn run_and_find(
        &mut self,
        exchange: &mut Exchange,
        commands: &[Command],
        input: Option<&[Value]>,
        now_ms: u64,
        sink: &mut dyn FnMut(Record),
    ) -> (Outcome, Vec<Found>) {
        self.found = (commands.len() == 1 && input.is_none()).then(Vec::new);
        let outcome = self.run_with_input(exchange, commands, input, now_ms, sink);
        (outcome, self.found.take().unwrap_or_default())
    }

    /// An object as the cmdlet that found it shows it.
    pub(super) fn write(&self, exchange: &Exchange, found: &Found) -> Value {
        let directory = &exchange.directory;
        let dc = directory.replica(found.dc).name();
        output::object(directory, dc, &found.entry, found.shape, self.serialization)
    }
}
