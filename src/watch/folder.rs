//! The folder on disk: files are taken by renaming, and put away with their receipts.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::look::Stamp;
use super::name::{self, FAILURES, RECEIPT, vacant};
use super::receipt::Receipt;
use crate::flow::lock::{Lock, LockError};
use crate::report::Failures;

const ACCEPTED: &str = "accepted";
const TICKET: &str = ".ticket";
/// Most files that are looked at; those beyond wait until there are fewer.
const MOST: usize = 100_000;
/// A ticket is two names long.
const LONGEST_TICKET: u64 = 64 * 1024;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It is not there, or no folder
    #[error("{}: {error}", .path.display())]
    File {
        /// The file or folder
        path: PathBuf,
        /// Why
        error: io::Error,
    },
    /// Somebody else watches it
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl FolderError {
    fn of(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::File { path: path.to_owned(), error }
    }
}

/// A hot folder that nobody else watches.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: Lock,
}

/// A file that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its name in `accepted/`
    pub name: String,
    /// The name under which it was dropped
    pub dropped: String,
    /// What it is known by
    pub ticket: Uuid,
}

/// What stands in a ticket.
#[derive(Serialize, Deserialize)]
struct Ticket {
    ticket: Uuid,
    dropped: String,
}

/// Where a file is put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// Everything in it is done
    Done,
    /// Something in it was refused or failed
    Failed,
}

impl Away {
    const ALL: [Self; 2] = [Self::Done, Self::Failed];

    /// The name of the folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Folder {
    /// Enters a folder, makes those within it, and keeps others out.
    ///
    /// # Errors
    /// It is not there, cannot be written to, or is watched already.
    pub fn enter(path: &Path) -> Result<Self, FolderError> {
        let is_folder = fs::metadata(path).map_err(FolderError::of(path))?.is_dir();
        if !is_folder {
            return Err(FolderError::of(path)(io::ErrorKind::NotADirectory.into()));
        }
        let folder = Self { _lock: Lock::of_folder(path)?, path: path.to_owned() };
        for within in Away::ALL.map(Away::name).into_iter().chain([ACCEPTED]) {
            let within = path.join(within);
            fs::create_dir_all(&within).map_err(FolderError::of(&within))?;
        }
        folder.drop_tickets_without_a_file()?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file is that was taken.
    pub fn file(&self, accepted: &Accepted) -> PathBuf {
        self.path.join(ACCEPTED).join(&accepted.name)
    }

    /// The files that were dropped and are of a kind that is taken.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn dropped(&self) -> Result<Vec<(String, Stamp)>, FolderError> {
        files(&self.path)
    }

    /// The files that were taken, in the order in which they were.
    ///
    /// # Errors
    /// The folder cannot be read or written to.
    pub fn accepted(&self) -> Result<Vec<(Accepted, Stamp)>, FolderError> {
        let mut accepted = Vec::new();
        for (name, stamp) in files(&self.path.join(ACCEPTED))? {
            let ticket = match self.read_ticket(&name) {
                Some(ticket) => ticket,
                // Somebody put it there by hand.
                None => self.write_ticket(&name, &name)?,
            };
            let Ticket { ticket, dropped } = ticket;
            accepted.push((Accepted { name, dropped, ticket }, stamp));
        }
        accepted.sort_by_key(|(accepted, _)| accepted.ticket);
        Ok(accepted)
    }

    /// Whether nobody has written to a file since it had this stamp.
    pub fn is_as_it_was(&self, accepted: &Accepted, then: Stamp) -> bool {
        fs::symlink_metadata(self.file(accepted)).is_ok_and(|metadata| stamp(&metadata) == then)
    }

    /// Takes a file: the ticket is on disk before the file is renamed.
    ///
    /// # Errors
    /// It went away, or cannot be renamed.
    pub fn take(&self, dropped: &str) -> Result<Accepted, FolderError> {
        let name = vacant(dropped, |name| {
            let is_away = |away: Away| {
                let folder = self.path.join(away.name());
                is_there(&folder.join(name)) || is_there(&folder.join(format!("{name}{RECEIPT}")))
            };
            is_there(&self.path.join(ACCEPTED).join(name)) || Away::ALL.into_iter().any(is_away)
        });
        let Ticket { ticket, .. } = self.write_ticket(&name, dropped)?;
        let accepted = Accepted { name, dropped: dropped.to_owned(), ticket };
        let from = self.path.join(dropped);
        fs::rename(&from, self.file(&accepted)).map_err(FolderError::of(&from))?;
        sync(&self.path)?;
        sync(&self.path.join(ACCEPTED))?;
        Ok(accepted)
    }

