//! From named cells to a change: what the columns mean, what the values are, which ids were seen.

use secrecy::SecretString;
use uuid::Uuid;

use super::{Flow, IntakeError, RefusedRow, Row, SecretStore, Seen, content_hash};
use crate::config::{SecretRef, suggestion};
use crate::recipient::column::{self, Column, ColumnError};
use crate::recipient::{
    AddressFlow, Change, Delta, MailboxType, ObjectType, Operation, SecretSource, Source, Wanted, cloud,
    value,
};
use crate::report::Form;

/// A cell of a row, whatever the format.
pub(super) struct Given {
    /// The column's name as the flow writes it
    pub(super) name: String,
    /// Where the value stands
    pub(super) line: u64,
    pub(super) column: u64,
    /// What it says
    pub(super) value: Said,
}

/// What a cell says.
pub(super) enum Said {
    /// A CSV cell that is not empty
    Cell(String),
    /// A JSON value that fits a parameter
    Json(Wanted),
    /// A JSON value that fits nothing
    Nonsense(&'static str),
}

impl Said {
    /// The one text that a column of words holds; `None` when it is cleared.
    fn word(&self) -> Result<Option<String>, String> {
        match self {
            Self::Cell(text) if text.trim().eq_ignore_ascii_case("$null") => Ok(None),
            Self::Cell(text) | Self::Json(Wanted::Text(text)) => Ok(Some(text.trim().to_owned())),
            Self::Json(Wanted::Int(number)) => Ok(Some(number.to_string())),
            Self::Json(Wanted::Clear) => Ok(None),
            Self::Json(_) => Err("must be one text".into()),
            Self::Nonsense(what) => Err(format!("{what} fits no parameter")),
        }
    }
}

/// The meaning of a column for rows of any of these types, or why it has none.
pub(super) fn meaning(types: &[ObjectType], name: &str) -> Result<Column, ColumnError> {
    let mut first = None;
    for &object_type in types {
        match column::column(object_type, name) {
            Ok(column) => return Ok(column),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| ColumnError::Unknown { name: name.to_owned(), suggestion: None }))
}

/// A column that cannot be used, as an error about the whole flow.
pub(super) fn structural(file: &str, line: u64, column: u64, error: &ColumnError) -> IntakeError {
    let text = error.to_string();
    let (message, hint) = text.split_once("; ").unwrap_or((&text, ""));
    let intake = IntakeError::new(file, line, column, message);
    if hint.is_empty() { intake } else { intake.hint(hint) }
}

/// Collects the rows of a flow.
pub(super) struct Builder {
    file: String,
    run: Uuid,
    form: Form,
    rows: Vec<Row>,
    written: Vec<String>,
    seen: Seen,
    secrets: SecretStore,
}

impl Builder {
    pub(super) fn new(file: &str, run: Uuid) -> Self {
        let secrets = SecretStore::new(file);
        Self {
            file: file.to_owned(),
            run,
            form: Form::json_lines(),
            rows: Vec::new(),
            written: Vec::new(),
            seen: Seen::default(),
            secrets,
        }
    }

    /// Takes the form that the rows have.
    pub(super) fn form(&mut self, form: Form) {
        self.form = form;
    }

    pub(super) fn finish(self) -> Flow {
        let Self { file, form, rows, written, secrets, .. } = self;
        Flow { file, form, rows, written, secrets }
    }

    /// Takes a row: its line, how it is written without its password, and the cells that say something.
    pub(super) fn row(&mut self, line: u64, written: String, cells: Vec<Given>) {
        self.row_with(line, written, cells, Vec::new());
    }

