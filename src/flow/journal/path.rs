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

/// Makes the folder of a file, and those above it, where they are not there; only the owner may look into them.
pub(in crate::flow) fn private_folder(file: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => builder.create(folder),
        None => Ok(()),
    }
}

/// Makes the folder and the file where they are not there.
pub(super) fn prepare(file: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    private_folder(file)?;
    options.open(file).map(drop)
}
