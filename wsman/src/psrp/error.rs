//! What can go wrong, and who is at fault.

use super::fragment::FragmentError;
use super::message::{MessageError, MessageType, ProtocolVersion};
use super::session_key::SessionKeyError;

/// The peer sent what the protocol does not allow.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PsrpError {
    /// Fragments that do not fit together
    #[error(transparent)]
    Fragment(#[from] FragmentError),
    /// An object that is not a message
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A body that is not CLIXML
    #[error("the peer sent a {message_type:?} message that cannot be read: {reason}")]
    Clixml {
        /// The message
        message_type: MessageType,
        /// What the reader says; never content
        reason: String,
    },
    /// CLIXML without a member that the message needs
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A message for the other side
    #[error("the peer sent a {0:?} message to the wrong side")]
    WrongSide(MessageType),
    /// A message of another runspace pool
    #[error("the peer sent a {0:?} message of another runspace pool")]
    WrongPool(MessageType),
    /// A message that does not belong here or now
    #[error("the peer sent a {message_type:?} message while {state}")]
    Unexpected {
        /// The message
        message_type: MessageType,
        /// What was going on
        state: &'static str,
    },
    /// A protocol version that cannot be spoken
    #[error("the peer speaks version {0} of the PowerShell remoting protocol, which is not supported")]
    ProtocolVersion(ProtocolVersion),
    /// `PSVersion` or `SerializationVersion` other than the only ones there are
    #[error("the peer announced {member} {found}, which is not supported")]
    Version {
        /// The member of SESSION_CAPABILITY
        member: &'static str,
        /// What it held
        found: String,
    },
    /// A session key or an encrypted string that cannot be used
    #[error(transparent)]
    SessionKey(#[from] SessionKeyError),
}

/// A body whose members are not those of its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer sent a {message} without a usable {member}")]
pub struct BodyError {
    /// The message or structure
    pub message: &'static str,
    /// The member that is missing or of another type
    pub member: &'static str,
}

/// The caller asked for what cannot be done now; nothing was sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The runspace pool is not in a state for that
    #[error("the runspace pool is {0}")]
    PoolState(&'static str),
    /// No such pipeline, or it has ended
    #[error("there is no such pipeline, or it has ended")]
    NoSuchPipeline,
    /// The id is taken
    #[error("a pipeline with this id exists already")]
    DuplicatePipeline,
    /// A pipeline without a command, a command without a name, an argument with an empty name
    #[error("the pipeline is not well formed: {0}")]
    Invalid(&'static str),
    /// Input after its end, or for a pipeline that takes none
    #[error("the pipeline takes no more input")]
    NoInput,
    /// No host call with this number waits for an answer
    #[error("no host call with this number waits for an answer")]
    NoSuchCall,
    /// The peer's version of the protocol lacks it
    #[error("the peer's version of the protocol has no such message")]
    NotSupported,
    /// The value cannot be written
    #[error("the value cannot be written: {0}")]
    Encode(crate::clixml::EncodeError),
    /// A secret that was received encrypted and that nobody has the key for
    #[error(transparent)]
    SessionKey(#[from] SessionKeyError),
}
