//! One order: what it is about, and the row that it becomes.

use std::path::Path;

use uuid::Uuid;

use super::addresses;
use super::lines::Lines;
use crate::config::document::{Entry, Kind, Node};
use crate::flow::intake::jsonl;
use crate::flow::intake::row::{Builder, Given, Said};
use crate::recipient::column::{self, Column};
use crate::recipient::{ObjectType, Operation, Wanted};

/// What names the account, the best first: the GUID stays when everything else changes.
const MAILBOX_NAMES: [&str; 6] =
    ["Guid", "Identity", "SamAccountName", "UserPrincipalName", "DistinguishedName", "PrimarySmtpAddress"];
const DATABASE_NAMES: [&str; 3] = ["Guid", "Identity", "Name"];
/// Names that an order may change: the object still has the one in `Resource`.
const RENAMED: [&str; 3] = ["UserPrincipalName", "PrimarySmtpAddress", "Name"];
/// Properties of `Changes` that only name the object; Exchange keeps them itself.
const ONLY_NAMES: [&str; 3] = ["Guid", "Identity", "DistinguishedName"];
/// What agents call the address list.
const ADDRESS_LISTS: [&str; 4] =
    ["EmailAddresses", "EmailAddresses_IncludingPrimary", "ProxyAddress", "ProxyAddresses"];

/// What is kept of an order to say what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The change that it became
    pub change_id: String,
    /// `AssignedResourceTypeId`, by which the agent knows it
    pub id: String,
    /// `ChangeType` as it is written
    pub change_type: String,
    /// `WorkflowInstanceId`
    pub workflow_instance: String,
    /// `Owner.Id`
    pub owner: String,
    /// `ResourceType.SourceEntityType.Id`
    pub owner_type: String,
    /// The file
    pub file: String,
    /// The order's number in its file, from 1
    pub number: u64,
}

/// Reads the orders of one file.
pub(super) struct Reader<'t> {
    pub(super) file: &'t str,
    pub(super) text: &'t str,
    pub(super) lines: Lines<'t>,
    pub(super) run: Uuid,
}

/// A row in the making.
#[derive(Default)]
struct Draft {
    cells: Vec<Given>,
    /// The members of the row in the form of a flow, without a password
    written: Vec<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// One order, as a row and as what is kept of it.
    pub(super) fn order(&self, number: u64, node: Node, builder: &mut Builder) -> Order {
        let mut order = Order { file: self.file.to_owned(), number, ..Order::default() };
        let mut draft = Draft::default();
        let order_node = match node.kind {
            Kind::Table(_) => node,
            kind => {
                draft.problems.push(format!("this is {}, not an order", kind.name()));
                Node { span: node.span, kind: Kind::Table(Vec::new()) }
            }
        };
        order.id = word(&order_node, &["AssignedResourceTypeId"]);
        order.change_type = word(&order_node, &["ChangeType"]);
        order.workflow_instance = word(&order_node, &["WorkflowInstanceId"]);
        order.owner = word(&order_node, &["Owner", "Id"]);
        order.owner_type = word(&order_node, &["ResourceType", "SourceEntityType", "Id"]);
        // The agent uses the id again for every change of the same assignment, so it cannot be the change's.
        order.change_id =
            format!("{}:{}:{number}", if order.id.is_empty() { "order" } else { &order.id }, self.run);
        let name = if self.file.is_empty() { String::new() } else { file_stem(self.file) };
        if !name.is_empty() {
            order.change_id = format!("{}:{name}", order.change_id);
        }
        if order.id.is_empty() && draft.problems.is_empty() {
            draft
                .problems
                .push("AssignedResourceTypeId is missing; the agent would not know the answer".into());
        }
        draft.text("ChangeId", &order.change_id);
        self.fill(&order, order_node, &mut draft);
        let Draft { cells, written, problems } = draft;
        builder.row_with(number, format!("{{{}}}", written.join(",")), cells, problems);
        order
    }

