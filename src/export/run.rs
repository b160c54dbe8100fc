//! One export from beginning to end.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::column::{self, Column};
use super::cookie::Cookie;
use super::files::{Folder, Staged};
use super::read::{self, Reach, Reader};
use super::row;
use super::table::{Seen, Table, marks_of, style};
use super::twins::Twins;
use super::{ExportError, import};
use crate::config::{Connection, Identifier, Infrastructure};
use crate::exchange::{Exchange, Side};

/// For whom it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 44 columns, databases and a cookie
    #[default]
    Usercube,
    /// A flow that changes nothing: addresses as an identity system manages them, the primary last
    Ibis,
}

/// Where it goes.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The folder of the files
    pub out: PathBuf,
    /// The folder of the cookie
    pub cookie_dir: PathBuf,
    /// Everything, whatever the cookie says
    pub full: bool,
    /// For whom
    pub format: Format,
}

/// Rows by what they tell their reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Objects that are new, or all of them
    pub inserted: usize,
    /// Objects that have changed
    pub updated: usize,
    /// Objects that are gone
    pub deleted: usize,
    /// Objects that there are now
    pub total: usize,
}

/// What an export did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// For whom
    pub format: Format,
    /// Whether everything was written, not only what has changed
    pub full: bool,
    /// Where it was read
    pub domain_controller: Option<String>,
    /// Rows of the mailbox file
    pub mailboxes: Counts,
    /// Rows of the database file
    pub databases: Counts,
    /// What was written, in the order in which it took its place
    pub files: Vec<PathBuf>,
    /// What a person should know
    pub notes: Vec<String>,
}

/// Reads and writes. `now` is the time in seconds since 1970; `progress` hears of every object.
///
/// # Errors
/// [`ExportError`]; the files of the last export are whole then.
pub async fn run(
    exchange: &Arc<dyn Exchange>,
    connection: &Connection,
    destination: &Destination,
    now: i64,
    progress: &mut (dyn FnMut() + Send),
) -> Result<Summary, ExportError> {
    let identifier = Identifier::parse(&connection.name)?;
    let out = Folder::enter(&destination.out, &identifier)?;
    let apart = destination.cookie_dir != destination.out;
    let cookies = if apart { Some(Folder::enter(&destination.cookie_dir, &identifier)?) } else { None };
    let job = Job {
        exchange,
        connection,
        identifier,
        out: &out,
        cookies: cookies.as_ref().unwrap_or(&out),
        destination,
        now,
    };
    match job.run(progress).await {
        // What was read before the session was lost cannot be told from what was not: all of it once more.
        Err(error) if error.is_lost() => job.run(progress).await,
        result => result,
    }
}

struct Job<'a> {
    exchange: &'a Arc<dyn Exchange>,
    connection: &'a Connection,
    identifier: Identifier,
    out: &'a Folder,
    cookies: &'a Folder,
    destination: &'a Destination,
    now: i64,
}