    /// Puts a file away: receipt and failures are there before the file is. Returns where it is then.
    ///
    /// # Errors
    /// Something cannot be written; the file is still in `accepted/`.
    pub fn put_away(
        &self,
        accepted: &Accepted,
        away: Away,
        mut receipt: Receipt,
        failures: Option<&Failures>,
    ) -> Result<PathBuf, FolderError> {
        let folder = self.path.join(away.name());
        let name = vacant(&accepted.name, |name| {
            let receipt = folder.join(format!("{name}{RECEIPT}"));
            is_there(&folder.join(name)) || (is_there(&receipt) && !is_of(&receipt, accepted.ticket))
        });
        if let Some(failures) = failures {
            let beside = format!("{name}{FAILURES}.{}", failures.format.name());
            write(&folder, &beside, failures.text.as_bytes())?;
            receipt.failures = Some(beside);
        }
        let text = serde_json::to_string_pretty(&receipt).map_err(|error| FolderError::File {
            path: folder.join(&name),
            error: io::Error::other(error),
        })?;
        write(&folder, &format!("{name}{RECEIPT}"), format!("{text}\n").as_bytes())?;
        sync(&folder)?;
        let (from, to) = (self.file(accepted), folder.join(&name));
        match fs::rename(&from, &to) {
            // Somebody took it from there; what became of it is known all the same.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved.map_err(FolderError::of(&to))?,
        }
        sync(&folder)?;
        sync(&self.path.join(ACCEPTED))?;
        // One that stays does no harm: it goes with the next start.
        let _ = fs::remove_file(self.ticket(&accepted.name));
        Ok(to)
    }

    fn ticket(&self, name: &str) -> PathBuf {
        self.path.join(ACCEPTED).join(format!(".{name}{TICKET}"))
    }

    fn read_ticket(&self, name: &str) -> Option<Ticket> {
        serde_json::from_slice(&read_some(&self.ticket(name))?).ok()
    }

    fn write_ticket(&self, name: &str, dropped: &str) -> Result<Ticket, FolderError> {
        let ticket = Ticket { ticket: Uuid::now_v7(), dropped: dropped.to_owned() };
        let path = self.ticket(name);
        let text = serde_json::to_vec(&ticket)
            .map_err(|error| FolderError::File { path: path.clone(), error: io::Error::other(error) })?;
        write(&self.path.join(ACCEPTED), &format!(".{name}{TICKET}"), &text)?;
        sync(&self.path.join(ACCEPTED))?;
        Ok(ticket)
    }

    /// Of a file that was put away, or was never taken, before the program was killed.
    fn drop_tickets_without_a_file(&self) -> Result<(), FolderError> {
        let accepted = self.path.join(ACCEPTED);
        for entry in fs::read_dir(&accepted).map_err(FolderError::of(&accepted))? {
            let name = entry.map_err(FolderError::of(&accepted))?.file_name();
            let name = name.to_string_lossy();
            let of = name.strip_prefix('.').and_then(|name| name.strip_suffix(TICKET));
            if of.is_some_and(|file| !is_there(&accepted.join(file))) {
                let _ = fs::remove_file(accepted.join(name.as_ref()));
            }
        }
        Ok(())
    }
}

/// The files of a folder that are of a kind that is taken. A link is none: it may lead anywhere.
fn files(folder: &Path) -> Result<Vec<(String, Stamp)>, FolderError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(FolderError::of(folder))? {
        let entry = entry.map_err(FolderError::of(folder))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name::kind(&name).is_none() {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => files.push((name, stamp(&metadata))),
            // Another kind of thing, or it went away meanwhile.
            _ => {}
        }
        if files.len() >= MOST {
            break;
        }
    }
    Ok(files)
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    Stamp { length: metadata.len(), modified: metadata.modified().ok() }
}

/// What is there, also when it is a link that leads nowhere.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn is_of(receipt: &Path, ticket: Uuid) -> bool {
    let text = fs::read(receipt).unwrap_or_default();
    let receipt: Json = serde_json::from_slice(&text).unwrap_or_default();
    receipt.get("ticket").and_then(Json::as_str) == Some(ticket.to_string().as_str())
}

