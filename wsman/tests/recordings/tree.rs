//! Our values against the trees of the recordings.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};
use wsman::clixml::{Container, DateTime, Member, Object, Properties, SecureStringCipher, Text, Value, Zone};

/// How a value differs from what the real reader made.
#[derive(Debug)]
pub enum Difference {
    Accepted,
    Refused(String),
    Tree(String),
    /// Only the text of an XML document differs
    Xml,
    /// A date whose moment is beyond the calendar
    ClampedDate,
    NotUnicode,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted, where the real reader refuses"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Tree(what) => f.write_str(what),
            other => write!(f, "{other:?}"),
        }
    }
}

pub fn compare(
    value: &Value,
    tree: &Json,
    cipher: Option<&dyn SecureStringCipher>,
) -> Result<(), Difference> {
    let mut comparer = Comparer { cipher, closed: HashMap::new(), open: HashMap::new(), around: Vec::new() };
    comparer.value(value, tree, "")
}

struct Comparer<'c> {
    cipher: Option<&'c dyn SecureStringCipher>,
    /// Paths of objects seen
    closed: HashMap<*const Object, String>,
    open: HashMap<u32, String>,
    /// Notes of the objects directly around: .NET keeps them with what is wrapped, so all wrappers show them
    around: Vec<Text>,
}

fn differ<T>(path: &str, ours: impl fmt::Display, theirs: &Json) -> Result<T, Difference> {
    let theirs = theirs.to_string();
    let theirs: String = theirs.chars().take(300).collect();
    Err(Difference::Tree(format!("at {path:?}: {ours}, expected {theirs}")))
}

fn text_json(text: &Text) -> Json {
    match text.as_str() {
        Some(text) => json!(text),
        None => json!({ "utf16": text.to_utf16() }),
    }
}

