//! Why a flow cannot be read at all; nothing of it is tried then.

use std::fmt;

/// A flow that is unreadable or wrongly built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct IntakeError {
    /// The file as it was named, `-` for standard input
    pub file: String,
    /// Line, from one; 0 where there is none
    pub line: u64,
    /// Character column, from one; 0 where there is none
    pub column: u64,
    /// What is wrong, with the value unless it may be a secret
    pub message: String,
    /// What to do about it
    pub hint: Option<String>,
}

impl IntakeError {
    pub(super) fn new(file: &str, line: u64, column: u64, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, column, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for IntakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = if self.file == "-" { "standard input" } else { &self.file };
        match (self.line, self.column) {
            (0, _) => write!(f, "{file}: {}", self.message),
            (line, 0) => write!(f, "{file}:{line}: {}", self.message),
            (line, column) => write!(f, "{file}:{line}:{column}: {}", self.message),
        }
    }
}
