//! Secrets as references: where a value is kept, and how it is fetched when it is needed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;

use secrecy::SecretString;

/// Longest secret that is taken from anywhere.
const MAX_LENGTH: u64 = 64 * 1024;

/// Where a secret is kept. Never the value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretRef {
    /// `env:NAME`: an environment variable
    Env(String),
    /// `file:PATH`: the first line of a file that only its owner may read
    File(PathBuf),
    /// `cred:NAME`: a systemd credential
    Credential(String),
    /// `exec:["command","argument"]`: what a command prints
    Exec(Vec<String>),
    /// `keyring:service/user`
    Keyring(String),
    /// `vault:mount/path#field`
    Vault(String),
    /// A value that the configuration itself brought, or the caller; no text stands for it
    Held(Held),
}

/// A secret in memory. Two of them are the same only when they are the same one: nothing compares the values.
#[derive(Clone)]
pub struct Held(Arc<SecretString>);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Held {}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// Why a secret cannot be had. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The text is not a reference; it may be the secret itself and is not repeated
    #[error("a secret must be a reference, and this is none (the value is not shown)")]
    NotAReference,
    /// The reference names nothing, or its list is malformed
    #[error("malformed secret reference: {0}")]
    Malformed(&'static str),
    /// What the reference names is not there or not usable
    #[error("secret {reference}: {reason}")]
    Unavailable {
        /// The reference
        reference: String,
        /// What stands in the way
        reason: String,
    },
}

impl SecretError {
    /// What the reader may do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAReference => {
                "write where the secret is kept: env:NAME, file:PATH, cred:NAME or exec:[\"command\",\"argument\"]"
            }
            Self::Malformed(_) => {
                "for example env:MAILWRIGHT_PASSWORD or exec:[\"pass\",\"show\",\"exchange\"]"
            }
            Self::Unavailable { .. } => "make the secret available to this process, then run again",
        }
    }
}

impl FromStr for SecretRef {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let (scheme, rest) = text.split_once(':').ok_or(SecretError::NotAReference)?;
        let named =
            |what| if rest.is_empty() { Err(SecretError::Malformed(what)) } else { Ok(rest.to_owned()) };
        match scheme {
            "env" => named("env: needs the name of a variable").map(Self::Env),
            "file" => named("file: needs a path").map(|path| Self::File(path.into())),
            "cred" if rest.contains(['/', '\\']) || rest == ".." => {
                Err(SecretError::Malformed("cred: needs a plain name"))
            }
            "cred" => named("cred: needs the name of a credential").map(Self::Credential),
            "exec" => match serde_json::from_str::<Vec<String>>(rest) {
                Ok(command) if command.first().is_some_and(|program| !program.is_empty()) => {
                    Ok(Self::Exec(command))
                }
                _ => Err(SecretError::Malformed("exec: needs a list [\"command\",\"argument\", ...]")),
            },
            "keyring" => named("keyring: needs service/user").map(Self::Keyring),
            "vault" => named("vault: needs mount/path#field").map(Self::Vault),
            _ => Err(SecretError::NotAReference),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Credential(name) => write!(f, "cred:{name}"),
            Self::Exec(command) => write!(f, "exec:{}", serde_json::json!(command)),
            Self::Keyring(name) => write!(f, "keyring:{name}"),
            Self::Vault(name) => write!(f, "vault:{name}"),
            Self::Held(_) => f.write_str("***"),
        }
    }
}

impl SecretRef {
    /// A secret that is here already.
    pub fn held(secret: SecretString) -> Self {
        Self::Held(Held(Arc::new(secret)))
    }

    /// Fetches the secret, now. A relative file is looked up in the current directory.
    pub fn resolve(&self) -> Result<SecretString, SecretError> {
        let fault = |reason: String| SecretError::Unavailable { reference: self.to_string(), reason };
        let secret = match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) => value.into(),
                Err(std::env::VarError::NotPresent) => return Err(fault("the variable is not set".into())),
                Err(_) => return Err(fault("the variable is not valid UTF-8".into())),
            },
            Self::File(path) => {
                refuse_shared(path).map_err(fault)?;
                read_line(path).map_err(fault)?
            }
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    fault(
                        "CREDENTIALS_DIRECTORY is not set: not started by systemd with LoadCredential="
                            .into(),
                    )
                })?;
                read_line(&Path::new(&folder).join(name)).map_err(fault)?
            }
            Self::Exec(command) => run(command).map_err(fault)?,
            Self::Held(Held(secret)) => SecretString::clone(secret),
            Self::Keyring(_) => return Err(fault("keyring: is not built in yet".into())),
            Self::Vault(_) => {
                return Err(fault(
                    "vault: is not built in yet; exec: can call the vault's own program".into(),
                ));
            }
        };
        if secrecy::ExposeSecret::expose_secret(&secret).is_empty() {
            return Err(SecretError::Unavailable {
                reference: self.to_string(),
                reason: "it is empty".into(),
            });
        }
        Ok(secret)
    }
}

#[cfg(unix)]
fn refuse_shared(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "others may read the file (mode {:03o}); run: chmod 600 {}",
            mode & 0o777,
            path.display()
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> Result<(), String> {
    Ok(())
}

fn read_line(path: &Path) -> Result<SecretString, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_LENGTH {
        return Err("the file is too large to be a secret".into());
    }
    first_line(std::fs::read(path).map_err(|error| error.to_string())?)
}

fn run(command: &[String]) -> Result<SecretString, String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}", output.status));
    }
    first_line(output.stdout)
}

/// The text up to the first line end: editors and programs put one at the end.
fn first_line(bytes: Vec<u8>) -> Result<SecretString, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is not valid UTF-8".to_owned())?;
    Ok(text.lines().next().unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const CANARY: &str = "Canary-7c1f!pw";

    #[test]
    fn references_are_read_and_written() {
        for text in ["env:A", "file:/etc/x", "cred:a", "exec:[\"a\",\"b c\"]", "keyring:s/u", "vault:m/p#f"] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
        for text in ["env:", "exec:pass show", "exec:[]", "cred:../x"] {
            assert!(matches!(text.parse::<SecretRef>(), Err(SecretError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn a_plain_value_is_refused_and_not_repeated() {
        for text in [CANARY.to_owned(), format!("pw:{CANARY}")] {
            let error = text.parse::<SecretRef>().unwrap_err();
            assert!(matches!(error, SecretError::NotAReference));
            assert!(!format!("{error} {error:?} {}", error.hint()).contains(CANARY));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, format!("{CANARY}\r\nsecond line")).unwrap();
        let reference = SecretRef::File(path.clone());
        for mode in [0o644, 0o640, 0o604] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = reference.resolve().unwrap_err().to_string();
            assert!(error.contains("chmod 600") && !error.contains(CANARY), "{error}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(reference.resolve().unwrap().expose_secret(), CANARY);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_gives_its_first_line() {
        let run = |script: &str| SecretRef::Exec(vec!["sh".into(), "-c".into(), script.into()]).resolve();
        assert_eq!(run("echo one; echo two").unwrap().expose_secret(), "one");
        assert!(run("exit 3").unwrap_err().to_string().contains("ended with"));
        assert!(run("true").unwrap_err().to_string().contains("empty"));
    }

    #[test]
    fn what_is_not_built_in_says_so() {
        for text in ["keyring:a/b", "vault:a/b#c"] {
            assert!(
                text.parse::<SecretRef>()
                    .unwrap()
                    .resolve()
                    .unwrap_err()
                    .to_string()
                    .contains("not built in yet")
            );
        }
    }
}