    fn fill(&self, order: &Order, node: Node, draft: &mut Draft) {
        let object_type = object_type(&node);
        let operation = match order.change_type.to_ascii_lowercase().as_str() {
            "added" => Operation::Ensure,
            "modified" => Operation::Update,
            // The directory user belongs to the directory's own connector; a database has nobody else.
            "deleted" if object_type == ObjectType::Mailbox => Operation::Disable,
            "deleted" => Operation::Remove,
            "" => return draft.problems.push("ChangeType is missing: Added, Modified or Deleted".into()),
            _ => {
                let other: String = order.change_type.chars().take(40).collect();
                return draft
                    .problems
                    .push(format!("ChangeType is `{other}`, not Added, Modified or Deleted"));
            }
        };
        draft.text("ObjectType", object_type.as_str());
        draft.text("Operation", operation.as_str());
        let names: &[&str] =
            if object_type == ObjectType::Mailbox { &MAILBOX_NAMES } else { &DATABASE_NAMES };
        let identity = names.iter().find_map(|name| {
            let is_old = operation != Operation::Ensure && RENAMED.contains(name);
            let places = if is_old { ["Resource", "Changes"] } else { ["Changes", "Resource"] };
            places.iter().map(|part| word(&node, &[part, name])).find(|text| !text.is_empty())
        });
        match identity {
            Some(identity) => draft.text("Identity", &identity),
            None => draft.problems.push(format!(
                "nothing in Changes or Resource names the object: one of {}",
                names.join(", ")
            )),
        }
        if matches!(operation, Operation::Disable | Operation::Remove) {
            return;
        }
        match member(node, "Changes").map(|node| node.kind) {
            None | Some(Kind::Null) => {}
            Some(Kind::Table(changes)) => self.changes(changes, object_type, draft),
            Some(kind) => draft.problems.push(format!("Changes is {}, not an object", kind.name())),
        }
    }

    fn changes(&self, changes: Vec<Entry>, object_type: ObjectType, draft: &mut Draft) {
        let mut seen: Vec<(Column, String)> = Vec::new();
        let mut list: Option<(Entry, Vec<String>)> = None;
        let mut primary: Option<Entry> = None;
        for entry in changes {
            let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&entry.key));
            if is(&ONLY_NAMES) {
                continue;
            }
            let is_list = object_type == ObjectType::Mailbox && is(&ADDRESS_LISTS);
            let name = if is_list { "EmailAddresses" } else { entry.key.as_str() };
            match column::column(object_type, name) {
                Ok(column) if seen.iter().any(|(known, _)| *known == column) => {
                    let earlier =
                        seen.iter().find(|(known, _)| *known == column).map(|(_, name)| name.as_str());
                    draft.problems.push(format!(
                        "Changes.{} is the same as Changes.{}",
                        entry.key,
                        earlier.unwrap_or_default()
                    ));
                    continue;
                }
                Ok(column) if is_of_the_row(column) => {
                    draft.problems.push(format!("Changes.{} cannot be a property", entry.key));
                    continue;
                }
                Ok(column) => seen.push((column, entry.key.clone())),
                Err(error) => {
                    draft.problems.push(format!("Changes.{}: {error}", entry.key));
                    continue;
                }
            }
            if is_list {
                match self.listed(&entry.value) {
                    Some(entries) => list = Some((entry, entries)),
                    None => draft.cell(self, "EmailAddresses", entry),
                }
            } else if entry.key.eq_ignore_ascii_case("PrimarySmtpAddress") {
                primary = Some(entry);
            } else {
                let name = entry.key.clone();
                draft.cell(self, &name, navigated(entry));
            }
        }
        match (list, primary) {
            (None, Some(primary)) => draft.cell(self, "PrimarySmtpAddress", primary),
            (Some((entry, list)), primary) => {
                let said = primary.as_ref().and_then(|entry| match &entry.value.kind {
                    Kind::Text(text) if !text.trim().is_empty() => Some(text.as_str()),
                    _ => None,
                });
                match addresses::with_primary(list, said) {
                    Ok(list) => draft.list(self, &entry, list),
                    Err(why) => draft.problems.push(format!("Changes.{}: {why}", entry.key)),
                }
            }
            (None, None) => {}
        }
    }

    /// The entries of an address list that says something; what it cannot be is told by the row.
    fn listed(&self, node: &Node) -> Option<Vec<String>> {
        match &node.kind {
            Kind::Text(text) if !text.trim().is_empty() => Some(addresses::split(text)),
            Kind::List(items) if !items.is_empty() => items
                .iter()
                .map(|item| if let Kind::Text(text) = &item.kind { Some(text.clone()) } else { None })
                .collect(),
            _ => None,
        }
    }
}

