//! Connections: read from TOML or JSON, checked, with every problem named by file, line and column.
//! Secrets are references, never values.

use std::path::{Path, PathBuf};

pub mod agent;
mod cloud;
mod connection;
pub(crate) mod document;
mod duration;
mod endpoint;
mod export;
mod fields;
mod identifier;
mod init;
mod mail;
mod problem;
mod read;
mod rules;
mod suggest;
#[cfg(test)]
mod tests;
mod vault;

pub use crate::plan::{CreateMethod, Policy};
pub use crate::secret::{SecretError, SecretRef, Secrets};
pub use cloud::{AuthorizationCode, CertificatePlace, Cloud, CloudSignIn, Environment, FirstToken};
pub use connection::{
    Authentication, Connection, Danger, ExchangeLoader, Infrastructure, Kerberos, Proxy, Timeouts, Tls,
};
pub(crate) use duration::parse as parse_duration;
pub use endpoint::{Endpoint, EndpointError};
pub use export::{Export, Schedule};
pub use identifier::{Identifier, IdentifierError};
pub use init::{TEMPLATE, write_template};
pub use mail::{Mail, Security};
pub use problem::{ConfigError, Place, Problem};
pub use rules::Unusable;
pub(crate) use suggest::suggestion;

use crate::secret::{Reason, decrypt, is_encrypted};
use document::Source;

/// Largest configuration file that is read.
const MAX_LENGTH: u64 = 1024 * 1024;

/// A configuration file, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file
    pub file: PathBuf,
    /// Its connections, in the order of the file
    pub connections: Vec<Connection>,
    /// Who is told when a run fails
    pub mail: Option<Mail>,
    /// What a person should know about it
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks a file. One that is encrypted with age is opened with what `MAILWRIGHT_IDENTITY` refers to; where
    /// the file is not there, the same name with `.age` will do.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let file = present(file).unwrap_or_else(|| file.to_owned());
        let text = read_text(&file)?;
        Self::parse(&file, text)
    }

    /// Checks a text; JSON when it begins with `{`.
    pub fn parse(file: &Path, text: String) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let source = Source::new(file, text);
        let is_json = source.text.trim_start().starts_with('{');
        let parsed =
            if is_json { document::parse_json(&source.text) } else { document::parse_toml(&source.text) };
        let root = parsed
            .map_err(|error| ConfigError::Invalid(vec![source.problem(error.offset, error.message)]))?;
        let (connections, mail, mut problems, mut warnings) = if is_json && agent::is_one(&root) {
            let (connections, problems, warnings) = agent::connections(&source, root);
            (connections, None, problems, warnings)
        } else {
            let (connections, mail, problems) = read::file(&source, root);
            (connections, mail, problems, Vec::new())
        };
        for connection in &connections {
            warnings.extend(connection.warnings());
            warnings.extend(connection.cloud.iter().flat_map(|cloud| cloud.warnings(&connection.name)));
        }
        if problems.is_empty() {
            return Ok(Self { file: file.to_owned(), connections, mail, warnings });
        }
        problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
        Err(ConfigError::Invalid(problems))
    }

    /// The connection of that name, or the only one.
    pub fn connection(&self, name: Option<&str>) -> Result<&Connection, ConfigError> {
        let names = || self.connections.iter().map(|connection| connection.name.as_str());
        let file = self.file.display();
        match (name, self.connections.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(ConfigError::Connection {
                message: format!("{file} has {} connections", self.connections.len()),
                hint: Some(format!(
                    "choose one with --connection: {}",
                    names().collect::<Vec<_>>().join(", ")
                )),
            }),
            (Some(name), list) => list.iter().find(|connection| connection.name == name).ok_or_else(|| {
                let hint = suggestion(name, names()).map_or_else(
                    || format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                ConfigError::Connection {
                    message: format!("{file} has no connection `{name}`"),
                    hint: Some(hint),
                }
            }),
        }
    }
}

/// The file that is meant by this name, if it is there: itself, or its encrypted form.
pub(crate) fn present(file: &Path) -> Option<PathBuf> {
    let mut encrypted = file.as_os_str().to_owned();
    encrypted.push(".age");
    [file.to_owned(), encrypted.into()].into_iter().find(|file| file.exists())
}

fn read_text(file: &Path) -> Result<String, ConfigError> {
    let unreadable = |message: String| ConfigError::unreadable(file, message);
    let metadata = std::fs::metadata(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ConfigError::Unreadable {
            file: file.to_owned(),
            message: "there is no such configuration file".into(),
            hint: Some("`mailwright init` writes one; --config names another; --lab needs none".into()),
        },
        _ => unreadable(error.to_string()),
    })?;
    if metadata.len() > MAX_LENGTH {
        return Err(unreadable("larger than a configuration file can be".into()));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    if is_encrypted(&bytes) {
        return decrypt(&bytes).map(|text| text.to_string()).map_err(|Reason { text: message, hint }| {
            ConfigError::Unreadable { file: file.to_owned(), message, hint }
        });
    }
    String::from_utf8(bytes).map_err(|_| unreadable("not valid UTF-8".into()))
}
