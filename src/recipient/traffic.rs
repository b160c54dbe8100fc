//! What was asked of the cloud, and how often it wanted to be left alone.

use serde::{Deserialize, Serialize};

/// The requests of one connection to Exchange Online and Microsoft Graph; signing in is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// How many were sent
    pub requests: u64,
    /// How many of them were turned away, to be sent again later: 429, 503, or another answer that says so
    pub turned_away: u64,
    /// For how many milliseconds something waited because of that; two that wait at once count once
    pub waited_ms: u64,
}

impl Traffic {
    /// What has come since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(before.requests),
            turned_away: self.turned_away.saturating_sub(before.turned_away),
            waited_ms: self.waited_ms.saturating_sub(before.waited_ms),
        }
    }
}
