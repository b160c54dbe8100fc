//! What a server's pool reports and what it wants sent.

use uuid::Uuid;

use crate::clixml::Value;
use crate::psrp::command::Command;
use crate::psrp::error::PsrpError;
use crate::psrp::message::{
    GetCommandMetadata, HostInfo, HostResponse, InitRunspacePool, ProtocolVersion, RunspaceRequest,
};
use crate::psrp::outbox::Stream;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// The client has a pool; it was told so
    Opened {
        /// The pool's id
        id: Uuid,
        /// The version that both sides speak
        protocol: ProtocolVersion,
        /// What it asked for
        init: InitRunspacePool,
    },
    /// A pipeline is to be run; SecureStrings in it are clear
    RunPipeline(Box<RunPipeline>),
    /// Commands are to be listed, as the output of a pipeline
    GetCommandMetadata {
        /// The pipeline
        id: Uuid,
        /// What is asked
        request: GetCommandMetadata,
    },
    /// Input of a pipeline; SecureStrings in it are clear
    Input {
        /// The pipeline
        id: Uuid,
        /// The value
        value: Value,
    },
    /// A pipeline's input has ended
    EndOfInput {
        /// The pipeline
        id: Uuid,
    },
    /// The host answered; SecureStrings in the answer are clear
    HostResponse {
        /// The pipeline; `None` for the pool
        pipeline: Option<Uuid>,
        /// The answer
        response: HostResponse,
    },
    /// The client asked for or about runspaces and was answered
    Runspaces {
        /// What it asked
        request: RunspaceRequest,
        /// Whether it was done
        done: bool,
    },
    /// The client has the session key
    KeysExchanged,
    /// What came on a stream was refused: the transport ends the operation with a fault
    Refused {
        /// The stream
        stream: Stream,
        /// Why
        error: PsrpError,
    },
    /// The client's doing closed the pool; it was told so
    Closed,
}

/// A pipeline to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPipeline {
    /// Its id
    pub id: Uuid,
    /// Statements, each a pipeline of commands
    pub statements: Vec<Vec<Command>>,
    /// No input will come
    pub no_input: bool,
    /// To be kept in the history
    pub add_to_history: bool,
    /// Runs inside another one
    pub is_nested: bool,
    /// The host that calls go to: the pipeline's own, or the pool's
    pub host: HostInfo,
}

/// Fragments for the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOutgoing {
    /// Whole fragments
    pub bytes: Vec<u8>,
    /// The pipeline has ended and this is its last: the command is done
    pub done: bool,
}
