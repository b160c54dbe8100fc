//! JSON into the tree, with the offset of every value and every key of an object, doubled ones included.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Entry, Kind, Node, SyntaxError};

/// Nesting that no configuration and no flow needs.
const MAX_DEPTH: usize = 16;

/// Reads one JSON value that fills the whole text.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| syntax(text, 0, &error))?;
    node(text, raw, 0)
}

fn node(text: &str, raw: &RawValue, depth: usize) -> Result<Node, SyntaxError> {
    let start = offset(text, raw.get());
    let span = start..start + raw.get().len();
    if depth > MAX_DEPTH {
        return Err(SyntaxError {
            offset: start,
            message: format!("nested more than {MAX_DEPTH} levels deep"),
        });
    }
    let fault = |error| syntax(text, start, &error);
    let kind = match raw.get().as_bytes().first() {
        Some(b'{') => {
            let members =
                serde_json::Deserializer::from_str(raw.get()).deserialize_map(Members).map_err(fault)?;
            let mut entries = Vec::with_capacity(members.len());
            for (key, value) in members {
                let key_span = key_before(text, offset(text, value.get()));
                entries.push(Entry { key, key_span, value: node(text, value, depth + 1)? });
            }
            Kind::Table(entries)
        }
        Some(b'[') => {
            let items =
                serde_json::Deserializer::from_str(raw.get()).deserialize_seq(Items).map_err(fault)?;
            Kind::List(items.into_iter().map(|item| node(text, item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Kind::Text(serde_json::from_str(raw.get()).map_err(fault)?),
        Some(b't') => Kind::Flag(true),
        Some(b'f') => Kind::Flag(false),
        Some(b'n') => Kind::Null,
        _ => match raw.get().parse() {
            Ok(number) => Kind::Integer(number),
            Err(_) => Kind::Float(serde_json::from_str(raw.get()).map_err(fault)?),
        },
    };
    Ok(Node { span, kind })
}

/// Where a borrowed part of `text` begins.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// The span of the key whose value begins at `value`.
fn key_before(text: &str, value: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let quote_before =
        |at: usize| bytes.get(..at).and_then(|head| head.iter().rposition(|&byte| byte == b'"'));
    let end = quote_before(value).unwrap_or(value);
    let mut start = end;
    while let Some(at) = quote_before(start) {
        start = at;
        let slashes = bytes.get(..at).unwrap_or_default().iter().rev().take_while(|&&b| b == b'\\').count();
        if slashes % 2 == 0 {
            break;
        }
    }
    start..end + 1
}

fn syntax(text: &str, base: usize, error: &serde_json::Error) -> SyntaxError {
    let part = text.get(base..).unwrap_or_default();
    let lines = part.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len);
    let mut at = (base + lines.sum::<usize>() + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    // serde_json's sentence ends with its own idea of the place, and never quotes a text of the document.
    let sentence = error.to_string();
    let message = sentence.split(" at line ").next().unwrap_or("not valid JSON").to_owned();
    SyntaxError { offset: at, message }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

struct Items;

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_and_key_has_its_span() {
        let text = "{ \"a\\\"b\" : [1, \"ü\", {\"c\": null}], \"d\": -2.5, \"d\": true }";
        let Kind::Table(entries) = parse(text).unwrap().kind else { panic!("a table") };
        assert_eq!(entries.len(), 3, "a doubled key is kept, to be refused by name");
        assert_eq!(entries[0].key, "a\"b");
        assert_eq!(&text[entries[0].key_span.clone()], "\"a\\\"b\"");
        let Kind::List(items) = &entries[0].value.kind else { panic!("a list") };
        assert_eq!(&text[items[1].span.clone()], "\"ü\"");
        assert_eq!(entries[1].value.kind, Kind::Float(-2.5));
        assert_eq!(&text[entries[2].key_span.clone()], "\"d\"");
    }

    #[test]
    fn errors_have_an_offset() {
        let error = parse("{\n  \"a\": nope }").unwrap_err();
        assert_eq!(
            &"{\n  \"a\": nope }"[error.offset..error.offset + 1],
            "o",
            "the first byte that cannot be"
        );
        assert!(parse("{} x").is_err());
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        assert!(parse(&deep).unwrap_err().message.contains("nested"));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
