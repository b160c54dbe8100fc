//! Connections as an agent of Usercube or Netwrix Identity Manager has them: a section of `appsettings.agent.json`, and the
//! options that it hands to a PowerShell connector on the first line of standard input.
//!
//! `Server`, `AuthType`, `Login` and `Password` stand in the section or in its `Options`. The file holds connections to
//! other systems too; those that lead to no Exchange are left alone, and so is every key that belongs to somebody else.
//! Keys of this program go into a table `Mailwright` of the section.

use std::path::Path;

use secrecy::SecretString;

use super::connection::Connection;
use super::document::{Entry, Kind, Node, Source, parse_json};
use super::endpoint::Endpoint;
use super::fields::{Fields, Sited};
use super::identifier::Identifier;
use super::problem::{ConfigError, Problem};
use super::{read, rules};
use crate::secret::{SecretError, SecretRef, Secrets};

/// What an agent calls the keys of a sign-in, and what this program calls them.
const KEYS: [(&str, &str); 4] =
    [("Server", "server"), ("AuthType", "authentication"), ("Login", "username"), ("Password", "password")];
/// Our own keys in a section.
const OWN: &str = "Mailwright";
/// Stands for a password that is held already, until the connection is read.
const HELD: &str = "cred:held";
/// Longest line of options that is read.
pub const MAX_OPTIONS: u64 = 64 * 1024;

/// Whether a document is an agent's, which writes its keys with capitals.
pub(super) fn is_one(root: &Node) -> bool {
    let Kind::Table(members) = &root.kind else { return false };
    let has = |name: &str| members.iter().any(|member| member.key == name);
    has("Connections") && !has("connections")
}

/// Reads every connection to an Exchange, and what a person should know about them.
pub(super) fn connections(source: &Source, root: Node) -> (Vec<Connection>, Vec<Problem>, Vec<String>) {
    let (mut list, mut problems, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let start = root.span.start;
    let Some(Node { kind: Kind::Table(sections), .. }) = child(root, "Connections") else {
        return (list, vec![source.problem(start, "Connections must be a table")], warnings);
    };
    for Entry { key: name, key_span, value } in sections {
        let Kind::Table(members) = value.kind else { continue };
        let members = merged(members);
        if !leads_to_exchange(&members) {
            continue;
        }
        let path = format!("Connections.{name}");
        if list.iter().any(|other: &Connection| other.name == name) {
            problems.push(source.problem(key_span.start, "the identifier is there twice").key(&path));
        }
        if let Err(error) = Identifier::parse(&name) {
            let hint = "an identifier begins with no digit and holds none of < > : \" / \\ | ? * _";
            problems.push(source.problem(key_span.start, error.to_string()).key(&path).hint(hint));
            continue;
        }
        let (connection, held) = section(source, &mut problems, &name, key_span.start, members);
        if held {
            warnings.push(format!(
                "{}: {path}.Password is the password itself; anybody who reads the file has it (env:, file:, cred: or exec: say \
                 where it is kept)",
                source.file.display()
            ));
        }
        list.extend(connection);
    }
    if list.is_empty() && problems.is_empty() {
        let hint = "for example \"Server\": \"http://ex01.contoso.com/PowerShell/\"";
        problems.push(
            source.problem(start, "no connection in it leads to an Exchange").key("Connections").hint(hint),
        );
    }
    (list, problems, warnings)
}

/// Reads one section; whether its password was the password itself.
fn section(
    source: &Source,
    problems: &mut Vec<Problem>,
    name: &str,
    at: usize,
    members: Vec<Entry>,
) -> (Option<Connection>, bool) {
    let mut found = Vec::new();
    let mut own = Vec::new();
    let mut held = None;
    for mut member in members {
        if let Some(ours) = ours(&member.key) {
            held = translate(ours, &mut member.value).or(held);
            if !is_nothing(&member.value) {
                found.push(Entry { key: ours.to_owned(), ..member });
            }
        } else if member.key.eq_ignore_ascii_case(OWN)
            && let Kind::Table(entries) = member.value.kind
        {
            own = entries;
        }
    }
    if !own.iter().any(|entry| entry.key == "infrastructure") {
        let kind = Kind::Text("on-premises".into());
        let value = Node { span: at..at, kind };
        found.push(Entry { key: "infrastructure".into(), key_span: at..at, value });
    }
    found.extend(own);
    let mut own_problems = Vec::new();
    let path = format!("Connections.{name}");
    let mut fields = Fields::new(source, &mut own_problems, path.clone(), at, found);
    let connection = read::connection(&mut fields, name.to_owned(), &Secrets::default());
    fields.finish();
    for problem in &mut own_problems {
        for (theirs, ours) in KEYS {
            if problem.key == format!("{path}.{ours}") {
                problem.key = format!("{path}.{theirs}");
            }
        }
    }
    problems.append(&mut own_problems);
    let is_held = held.is_some();
    let connection = connection.map(|mut connection| {
        if let Some(held) = held {
            connection.password = Some(held);
        }
        connection
    });
    (connection, is_held)
}

/// What we call a key of an agent, which does not mind case.
fn ours(theirs: &str) -> Option<&'static str> {
    KEYS.iter().find(|(key, _)| key.eq_ignore_ascii_case(theirs)).map(|(_, ours)| *ours)
}

