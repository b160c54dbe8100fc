//! Secrets that this machine keeps: variables, files, credentials of systemd, what a command prints. All of what is there,
//! of which most callers want the first line.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::{MAX_LENGTH, Reason};

/// `env:`
pub(super) fn variable(name: &str) -> Result<SecretString, Reason> {
    match std::env::var(name) {
        Ok(value) => Ok(value.into()),
        Err(std::env::VarError::NotPresent) => Err("the variable is not set".into()),
        Err(_) => Err("the variable is not valid UTF-8".into()),
    }
}

/// `file:`
pub(super) fn file(path: &Path) -> Result<SecretString, Reason> {
    refuse_shared(path)?;
    text(read(path)?)
}

/// `cred:`
pub(super) fn credential(name: &str) -> Result<SecretString, Reason> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
        .ok_or("CREDENTIALS_DIRECTORY is not set: not started by systemd with LoadCredential=")?;
    text(read(&Path::new(&folder).join(name))?)
}

/// `exec:`
pub(super) fn command(command: &[String]) -> Result<SecretString, Reason> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}", output.status).into());
    }
    text(output.stdout)
}

#[cfg(unix)]
fn refuse_shared(path: &Path) -> Result<(), Reason> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Reason::from(format!("others may read the file (mode {:03o})", mode & 0o777))
            .hint(format!("run: chmod 600 {}", path.display())));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> Result<(), Reason> {
    Ok(())
}

/// Reads a file that is no larger than a secret.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Reason> {
    // A device or a pipe has no length that could be asked for.
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_LENGTH + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_LENGTH {
        return Err("the file is too large to be a secret".into());
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<SecretString, Reason> {
    let bytes = Zeroizing::new(bytes);
    Ok(std::str::from_utf8(&bytes).map_err(|_| "it is not valid UTF-8")?.into())
}

/// The text up to the first line end: editors and programs put one at the end.
pub(super) fn first_line(text: &SecretString) -> SecretString {
    text.expose_secret().lines().next().unwrap_or_default().into()
}
