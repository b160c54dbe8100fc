//! What is wrong with a configuration file, and exactly where.

use std::fmt;
use std::path::{Path, PathBuf};

use super::suggest::suggestion;

/// A place in a file; lines and columns count from one, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named
    pub file: PathBuf,
    /// Line
    pub line: usize,
    /// Column
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One thing wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where
    pub place: Place,
    /// The key as a dotted path, empty where there is none
    pub key: String,
    /// What is wrong, with the value unless it may be a secret
    pub message: String,
    /// What to do about it
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, key: String::new(), message: message.into(), hint: None }
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds `did you mean` when one of `known` is close to `given`, else the whole list.
    pub(crate) fn suggest<'a>(self, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match suggestion(given, known.iter().copied()) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self.hint(format!("known here: {}", known.join(", "))),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read
    #[error("{}: {message}", .file.display())]
    Unreadable {
        /// The file
        file: PathBuf,
        /// Why
        message: String,
        /// What to do about it
        hint: Option<String>,
    },
    /// The file says something that cannot be
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Problem>),
    /// The wanted connection is not in the file
    #[error("{message}")]
    Connection {
        /// Which, and what there is
        message: String,
        /// What to do about it
        hint: Option<String>,
    },
}

impl ConfigError {
    pub(crate) fn unreadable(file: &Path, message: impl Into<String>) -> Self {
        Self::Unreadable { file: file.to_owned(), message: message.into(), hint: None }
    }

    /// Each thing that is wrong, with what the reader may do about it.
    pub fn each(&self) -> Vec<(String, Option<String>)> {
        match self {
            Self::Unreadable { hint, .. } | Self::Connection { hint, .. } => {
                vec![(self.to_string(), hint.clone())]
            }
            Self::Invalid(problems) => {
                problems.iter().map(|problem| (problem.to_string(), problem.hint.clone())).collect()
            }
        }
    }

    /// What the reader may do about it, one line each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { hint, .. } | Self::Connection { hint, .. } => hint.iter().cloned().collect(),
            Self::Invalid(problems) => {
                let mut hints: Vec<String> =
                    problems.iter().filter_map(|problem| problem.hint.clone()).collect();
                hints.dedup();
                hints
            }
        }
    }
}