impl Comparer<'_> {
    fn value(&mut self, value: &Value, tree: &Json, path: &str) -> Result<(), Difference> {
        match value {
            Value::Nil => match tree == "nil" {
                true => Ok(()),
                false => differ(path, "nil", tree),
            },
            Value::Cycle(id) => match self.open.get(id) {
                Some(place) if tree["ref"] == **place => Ok(()),
                place => differ(path, format!("a cycle to {place:?}"), tree),
            },
            Value::Object(object) => {
                if let Some(place) = self.closed.get(&Arc::as_ptr(object)) {
                    return match tree["ref"] == **place {
                        true => Ok(()),
                        false => differ(path, format!("a reference to {place:?}"), tree),
                    };
                }
                self.closed.insert(Arc::as_ptr(object), path.to_owned());
                self.open.insert(object.id, path.to_owned());
                self.object(object, tree, path)
            }
            primitive => match tree.as_object().is_some_and(|tree| tree.len() == 1) {
                true => self.primitive(primitive, &tree["base"], path),
                false => differ(path, "a bare primitive", tree),
            },
        }
    }

    fn object(&mut self, object: &Object, tree: &Json, path: &str) -> Result<(), Difference> {
        let types = type_names(object);
        if tree["types"] != json!(types) {
            return differ(&format!("{path} types"), json!(types), &tree["types"]);
        }
        let text = effective(object, |object| object.to_string.as_ref());
        let text = text.map(text_json);
        if tree.get("to_string") != text.as_ref() {
            return differ(&format!("{path} to_string"), json!(text), tree);
        }
        let base = &tree["base"];
        match &object.base {
            Container::None if base.is_null() => {}
            Container::None => return differ(path, "no base", base),
            Container::Value(value) => match &**value {
                Value::Object(_) => {
                    let around = std::mem::take(&mut self.around);
                    self.around = object
                        .extended
                        .iter()
                        .map(|(name, _)| Text::clone(name))
                        .chain(around.clone())
                        .collect();
                    self.value(value, &base["object"], &format!("{path}/b"))?;
                    self.around = around;
                }
                value => self.primitive(value, base, path)?,
            },
            Container::List(items) | Container::Enumerable(items) => {
                self.items(items, &base["list"], path)?
            }
            Container::Queue(items) => self.items(items, &base["queue"], path)?,
            Container::Stack(items) => self.items(items, &base["stack"], path)?,
            Container::Dictionary(entries) => {
                let Some(expected) = base["dictionary"].as_array() else {
                    return differ(path, "a dictionary", base);
                };
                if expected.len() != entries.len() {
                    return differ(path, format!("{} entries", entries.len()), base);
                }
                for (at, ((key, value), expected)) in entries.iter().zip(expected).enumerate() {
                    self.value(key, &expected[0], &format!("{path}/k{at}"))?;
                    self.value(value, &expected[1], &format!("{path}/v{at}"))?;
                }
            }
        }
        let own = !object.adapted.is_empty();
        let adapted =
            match effective(object, |object| (!object.adapted.is_empty()).then_some(&object.adapted)) {
                Some(adapted) => adapted,
                None => &Properties::new(),
            };
        let around = std::mem::take(&mut self.around);
        let mut inside = Vec::new();
        let mut inner = object;
        while let Container::Value(base) = &inner.base
            && let Some(base) = base.object()
        {
            inner = base;
            inside.splice(0..0, inner.extended.iter().map(|(name, _)| Text::clone(name)));
        }
        let count = tree["adapted"].as_u64().unwrap_or_default() as usize;
        let none = Vec::new();
        let expected = tree["properties"].as_array().unwrap_or(&none);
        let (before, after) = (count + inside.len(), count + inside.len() + object.extended.len());
        if adapted.len() != count || expected.len() != after + around.len() {
            let ours = format!("{} adapted and {} extended properties", adapted.len(), object.extended.len());
            return differ(path, ours, tree);
        }
        let own_adapted = if own { &expected[..count] } else { &[] };
        let own_adapted = own_adapted.iter().zip(adapted).enumerate();
        let own_notes = expected[before..after].iter().zip(&object.extended).enumerate();
        let own_notes = own_notes.map(|(at, pair)| (at + before, pair));
        for (at, (expected, (name, member))) in own_adapted.chain(own_notes) {
            self.member(name, member, expected, &format!("{path}/p{at}"))?;
        }
        // What shows through was compared where it stands; here only its names.
        let shown = expected[count..before].iter().zip(&inside).chain(expected[after..].iter().zip(&around));
        for (expected, name) in shown {
            if expected[0] != text_json(name) {
                return differ(path, format!("{name:?}"), expected);
            }
        }
        self.around = around;
        Ok(())
    }

    fn member(
        &mut self,
        name: &Text,
        member: &Member,
        expected: &Json,
        path: &str,
    ) -> Result<(), Difference> {
        if expected[0] != text_json(name) {
            return differ(path, format!("{name:?}"), expected);
        }
        match member {
            Member::Value(value) => self.value(value, &expected[1], path),
            Member::Set(set) => {
                let none = Vec::new();
                let members = expected[1]["properties"].as_array().unwrap_or(&none);
                if expected[1]["member_set"] != true || members.len() != set.len() {
                    return differ(path, "a member set", expected);
                }
                set.iter().zip(members).enumerate().try_for_each(|(at, ((name, member), expected))| {
                    self.member(name, member, expected, &format!("{path}/p{at}"))
                })
            }
        }
    }

    fn items(&mut self, items: &[Value], expected: &Json, path: &str) -> Result<(), Difference> {
        let Some(expected) = expected.as_array().filter(|expected| expected.len() == items.len()) else {
            return differ(path, format!("{} items", items.len()), expected);
        };
        let mut pairs = items.iter().zip(expected).enumerate();
        pairs.try_for_each(|(at, (item, expected))| self.value(item, expected, &format!("{path}/i{at}")))
    }

    fn primitive(&mut self, value: &Value, expected: &Json, path: &str) -> Result<(), Difference> {
        let theirs = &expected["value"];
        let number = |number: &dyn fmt::Display| json!(number.to_string());
        let (tag, ours) = match value {
            Value::String(text) => ("S", text_json(text)),
            Value::ScriptBlock(text) => ("S", text_json(text)),
            Value::Uri(text) => ("URI", text_json(text)),
            Value::Xml(text) if expected["tag"] == "XD" => {
                // The real reader parses the document, which makes every line end a line feed, [XML] 2.11.
                let ours = text.to_string().replace("\r\n", "\n").replace('\r', "\n");
                return match text_json(text) == *theirs || json!(ours) == *theirs {
                    true => Ok(()),
                    false => Err(Difference::Xml),
                };
            }
            Value::Char(unit) => ("C", json!(unit.to_string())),
            Value::Bool(value) => ("B", number(value)),
            Value::Byte(value) => ("By", number(value)),
            Value::SByte(value) => ("SB", number(value)),
            Value::Int16(value) => ("I16", number(value)),
            Value::UInt16(value) => ("U16", number(value)),
            Value::Int32(value) => ("I32", number(value)),
            Value::UInt32(value) => ("U32", number(value)),
            Value::Int64(value) => ("I64", number(value)),
            Value::UInt64(value) => ("U64", number(value)),
            Value::Single(value) if expected["tag"] == "Sg" => {
                let theirs = theirs.as_str().unwrap_or_default();
                return match same_float(f64::from(*value), theirs.parse::<f32>().map(f64::from).ok()) {
                    true => Ok(()),
                    false => differ(path, value, expected),
                };
            }
            Value::Double(value) if expected["tag"] == "Db" => {
                return match same_float(*value, theirs.as_str().unwrap_or_default().parse().ok()) {
                    true => Ok(()),
                    false => differ(path, value, expected),
                };
            }
            Value::Decimal(value) => ("D", number(value)),
            Value::DateTime(value) if expected["tag"] == "DT" => return date(value, theirs, path),
            Value::TimeSpan(value) => ("TS", json!(constant_form(value.0))),
            Value::Bytes(bytes) => ("BA", json!(STANDARD.encode(bytes))),
            Value::Guid(guid) => ("G", number(guid)),
            Value::Version(version) => ("Version", number(version)),
            Value::SecureString(text) => match text.decrypt(self.cipher) {
                Some(clear) => ("SS", json!(clear.expose_secret())),
                None => return differ(path, "a SecureString that does not decrypt", expected),
            },
            Value::Progress(record) => (
                "PR",
                json!({
                    "activity": record.activity.to_string(),
                    "activity_id": record.activity_id,
                    "parent_activity_id": record.parent_activity_id,
                    "status": record.status.to_string(),
                    "current_operation": record.current_operation.as_ref().map(Text::to_string),
                    "percent": record.percent_complete,
                    "seconds_remaining": record.seconds_remaining,
                    "record_type": if record.record_type == 0 { "Processing" } else { "Completed" },
                }),
            ),
            other => return differ(path, format!("{other:?}"), expected),
        };
        // Numbers are given as JSON text or as JSON numbers.
        let same = ours == *theirs || (tag == "C" && ours.as_str() == Some(&theirs.to_string()));
        match expected["tag"] == tag && same {
            true => Ok(()),
            false => differ(path, format!("{tag} {ours}"), expected),
        }
    }
}

