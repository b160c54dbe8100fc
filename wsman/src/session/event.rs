//! What a session reports.

use uuid::Uuid;

use crate::psrp::client::ClientEvent;
use crate::wsmv::WsmanFault;

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The runspace pool has news
    Pool(ClientEvent),
    /// A pipeline could not be started or followed; its last event
    PipelineFailed {
        /// The pipeline
        id: Uuid,
        /// Why
        error: SessionError,
    },
    /// The shell cannot be used: the session's end, but for its Delete
    Failed(SessionError),
    /// The shell is deleted, or as good as
    Deleted,
}

/// What a server answered.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// It refused
    #[error(transparent)]
    Fault(#[from] Box<WsmanFault>),
    /// It broke the protocol
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}
