//! What the embedded Exchange notes of every cmdlet.

use serde::Serialize;

/// One call of one cmdlet. Secrets are masked before an entry is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    /// Milliseconds since 1970-01-01T00:00:00Z
    pub time_ms: u64,
    /// `on-premises` or `cloud`
    pub side: &'static str,
    /// The user as signed in; of the cloud the application's id or the principal name
    pub user: String,
    /// `PowerShell` or `Wsman`; of the cloud `InvokeCommand` or `Graph`
    pub endpoint: &'static str,
    /// Cmdlet name in the spelling of Exchange; as sent when there is no such cmdlet; `(script)` for a script
    pub cmdlet: String,
    /// Parameters by their whole names, values as they were sent, secrets as `***`
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// `completed`, `error` (non-terminating) or `failed`
    pub outcome: &'static str,
    /// Short name of the exception
    pub reason: Option<String>,
    /// The error's message
    pub message: Option<String>,
    /// Warnings that were written
    pub warnings: Vec<String>,
    /// Whether the directory was changed
    pub wrote: bool,
}
