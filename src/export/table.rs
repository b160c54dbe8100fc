//! One file of an export with the objects behind it.

use std::collections::HashSet;

use uuid::Uuid;
use wsman::clixml::Value;

use super::column::{self, Column};
use super::files::{Folder, Staged};
use super::ledger::{Command, Ledger};
use super::read::{self, Reader};
use super::row::{self, Style};
use super::twins::Twins;
use super::{Counts, ExportError};
use crate::config::Export;
use crate::exchange::{self, Marks, Side};

/// So many may be gone at once whatever their share.
const FEW: usize = 10;
/// Objects that are looked at by themselves in one read.
const IN_ONE_READ: usize = 50;

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
    /// What is on-premises, where both sides are read
    twins: Twins,
    /// Whether the sign-in names of everything on-premises are known
    knows_names: bool,
    /// What of the cloud is shown by an object on-premises
    elsewhere: HashSet<Uuid>,
    /// What of the cloud has to be looked at by itself
    open: HashSet<Uuid>,
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
        Ok(Self {
            settings,
            style,
            columns,
            guid_column,
            ledger,
            file,
            rows: HashSet::new(),
            twins: Twins::default(),
            knows_names: false,
            elsewhere: HashSet::new(),
            open: HashSet::new(),
            counts,
        })
    }

    pub(super) async fn read_mailboxes(
        &mut self,
        reader: &Reader,
        since: Option<i64>,
        seen: &mut Seen,
        progress: &mut (dyn FnMut() + Send),
    ) -> Result<(), ExportError> {
        let is_whole = since.is_none();
        self.knows_names = is_whole;
        self.open.clear();
        reader
            .mailboxes(since, |side, object| {
                progress();
                if reader.has_both() {
                    let marks = marks_of(object)?;
                    match side {
                        Side::Here => self.twins.add(&marks),
                        Side::Cloud if marks.is_dir_synced && self.twins.show(&marks) => {
                            self.elsewhere.insert(marks.guid);
                            return Ok(());
                        }
                        // What has not changed on-premises has not come.
                        Side::Cloud if marks.is_dir_synced && !is_whole => {
                            self.open.insert(marks.guid);
                            return Ok(());
                        }
                        Side::Cloud => {}
                    }
                }
                self.see(object, seen)
            })
            .await
    }

    fn see(&mut self, object: &Value, seen: &mut Seen) -> Result<(), ExportError> {
        if let Some(changed) = read::when_changed(object)
            && seen.until.is_none_or(|until| changed >= until)
        {
            *seen = Seen { until: Some(changed), newest: Some(read::guid(object, "Get-Mailbox")?) };
        }
        self.take(object, "Get-Mailbox")
    }

    /// What there is now, of what is shown by both sides only what is on-premises.
    pub(super) async fn present(
        &mut self,
        reader: &Reader,
        seen: &mut Seen,
    ) -> Result<HashSet<Uuid>, ExportError> {
        let mut there = HashSet::new();
        reader
            .present(|side, object| {
                let guid = read::guid(object, "Get-Recipient")?;
                if !reader.has_both() {
                    there.insert(guid);
                    return Ok(());
                }
                let marks = marks_of(object)?;
                if side.is_here() {
                    self.twins.add(&marks);
                    there.insert(guid);
                    return Ok(());
                }
                if self.elsewhere.contains(&guid) || self.open.contains(&guid) {
                    return Ok(());
                }
                // These objects do not say whether they are synchronised: where it matters, they are read once more.
                match (self.twins.show(&marks), self.ledger.contains(guid)) {
                    (false, true) => there.insert(guid),
                    (true, false) => false,
                    (true, true) | (false, false) => self.open.insert(guid),
                };
                Ok(())
            })
            .await?;
        self.decide(reader, seen, &mut there).await?;
        Ok(there)
    }

    /// Reads mailboxes of the cloud of which it is open whether on-premises shows them.
    async fn decide(
        &mut self,
        reader: &Reader,
        seen: &mut Seen,
        there: &mut HashSet<Uuid>,
    ) -> Result<(), ExportError> {
        let open: Vec<Uuid> = self.open.drain().collect();
        for some in open.chunks(IN_ONE_READ) {
            let objects = reader.in_cloud(some).await?;
            let all = objects.iter().map(marks_of).collect::<Result<Vec<_>, _>>()?;
            if !self.knows_names {
                let unknown = all.iter().filter(|marks| marks.is_dir_synced && !self.twins.show(marks));
                let names: Vec<String> = unknown.filter_map(|marks| marks.sign_in_name.clone()).collect();
                for object in reader.named_here(&names).await? {
                    self.twins.add(&marks_of(&object)?);
                }
            }
            for (object, marks) in objects.iter().zip(&all).filter(|(_, marks)| some.contains(&marks.guid)) {
                if marks.is_dir_synced && self.twins.show(marks) {
                    self.elsewhere.insert(marks.guid);
                } else {
                    there.insert(marks.guid);
                    self.see(object, seen)?;
                }
            }
        }
        Ok(())
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
        let missing = self.ledger.take_missing(there);
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

/// What an object shows of itself that is the same on both sides.
pub(super) fn marks_of(object: &Value) -> Result<Marks, ExportError> {
    exchange::marks(object).map_err(|_| ExportError::NoGuid { cmdlet: "Get-Mailbox".to_owned() })
}

pub(super) fn style(settings: &Export) -> Style {
    Style {
        delimiter: settings.delimiter,
        quote_always: settings.quote_always,
        formula_safe: settings.formula_safe,
    }
}
