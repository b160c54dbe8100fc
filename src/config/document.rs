//! A configuration document as a tree whose every value knows where it stands; TOML and JSON give the same tree.

use std::ops::Range;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroize as _;

use super::problem::{Place, Problem};

mod json;
mod toml;

pub(crate) use json::parse as parse_json;
pub(super) use toml::parse as parse_toml;

/// A value and the bytes it takes in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Node,
}

impl Kind {
    /// What a person calls this kind of value.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Why a document could not be read: a byte offset and a sentence that never quotes the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SyntaxError {
    pub(crate) offset: usize,
    pub(crate) message: String,
}

/// The text of a file, to turn offsets into places. It may hold a password, so it is wiped in the end and shown nowhere.
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl Source {
    pub(crate) fn new(file: &Path, text: String) -> Self {
        Self { file: file.to_owned(), text }
    }

    pub(crate) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: self.file.clone(), line, column }
    }

    pub(crate) fn problem(&self, offset: usize, message: impl Into<String>) -> Problem {
        Problem::new(self.place(offset), message)
    }
}