fn same_float(ours: f64, theirs: Option<f64>) -> bool {
    theirs.is_some_and(|theirs| (ours.is_nan() && theirs.is_nan()) || ours.to_bits() == theirs.to_bits())
}

/// .NET's "c" form.
fn constant_form(ticks: i64) -> String {
    let (sign, ticks) = (if ticks < 0 { "-" } else { "" }, ticks.unsigned_abs());
    let (days, rest) = (ticks / 864_000_000_000, ticks % 864_000_000_000);
    let days = if days > 0 { format!("{days}.") } else { String::new() };
    let (hours, rest) = (rest / 36_000_000_000, rest % 36_000_000_000);
    let (minutes, rest) = (rest / 600_000_000, rest % 600_000_000);
    let (seconds, fraction) = (rest / 10_000_000, rest % 10_000_000);
    let fraction = if fraction > 0 { format!(".{fraction:07}") } else { String::new() };
    format!("{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}")
}

/// The real reader moves an offset to its own zone: the moment counts.
fn date(ours: &DateTime, theirs: &Json, path: &str) -> Result<(), Difference> {
    let text = theirs.as_str().unwrap_or_default();
    let Ok(expected) = text.parse::<DateTime>() else { return differ(path, "a date", theirs) };
    let same_kind = matches!(
        (ours.zone, expected.zone),
        (Zone::Utc, Zone::Utc) | (Zone::Unspecified, Zone::Unspecified) | (Zone::Offset(_), Zone::Offset(_))
    );
    if same_kind && ours.utc_ticks() == expected.utc_ticks() {
        return Ok(());
    }
    match same_kind && !(0..=3_155_378_975_999_999_999).contains(&ours.utc_ticks()) {
        true => Err(Difference::ClampedDate),
        false => differ(path, format!("{ours}"), theirs),
    }
}

