//! The options that an agent hands to a PowerShell connector.

use std::path::Path;

use super::section::{OWN, is_nothing, merged, ours, section, translate};
use crate::config::connection::Connection;
use crate::config::document::{Entry, Kind, Source, parse_json};
use crate::config::fields::{Fields, Sited};
use crate::config::problem::ConfigError;
use crate::config::{read, rules};

/// Longest line of options that is read.
pub const MAX_OPTIONS: u64 = 64 * 1024;

/// The options of a PowerShell connector: one JSON object on one line.
pub struct Options {
    source: Source,
    members: Vec<Entry>,
}

impl Options {
    /// Reads the line; `None` when there is nothing on it.
    ///
    /// # Errors
    /// It is no JSON object. The error repeats nothing of it.
    pub fn parse(line: String) -> Result<Option<Self>, ConfigError> {
        let mut line = line;
        if line.starts_with('\u{feff}') {
            line.drain(..'\u{feff}'.len_utf8());
        }
        if line.trim().is_empty() {
            return Ok(None);
        }
        let source = Source::new(Path::new("standard input"), line);
        let wrong = |offset, message: String| {
            let hint = "the first line holds the options: {\"AuthType\": ..., \"Server\": ..., \"Login\": ..., \"Password\": ...}, or nothing";
            ConfigError::Invalid(vec![source.problem(offset, message).hint(hint)])
        };
        match parse_json(&source.text).map_err(|error| wrong(error.offset, error.message))?.kind {
            Kind::Table(members) => Ok(Some(Self { members: merged(members), source })),
            kind => Err(wrong(0, format!("this is {}, not an object", kind.name()))),
        }
    }

    /// Whether they say where Exchange is.
    pub fn name_a_server(&self) -> bool {
        self.members
            .iter()
            .any(|member| member.key.eq_ignore_ascii_case("Server") && !is_nothing(&member.value))
    }

    /// Names of options that mean nothing here.
    pub fn unused(&self) -> Vec<&str> {
        let known = |key: &str| key.eq_ignore_ascii_case(OWN) || ours(key).is_some();
        self.members.iter().map(|member| member.key.as_str()).filter(|key| !known(key)).collect()
    }

    /// A connection of the options alone.
    ///
    /// # Errors
    /// Something is missing or cannot be.
    pub fn connection(self, name: &str) -> Result<Connection, ConfigError> {
        let mut problems = Vec::new();
        let (connection, _) = section(&self.source, &mut problems, name, 0, self.members);
        match connection {
            Some(connection) if problems.is_empty() => Ok(connection),
            _ => Err(ConfigError::Invalid(problems)),
        }
    }

    /// A connection with the sign-in of the options; what they leave out stays as it is.
    ///
    /// # Errors
    /// Something cannot be, or does not go together with the rest of the connection.
    pub fn over(self, base: &Connection) -> Result<Connection, ConfigError> {
        let mut connection = base.clone();
        let mut problems = Vec::new();
        let mut found = Vec::new();
        let mut held = None;
        for mut member in self.members {
            if member.key.eq_ignore_ascii_case(OWN) {
                let message = "there is a configuration file, and this stands in it";
                problems.push(self.source.problem(member.key_span.start, message).key(OWN));
            }
            let Some(ours) = ours(&member.key) else { continue };
            held = translate(ours, &mut member.value).or(held);
            if !is_nothing(&member.value) {
                found.push(Entry { key: ours.to_owned(), ..member });
            }
        }
        let mut f = Fields::new(&self.source, &mut problems, String::new(), 0, found);
        if let Some(endpoint) = read::server(&mut f) {
            connection.configuration_name = endpoint.configuration_name().to_owned();
            connection.endpoint = endpoint;
        }
        if let Some(authentication) = read::authentication_of(&mut f) {
            connection.authentication = authentication;
        }
        connection.username = f.text("username").map(|text| text.value).or(connection.username);
        let password = f.secret("password");
        connection.password = held.or(password).or(connection.password);
        rules::sign_in(
            &mut f,
            &rules::Given {
                authentication: &Sited { value: connection.authentication, at: 0 },
                endpoint: &Sited { value: connection.endpoint.clone(), at: 0 },
                danger: connection.danger,
                has_username: connection.username.is_some(),
                has_password: connection.password.is_some(),
                kerberos: &connection.kerberos,
                tls: &connection.tls,
            },
        );
        f.finish();
        if problems.is_empty() { Ok(connection) } else { Err(ConfigError::Invalid(problems)) }
    }
}