/// A value as we write it; a password that is no reference is taken out.
fn translate(key: &str, value: &mut Node) -> Option<SecretRef> {
    match (key, &mut value.kind) {
        ("password", _) => return hold(value),
        // The names of PowerShell's `-Authentication`, of which `Default` is Negotiate.
        ("authentication", Kind::Text(text)) => {
            *text = text.trim().to_ascii_lowercase();
            if text == "default" {
                *text = "negotiate".to_owned();
            }
        }
        _ => {}
    }
    None
}

/// Takes a password that is no reference out of the tree.
fn hold(value: &mut Node) -> Option<SecretRef> {
    let Kind::Text(text) = &mut value.kind else { return None };
    match text.parse::<SecretRef>() {
        Err(SecretError::NotAReference) if !text.is_empty() => {
            let secret = SecretString::from(std::mem::replace(text, HELD.to_owned()));
            Some(SecretRef::held(secret))
        }
        _ => None,
    }
}

/// An agent writes what it does not have as nothing.
fn is_nothing(value: &Node) -> bool {
    match &value.kind {
        Kind::Null => true,
        Kind::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The members of a section with those of its `Options`, which win.
fn merged(mut members: Vec<Entry>) -> Vec<Entry> {
    let options = members.iter().position(|member| member.key.eq_ignore_ascii_case("Options"));
    let Some(options) = options.map(|at| members.remove(at)) else { return members };
    if let Kind::Table(options) = options.value.kind {
        members.retain(|member| !options.iter().any(|option| option.key.eq_ignore_ascii_case(&member.key)));
        members.extend(options);
    }
    members
}

/// By the server: `/PowerShell` of an Exchange, or an ordinary endpoint.
fn leads_to_exchange(members: &[Entry]) -> bool {
    members.iter().any(|member| match &member.value.kind {
        Kind::Text(url) if member.key.eq_ignore_ascii_case("Server") => {
            Endpoint::from_url(url).is_ok_and(|endpoint| {
                endpoint.is_exchange()
                    || endpoint.url().path().trim_end_matches('/').eq_ignore_ascii_case("/wsman")
            })
        }
        _ => false,
    })
}

fn child(node: Node, name: &str) -> Option<Node> {
    let Kind::Table(members) = node.kind else { return None };
    members.into_iter().find(|member| member.key == name).map(|member| member.value)
}

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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::{Authentication, Config};

    const CANARY: &str = "Canary-7c1f!pw";

    fn value(connection: &Connection) -> String {
        let fetched = connection.secrets.fetch(connection.password.as_ref().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(fetched).unwrap().expose_secret().to_owned()
    }

    fn load(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("appsettings.agent.json"), text.to_owned())
    }

    #[test]
    fn sections_that_lead_to_exchange_are_taken_and_others_left_alone() {
        let config = load(&format!(
            r#"{{"OpenId": {{"AgentIdentifier": "Local"}}, "Connections": {{
                "Directory": {{"Path": "C:/Sources/Directory.xlsx"}},
                "ADFulfillment": {{"Servers": [{{"Server": "paris.contoso.com"}}], "AuthType": "Basic", "Login": "x"}},
                "ServiceNow": {{"Server": "https://it.service-now.com/api/now/table", "Login": "x", "Password": "y"}},
                "ExchangeExport": {{"AuthType": "Kerberos", "Server": "http://ex01.contoso.com/PowerShell/",
                    "Login": "svc@CONTOSO.COM", "Password": "{CANARY}"}},
                "ExchangeFulfil": {{"PowerShellScriptPath": "C:/Scripts/Fulfill.ps1", "Options": {{"AuthType": "Negotiate",
                    "Server": "http://ex01.contoso.com/PowerShell/", "Login": "svc", "Password": "env:EX_PASSWORD"}},
                    "Mailwright": {{"create_method": "new", "excluded_smtp_domains": ["contoso.mail.onmicrosoft.com"]}}}}
            }}}}"#
        ))
        .unwrap();
        let names: Vec<&str> = config.connections.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["ExchangeExport", "ExchangeFulfil"]);
        let (export, fulfil) = (&config.connections[0], &config.connections[1]);
        assert_eq!(export.authentication, Authentication::Kerberos);
        assert_eq!(value(export), CANARY);
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
        assert!(
            config.warnings[0].contains("ExchangeExport"),
            "a reference gives no warning: {:?}",
            config.warnings
        );
        assert_eq!(fulfil.password, Some(SecretRef::Env("EX_PASSWORD".into())));
        assert_eq!(fulfil.policy.create_method, crate::config::CreateMethod::New);
        assert!(!format!("{config:?} {:?}", config.warnings).contains(CANARY));
    }

    #[test]
    fn the_identifier_keeps_the_products_rules() {
        for (name, character) in [("my_exchange", "`_`"), ("2corp", "`2`"), ("a?b", "`?`")] {
            let error = load(&format!(
                r#"{{"Connections": {{"{name}": {{"AuthType": "Negotiate", "Server": "http://ex01/PowerShell/", "Login": "a", "Password": "env:A"}}}}}}"#
            ))
            .unwrap_err();
            assert!(error.to_string().contains(character), "{error}");
        }
    }

    #[test]
    fn problems_have_the_agents_names() {
        let error = load(
            r#"{"Connections": {"Ex": {"AuthType": "Digest", "Server": "http://ex01/PowerShell/", "Login": "a", "Password": "env:A"}}}"#,
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("appsettings.agent.json:1:37: Connections.Ex.AuthType:"),
            "{error}"
        );
        let error =
            load(r#"{"Connections": {"Ex": {"AuthType": "Kerberos", "Server": "http://ex01/PowerShell/"}}}"#);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("Connections.Ex.Login") && text.contains("Connections.Ex.Password"), "{text}");
        assert!(load(r#"{"Connections": {}}"#).unwrap_err().to_string().contains("leads to an Exchange"));
    }

    #[test]
    fn options_stand_alone_or_over_a_connection() {
        let line = format!(
            r#"{{"authtype": "Negotiate", "Server": "http://ex02/PowerShell/", "Login": "svc", "Password": "{CANARY}", "Message": "Hello"}}"#
        );
        let options = Options::parse(line.clone()).unwrap().unwrap();
        assert_eq!((options.name_a_server(), options.unused()), (true, vec!["Message"]));
        let alone = options.connection("exchange").unwrap();
        assert_eq!(alone.endpoint.to_string(), "http://ex02/PowerShell/");

        let base = load(
            r#"{"Connections": {"Ex": {"AuthType": "Negotiate", "Server": "http://ex01/PowerShell/", "Login": "a", "Password": "env:A",
                "Mailwright": {"create_method": "new"}}}}"#,
        )
        .unwrap()
        .connections
        .remove(0);
        let over = Options::parse(line).unwrap().unwrap().over(&base).unwrap();
        assert_eq!(over.username.as_deref(), Some("svc"));
        assert_eq!(over.policy, base.policy);
        assert_eq!(value(&over), CANARY);
        assert!(!format!("{over:?}").contains(CANARY));
        let only_login = Options::parse(r#"{"Login": "other", "Password": ""}"#.into()).unwrap().unwrap();
        let over = only_login.over(&base).unwrap();
        assert_eq!((over.username.as_deref(), over.password), (Some("other"), base.password.clone()));

        let own = Options::parse(r#"{"Mailwright": {"create_method": "new"}}"#.into()).unwrap().unwrap();
        assert!(own.over(&base).unwrap_err().to_string().contains("standard input:1:2: Mailwright:"));
        let basic = Options::parse(r#"{"AuthType": "Basic"}"#.into()).unwrap().unwrap().over(&base);
        assert!(basic.unwrap_err().to_string().contains("basic over http"));
        assert!(Options::parse(" \r\n".into()).unwrap().is_none());
        for wrong in ["[1]", CANARY, "{\"Password\": \"Canary-7c1f!pw\""] {
            let error = Options::parse(wrong.into()).err().unwrap();
            assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        }
    }
}