    /// Takes a row of which `problems` are known already.
    pub(super) fn row_with(&mut self, line: u64, written: String, cells: Vec<Given>, problems: Vec<String>) {
        let mut draft = Draft { problems, ..Draft::new(&self.file, line) };
        draft.object_type(&cells);
        for cell in cells {
            draft.cell(&self.file, cell);
        }
        let Draft { mut change, password, mut problems, hint, .. } = draft;
        if change.change_id.is_empty() {
            change.change_id = format!("{}:{line}", self.run);
        } else {
            let hash = content_hash(&change);
            match self.seen.0.get(&change.change_id) {
                Some((earlier, _)) if *earlier == hash && problems.is_empty() => return,
                Some((earlier, at)) if *earlier != hash => {
                    problems.push(format!(
                        "the ChangeId `{}` is that of line {at}, which wants something else",
                        change.change_id
                    ));
                }
                Some(_) => {}
                None => {
                    self.seen.0.insert(change.change_id.clone(), (hash, line));
                }
            }
        }
        if let (Some(SecretSource::Flow { line, .. }), Some(secret)) = (&change.password, password) {
            self.secrets.keep(*line, &change.identity, secret);
        }
        self.written.push(written);
        self.rows.push(if problems.is_empty() {
            Row::Change(Box::new(change))
        } else {
            Row::Refused(RefusedRow {
                change_id: change.change_id,
                source: change.source,
                connection: change.connection,
                identity: change.identity,
                problems,
                hint,
            })
        });
    }
}

/// A change in the making.
struct Draft {
    change: Change,
    password: Option<SecretString>,
    problems: Vec<String>,
    hint: Option<String>,
    is_typed: bool,
}

impl Draft {
    fn new(file: &str, line: u64) -> Self {
        let mut change = Change::new(Operation::default(), "");
        change.source = Source { file: file.to_owned(), line };
        Self { change, password: None, problems: Vec::new(), hint: None, is_typed: true }
    }

    /// The type first: it decides what the other columns mean.
    fn object_type(&mut self, cells: &[Given]) {
        for cell in cells.iter().filter(|cell| column::reserved(&cell.name) == Some(Column::ObjectType)) {
            match self.word(cell, ObjectType::WORDS, ObjectType::parse) {
                Some(object_type) => self.change.object_type = object_type,
                None => self.is_typed = false,
            }
        }
    }

    fn refuse(&mut self, cell: &Given, message: &str) {
        let Given { name, line, column, .. } = cell;
        let place = if *column == 0 { String::new() } else { format!(" ({line}:{column})") };
        self.problems.push(format!("column `{name}`{place}: {message}"));
    }

    fn text(&mut self, cell: &Given) -> Option<String> {
        match cell.value.word() {
            Ok(text) => text.filter(|text| !text.is_empty()),
            Err(message) => {
                self.refuse(cell, &message);
                None
            }
        }
    }

