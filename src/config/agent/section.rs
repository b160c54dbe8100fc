//! One section of an agent's settings, as one of our connections.

use secrecy::SecretString;

use crate::config::connection::Connection;
use crate::config::document::{Entry, Kind, Node, Source};
use crate::config::fields::Fields;
use crate::config::problem::Problem;
use crate::config::read;
use crate::secret::{SecretError, SecretRef, Secrets};

/// What an agent calls the keys of a sign-in, and what this program calls them.
const KEYS: [(&str, &str); 4] =
    [("Server", "server"), ("AuthType", "authentication"), ("Login", "username"), ("Password", "password")];
/// Our own keys in a section.
pub(super) const OWN: &str = "Mailwright";
/// Stands for a password that is held already, until the connection is read.
const HELD: &str = "cred:held";

/// Reads one section; whether its password was the password itself.
pub(super) fn section(
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
pub(super) fn ours(theirs: &str) -> Option<&'static str> {
    KEYS.iter().find(|(key, _)| key.eq_ignore_ascii_case(theirs)).map(|(_, ours)| *ours)
}

/// A value as we write it; a password that is no reference is taken out.
pub(super) fn translate(key: &str, value: &mut Node) -> Option<SecretRef> {
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
pub(super) fn is_nothing(value: &Node) -> bool {
    match &value.kind {
        Kind::Null => true,
        Kind::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The members of a section with those of its `Options`, which win.
pub(super) fn merged(mut members: Vec<Entry>) -> Vec<Entry> {
    let options = members.iter().position(|member| member.key.eq_ignore_ascii_case("Options"));
    let Some(options) = options.map(|at| members.remove(at)) else { return members };
    if let Kind::Table(options) = options.value.kind {
        members.retain(|member| !options.iter().any(|option| option.key.eq_ignore_ascii_case(&member.key)));
        members.extend(options);
    }
    members
}
