//! JSON Lines: one object per line.

use super::IntakeError;
use super::row::{Builder, Given, Said, meaning, structural};
use crate::config::document::{Entry, Kind, Node, parse_json};
use crate::recipient::column::{self, Column};
use crate::recipient::{Delta, ObjectType, Wanted};
use crate::report::Form;

/// Checks the whole shape first, then hands the rows over.
pub(super) fn read(file: &str, text: &str, builder: &mut Builder) -> Result<(), IntakeError> {
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let row = parse_json(text).map_err(|error| {
            let fault = IntakeError::new(file, line, at(text, error.offset), error.message);
            fault.hint("each line must be one complete JSON object")
        })?;
        let Kind::Table(entries) = row.kind else {
            return Err(IntakeError::new(
                file,
                line,
                1,
                format!("this is {}, not an object", row.kind.name()),
            ));
        };
        check_names(file, line, text, &entries)?;
        rows.push((line, text, entries));
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    builder.form(Form { newline: newline.into(), ..Form::json_lines() });
    for (line, text, entries) in rows {
        let written = without_password(text, &entries);
        let given = entries.into_iter().map(|entry| Given {
            column: at(text, entry.value.span.start),
            name: entry.key,
            line,
            value: said(text, entry.value),
        });
        builder.row(line, written, given.collect());
    }
    Ok(())
}

/// A line as it is written, without the member that holds a password and the comma that it needs.
fn without_password(text: &str, entries: &[Entry]) -> String {
    let Some(entry) = entries.iter().find(|entry| column::reserved(&entry.key) == Some(Column::Password))
    else {
        return text.to_owned();
    };
    let before = text.get(..entry.key_span.start).unwrap_or_default();
    let after = text.get(entry.value.span.end..).unwrap_or_default();
    match after.trim_start().strip_prefix(',') {
        Some(after) => format!("{before}{}", after.trim_start()),
        None => format!("{}{after}", before.trim_end().strip_suffix(',').unwrap_or(before)),
    }
}

/// The character column of a byte offset.
fn at(text: &str, offset: usize) -> u64 {
    let before = text.get(..offset).unwrap_or(text).chars().count();
    u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1)
}

fn check_names(file: &str, line: u64, text: &str, entries: &[Entry]) -> Result<(), IntakeError> {
    let object_type = entries
        .iter()
        .filter(|entry| column::reserved(&entry.key) == Some(Column::ObjectType))
        .find_map(
            |entry| if let Kind::Text(word) = &entry.value.kind { ObjectType::parse(word) } else { None },
        )
        .unwrap_or_default();
    let mut seen: Vec<(Column, &str)> = Vec::new();
    for entry in entries {
        let place = at(text, entry.key_span.start);
        let column =
            meaning(&[object_type], &entry.key).map_err(|error| structural(file, line, place, &error))?;
        if let Some((_, earlier)) = seen.iter().find(|(known, _)| *known == column) {
            let message = format!("`{}` is the same as `{earlier}`", entry.key);
            return Err(IntakeError::new(file, line, place, message).hint("keep one of them"));
        }
        seen.push((column, &entry.key));
    }
    Ok(())
}

pub(super) fn said(text: &str, node: Node) -> Said {
    let written = |span: &std::ops::Range<usize>| text.get(span.clone()).unwrap_or_default().to_owned();
    match node.kind {
        Kind::Null => Said::Json(Wanted::Clear),
        Kind::Flag(flag) => Said::Json(Wanted::Bool(flag)),
        Kind::Integer(number) => Said::Json(Wanted::Int(number)),
        Kind::Float(_) => Said::Json(Wanted::Text(written(&node.span))),
        Kind::Text(text) => Said::Json(Wanted::Text(text)),
        Kind::List(items) => match texts(items) {
            Some(list) if list.is_empty() => Said::Json(Wanted::Clear),
            Some(list) => Said::Json(Wanted::List(list)),
            None => Said::Nonsense("a list of anything but texts"),
        },
        Kind::Table(entries) => match delta(entries) {
            Some(delta) => Said::Json(Wanted::Delta(delta)),
            None => Said::Nonsense("an object other than {\"Add\": [...], \"Remove\": [...]}"),
        },
    }
}

fn texts(items: Vec<Node>) -> Option<Vec<String>> {
    let text = |item: Node| match item.kind {
        Kind::Text(text) => Some(text),
        Kind::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    items.into_iter().map(text).collect()
}

fn delta(entries: Vec<Entry>) -> Option<Delta> {
    let (mut add, mut remove) = (None, None);
    for Entry { key, value, .. } in entries {
        let side = match key.to_ascii_lowercase().as_str() {
            "add" => &mut add,
            "remove" => &mut remove,
            _ => return None,
        };
        let list = match value.kind {
            Kind::List(items) => texts(items)?,
            Kind::Text(text) => vec![text],
            Kind::Null => Vec::new(),
            _ => return None,
        };
        if side.replace(list).is_some() {
            return None;
        }
    }
    if add.is_none() && remove.is_none() {
        return None;
    }
    Some(Delta { add: add.unwrap_or_default(), remove: remove.unwrap_or_default() })
}