fn read_some(path: &Path) -> Option<Vec<u8>> {
    let small = fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() <= LONGEST_TICKET);
    if small { fs::read(path).ok() } else { None }
}

/// Under its name when it is whole and on disk, never before.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
    let temporary = folder.join(format!(".{name}.new"));
    let attempt = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join(name))
    };
    attempt().map_err(FolderError::of(&folder.join(name)))
}

/// A new name is only there for good when its folder is on disk.
#[cfg(unix)]
fn sync(folder: &Path) -> Result<(), FolderError> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems have no such thing.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done.map_err(FolderError::of(folder)),
    }
}

#[cfg(not(unix))]
fn sync(_: &Path) -> Result<(), FolderError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Format;

    fn receipt(accepted: &Accepted) -> Receipt {
        Receipt::new(&accepted.dropped, accepted.ticket, "corp")
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_same_name_twice_overwrites_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::enter(place.path()).unwrap();
        for content in ["one", "two", "three"] {
            fs::write(place.path().join("a.csv"), content).unwrap();
            let accepted = folder.take("a.csv").unwrap();
            assert_eq!(accepted.dropped, "a.csv");
            let failures = Failures { format: Format::Csv, text: content.into() };
            folder.put_away(&accepted, Away::Failed, receipt(&accepted), Some(&failures)).unwrap();
        }
        let failed = place.path().join("failed");
        for (name, content) in [("a.csv", "one"), ("a-2.csv", "two"), ("a-3.csv", "three")] {
            assert_eq!(fs::read_to_string(failed.join(name)).unwrap(), content);
            assert_eq!(fs::read_to_string(failed.join(format!("{name}.failures.csv"))).unwrap(), content);
        }
        assert_eq!(names(&failed).len(), 9);
        assert_eq!(names(&place.path().join("accepted")), Vec::<String>::new());
    }

    #[test]
    fn what_was_taken_is_known_again_and_by_the_same_ticket() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::enter(place.path()).unwrap();
        for name in ["b.csv", "a.csv"] {
            fs::write(place.path().join(name), "x").unwrap();
            folder.take(name).unwrap();
        }
        let before: Vec<Accepted> = folder.accepted().unwrap().into_iter().map(|(it, _)| it).collect();
        assert_eq!(before.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["b.csv", "a.csv"]);
        drop(folder);
        fs::write(place.path().join("accepted/by-hand.csv"), "x").unwrap();
        let folder = Folder::enter(place.path()).unwrap();
        let after: Vec<Accepted> = folder.accepted().unwrap().into_iter().map(|(it, _)| it).collect();
        assert_eq!(after[..2], before);
        assert_eq!(after[2].dropped, "by-hand.csv");
        assert_eq!(folder.accepted().unwrap()[2].0, after[2], "its ticket is kept from now on");
    }

    /// Killed after the receipt was written and before the file was moved.
    #[test]
    fn a_receipt_of_the_same_ticket_is_written_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::enter(place.path()).unwrap();
        fs::write(place.path().join("a.csv"), "x").unwrap();
        let accepted = folder.take("a.csv").unwrap();
        let done = place.path().join("done");
        let text = serde_json::to_string(&receipt(&accepted)).unwrap();
        fs::write(done.join("a.csv.receipt.json"), text).unwrap();
        let to = folder.put_away(&accepted, Away::Done, receipt(&accepted), None).unwrap();
        assert_eq!(to, done.join("a.csv"));
        assert_eq!(names(&done), ["a.csv", "a.csv.receipt.json"]);
    }

    #[test]
    fn tickets_that_stayed_behind_go_with_the_next_start() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::enter(place.path()).unwrap();
        folder.write_ticket("gone.csv", "gone.csv").unwrap();
        drop(folder);
        Folder::enter(place.path()).unwrap();
        assert_eq!(names(&place.path().join("accepted")), Vec::<String>::new());
    }

    #[test]
    fn only_one_watches_and_links_are_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::enter(place.path()).unwrap();
        assert!(matches!(Folder::enter(place.path()), Err(FolderError::Lock(LockError::Held { .. }))));
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("a.csv")).unwrap();
        fs::create_dir(place.path().join("b.csv")).unwrap();
        assert_eq!(folder.dropped().unwrap(), []);
        assert!(Folder::enter(&place.path().join("nowhere")).is_err());
    }
}
