//! What a client's pool reports and what it wants sent.

use uuid::Uuid;

use crate::clixml::Value;
use crate::psrp::error::PsrpError;
use crate::psrp::message::{AvailabilityResponse, HostCall, ProtocolVersion, RunspaceRequest, UserEvent};
use crate::psrp::outbox::{Priority, Stream};
use crate::psrp::record::{ErrorRecord, Outcome, Record};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The pool can run pipelines
    PoolOpened {
        /// The version that both sides speak
        protocol: ProtocolVersion,
    },
    /// The server closes the pool
    PoolClosing,
    /// The pool is closed; every pipeline that ran has been reported as ended before
    PoolClosed(Option<Box<ErrorRecord>>),
    /// The pool cannot be used any more; every pipeline that ran has been reported as ended before
    PoolBroken(PoolFailure),
    /// A record of a pipeline
    Pipeline {
        /// The pipeline
        id: Uuid,
        /// What it wrote
        record: Record,
    },
    /// A pipeline's last event, as the server told it
    PipelineEnded {
        /// The pipeline
        id: Uuid,
        /// How it ended
        outcome: Outcome,
    },
    /// A pipeline's last event: how it ended, or whether it still runs, is not known
    PipelineLost {
        /// The pipeline
        id: Uuid,
        /// What the peer did; `None` when its pool went or the transport ended it without a state
        error: Option<PsrpError>,
    },
    /// The server calls the host
    HostCall {
        /// The pipeline; `None` for the pool
        pipeline: Option<Uuid>,
        /// What it asks
        call: HostCall,
        /// Whether [`super::ClientPool::answer`] is awaited; otherwise it needs no answer or was refused already
        awaits_answer: bool,
    },
    /// The server told of itself
    ApplicationPrivateData(Value),
    /// A SecureString is to be sent, or was received, and there is no key pair:
    /// [`super::ClientPool::supply_key_pair`]
    KeyPairNeeded,
    /// SecureStrings can be read and written
    KeysExchanged,
    /// The answer to [`super::ClientPool::request`]
    Availability {
        /// The number of the call
        call_id: i64,
        /// What was asked
        request: RunspaceRequest,
        /// The answer
        response: AvailabilityResponse,
    },
    /// A warning that belongs to no pipeline
    PoolWarning(String),
    /// An event of the server's session
    UserEvent(Box<UserEvent>),
}

/// Why a pool is broken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolFailure {
    /// The server says so
    #[error("the server gave up the runspace pool{}", reason(.0))]
    Server(Option<Box<ErrorRecord>>),
    /// The server broke the protocol
    #[error(transparent)]
    Protocol(#[from] PsrpError),
}

fn reason(record: &Option<Box<ErrorRecord>>) -> String {
    record.as_ref().map(|record| format!(": {}", record.text())).unwrap_or_default()
}

/// Fragments for the transport. Those of one stream and lane go out one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where they belong
    pub stream: Stream,
    /// The lane
    pub priority: Priority,
    /// What the transport has to do with them
    pub kind: OutgoingKind,
    /// Whole fragments
    pub bytes: Vec<u8>,
}

/// The verb that carries fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutgoingKind {
    /// Create the shell; `creationXml`
    OpenShell,
    /// Start the command of this pipeline; its `Arguments`
    CreatePipeline,
    /// Send, once the shell or the command is there
    Send,
}
