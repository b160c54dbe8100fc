//! Connections as an agent of Usercube or Netwrix Identity Manager has them: a section of `appsettings.agent.json`, and the
//! options that it hands to a PowerShell connector on the first line of standard input.
//!
//! `Server`, `AuthType`, `Login` and `Password` stand in the section or in its `Options`. The file holds connections to
//! other systems too; those that lead to no Exchange are left alone, and so is every key that belongs to somebody else.
//! Keys of this program go into a table `Mailwright` of the section.

use super::connection::Connection;
use super::document::{Entry, Kind, Node, Source};
use super::endpoint::Endpoint;
use super::identifier::Identifier;
use super::problem::Problem;

mod options;
mod section;
#[cfg(test)]
mod tests;

pub use options::{MAX_OPTIONS, Options};
use section::{merged, section};

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
                "{}: {path}.Password is the password itself; anybody who reads the file has it (env:, file:, cred:, exec: or \
                 another reference says where it is kept)",
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
