//! Why a command came to nothing, and the exit code that says so.

use std::io::Write as _;

use crate::config::{ConfigError, SecretError, Unusable};
use crate::doctor::live::LiveError;
use crate::exchange::ExchangeError;
use crate::export::ExportError;
use crate::flow::intake::IntakeError;
use crate::flow::journal::JournalError;
use crate::flow::lock::LockError;
use crate::flow::run::RunError;
use crate::report::{SavedPlanError, Style, Tone};

/// What to do about a way that is not open.
const DOCTOR: &str = "`mailwright doctor` looks at each step of the way and says what to do about it";

/// Who has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line
    Usage,
    /// The configuration, a secret or the journal
    Config,
    /// The flow or the saved plan
    Input,
    /// The endpoint is not reachable
    Endpoint,
    /// The endpoint refuses the sign-in
    SignIn,
    /// Another run is at work
    Busy,
    /// A guard stands against the run as a whole
    Refused,
    /// Somebody stopped it
    Interrupted,
    /// The run broke off, or a defect
    Internal,
}

impl ErrorKind {
    /// The exit code of the contract.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage | Self::Config | Self::Input | Self::Busy => 2,
            Self::Endpoint | Self::SignIn => 3,
            Self::Interrupted => 130,
            Self::Refused | Self::Internal => 1,
        }
    }
}

/// Why a command came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// Who has to do something about it
    pub kind: ErrorKind,
    /// What is wrong; several lines when several things are
    pub message: String,
    /// What to do about it
    pub hints: Vec<String>,
    /// The same one by one, each with its own hint, where several things are wrong
    pub each: Vec<(String, Option<String>)>,
}

impl CommandError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), each: Vec::new() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub(super) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(super) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub(super) fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "stopped by a signal")
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(super) fn print(&self, style: Style) {
        let mut stderr = std::io::stderr().lock();
        // There is nobody left to tell when stderr is closed.
        for (is_hint, line) in self.lines() {
            let (tone, mark) = if is_hint { (Tone::Quiet, "hint:") } else { (Tone::Attention, "error:") };
            let _ = writeln!(stderr, "{} {line}", style.paint(tone, mark));
        }
    }

    /// What a person reads, and which of it is a hint. Of several errors each has its hint below it.
    fn lines(&self) -> Vec<(bool, &str)> {
        let error = |text| (false, text);
        let hint = |text| (true, text);
        if let [_, _, ..] = self.each.as_slice() {
            let each = self
                .each
                .iter()
                .flat_map(|(message, what)| message.lines().map(error).chain(what.as_deref().map(hint)));
            return each.collect();
        }
        self.message.lines().map(error).chain(self.hints.iter().map(|text| hint(text))).collect()
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        let (hints, each) = (error.hints(), error.each());
        Self { hints, each, ..Self::config(error.to_string()) }
    }
}

impl From<Unusable> for CommandError {
    fn from(error: Unusable) -> Self {
        Self::config(error.to_string()).hint(error.hint())
    }
}

impl From<SecretError> for CommandError {
    fn from(error: SecretError) -> Self {
        Self::config(error.to_string()).hint(error.hint())
    }
}

impl From<IntakeError> for CommandError {
    fn from(error: IntakeError) -> Self {
        Self { hints: error.hint.iter().cloned().collect(), ..Self::input(error.to_string()) }
    }
}

impl From<SavedPlanError> for CommandError {
    fn from(error: SavedPlanError) -> Self {
        Self::input(error.to_string()).hint("make it again with `mailwright plan FLOW --out PLAN`")
    }
}

impl From<JournalError> for CommandError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Database(_) | JournalError::Unknown(_) => Self::internal(error.to_string()),
            _ => Self::config(error.to_string()),
        }
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held { .. } => Self::new(ErrorKind::Busy, error.to_string())
                .hint("wait until it has ended; nothing was tried"),
            _ => Self::config(error.to_string()),
        }
    }
}

impl From<ExchangeError> for CommandError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Unusable(unusable) => unusable.into(),
            ExchangeError::Secret(secret) => secret.into(),
            ExchangeError::Setting { .. } => Self::config(error.to_string()),
            ExchangeError::SignIn { .. } => Self::new(ErrorKind::SignIn, error.to_string()).hint(DOCTOR),
            ExchangeError::Unreachable { .. } | ExchangeError::NotLoaded(_) => {
                Self::new(ErrorKind::Endpoint, error.to_string()).hint(DOCTOR)
            }
            ExchangeError::Throttled { .. } => Self::new(ErrorKind::Endpoint, error.to_string()),
            _ => Self::internal(error.to_string()),
        }
    }
}

impl From<LiveError> for CommandError {
    fn from(error: LiveError) -> Self {
        match error {
            LiveError::Exchange(error) => error.into(),
            other => Self::input(other.to_string()).hint("name it by its address; nothing was written"),
        }
    }
}

impl From<ExportError> for CommandError {
    fn from(error: ExportError) -> Self {
        let hint = error.hint();
        let made = match error {
            ExportError::Exchange(error) => error.into(),
            ExportError::Identifier(_) => Self::config(error.to_string()),
            ExportError::Busy { .. } => Self::new(ErrorKind::Busy, error.to_string()),
            ExportError::Cookie { .. } => Self::input(error.to_string()),
            ExportError::TooManyGone { .. } => Self::new(ErrorKind::Refused, error.to_string()),
            _ => Self::internal(error.to_string()),
        };
        match hint {
            Some(hint) => made.hint(hint),
            None => made,
        }
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Exchange(error) => error.into(),
            RunError::Journal(error) => error.into(),
            RunError::Lookup(_) => Self::new(ErrorKind::Endpoint, error.to_string()),
            RunError::Guard(ref finding) => {
                let refused = Self::new(ErrorKind::Refused, error.to_string());
                match &finding.hint {
                    Some(hint) => refused.hint(hint),
                    None => refused,
                }
            }
        }
    }
}