/// What an object around another shows where it says nothing itself.
fn effective<T>(object: &Object, get: impl for<'o> Fn(&'o Object) -> Option<&'o T>) -> Option<&T> {
    let mut object = object;
    loop {
        if let Some(found) = get(object) {
            return Some(found);
        }
        let Container::Value(base) = &object.base else { return None };
        object = base.object()?;
    }
}

/// The names that the real object answers with.
fn type_names(object: &Object) -> Vec<Json> {
    if let Some(names) = effective(object, |object| object.type_names.as_ref()) {
        let prefixed = |name: &Text| {
            let lossy = name.to_string();
            match lossy.get(..13).is_some_and(|start| start.eq_ignore_ascii_case("Deserialized.")) {
                true => text_json(name),
                false => {
                    let mut units: Vec<u16> = "Deserialized.".encode_utf16().collect();
                    units.extend(name.to_utf16());
                    text_json(&Text::from_utf16(units))
                }
            }
        };
        return names.iter().map(prefixed).collect();
    }
    let mut innermost = object;
    while let Container::Value(base) = &innermost.base
        && let Some(inner) = base.object()
    {
        innermost = inner;
    }
    dotnet_types(&innermost.base).iter().map(|name| json!(name)).collect()
}

fn dotnet_types(base: &Container) -> Vec<&'static str> {
    let value_type = |name| vec![name, "System.ValueType", "System.Object"];
    let class = |name| vec![name, "System.Object"];
    match base {
        Container::None => class("System.Management.Automation.PSCustomObject"),
        Container::List(_) | Container::Enumerable(_) => class("System.Collections.ArrayList"),
        Container::Queue(_) => class("System.Collections.Queue"),
        Container::Stack(_) => class("System.Collections.Stack"),
        Container::Dictionary(_) => class("System.Collections.Hashtable"),
        Container::Value(value) => match &**value {
            Value::String(_) | Value::ScriptBlock(_) => class("System.String"),
            Value::Char(_) => value_type("System.Char"),
            Value::Bool(_) => value_type("System.Boolean"),
            Value::Byte(_) => value_type("System.Byte"),
            Value::SByte(_) => value_type("System.SByte"),
            Value::Int16(_) => value_type("System.Int16"),
            Value::UInt16(_) => value_type("System.UInt16"),
            Value::Int32(_) => value_type("System.Int32"),
            Value::UInt32(_) => value_type("System.UInt32"),
            Value::Int64(_) => value_type("System.Int64"),
            Value::UInt64(_) => value_type("System.UInt64"),
            Value::Single(_) => value_type("System.Single"),
            Value::Double(_) => value_type("System.Double"),
            Value::Decimal(_) => value_type("System.Decimal"),
            Value::DateTime(_) => value_type("System.DateTime"),
            Value::TimeSpan(_) => value_type("System.TimeSpan"),
            Value::Guid(_) => value_type("System.Guid"),
            Value::Bytes(_) => vec!["System.Byte[]", "System.Array", "System.Object"],
            Value::Uri(_) => class("System.Uri"),
            Value::Version(_) => class("System.Version"),
            Value::Xml(_) => vec!["System.Xml.XmlDocument", "System.Xml.XmlNode", "System.Object"],
            Value::SecureString(_) => class("System.Security.SecureString"),
            Value::Progress(_) => class("System.Management.Automation.ProgressRecord"),
            _ => Vec::new(),
        },
    }
}