    fn word<T>(
        &mut self,
        cell: &Given,
        words: &'static [&'static str],
        parse: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(cell)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.refuse(cell, &format!("unknown word `{}`", shorten(&text)));
            self.hint = Some(match suggestion(&text, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", words.join(", ")),
            });
        }
        parsed
    }

    fn country(&mut self, cell: &Given) -> Option<String> {
        let text = self.text(cell)?;
        let country = cloud::country(&text);
        if country.is_none() {
            self.refuse(cell, &format!("`{}` is not a country of two letters", shorten(&text)));
            self.hint = Some("such as DE (ISO 3166-1)".to_owned());
        }
        country
    }

    fn cell(&mut self, file: &str, cell: Given) {
        let column = match column::column(self.change.object_type, &cell.name) {
            Ok(column) => column,
            // With an unknown type nothing can be said of the other columns.
            Err(_) if !self.is_typed => return,
            Err(error) => return self.refuse(&cell, &error.to_string()),
        };
        match column {
            Column::ObjectType => {}
            Column::ChangeId => self.change.change_id = self.text(&cell).unwrap_or_default(),
            Column::Identity => self.change.identity = self.text(&cell).unwrap_or_default(),
            Column::Operation => {
                self.change.operation =
                    self.word(&cell, Operation::WORDS, Operation::parse).unwrap_or_default();
            }
            Column::Type => {
                self.change.mailbox_type = self.word(&cell, MailboxType::WORDS, MailboxType::parse);
            }
            Column::Connection => self.change.connection = self.text(&cell),
            Column::DomainController => self.change.domain_controller = self.text(&cell),
            Column::Licence => self.change.licence = self.text(&cell),
            Column::UsageLocation => self.change.usage_location = self.country(&cell),
            Column::EmailAddresses => self.addresses(&cell),
            Column::Password => self.password(file, cell),
            Column::PasswordReference => self.reference(&cell),
            Column::Attribute(name) => {
                if let Some(wanted) = self.wanted(name, &cell) {
                    self.change.attributes.insert(name.to_owned(), wanted);
                }
            }
            Column::CreateOnly(name) => {
                if let Some(wanted) = self.wanted(name, &cell) {
                    self.change.create_only.insert(name.to_owned(), wanted);
                }
            }
        }
    }

    fn wanted(&mut self, name: &str, cell: &Given) -> Option<Wanted> {
        let kind = column::parameter(self.change.object_type, name)?.kind;
        let checked = match &cell.value {
            Said::Cell(text) => value::from_cell(name, kind, text),
            Said::Json(wanted) => value::check(name, kind, wanted.clone()),
            Said::Nonsense(what) => {
                self.refuse(cell, &format!("{what} fits no parameter"));
                return None;
            }
        };
        checked.map_err(|error| self.refuse(cell, &error.to_string())).ok()
    }

    fn addresses(&mut self, cell: &Given) {
        let list =
            |list: Vec<String>| if list.is_empty() { AddressFlow::Clear } else { AddressFlow::List(list) };
        self.change.addresses = Some(match &cell.value {
            Said::Cell(text) if text.trim().eq_ignore_ascii_case("$null") => AddressFlow::Clear,
            Said::Cell(text) => list(value::split_cell(text)),
            Said::Json(Wanted::Clear) => AddressFlow::Clear,
            Said::Json(Wanted::Text(text)) => list(vec![text.clone()]),
            Said::Json(Wanted::List(texts)) => list(texts.clone()),
            Said::Json(Wanted::Delta(Delta { add, remove })) => {
                AddressFlow::Delta(Delta { add: add.clone(), remove: remove.clone() })
            }
            Said::Json(Wanted::Bool(_) | Wanted::Int(_)) | Said::Nonsense(_) => {
                return self.refuse(cell, "must be a list of addresses");
            }
        });
    }

    fn password(&mut self, file: &str, cell: Given) {
        if self.change.password.is_some() {
            return self.refuse(&cell, "there is a `_param_password_ref` too");
        }
        let secret = match &cell.value {
            Said::Cell(text) if text.trim().eq_ignore_ascii_case("$null") => {
                return self.refuse(&cell, "a password cannot be cleared");
            }
            // Taken as it is: a blank may be a part of it.
            Said::Cell(text) | Said::Json(Wanted::Text(text)) => SecretString::from(text.as_str()),
            _ => return self.refuse(&cell, "must be one text (not shown)"),
        };
        self.password = Some(secret);
        let line = self.change.source.line;
        self.change.password = Some(SecretSource::Flow { file: file.to_owned(), line, column: cell.name });
    }

    fn reference(&mut self, cell: &Given) {
        let Some(text) = self.text(cell) else { return };
        if self.change.password.is_some() {
            return self.refuse(cell, "there is a `_param_password` too");
        }
        match text.parse::<SecretRef>() {
            Ok(reference) => self.change.password = Some(SecretSource::Reference(reference.to_string())),
            Err(error) => {
                self.refuse(cell, &error.to_string());
                self.hint = Some(error.hint().to_owned());
            }
        }
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        text.chars().take(80).chain("...".chars()).collect()
    }
}
