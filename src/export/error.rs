//! Why there is no export. Whatever it is, the files of the last one are whole.

use std::io;
use std::path::{Path, PathBuf};

use super::cookie::CookieError;
use crate::config::IdentifierError;
use crate::exchange::{ExchangeError, LookupError, Refusal};

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The connection's name cannot be that of a file
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// A file cannot be read or written
    #[error("{}: {error}", .path.display())]
    File {
        /// Which
        path: PathBuf,
        /// Why
        error: io::Error,
    },
    /// Another export writes there
    #[error("another export of this connection is at work in {}", .folder.display())]
    Busy {
        /// Where
        folder: PathBuf,
    },
    /// The cookie cannot be used
    #[error("the cookie {} cannot be used: {error}", .path.display())]
    Cookie {
        /// Which
        path: PathBuf,
        /// Why
        error: CookieError,
    },
    /// No answer
    #[error(transparent)]
    Exchange(ExchangeError),
    /// Exchange does not let it be read
    #[error("{cmdlet}: {}", .refusal.message)]
    Refused {
        /// What was asked
        cmdlet: String,
        /// What it answered
        refusal: Refusal,
    },
    /// What came cannot be written as a row
    #[error("{cmdlet} answered with an object without a Guid")]
    NoGuid {
        /// What was asked
        cmdlet: String,
    },
    /// Too many are gone at once
    #[error("{gone} of {known} mailboxes are no longer to be seen; nothing was written")]
    TooManyGone {
        /// How many
        gone: usize,
        /// Of how many
        known: usize,
    },
}

impl ExportError {
    pub(super) fn file(path: &Path, error: io::Error) -> Self {
        Self::File { path: path.to_owned(), error }
    }

    /// Whether the same once more may end otherwise.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Exchange(ExchangeError::SessionLost(_)))
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Identifier(_) => {
                "give the connection a name that begins with no digit and holds none of < > : \" / \\ | ? * _"
                    .into()
            }
            Self::Busy { .. } => {
                "wait for its end, or name another folder with --out and --cookie-dir".into()
            }
            Self::Cookie { .. } => "begin anew with --full".into(),
            Self::TooManyGone { .. } => {
                "look whether the account may still read all of them; if it is so, begin anew with --full"
                    .into()
            }
            Self::Refused { refusal, .. } => return refusal.hint.clone(),
            _ => return None,
        })
    }
}

impl From<LookupError> for ExportError {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Exchange(error) => Self::Exchange(error),
            LookupError::Refused(refusal) => Self::Refused { cmdlet: "Get-AcceptedDomain".into(), refusal },
            other => Self::Exchange(ExchangeError::Protocol(other.to_string())),
        }
    }
}

impl From<ExchangeError> for ExportError {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(error)
    }
}
