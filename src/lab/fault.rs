//! Faults that a test orders in advance, or a seed.

use serde::{Deserialize, Serialize};
use wsman::psrp::ErrorRecord;

/// What happens to the next calls of a cmdlet in place of their work. In a seed:
/// `{"cmdlet": "Set-Mailbox", "after": 2, "times": 1, "kind": {"warning": "mind the gap"}}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Name of the cmdlet, without regard to case; `None` hits every Exchange cmdlet
    #[serde(default)]
    pub cmdlet: Option<String>,
    /// How many calls pass before
    #[serde(default)]
    pub after: u32,
    /// How many calls are hit
    #[serde(default = "once")]
    pub times: u32,
    /// What is answered
    pub kind: FaultKind,
}

/// How a call fails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FaultKind {
    /// A non-terminating error of this exception (short name) with this message; the pipeline completes
    Error {
        /// Short name of the exception, such as `ADTransientException`
        exception: String,
        /// Its message
        message: String,
    },
    /// The pipeline fails with this exception and message
    Terminating {
        /// Short name of the exception, such as `OverBudgetException`
        exception: String,
        /// Its message
        message: String,
    },
    /// The pipeline fails with exactly this record
    #[serde(skip)]
    Record(Box<ErrorRecord>),
    /// The cmdlet does its work, then the pipeline fails with this exception and message: a write in doubt
    AfterWork {
        /// Short name of the exception
        exception: String,
        /// Its message
        message: String,
    },
    /// The cmdlet does its work and writes this warning before
    Warning(String),
}

impl Fault {
    /// The next calls of `cmdlet` write a non-terminating error.
    pub fn error(cmdlet: &str, times: u32, exception: &str, message: &str) -> Self {
        let kind = FaultKind::Error { exception: exception.to_owned(), message: message.to_owned() };
        Self { cmdlet: Some(cmdlet.to_owned()), after: 0, times, kind }
    }

    /// The next calls of `cmdlet` are over the budget of the user, in the words of Exchange.
    pub fn throttled(cmdlet: &str, times: u32, user: &str, backoff_ms: u64) -> Self {
        let message = format!(
            "The budget for user '{user}' is over. Policy name: 'DefaultThrottlingPolicy'. Backoff time: {backoff_ms} ms."
        );
        let kind = FaultKind::Terminating { exception: "OverBudgetException".to_owned(), message };
        Self { cmdlet: Some(cmdlet.to_owned()), after: 0, times, kind }
    }

    /// Whether the fault hits a call of `cmdlet`, which counts.
    pub(super) fn hits(&mut self, cmdlet: &str) -> bool {
        if self.times == 0 || !self.cmdlet.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(cmdlet)) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}

fn once() -> u32 {
    1
}
