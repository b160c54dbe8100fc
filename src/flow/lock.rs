//! One run at a time: on a journal, and on a connection.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::journal::private_folder;

/// A lock that ends when this is dropped, or with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave it with a child that was forked a moment ago and has not begun its own program yet.
        let _ = self.file.unlock();
    }
}

/// Why a lock was not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else has it
    #[error("{what} is in use by another run (process {holder})")]
    Held {
        /// The journal or the connection
        what: String,
        /// The process that has it, as it wrote it down
        holder: String,
    },
    /// The lock file cannot be used
    #[error("the lock {}: {error}", .file.display())]
    File {
        /// The file
        file: PathBuf,
        /// Why
        error: io::Error,
    },
}

impl Lock {
    /// Takes the lock of a journal, which lies beside it.
    pub fn of_journal(journal: &Path) -> Result<Self, LockError> {
        let mut name = journal.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        Self::take(&journal.with_file_name(name), &format!("the journal {}", journal.display()))
    }

    /// Takes the lock of a connection, which lies where its journal is by default: all runs of this user share that.
    pub fn of_connection(journal: &Path, name: &str, endpoint: &str) -> Result<Self, LockError> {
        // Two configuration files may use one name for different servers.
        let key: String =
            endpoint.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(120).collect();
        Self::take(&journal.with_file_name(format!("{name}@{key}.lock")), &format!("the connection {name}"))
    }

    /// Takes the lock of a hot folder, which lies in it.
    pub fn of_folder(folder: &Path) -> Result<Self, LockError> {
        Self::take(&folder.join(".mailwright-watch.lock"), &format!("the folder {}", folder.display()))
    }

    fn take(file: &Path, what: &str) -> Result<Self, LockError> {
        let fault = |error| LockError::File { file: file.to_owned(), error };
        private_folder(file).map_err(fault)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut held = options.open(file).map_err(fault)?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&mut held).take(32).read_to_string(&mut holder);
                let holder = holder.trim().to_owned();
                let holder = if holder.is_empty() { "unknown".to_owned() } else { holder };
                return Err(LockError::Held { what: what.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        // Who has it helps the person who has to wait; the lock itself does not depend on it.
        let _ = held.set_len(0);
        let _ = held.rewind();
        let _ = writeln!(held, "{}", std::process::id());
        Ok(Self { file: held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_at_a_time_and_the_other_is_told_who() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("corp.db");
        let first = Lock::of_journal(&journal).unwrap();
        let Err(LockError::Held { what, holder }) = Lock::of_journal(&journal) else { panic!("held") };
        assert!(what.contains("corp.db"));
        assert_eq!(holder, std::process::id().to_string());
        drop(first);
        assert!(Lock::of_journal(&journal).is_ok());
    }

    #[test]
    fn connections_are_told_apart_by_name_and_endpoint() {
        let folder = tempfile::tempdir().unwrap();
        let lock = |name, endpoint| Lock::of_connection(&folder.path().join("corp.db"), name, endpoint);
        let _corp = lock("corp", "http://ex01/PowerShell/").unwrap();
        let _lab = lock("lab", "http://ex01/PowerShell/").unwrap();
        let _other = lock("corp", "http://ex02/PowerShell/").unwrap();
        assert!(matches!(lock("corp", "http://ex01/PowerShell/"), Err(LockError::Held { .. })));
    }
}
