//! The rows that failed for good, in the form of their source: `failures.csv` or `failures.jsonl`, to be mended and applied
//! again. They are byte for byte what the source has, but for passwords, which are kept nowhere.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::{Form, Format, RunReport, RunRow};
use crate::recipient::{AddressFlow, Change, Delta, SecretSource, Wanted};

/// The rows that failed, written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How they are written
    pub format: Format,
    /// The file's text
    pub text: String,
}

/// Writes the rows of a run that were refused or failed; `None` when there are none. Rows of several sources, or of a saved
/// plan, are written as JSON Lines.
pub fn failures(report: &RunReport) -> Option<Failures> {
    let failed: Vec<&RunRow> = report.failed().collect();
    if failed.is_empty() {
        return None;
    }
    let forms: BTreeSet<Option<i64>> =
        failed.iter().map(|row| row.written.as_ref().map(|(form, _)| *form)).collect();
    let one = match forms.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(one)] => report.forms.get(one),
        _ => None,
    };
    let (form, lines): (Form, Vec<String>) = match one {
        Some(form) => {
            let lines =
                failed.iter().filter_map(|row| row.written.as_ref().map(|(_, written)| written.clone()));
            (form.clone(), lines.collect())
        }
        None => (Form::json_lines(), failed.iter().filter_map(|row| rendered(row)).collect()),
    };
    let rows = lines.into_iter().map(|line| line + &form.newline);
    Some(Failures { format: form.format, text: form.head.clone() + &rows.collect::<String>() })
}

fn rendered(row: &RunRow) -> Option<String> {
    let change: Change = serde_json::from_str(row.content.as_deref()?).ok()?;
    Some(Json::Object(line(&change)).to_string())
}

/// A change as a line of JSON Lines says it.
fn line(change: &Change) -> Map<String, Json> {
    let mut line = Map::new();
    let mut put = |name: &str, value: Json| drop(line.insert(name.to_owned(), value));
    put("ChangeId", json!(change.change_id));
    if let Some(connection) = &change.connection {
        put("Connection", json!(connection));
    }
    put("ObjectType", json!(change.object_type.as_str()));
    put("Operation", json!(change.operation.as_str()));
    put("Identity", json!(change.identity));
    if let Some(mailbox_type) = change.mailbox_type {
        put("Type", json!(mailbox_type.as_str()));
    }
    if let Some(server) = &change.domain_controller {
        put("DomainController", json!(server));
    }
    match &change.addresses {
        Some(AddressFlow::List(list)) => put("EmailAddresses", json!(list)),
        Some(AddressFlow::Clear) => put("EmailAddresses", Json::Null),
        Some(AddressFlow::Delta(delta)) => put("EmailAddresses", difference(delta)),
        None => {}
    }
    for (name, wanted) in &change.attributes {
        put(name, value(wanted));
    }
    for (name, wanted) in &change.create_only {
        put(&format!("_param_{name}"), value(wanted));
    }
    if let Some(SecretSource::Reference(reference)) = &change.password {
        put("_param_password_ref", json!(reference));
    }
    line
}

fn value(wanted: &Wanted) -> Json {
    match wanted {
        Wanted::Clear => Json::Null,
        Wanted::Text(text) => json!(text),
        Wanted::Bool(flag) => json!(flag),
        Wanted::Int(number) => json!(number),
        Wanted::List(list) => json!(list),
        Wanted::Delta(delta) => difference(delta),
    }
}

fn difference(delta: &Delta) -> Json {
    json!({"Add": delta.add, "Remove": delta.remove})
}