impl Job<'_> {
    async fn run(&self, progress: &mut (dyn FnMut() + Send)) -> Result<Summary, ExportError> {
        match self.destination.format {
            Format::Usercube => self.usercube(progress).await,
            Format::Ibis => self.ibis(progress).await,
        }
    }

    async fn usercube(&self, progress: &mut (dyn FnMut() + Send)) -> Result<Summary, ExportError> {
        let settings = &self.connection.export;
        let mut notes = Vec::new();
        let columns = column::mailbox(settings.two_columns);
        let layout = layout(&columns, &settings.address_separator);
        let last = self.last(layout, &mut notes)?;
        let known_at = last.as_ref().and_then(|cookie| cookie.domain_controller.clone());
        let reader = self.reader(known_at.clone()).await?;
        let since = match &last {
            Some(cookie) if reader.domain_controller() == known_at.as_deref() => Some(self.since(cookie)),
            Some(_) => {
                notes
                    .push("another domain controller than the last time: everything was compared".to_owned());
                None
            }
            None => None,
        };
        let old = last.clone().unwrap_or_default();
        let mut seen = match since {
            Some(_) => Seen { until: last.as_ref().map(|it| it.seen_until), newest: old.newest },
            None => Seen::default(),
        };
        let mut mailboxes =
            Table::new(self.out, &self.file("mailboxes.csv"), settings, columns, old.mailboxes)?;
        mailboxes.read_mailboxes(&reader, since, &mut seen, progress).await?;
        if last.is_some() {
            let mut there = mailboxes.present(&reader, &mut seen).await?;
            let canary = old.newest.filter(|newest| there.contains(newest));
            if since.is_some() && canary.is_some_and(|newest| !mailboxes.rows.contains(&newest)) {
                // The last change that was seen is not later than itself, so the filter means something else.
                notes.push("Exchange did not filter by time as expected: everything was compared".to_owned());
                mailboxes.read_mailboxes(&reader, None, &mut seen, progress).await?;
                there = mailboxes.present(&reader, &mut seen).await?;
            }
            mailboxes.delete_missing(&there)?;
        }
        let mut databases = Table::new(
            self.out,
            &self.file("databases.csv"),
            settings,
            column::DATABASE.to_vec(),
            old.databases,
        )?;
        let mut there = HashSet::new();
        reader
            .databases(|object| {
                there.insert(read::guid(object, "Get-MailboxDatabase")?);
                databases.take(object, "Get-MailboxDatabase")
            })
            .await?;
        if last.is_some() {
            databases.delete_missing(&there)?;
        }
        let domain_controller = reader.domain_controller().map(str::to_owned);
        let cookie = Cookie {
            // The clock here may be ahead of the server's, and its changes may come late: the earlier of the two.
            seen_until: seen.until.map_or(0, |latest| latest.min(self.now)),
            layout,
            newest: seen.newest,
            domain_controller: domain_controller.clone(),
            mailboxes: mailboxes.ledger.sorted(),
            databases: databases.ledger.sorted(),
        };
        let (mailbox_counts, database_counts) = (mailboxes.counts(), databases.counts());
        let mut remembered = self.cookies.stage(&self.file("cookie.bin"))?;
        remembered.write(&cookie.to_bytes())?;
        // All of them are on disk before the first takes its place; the cookie comes last, so that what a reader has not
        // got yet is exported again.
        let mut staged = [mailboxes.file, databases.file, remembered];
        for file in &mut staged {
            file.sync()?;
        }
        Ok(Summary {
            format: Format::Usercube,
            full: last.is_none(),
            domain_controller,
            mailboxes: mailbox_counts,
            databases: database_counts,
            files: staged.into_iter().map(Staged::publish).collect::<Result<_, _>>()?,
            notes,
        })
    }

    async fn ibis(&self, progress: &mut (dyn FnMut() + Send)) -> Result<Summary, ExportError> {
        let reader = self.reader(None).await?;
        let mut file = self.out.stage(&self.file("mailboxes.csv"))?;
        let style = style(&self.connection.export);
        file.write(style.line(import::COLUMNS).as_bytes())?;
        let excluded = &self.connection.policy.merge.excluded;
        let (mut total, mut without_primary) = (0, 0);
        let mut twins = Twins::default();
        reader
            .mailboxes(None, |side, object| {
                progress();
                if reader.has_both() {
                    let marks = marks_of(object)?;
                    match side {
                        Side::Here => twins.add(&marks),
                        Side::Cloud if marks.is_dir_synced && twins.show(&marks) => return Ok(()),
                        Side::Cloud => {}
                    }
                }
                total += 1;
                let account = read::account(side, object, "Get-Mailbox")?;
                let cells = import::cells(object, account, reader.takes_account_name(side, object), excluded);
                without_primary += usize::from(cells.last().is_none_or(String::is_empty));
                file.write(style.line(cells.iter().map(String::as_str)).as_bytes())
            })
            .await?;
        file.sync()?;
        let mut notes = Vec::new();
        if without_primary > 0 {
            notes.push(format!(
                "no addresses are shown of {without_primary} mailboxes, whose primary is excluded or missing"
            ));
        }
        Ok(Summary {
            format: Format::Ibis,
            full: true,
            domain_controller: reader.domain_controller().map(str::to_owned),
            mailboxes: Counts { inserted: total, total, ..Counts::default() },
            databases: Counts::default(),
            files: vec![file.publish()?],
            notes,
        })
    }

    /// What the last export remembered, when it is of use.
    fn last(&self, layout: u64, notes: &mut Vec<String>) -> Result<Option<Cookie>, ExportError> {
        if self.destination.full {
            return Ok(None);
        }
        let name = self.file("cookie.bin");
        let Some(bytes) = self.cookies.read(&name)? else { return Ok(None) };
        let path = self.destination.cookie_dir.join(name);
        let cookie = Cookie::parse(&bytes).map_err(|error| ExportError::Cookie { path, error })?;
        if cookie.layout != layout {
            notes.push("the columns are others than the last time: everything was exported".to_owned());
            return Ok(None);
        }
        Ok(Some(cookie))
    }

    async fn reader(&self, known_at: Option<String>) -> Result<Reader, ExportError> {
        let pin = self.connection.domain_controller.clone().or(known_at);
        let reach = match (self.connection.infrastructure, &self.connection.cloud) {
            (Infrastructure::OnPremises, _) => Reach::OnPremises,
            (Infrastructure::Hybrid, None) => Reach::Hybrid,
            (Infrastructure::Hybrid, Some(_)) => Reach::Both,
            (Infrastructure::Cloud, _) => Reach::Cloud,
        };
        Reader::new(self.exchange, pin, reach).await
    }

    fn since(&self, cookie: &Cookie) -> i64 {
        let overlap = i64::try_from(self.connection.export.overlap.as_secs()).unwrap_or(i64::MAX);
        cookie.seen_until.saturating_sub(overlap)
    }

    fn file(&self, what: &str) -> String {
        format!("{}_{what}", self.identifier)
    }
}

/// What decides how the cells of a row look.
fn layout(columns: &[Column], separator: &str) -> u64 {
    let parts: Vec<String> = columns.iter().copied().chain([separator]).map(str::to_owned).collect();
    row::digest(&parts)
}
