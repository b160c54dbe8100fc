//! From the bytes of a flow to changes: CSV or JSON Lines, from a file or standard input.
//!
//! What is wrong with the whole (an unknown column, a quote that is never closed, another encoding) stops everything
//! before anything is tried; what is wrong with a row becomes a refused row, and the others go on.

use std::collections::HashMap;
use std::io::Read as _;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::recipient::{Action, Change, ErrorClass, SecretSource, Source};
use crate::report::{ChangeResult, Form, ResultError};

mod csv;
mod error;
mod jsonl;
pub mod orders;
mod row;
mod secrets;
mod table;
#[cfg(test)]
mod tests;

pub use error::IntakeError;
pub use secrets::SecretStore;

use row::Builder;

/// The name of standard input.
pub const STDIN: &str = "-";
/// What the sources of programs that link the library begin with.
pub const LIBRARY: &str = "library:";
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// Largest flow that is read; a hundred times what the largest organisation sends at once.
const MAX_LENGTH: u64 = 256 * 1024 * 1024;

/// A flow, read.
#[derive(Debug, Default)]
pub struct Flow {
    /// The file as it was named, or `-`
    pub file: String,
    /// How its rows are written
    pub form: Form,
    /// Its rows in order
    pub rows: Vec<Row>,
    /// For each row how the source has it, without its password
    pub written: Vec<String>,
    /// The passwords that it carries
    pub secrets: SecretStore,
}

/// A row of a flow.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A change
    Change(Box<Change>),
    /// A row that cannot mean anything
    Refused(RefusedRow),
}

/// A row that is refused before anything is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedRow {
    /// Id of the change
    pub change_id: String,
    /// Where it stands
    pub source: Source,
    /// The connection, where the row names one
    pub connection: Option<String>,
    /// The identity as it is written
    pub identity: String,
    /// What is wrong, each with its column
    pub problems: Vec<String>,
    /// What to do about it
    pub hint: Option<String>,
}

impl RefusedRow {
    /// The row as a result.
    pub fn result(&self, connection: &str) -> ChangeResult {
        ChangeResult {
            change_id: self.change_id.clone(),
            source: self.source.clone(),
            connection: self.connection.clone().unwrap_or_else(|| connection.to_owned()),
            identity: self.identity.clone(),
            guid: None,
            action: Action::Refused,
            error: Some(ResultError {
                hint: self.hint.clone(),
                ..ResultError::new(ErrorClass::InvalidInput, self.problems.join("; "))
            }),
            warnings: Vec::new(),
            steps: Vec::new(),
            attempts: 0,
        }
    }
}

impl Flow {
    /// The changes, without the refused rows.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.rows.iter().filter_map(|row| match row {
            Row::Change(change) => Some(change.as_ref()),
            Row::Refused(_) => None,
        })
    }

    /// Whether any row brings a password.
    pub fn has_passwords(&self) -> bool {
        self.changes().any(|change| change.password.is_some())
    }
}

/// Reads the bytes of a flow, file or standard input, without looking at them.
pub fn read_bytes(file: &str) -> Result<Vec<u8>, IntakeError> {
    let fault = |error: std::io::Error| IntakeError::new(file, 0, 0, format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    let taken = if file == STDIN {
        std::io::stdin().lock().take(MAX_LENGTH + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(MAX_LENGTH + 1).read_to_end(&mut bytes))
    };
    taken.map_err(fault)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_LENGTH {
        return Err(IntakeError::new(file, 0, 0, "larger than a flow can be").hint("split the flow"));
    }
    Ok(bytes)
}

/// Reads a flow from its bytes. Rows without a `ChangeId` get one made of `run` and their line: new in every run.
pub fn parse(file: &str, bytes: Vec<u8>, run: Uuid) -> Result<Flow, IntakeError> {
    let mark = if bytes.starts_with(BYTE_ORDER_MARK.as_bytes()) { BYTE_ORDER_MARK } else { "" };
    let text = SecretString::from(decode(file, bytes)?);
    let text = text.expose_secret();
    if orders::is_one(text) {
        let error = IntakeError::new(file, 1, 1, "these are provisioning orders, not a flow");
        return Err(error.hint("mailwright fulfill --orders FILE --results FILE"));
    }
    let mut builder = Builder::new(file, run);
    match text.trim_start().chars().next() {
        None => return Err(IntakeError::new(file, 0, 0, "the flow is empty").hint("it needs a header row")),
        Some('{') => jsonl::read(file, text, &mut builder)?,
        Some('[') => {
            let error = IntakeError::new(file, 1, 1, "a JSON list is not a flow");
            return Err(error.hint("write JSON Lines: one object per line"));
        }
        Some(_) => csv::read(file, text, &mut builder)?,
    }
    let mut flow = builder.finish();
    flow.form.head.insert_str(0, mark);
    Ok(flow)
}

/// The hash of everything that a change wants, whatever it is called and wherever it stands.
pub fn content_hash(change: &Change) -> String {
    let mut content = change.clone();
    content.change_id.clear();
    content.source = Source::default();
    if let Some(SecretSource::Flow { file, line, .. }) = &mut content.password {
        (*file, *line) = (String::new(), 0);
    }
    // INVARIANT: every map key of a change is a text, so it has a JSON form.
    #[allow(clippy::expect_used)]
    let json = serde_json::to_vec(&content).expect("a change has a JSON form");
    super::base::hex(&Sha256::digest(json))
}

fn decode(file: &str, bytes: Vec<u8>) -> Result<String, IntakeError> {
    let encoding = |line, column, message: &str| {
        let hint = "save the flow as UTF-8";
        Err(IntakeError::new(file, line, column, message).hint(hint))
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return encoding(1, 1, "the flow is UTF-16");
    }
    let mut text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before =
                String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default()).into_owned();
            let (line, column) = place(&before);
            return encoding(line, column, "not valid UTF-8");
        }
    };
    if let Some(at) = text.find('\0') {
        let (line, column) = place(text.get(..at).unwrap_or_default());
        return encoding(line, column, "a NUL character: this is not text, or UTF-16");
    }
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

fn place(before: &str) -> (u64, u64) {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (count(before.matches('\n').count() + 1), count(column + 1))
}

/// Which rows were seen under which id.
#[derive(Debug, Default)]
struct Seen(HashMap<String, (String, u64)>);
