//! The words of the front door: what became of a change, and the class of an error.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a change did, or in a plan would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A mailbox (or database) was made.
    Created,
    /// Something of it was changed.
    Updated,
    /// Everything was as wanted already; nothing was written.
    Unchanged,
    /// The mailbox was taken from its user.
    Disabled,
    /// The object was deleted.
    Removed,
    /// The change was refused before anything was written.
    Refused,
    /// Exchange, or the way to it, refused.
    Failed,
    /// The change waits: licence, replication, directory synchronisation.
    Pending,
}

impl Action {
    /// The word used in results.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The class of an error, as results name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorClass {
    /// The object is not there.
    NotFound,
    /// Another object is in the way, or this one is of the wrong kind.
    Conflict,
    /// The flow's row cannot mean anything that could be sent.
    InvalidInput,
    /// A rule of this program or a guard forbids it.
    RefusedByRule,
    /// Exchange or the directory denies the right.
    AccessDenied,
    /// Too many or too fast.
    Throttled,
    /// May go well the next time.
    Transient,
    /// The session was lost; a write may be in doubt.
    SessionLost,
    /// This combination cannot be had.
    Unsupported,
    /// The secret could not be read again where it came from.
    SecretUnavailable,
    /// A defect of this program.
    Internal,
}

impl ErrorClass {
    /// The word used in results.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::InvalidInput => "invalid_input",
            Self::RefusedByRule => "refused_by_rule",
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::SessionLost => "session_lost",
            Self::Unsupported => "unsupported",
            Self::SecretUnavailable => "secret_unavailable",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
