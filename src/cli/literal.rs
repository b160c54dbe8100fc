//! Hashtables and arrays on a command line, as PowerShell writes them: `@{Add='a','b';Remove='c'}` and `@('a','b')`.

use wsman::clixml::Value;

/// Reads a literal. None where the text is none; an error where it begins as one and is not whole.
pub(super) fn literal(text: &str) -> Option<Result<Value, String>> {
    let text = text.trim();
    let (inside, is_table) = match (text.strip_prefix("@{"), text.strip_prefix("@(")) {
        (Some(rest), _) => (rest.strip_suffix('}'), true),
        (_, Some(rest)) => (rest.strip_suffix(')'), false),
        (None, None) => return None,
    };
    let Some(inside) = inside else {
        return Some(Err("the bracket is not closed".into()));
    };
    let mut reader = Reader { rest: inside };
    Some(if is_table {
        reader.table()
    } else {
        reader.items().and_then(|items| reader.ended(strings(&items)))
    })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn table(&mut self) -> Result<Value, String> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        while !self.rest.trim_start().is_empty() {
            let (name, rest) = self.rest.split_once('=').ok_or("an entry is NAME=VALUE")?;
            let name = name.trim().to_owned();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(format!("`{name}` is not the name of an entry"));
            }
            if entries.iter().any(|(held, _)| held.eq_ignore_ascii_case(&name)) {
                return Err(format!("the entry `{name}` is there twice"));
            }
            self.rest = rest;
            entries.push((name, strings(&self.items()?)));
            self.rest = self.rest.strip_prefix(';').unwrap_or(self.rest);
        }
        Ok(Value::hashtable(entries.iter().map(|(name, value)| (name.as_str(), value.clone()))))
    }

    /// Values with commas between them, up to the end of the entry.
    fn items(&mut self) -> Result<Vec<String>, String> {
        let mut items = Vec::new();
        loop {
            items.push(self.item()?);
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None => return Ok(items),
            }
        }
    }

    /// A value in quotes, in which a doubled quote is one, or as it is up to the next sign that means something.
    fn item(&mut self) -> Result<String, String> {
        let text = self.rest.trim_start();
        let Some(mut inside) = text.strip_prefix('\'') else {
            let end = text.find([',', ';']).unwrap_or(text.len());
            let (item, rest) = text.split_at(end);
            self.rest = rest;
            return match item.trim() {
                "" => Err("a value is missing".into()),
                item => Ok(item.to_owned()),
            };
        };
        let mut item = String::new();
        loop {
            let (part, rest) = inside.split_once('\'').ok_or("a quote is not closed")?;
            item.push_str(part);
            match rest.strip_prefix('\'') {
                Some(after) => {
                    item.push('\'');
                    inside = after;
                }
                None => {
                    self.rest = rest.trim_start();
                    let is_end = self.rest.is_empty() || self.rest.starts_with([',', ';']);
                    return if is_end { Ok(item) } else { Err("there is something behind a quote".into()) };
                }
            }
        }
    }

    fn ended(&self, value: Value) -> Result<Value, String> {
        if self.rest.is_empty() { Ok(value) } else { Err("an array has commas between its values".into()) }
    }
}

fn strings(items: &[String]) -> Value {
    Value::array(items.iter().map(|item| Value::from(item.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::exchange::to_json;

    fn read(text: &str) -> Option<Result<Json, String>> {
        literal(text).map(|value| value.map(|value| to_json(&value)))
    }

    #[test]
    fn tables_and_arrays() {
        assert_eq!(
            read("@{Add='smtp:a@x.de','X500:/o=a;b, c=''d''';Remove=smtp:b@x.de, smtp:c@x.de}").unwrap(),
            Ok(
                json!({"Add": ["smtp:a@x.de", "X500:/o=a;b, c='d'"], "Remove": ["smtp:b@x.de", "smtp:c@x.de"]})
            )
        );
        assert_eq!(read("@('a', b)").unwrap(), Ok(json!(["a", "b"])));
        assert_eq!(read("@{}").unwrap(), Ok(json!({})));
        assert_eq!(read("a=@{b}"), None);
        assert_eq!(read("'@{'"), None);
    }

    #[test]
    fn what_is_not_whole() {
        for text in [
            "@{Add=a",
            "@(",
            "@{a}",
            "@{=a}",
            "@{A=a;a=b}",
            "@{A=}",
            "@('a' b)",
            "@('a)",
            "@(a;b)",
            "@{A='a'b}",
        ] {
            assert!(read(text).unwrap().is_err(), "{text}");
        }
    }
}
