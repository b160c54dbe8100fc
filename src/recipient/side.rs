//! The two sides of an organisation.

use serde::{Deserialize, Serialize};

/// On which side of an organisation something is read or done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// On the servers of one's own.
    #[default]
    Here,
    /// In Exchange Online and the directory behind it.
    Cloud,
}

impl Side {
    /// Whether it is the one that needs no mention.
    #[must_use]
    pub fn is_here(&self) -> bool {
        *self == Self::Here
    }
}
