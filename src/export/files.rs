//! New files in the place of old ones: written beside them, on disk before they take the name, one at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::ExportError;
use crate::config::Identifier;

/// Most bytes of a cookie that are read; enough for more than ten million objects.
const MAX_COOKIE: u64 = 512 * 1024 * 1024;

/// A folder that no other export of the same connection writes into.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held as long as it is open
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is not there, and keeps others out.
    ///
    /// # Errors
    /// It cannot be made or written to, or another export is at work in it.
    pub fn enter(path: &Path, identifier: &Identifier) -> Result<Self, ExportError> {
        fs::create_dir_all(path).map_err(|error| ExportError::file(path, error))?;
        let name = path.join(format!(".{identifier}_export.lock"));
        let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&name);
        let lock = lock.map_err(|error| ExportError::file(&name, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ExportError::Busy { folder: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(ExportError::file(&name, error)),
        }
    }

    /// Begins a file. What an export that was killed has left behind is written over.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn stage(&self, name: &str) -> Result<Staged, ExportError> {
        let temporary = self.path.join(format!(".{name}.new"));
        let file = File::create(&temporary).map_err(|error| ExportError::file(&temporary, error))?;
        let writer = BufWriter::with_capacity(64 * 1024, file);
        Ok(Staged { target: self.path.join(name), temporary, writer, is_published: false })
    }

    /// The bytes of a file; `None` when there is none.
    ///
    /// # Errors
    /// It cannot be read, or is larger than a cookie can be.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ExportError> {
        let path = self.path.join(name);
        let fault = |error| ExportError::file(&path, error);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(error)),
            Ok(metadata) if metadata.len() > MAX_COOKIE => {
                return Err(fault(io::Error::other("larger than a cookie can be")));
            }
            Ok(_) => {}
        }
        fs::read(&path).map(Some).map_err(fault)
    }
}

/// A file that is being written. Dropped before it is published, it leaves nothing.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    temporary: PathBuf,
    writer: BufWriter<File>,
    is_published: bool,
}

impl Staged {
    /// Adds to it.
    ///
    /// # Errors
    /// The disk is full, or gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.writer.write_all(bytes).map_err(|error| ExportError::file(&self.temporary, error))
    }

    /// Everything is on disk.
    ///
    /// # Errors
    /// It is not.
    pub fn sync(&mut self) -> Result<(), ExportError> {
        let flushed = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        flushed.map_err(|error| ExportError::file(&self.temporary, error))
    }

    /// Takes the place of the old file; [`Self::sync`] goes before.
    ///
    /// # Errors
    /// It cannot; the old file is still there.
    pub fn publish(mut self) -> Result<PathBuf, ExportError> {
        fs::rename(&self.temporary, &self.target).map_err(|error| ExportError::file(&self.target, error))?;
        self.is_published = true;
        sync_folder(self.target.parent()).map_err(|error| ExportError::file(&self.target, error))?;
        Ok(self.target.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_published {
            // If it stays it does no harm: the next export writes over it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A new name is only there for good when its folder is on disk.
#[cfg(unix)]
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_: Option<&Path>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let id = Identifier::parse("corp").unwrap();
        let target = folder.path().join("corp_mailboxes.csv");
        fs::write(&target, "old").unwrap();
        let entered = Folder::enter(folder.path(), &id).unwrap();
        let mut given_up = entered.stage("corp_mailboxes.csv").unwrap();
        given_up.write(b"half").unwrap();
        drop(given_up);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "the file and the lock");
        let mut staged = entered.stage("corp_mailboxes.csv").unwrap();
        staged.write(b"new").unwrap();
        staged.sync().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(staged.publish().unwrap(), target);
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(entered.read("corp_mailboxes.csv").unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(entered.read("corp_cookie.bin").unwrap(), None);
    }

    #[test]
    fn two_exports_do_not_write_into_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let id = Identifier::parse("corp").unwrap();
        let first = Folder::enter(folder.path(), &id).unwrap();
        assert!(matches!(Folder::enter(folder.path(), &id), Err(ExportError::Busy { .. })));
        let other = Identifier::parse("other").unwrap();
        assert!(Folder::enter(folder.path(), &other).is_ok());
        drop(first);
        assert!(Folder::enter(folder.path(), &id).is_ok());
    }
}
