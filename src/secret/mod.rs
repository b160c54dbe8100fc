//! Secrets as references: where a value is kept, and how it is fetched when it is needed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

#[cfg_attr(not(feature = "age"), path = "no_age.rs")]
mod age;
#[cfg_attr(not(all(feature = "keyring", target_os = "linux")), path = "no_keyring.rs")]
mod keyring;
mod local;
mod redact;
#[cfg(test)]
mod tests;
mod vault;

pub use redact::Redaction;
pub use vault::{AppRole, VaultPath, VaultSettings};
pub(crate) use vault::{is_exposed, parse_address};

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
    /// `exec:["command","argument"]`: the first line that a command prints
    Exec(Vec<String>),
    /// `keyring:service/user`: an entry of the desktop's keyring
    Keyring {
        /// The attribute `service`
        service: String,
        /// The attribute `username`
        user: String,
    },
    /// `vault:mount/path#field`: a field of a secret in HashiCorp Vault or OpenBao
    Vault(VaultPath),
    /// `age:FILE#key`: a value in a file that is encrypted with age
    Age(PathBuf, String),
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

impl SecretRef {
    /// A secret that is here already.
    pub fn held(secret: SecretString) -> Self {
        Self::Held(Held(Arc::new(secret)))
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
        /// What the reader may do about it
        hint: Option<String>,
    },
}

impl SecretError {
    /// What the reader may do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::NotAReference => {
                "write where the secret is kept: env:NAME, file:PATH, cred:NAME, exec:[\"command\",\"argument\"], \
                 keyring:service/user, vault:mount/path#field or age:FILE#key"
            }
            Self::Malformed(_) => {
                "for example env:MAILWRIGHT_PASSWORD, exec:[\"pass\",\"show\",\"exchange\"] or vault:secret/idm/exchange#password"
            }
            Self::Unavailable { hint: Some(hint), .. } => hint,
            Self::Unavailable { hint: None, .. } => {
                "make the secret available to this process, then run again"
            }
        }
    }
}

/// What stands in the way, and perhaps what to do about it.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

impl Reason {
    /// What a server said, without what it was given.
    fn without(self, secret: &SecretString) -> Self {
        let mut redaction = Redaction::default();
        redaction.hide(secret);
        Self { text: redaction.clean(&self.text), hint: self.hint.map(|hint| redaction.clean(&hint)) }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<T: Into<String>> From<T> for Reason {
    fn from(text: T) -> Self {
        Self { text: text.into(), hint: None }
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
            "keyring" => match rest.rsplit_once('/') {
                Some((service, user)) if !service.is_empty() && !user.is_empty() => {
                    Ok(Self::Keyring { service: service.to_owned(), user: user.to_owned() })
                }
                _ => Err(SecretError::Malformed("keyring: needs service/user")),
            },
            "age" => match rest.rsplit_once('#') {
                Some((file, key)) if !file.is_empty() && !key.is_empty() => {
                    Ok(Self::Age(file.into(), key.to_owned()))
                }
                _ => Err(SecretError::Malformed("age: needs FILE#key")),
            },
            "vault" => rest.parse().map(Self::Vault).map_err(SecretError::Malformed),
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
            Self::Keyring { service, user } => write!(f, "keyring:{service}/{user}"),
            Self::Vault(path) => write!(f, "vault:{path}"),
            Self::Age(file, key) => write!(f, "age:{}#{key}", file.display()),
            Self::Held(_) => f.write_str("***"),
        }
    }
}

/// Fetches secrets; knows what references do not say themselves. Clones share what it has signed in to.
///
/// ```
/// # async fn example() -> Result<(), mailwright::secret::SecretError> {
/// use mailwright::secret::{SecretRef, Secrets};
/// let reference: SecretRef = "env:MAILWRIGHT_PASSWORD".parse()?;
/// let password = Secrets::default().fetch(&reference).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Secrets(Arc<vault::Vault>);

impl PartialEq for Secrets {
    fn eq(&self, other: &Self) -> bool {
        self.0.settings() == other.0.settings()
    }
}

impl Secrets {
    /// With what `[vault]` says.
    pub fn new(vault: VaultSettings) -> Self {
        Self(Arc::new(vault::Vault::new(vault)))
    }

    /// Fetches a secret, now. A relative file is looked up in the current directory.
    ///
    /// # Errors
    /// [`SecretError::Unavailable`]
    pub async fn fetch(&self, reference: &SecretRef) -> Result<SecretString, SecretError> {
        let found = match reference {
            SecretRef::Vault(path) => self.0.read(path).await,
            other => fetch_here(other).await,
        };
        found
            .and_then(
                |secret| {
                    if secret.expose_secret().is_empty() { Err("it is empty".into()) } else { Ok(secret) }
                },
            )
            .map_err(|Reason { text, hint }| SecretError::Unavailable {
                reference: reference.to_string(),
                reason: text,
                hint,
            })
    }
}

/// Everything but a vault, which may itself need a secret.
async fn fetch_here(reference: &SecretRef) -> Result<SecretString, Reason> {
    if let SecretRef::Keyring { service, user } = reference {
        return keyring::read(service, user).await;
    }
    let reference = reference.clone();
    // Files and commands may take their time.
    let fetched = tokio::task::spawn_blocking(move || match &reference {
        SecretRef::Age(file, key) => age::value(file, key),
        SecretRef::Held(Held(secret)) => Ok(SecretString::clone(secret)),
        SecretRef::Keyring { .. } | SecretRef::Vault(_) => Err("here it cannot be used".into()),
        SecretRef::Env(name) => local::variable(name),
        SecretRef::File(_) | SecretRef::Credential(_) | SecretRef::Exec(_) => {
            whole(&reference).map(|text| local::first_line(&text))
        }
    });
    fetched.await.unwrap_or_else(|_| Err("fetching it was broken off".into()))
}

/// All that is there, of more than one line perhaps; only of what this machine keeps in clear.
fn whole(reference: &SecretRef) -> Result<SecretString, Reason> {
    match reference {
        SecretRef::Env(name) => local::variable(name),
        SecretRef::File(path) => local::file(path),
        SecretRef::Credential(name) => local::credential(name),
        SecretRef::Exec(command) => local::command(command),
        _ => Err("here only env:, file:, cred: and exec: can be used".into()),
    }
}

pub(crate) use age::{decrypt, is_encrypted};
