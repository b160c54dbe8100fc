//! Faults that a test orders in advance.

use wsman::psrp::ErrorRecord;

/// What happens to the next calls of a cmdlet in place of their work.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Name of the cmdlet, without regard to case; `None` hits every Exchange cmdlet
    pub cmdlet: Option<String>,
    /// How many calls are hit
    pub times: u32,
    /// What is answered
    pub kind: FaultKind,
}

/// How a call fails.
#[derive(Clone, Debug)]
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
        Self { cmdlet: Some(cmdlet.to_owned()), times, kind }
    }

    /// The next calls of `cmdlet` are over the budget of the user, in the words of Exchange.
    pub fn throttled(cmdlet: &str, times: u32, user: &str, backoff_ms: u64) -> Self {
        let message = format!(
            "The budget for user '{user}' is over. Policy name: 'DefaultThrottlingPolicy'. Backoff time: {backoff_ms} ms."
        );
        let kind = FaultKind::Terminating { exception: "OverBudgetException".to_owned(), message };
        Self { cmdlet: Some(cmdlet.to_owned()), times, kind }
    }

    /// Whether the fault hits a call of `cmdlet`.
    pub(super) fn hits(&self, cmdlet: &str) -> bool {
        self.times > 0 && self.cmdlet.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(cmdlet))
    }
}
