//! The form of a flow's source: what is needed to write some of its rows again as they were.

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Delimited text with a header row
    Csv,
    /// One JSON object per line
    Jsonl,
}

impl Format {
    /// The word, which is the ending of a file's name too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// The form of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// How rows are written
    pub format: Format,
    /// What stands before the first row, byte for byte: byte order mark, header row, line end
    pub head: String,
    /// What ends a row
    pub newline: String,
}

impl Default for Form {
    fn default() -> Self {
        Self::json_lines()
    }
}

impl Form {
    /// JSON Lines as this program writes them.
    pub fn json_lines() -> Self {
        Self { format: Format::Jsonl, head: String::new(), newline: "\n".into() }
    }
}
