//! One file of an export with the objects behind it.

use std::collections::HashSet;

use uuid::Uuid;
use wsman::clixml::Value;

use super::column::{self, Column};
use super::files::{Folder, Staged};
use super::ledger::{Command, Ledger};
use super::read::{self, Reader};
use super::row::{self, Style};
use super::{Counts, ExportError};
use crate::config::Export;

/// So many may be gone at once whatever their share.
const FEW: usize = 10;

/// The latest change that was seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) until: Option<i64>,
    pub(super) newest: Option<Uuid>,
}

/// One file with the objects behind it.
pub(super) struct Table<'a> {
    settings: &'a Export,
    style: Style,
    columns: Vec<Column>,
    guid_column: usize,
    pub(super) ledger: Ledger,
    pub(super) file: Staged,
    /// What was read in this run
    pub(super) rows: HashSet<Uuid>,
    /// What is shown by another object
    elsewhere: HashSet<Uuid>,
    counts: Counts,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        folder: &Folder,
        name: &str,
        settings: &'a Export,
        columns: Vec<Column>,
        known: Vec<(Uuid, u64)>,
    ) -> Result<Self, ExportError> {
        let mut file = folder.stage(name)?;
        let style = style(settings);
        let header = std::iter::once("Command").chain(columns.iter().copied());
        file.write(style.line(header).as_bytes())?;
        let guid_column = columns.iter().position(|column| *column == "Guid").unwrap_or_default();
        let (ledger, counts) = (Ledger::new(known), Counts::default());
        let (rows, elsewhere) = (HashSet::new(), HashSet::new());
        Ok(Self { settings, style, columns, guid_column, ledger, file, rows, elsewhere, counts })
    }

    pub(super) async fn read_mailboxes(
        &mut self,
        reader: &Reader,
        since: Option<i64>,
        seen: &mut Seen,
        progress: &mut (dyn FnMut() + Send),
    ) -> Result<(), ExportError> {
        reader
            .mailboxes(since, |side, object| {
                progress();
                if reader.is_elsewhere(side, object) {
                    self.elsewhere.insert(read::guid(object, "Get-Mailbox")?);
                    return Ok(());
                }
                if let Some(changed) = read::when_changed(object)
                    && seen.until.is_none_or(|until| changed >= until)
                {
                    *seen = Seen { until: Some(changed), newest: Some(read::guid(object, "Get-Mailbox")?) };
                }
                self.take(object, "Get-Mailbox")
            })
            .await
    }

    /// Writes the row of an object, unless it says what is known.
    pub(super) fn take(&mut self, object: &Value, cmdlet: &str) -> Result<(), ExportError> {
        let guid = read::guid(object, cmdlet)?;
        let cells = column::cells(object, &self.columns, &self.settings.address_separator);
        self.rows.insert(guid);
        match self.ledger.take(guid, row::digest(&cells)) {
            Some(command) => self.write(command, &cells),
            None => Ok(()),
        }
    }

    /// Writes a row for everything that is gone. Only the GUID is known of it, which is its key.
    pub(super) fn delete_missing(&mut self, there: &HashSet<Uuid>) -> Result<(), ExportError> {
        let known = self.ledger.len();
        let missing = match self.elsewhere.is_empty() {
            true => self.ledger.take_missing(there),
            // What was only in the cloud and is synchronised by now has its row from the other side.
            false => self.ledger.take_missing(&there.difference(&self.elsewhere).copied().collect()),
        };
        // An account that may no longer read them sees none, and no error.
        if missing.len() > FEW && missing.len() > known / 2 {
            return Err(ExportError::TooManyGone { gone: missing.len(), known });
        }
        for guid in missing {
            let mut cells = vec![String::new(); self.columns.len()];
            if let Some(cell) = cells.get_mut(self.guid_column) {
                *cell = guid.to_string();
            }
            self.write(Command::Delete, &cells)?;
        }
        Ok(())
    }

    fn write(&mut self, command: Command, cells: &[String]) -> Result<(), ExportError> {
        let (word, count) = match command {
            Command::Insert => (&self.settings.insert, &mut self.counts.inserted),
            Command::Update => (&self.settings.update, &mut self.counts.updated),
            Command::Delete => (&self.settings.delete, &mut self.counts.deleted),
        };
        *count += 1;
        let line = self.style.line(std::iter::once(word.as_str()).chain(cells.iter().map(String::as_str)));
        self.file.write(line.as_bytes())
    }

    pub(super) fn counts(&self) -> Counts {
        Counts { total: self.ledger.len(), ..self.counts }
    }
}

pub(super) fn style(settings: &Export) -> Style {
    Style {
        delimiter: settings.delimiter,
        quote_always: settings.quote_always,
        formula_safe: settings.formula_safe,
    }
}
