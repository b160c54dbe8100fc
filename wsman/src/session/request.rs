//! A request as a session wants it sent.

use std::time::Duration;

use uuid::Uuid;

/// A SOAP message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Names it in [`super::Session::answer`]
    pub id: u64,
    /// What it is
    pub kind: RequestKind,
    /// The envelope
    pub soap: Vec<u8>,
    /// Wait that long before it is sent: the server answers at once, and with nothing
    pub delay: Duration,
}

/// The verb, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Create the shell, `[MS-WSMV] 3.1.4.5.2`
    Create,
    /// Start a pipeline, `[MS-WSMV] 3.1.4.11`
    Command(Uuid),
    /// Send to the shell (`None`) or to a pipeline, `[MS-WSMV] 3.1.4.13`
    Send(Option<Uuid>),
    /// Wait for output of the shell (`None`) or of a pipeline, `[MS-WSMV] 3.1.4.14`
    Receive(Option<Uuid>),
    /// Stop a pipeline, `[MS-PSRP] 3.1.5.3.9`
    Stop(Uuid),
    /// Let a pipeline's command go, `[MS-WSMV] 3.1.4.12`
    Terminate(Uuid),
    /// Delete the shell, `[MS-WSMV] 3.1.4.6`
    Delete,
}

/// How a request gets along with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits for it
    Prompt,
    /// It waits on the server for output of a pipeline
    LongPoll,
    /// It waits on the server for news of the pool; there is one at most
    PoolPoll,
    /// Nobody waits for it
    Background,
}

impl RequestKind {
    /// How it gets along with others.
    pub fn lane(self) -> Lane {
        match self {
            Self::Receive(Some(_)) => Lane::LongPoll,
            Self::Receive(None) => Lane::PoolPoll,
            Self::Terminate(_) => Lane::Background,
            Self::Create | Self::Command(_) | Self::Send(_) | Self::Stop(_) | Self::Delete => Lane::Prompt,
        }
    }

    /// Whether it does no harm to send it again when its answer was lost.
    pub fn is_repeatable(self) -> bool {
        matches!(self, Self::Receive(_) | Self::Stop(_) | Self::Terminate(_) | Self::Delete)
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Command(_) => "Command",
            Self::Send(_) => "Send",
            Self::Receive(_) => "Receive",
            Self::Stop(_) | Self::Terminate(_) => "Signal",
            Self::Delete => "Delete",
        }
    }

    /// The pipeline that it is about.
    pub fn pipeline(self) -> Option<Uuid> {
        match self {
            Self::Command(id) | Self::Stop(id) | Self::Terminate(id) => Some(id),
            Self::Send(id) | Self::Receive(id) => id,
            Self::Create | Self::Delete => None,
        }
    }
}
