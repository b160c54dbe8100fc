//! What a caller wants of a pool and of a pipeline.

use crate::clixml::Value;
use crate::psrp::codec::Limits;
use crate::psrp::command::Command;
use crate::psrp::message::{HostInfo, ProtocolVersion, STREAM_OPTIONS_ALL, version_table};
use crate::psrp::session_key::ClientKeyPair;

/// How a runspace pool is opened.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Runspaces that are kept, at least 1
    pub min_runspaces: i32,
    /// Runspaces at once
    pub max_runspaces: i32,
    /// A dictionary for the server's scripts; the default holds a `PSVersionTable`, which old servers want
    pub application_arguments: Value,
    /// What the server is told of the host; with a null host calls that ask something are refused at once
    pub host: HostInfo,
    /// What the server may make us hold
    pub limits: Limits,
    /// For SecureStrings; without it the pool asks by [`super::ClientEvent::KeyPairNeeded`] when one is needed
    pub key_pair: Option<ClientKeyPair>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            min_runspaces: 1,
            max_runspaces: 1,
            application_arguments: version_table(ProtocolVersion::V2_3, Vec::new()),
            host: HostInfo::null(false),
            limits: Limits::client(),
            key_pair: None,
        }
    }
}

/// What is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineSpec {
    /// Statements, each a pipeline of commands. More than one is a batch whose single end state does not say that all
    /// of them ran: one statement per pipeline where anything is written.
    pub statements: Vec<Vec<Command>>,
    /// What is fed to the first command
    pub input: PipelineInput,
    /// Whether the server keeps it in its history
    pub add_to_history: bool,
    /// Whether it runs inside the one that is running
    pub is_nested: bool,
    /// Which records carry invocation information
    pub stream_options: i32,
    /// `None`: the pool's host
    pub host: Option<HostInfo>,
}

/// The input of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum PipelineInput {
    /// None
    None,
    /// These, and no more
    Values(Vec<Value>),
    /// Fed later with [`super::ClientPool::send_input`], ended with [`super::ClientPool::end_input`]
    Streamed,
}

impl PipelineSpec {
    /// One pipeline of commands, without input.
    pub fn new(commands: Vec<Command>) -> Self {
        Self {
            statements: vec![commands],
            input: PipelineInput::None,
            add_to_history: false,
            is_nested: false,
            stream_options: STREAM_OPTIONS_ALL,
            host: None,
        }
    }
}

impl From<Command> for PipelineSpec {
    fn from(command: Command) -> Self {
        Self::new(vec![command])
    }
}
