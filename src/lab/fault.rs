//! Faults that a test orders in advance, or a seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use wsman::psrp::ErrorRecord;

/// What happens to the next calls of a cmdlet in place of their work. In a seed:
/// `{"cmdlet": "Set-Mailbox", "after": 2, "times": 1, "kind": {"warning": "mind the gap"}}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Name of the cmdlet, without regard to case; `None` hits every Exchange cmdlet
    #[serde(default)]
    pub cmdlet: Option<String>,
    /// Only calls for this object, as they name it in `Identity`, or in Graph in the path; without regard to case
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// How many calls pass before
    #[serde(default)]
    pub after: u32,
    /// How many calls are hit
    #[serde(default = "once")]
    pub times: u32,
    /// After a hit, so many calls less one pass before the next: 3 hits each third one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
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
    /// In the cloud: the request is answered like this
    Http(HttpFault),
    /// In the cloud: passwords have to be encrypted for another key from now on
    RotateKey,
}

/// What a request of the cloud is answered with. In a seed: `{"http": {"status": 429, "retry_after": "1.5"}}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpFault {
    /// The status
    #[serde(default = "good")]
    pub status: u16,
    /// `Retry-After`: seconds, with a fraction too, or `date` for a date two seconds later
    #[serde(default)]
    pub retry_after: Option<String>,
    /// The claims that a new token must meet, as a challenge names them: base64 of JSON. No token is taken from then on that was
    /// not asked with them
    #[serde(default)]
    pub claims: Option<String>,
    /// Further header fields, as they are
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What stands in the body
    #[serde(default)]
    pub body: HttpBody,
    /// Whether the request is carried out before
    #[serde(default)]
    pub after_work: bool,
}

impl Default for HttpFault {
    /// An empty success.
    fn default() -> Self {
        Self {
            status: good(),
            retry_after: None,
            claims: None,
            headers: BTreeMap::new(),
            body: HttpBody::Empty,
            after_work: false,
        }
    }
}

/// The body of such an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum HttpBody {
    /// Nothing
    #[default]
    Empty,
    /// 4096 zero bytes
    Zeros,
    /// A web page, as of a proxy or a sign-in
    Page,
    /// The plain text of a tenant that is asked too often
    Concurrency,
    /// Half of the real answer; then the connection ends
    Truncated,
    /// Nothing at all: the connection ends before there is an answer
    Reset,
    /// The real answer with these errors beside it (`@adminapi.errors`)
    Errors(Vec<String>),
    /// Any text
    Text(String),
    /// Any JSON
    Json(Json),
}

/// Faults of both sides, as a file tells them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Those of the Exchange of one's own
    pub on_premises: Vec<Fault>,
    /// Those of the tenant: of a cmdlet, of a call of Graph by its name in PowerShell (`Set-MgUserLicense`), of
    /// `EXOModuleFile`, or of `token`
    pub cloud: Vec<Fault>,
}

impl FaultKind {
    /// Whether it is a matter of the request, not of the cmdlet.
    pub(super) fn is_of_the_request(&self) -> bool {
        matches!(self, Self::Http(_) | Self::RotateKey)
    }
}

impl Fault {
    /// The next call of `cmdlet` is hit.
    pub fn once(cmdlet: &str, kind: FaultKind) -> Self {
        Self { cmdlet: Some(cmdlet.to_owned()), identity: None, after: 0, times: 1, every: None, kind }
    }

    /// The next calls of `cmdlet` write a non-terminating error.
    pub fn error(cmdlet: &str, times: u32, exception: &str, message: &str) -> Self {
        let kind = FaultKind::Error { exception: exception.to_owned(), message: message.to_owned() };
        Self { times, ..Self::once(cmdlet, kind) }
    }

    /// The next calls of `cmdlet` are over the budget of the user, in the words of Exchange.
    pub fn throttled(cmdlet: &str, times: u32, user: &str, backoff_ms: u64) -> Self {
        let message = format!(
            "The budget for user '{user}' is over. Policy name: 'DefaultThrottlingPolicy'. Backoff time: {backoff_ms} ms."
        );
        let kind = FaultKind::Terminating { exception: "OverBudgetException".to_owned(), message };
        Self { times, ..Self::once(cmdlet, kind) }
    }

    /// Every nth call of `cmdlet` is answered like this, so many times; `None` counts every call.
    pub fn every(cmdlet: Option<&str>, nth: u32, times: u32, answer: HttpFault) -> Self {
        let cmdlet = cmdlet.map(str::to_owned);
        let kind = FaultKind::Http(answer);
        Self { cmdlet, identity: None, after: nth.saturating_sub(1), times, every: Some(nth), kind }
    }

    /// Whether the fault hits a call of `cmdlet` for an object, which counts.
    pub(super) fn hits(&mut self, cmdlet: &str, identity: &str) -> bool {
        let fits = |wanted: &Option<String>, it: &str| {
            wanted.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(it))
        };
        if self.times == 0 || !fits(&self.cmdlet, cmdlet) || !fits(&self.identity, identity) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times -= 1;
        self.after = self.every.unwrap_or_default().saturating_sub(1);
        true
    }
}

fn good() -> u16 {
    200
}

fn once() -> u32 {
    1
}
