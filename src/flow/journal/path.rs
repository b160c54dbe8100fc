//! Where the journal is kept, and that only its owner may read it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The journal of a connection in the user's state folder; `variable` reads an environment variable.
pub fn default_path(connection: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = if cfg!(windows) {
        folder("LOCALAPPDATA")?
    } else if cfg!(target_os = "macos") {
        folder("HOME")?.join("Library").join("Application Support")
    } else {
        match folder("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
            Some(path) => path,
            None => folder("HOME")?.join(".local").join("state"),
        }
    };
    Some(state.join("mailwright").join(format!("{connection}.db")))
}

/// Makes the folder and the file where they are not there.
pub(super) fn prepare(file: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        builder.mode(0o700);
        options.mode(0o600);
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        builder.create(folder)?;
    }
    options.open(file).map(drop)
}