impl Draft {
    fn text(&mut self, name: &str, text: &str) {
        self.written.push(format!("{}:{}", quoted(name), quoted(text)));
        self.push(name, (0, 0), Said::Json(Wanted::Text(text.to_owned())));
    }

    fn list(&mut self, reader: &Reader<'_>, entry: &Entry, list: Vec<String>) {
        let all: Vec<String> = list.iter().map(|one| quoted(one)).collect();
        self.written.push(format!("\"EmailAddresses\":[{}]", all.join(",")));
        self.push(
            "EmailAddresses",
            reader.lines.place(entry.value.span.start),
            Said::Json(Wanted::List(list)),
        );
    }

    fn cell(&mut self, reader: &Reader<'_>, name: &str, entry: Entry) {
        if column::reserved(name) != Some(Column::Password) {
            let raw = reader.text.get(entry.value.span.clone()).unwrap_or("null");
            self.written.push(format!("{}:{}", quoted(name), raw.replace(['\r', '\n'], " ")));
        }
        let place = reader.lines.place(entry.value.span.start);
        self.push(name, place, jsonl::said(reader.text, entry.value));
    }

    fn push(&mut self, name: &str, (line, column): (u64, u64), value: Said) {
        self.cells.push(Given { name: name.to_owned(), line, column, value });
    }
}

/// What a property can never be: the order itself says it.
fn is_of_the_row(column: Column) -> bool {
    matches!(column, Column::ChangeId | Column::ObjectType | Column::Operation | Column::Identity)
}

/// A navigation to another object (`Database`) holds that object; its name is what a parameter takes.
fn navigated(mut entry: Entry) -> Entry {
    let Kind::Table(members) = &entry.value.kind else { return entry };
    let named = ["Name", "Identity", "Guid", "DistinguishedName"]
        .iter()
        .find_map(|name| members.iter().find(|member| member.key.eq_ignore_ascii_case(name)));
    if let Some(value) = named.map(|member| member.value.clone()) {
        entry.value = value;
    }
    entry
}

fn object_type(order: &Node) -> ObjectType {
    let target = word(order, &["ResourceType", "TargetEntityType", "Identifier"]);
    let named = if target.is_empty() { word(order, &["ResourceType", "Identifier"]) } else { target };
    match named.to_ascii_lowercase().contains("database") {
        true => ObjectType::MailboxDatabase,
        false => ObjectType::Mailbox,
    }
}

/// The text or number at the end of a path of members; empty where there is none. Case does not matter, as for the scripts
/// that read orders otherwise.
fn word(node: &Node, path: &[&str]) -> String {
    match (path.split_first(), &node.kind) {
        (Some((name, rest)), Kind::Table(members)) => members
            .iter()
            .find(|member| member.key.eq_ignore_ascii_case(name))
            .map_or_else(String::new, |member| word(&member.value, rest)),
        (None, Kind::Text(text)) => text.trim().to_owned(),
        (None, Kind::Integer(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn member(node: Node, name: &str) -> Option<Node> {
    let Kind::Table(members) = node.kind else { return None };
    members.into_iter().find(|member| member.key.eq_ignore_ascii_case(name)).map(|member| member.value)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn file_stem(file: &str) -> String {
    Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
