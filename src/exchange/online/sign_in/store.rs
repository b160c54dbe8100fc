//! The file that keeps a refresh token between runs. Each use of the token brings the next one, which takes its place; whoever has
//! the file locks it from before the token is shown until the next one is on disk.
//!
//! A crash leaves a whole token in every case: the new one is written beside the old one, to the end and to the disk, and then takes
//! its name. What was written whole and not named yet is found by the next owner.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

/// Longest token that is read.
const MOST: u64 = 64 * 1024;
/// Between two looks at a lock that somebody else has.
const LOOK: Duration = Duration::from_millis(50);

/// The file, while it is this owner's.
#[derive(Debug)]
pub(super) struct Store {
    file: PathBuf,
    token: Option<SecretString>,
    /// Ends with the owner, or its process
    lock: File,
}

/// Why a token cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// Nobody has signed in
    #[error(
        "there is no refresh token yet: authorization_code and redirect_uri, or refresh_token, bring the first one"
    )]
    Empty,
    /// Somebody else has it for too long
    #[error("another process is using it")]
    Held,
    /// It would be everybody's
    #[error("others may read the file: chmod 600 it")]
    Shared,
    /// It is no token
    #[error("this is no refresh token")]
    NotAToken,
    /// The disk
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Store {
    /// Waits for the file for a while, and reads it. A folder that cannot be written to shows now, before a token is used up.
    pub(super) async fn open(file: &Path, patience: Duration) -> Result<Self, StoreError> {
        let lock = private().create(true).truncate(false).open(beside(file, ".lock"))?;
        let end = Instant::now() + patience;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < end => tokio::time::sleep(LOOK).await,
                Err(TryLockError::WouldBlock) => return Err(StoreError::Held),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        recover(file)?;
        Ok(Self { file: file.to_owned(), token: read(file)?, lock })
    }

    /// The token that renews.
    pub(super) fn token(&self) -> Option<&SecretString> {
        self.token.as_ref()
    }

    /// Puts the next token in its place.
    pub(super) fn replace(&self, token: &SecretString) -> io::Result<()> {
        let next = beside(&self.file, NEXT);
        let mut file = private().create(true).truncate(true).open(&next)?;
        file.write_all(token.expose_secret().as_bytes())?;
        // The end of the line is the end of the token.
        file.write_all(b"\n")?;
        file.sync_all()?;
        drop(file);
        rename(&next, &self.file)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Closing alone would leave it with a child that was forked a moment ago and has not begun its own program yet.
        let _ = self.lock.unlock();
    }
}

/// A token that is on its way to its name.
const NEXT: &str = ".new";

/// What an owner before this one had written, and not named.
fn recover(file: &Path) -> Result<(), StoreError> {
    let next = beside(file, NEXT);
    match contents(&next) {
        Ok(text) if text.len() > 1 && text.ends_with('\n') => Ok(rename(&next, file)?),
        // Its writer did not come to an end, so that it was never the only one.
        Ok(_) | Err(StoreError::NotAToken) => Ok(fs::remove_file(&next)?),
        Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            // That there can be one is known before the old one is used up.
            drop(private().create_new(true).open(&next)?);
            Ok(fs::remove_file(&next)?)
        }
        Err(error) => Err(error),
    }
}

fn read(file: &Path) -> Result<Option<SecretString>, StoreError> {
    let text = match contents(file) {
        Ok(text) => text,
        Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let token = text.trim();
    if token.is_empty() || token.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(StoreError::NotAToken);
    }
    Ok(Some(token.into()))
}

fn contents(file: &Path) -> Result<Zeroizing<String>, StoreError> {
    let opened = File::open(file)?;
    refuse_shared(&opened)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    opened.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(StoreError::NotAToken);
    }
    std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| StoreError::NotAToken)
}

#[cfg(unix)]
fn refuse_shared(file: &File) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_shared = file.metadata()?.permissions().mode() & 0o077 != 0;
    if is_shared { Err(StoreError::Shared) } else { Ok(()) }
}

#[cfg(not(unix))]
fn refuse_shared(_: &File) -> Result<(), StoreError> {
    Ok(())
}

/// For writing, by its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    // A new name is only there for good when its folder is on disk.
    #[cfg(unix)]
    {
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    async fn open(file: &Path) -> Result<Store, StoreError> {
        Store::open(file, PATIENCE).await
    }

    async fn held(file: &Path) -> Option<String> {
        open(file).await.unwrap().token().map(|token| token.expose_secret().to_owned())
    }

    fn write(file: &Path, text: &str) {
        private().create(true).truncate(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[tokio::test]
    async fn the_next_token_takes_the_place_of_the_last() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("token");
        assert_eq!(held(&file).await, None);
        for next in ["one", "two"] {
            open(&file).await.unwrap().replace(&next.into()).unwrap();
            assert_eq!(held(&file).await.as_deref(), Some(next));
        }
        let names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert!(
            names.len() == 2 && names.iter().all(|name| name == "token" || name == "token.lock"),
            "{names:?}"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    /// A process that ends between any two steps of a replacement leaves one of these.
    #[tokio::test]
    async fn a_crash_leaves_a_whole_token() {
        let place = tempfile::tempdir().unwrap();
        let (file, next) = (place.path().join("token"), place.path().join("token.new"));
        for (written, expected) in
            [("", "old"), ("ne", "old"), ("new", "old"), ("\n", "old"), ("new\n", "new")]
        {
            write(&file, "old\n");
            write(&next, written);
            assert_eq!(held(&file).await.as_deref(), Some(expected), "{written:?}");
            assert!(!next.exists(), "{written:?}");
        }
        fs::remove_file(&file).unwrap();
        write(&next, "first\n");
        assert_eq!(held(&file).await.as_deref(), Some("first"));
    }

    #[tokio::test]
    async fn one_owner_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("token");
        let first = open(&file).await.unwrap();
        assert!(matches!(Store::open(&file, Duration::ZERO).await, Err(StoreError::Held)));
        let second = tokio::spawn({
            let file = file.clone();
            async move { held(&file).await }
        });
        first.replace(&"next".into()).unwrap();
        drop(first);
        assert_eq!(second.await.unwrap().as_deref(), Some("next"));
    }

    #[tokio::test]
    async fn what_cannot_be_kept() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("token");
        for text in ["", "\n", "a b", "a\nb", &"x".repeat(70_000)] {
            write(&file, text);
            assert!(matches!(open(&file).await, Err(StoreError::NotAToken)), "{}", text.len());
        }
        assert!(matches!(open(&place.path().join("no/token")).await, Err(StoreError::Io(_))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            write(&file, "secret\n");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            let error = open(&file).await.unwrap_err();
            assert!(matches!(error, StoreError::Shared) && !format!("{error:?}").contains("secret"));
        }
    }
}
