//! TOML into the tree.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entry, Kind, Node, SyntaxError};

/// Reads a TOML document; its root is a table.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let root = DeTable::parse(text).map_err(|error| SyntaxError {
        offset: error.span().map_or(0, |span| span.start),
        message: error.message().lines().next().unwrap_or("not valid TOML").to_owned(),
    })?;
    let span = root.span();
    Ok(Node { span, kind: table(root.into_inner())? })
}

fn table(entries: DeTable<'_>) -> Result<Kind, SyntaxError> {
    let mut list = Vec::new();
    for (key, value) in entries {
        let key_span = key.span();
        list.push(Entry { key: key.into_inner().into_owned(), key_span, value: node(value)? });
    }
    list.sort_by_key(|entry| entry.key_span.start);
    Ok(Kind::Table(list))
}

fn node(value: Spanned<DeValue<'_>>) -> Result<Node, SyntaxError> {
    let span = value.span();
    let wrong = |message: &str| SyntaxError { offset: span.start, message: message.to_owned() };
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Text(text.into_owned()),
        DeValue::Integer(number) => Kind::Integer(
            i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| wrong("the number is too large"))?,
        ),
        DeValue::Float(number) => {
            Kind::Float(number.as_str().parse().map_err(|_| wrong("not a number that can be used here"))?)
        }
        DeValue::Boolean(flag) => Kind::Flag(flag),
        DeValue::Datetime(moment) => Kind::Text(moment.to_string()),
        DeValue::Array(items) => Kind::List(items.into_iter().map(node).collect::<Result<_, _>>()?),
        DeValue::Table(entries) => table(entries)?,
    };
    Ok(Node { span, kind })
}
