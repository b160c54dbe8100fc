//! Values as the service writes them, and parameters as it reads them.

use serde_json::{Map, Value as Json, json};
use wsman::clixml::Value;

const TYPE: &str = "@odata.type";
const HASHTABLE: &str = "#Exchange.GenericHashTable";

/// An object with the keys beside its members that tell how the service holds them.
pub(super) fn record(value: &Value, select: &[String]) -> Json {
    let mut members = Map::new();
    for (name, value) in value.object().into_iter().flat_map(|object| object.properties()) {
        let name = name.to_string_lossy();
        if !select.is_empty() && !select.iter().any(|wanted| wanted.eq_ignore_ascii_case(&name)) {
            continue;
        }
        let json = written(value);
        match &json {
            Json::Array(_) => {
                members.insert(format!("{name}{TYPE}"), "#Collection(String)".into());
            }
            Json::Number(_) => {
                members.insert(format!("{name}@data.type"), "System.Int32".into());
            }
            Json::Bool(_) => {
                members.insert(format!("{name}@data.type"), "System.Boolean".into());
            }
            _ => {}
        }
        members.insert(name.into_owned(), json);
    }
    Json::Object(members)
}

fn written(value: &Value) -> Json {
    if value.is_nil() {
        return Json::Null;
    }
    if let Some(items) = value.items() {
        return items.iter().map(|item| Json::from(item.display_text().into_owned())).collect();
    }
    if let Some(flag) = value.as_bool() {
        return flag.into();
    }
    match value.as_i64() {
        Some(number) if value.object().is_none() => number.into(),
        _ => value.display_text().into_owned().into(),
    }
}

/// A parameter as the cmdlet takes it. The error is the text of a failed transformation.
pub(super) fn parameter(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
            Value::Int32(number.ok_or("The number is too large.")?)
        }
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => list(items)?,
        Json::Object(members) => {
            if members.get(TYPE) != Some(&json!(HASHTABLE)) {
                return Err("Cannot convert an object without @odata.type.".into());
            }
            let parts = members.iter().filter(|(name, _)| !name.contains('@'));
            let parts: Vec<(&str, Value)> = parts
                .map(|(name, items)| match items {
                    Json::Array(items) => Ok((name.as_str(), list(items)?)),
                    Json::String(text) => Ok((name.as_str(), Value::strings([text.as_str()]))),
                    _ => Err(format!("Cannot convert the value of {name}.")),
                })
                .collect::<Result<_, String>>()?;
            // A change that adds and removes nothing clears.
            if parts.is_empty() { Value::Nil } else { Value::hashtable(parts) }
        }
    })
}

fn list(items: &[Json]) -> Result<Value, String> {
    let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
    Ok(Value::strings(texts.ok_or("Cannot convert an element of the list.")?))
}
