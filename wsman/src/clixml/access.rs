//! Reading values without matching on all of their shapes.

use std::borrow::Cow;

use super::object::{Container, Member, Object, Properties};
use super::text::Text;
use super::value::{DateTime, SecureText, Value};

impl Object {
    /// A property by name without regard to case; extended ones hide adapted ones.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let find = |properties: &'_ Properties| {
            properties.iter().position(|(key, member)| {
                matches!(member, Member::Value(_)) && key.as_str().is_some_and(|key| same_name(key, name))
            })
        };
        let (properties, place) = match find(&self.extended) {
            Some(place) => (&self.extended, place),
            None => (&self.adapted, find(&self.adapted)?),
        };
        match properties.get(place) {
            Some((_, Member::Value(value))) => Some(value),
            _ => None,
        }
    }

    /// All properties: the adapted ones, then the extended ones.
    pub fn properties(&self) -> impl Iterator<Item = (&Text, &Value)> {
        self.adapted.iter().chain(&self.extended).filter_map(|(name, member)| match member {
            Member::Value(value) => Some((&**name, value)),
            Member::Set(_) => None,
        })
    }

    /// Whether the object is of a type, with or without `Deserialized.` in front.
    pub fn is_type(&self, name: &str) -> bool {
        self.type_names.iter().flat_map(|names| names.iter()).filter_map(Text::as_str).any(|found| {
            same_name(found, name)
                || found.strip_prefix("Deserialized.").is_some_and(|found| same_name(found, name))
        })
    }

    /// The items of a list, queue, stack or enumeration.
    pub fn items(&self) -> Option<&[Value]> {
        match &self.base {
            Container::List(items)
            | Container::Enumerable(items)
            | Container::Queue(items)
            | Container::Stack(items) => Some(items),
            _ => None,
        }
    }
}

fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!a.is_ascii() && a.to_uppercase() == b.to_uppercase())
}

impl Value {
    /// The object, if it is one.
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// A property by name without regard to case; extended ones hide adapted ones.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.object()?.get(name)
    }

    /// An entry of a dictionary by a text key without regard to case.
    pub fn entry(&self, key: &str) -> Option<&Self> {
        let Container::Dictionary(entries) = &self.object()?.base else { return None };
        entries
            .iter()
            .find(|(found, _)| found.as_str().is_some_and(|found| same_name(found, key)))
            .map(|(_, v)| v)
    }

    /// Whether this is null.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The primitive that an object wraps (an enum's number, a text with notes), or the value itself.
    pub fn primitive(&self) -> &Self {
        let mut value = self;
        while let Self::Object(object) = value
            && let Container::Value(base) = &object.base
        {
            value = base;
        }
        value
    }

    /// The text, if it is one, also inside an object.
    pub fn as_text(&self) -> Option<&Text> {
        match self.primitive() {
            Self::String(text) | Self::Uri(text) | Self::Xml(text) | Self::ScriptBlock(text) => Some(text),
            _ => None,
        }
    }

    /// The text, if it is one and valid Unicode.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().and_then(Text::as_str)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.primitive() {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Any integer that fits, also an enum's number.
    pub fn as_i32(&self) -> Option<i32> {
        self.integer().and_then(|number| number.try_into().ok())
    }

    /// Any integer that fits, also an enum's number.
    pub fn as_u32(&self) -> Option<u32> {
        self.integer().and_then(|number| number.try_into().ok())
    }

    /// Any integer that fits, also an enum's number.
    pub fn as_i64(&self) -> Option<i64> {
        self.integer().and_then(|number| number.try_into().ok())
    }

    /// Any integer that fits, also an enum's number.
    pub fn as_u64(&self) -> Option<u64> {
        self.integer().and_then(|number| number.try_into().ok())
    }

    fn integer(&self) -> Option<i128> {
        match self.primitive() {
            Self::Byte(number) => Some(i128::from(*number)),
            Self::SByte(number) => Some(i128::from(*number)),
            Self::Int16(number) => Some(i128::from(*number)),
            Self::UInt16(number) => Some(i128::from(*number)),
            Self::Int32(number) => Some(i128::from(*number)),
            Self::UInt32(number) => Some(i128::from(*number)),
            Self::Int64(number) => Some(i128::from(*number)),
            Self::UInt64(number) => Some(i128::from(*number)),
            _ => None,
        }
    }

    /// A floating-point number, or an integer as one.
    pub fn as_f64(&self) -> Option<f64> {
        match self.primitive() {
            Self::Single(number) => Some(f64::from(*number)),
            Self::Double(number) => Some(*number),
            other => other.integer().map(|number| number as f64),
        }
    }

    /// The GUID, if it is one.
    pub fn as_guid(&self) -> Option<uuid::Uuid> {
        match self.primitive() {
            Self::Guid(guid) => Some(*guid),
            _ => None,
        }
    }

    /// The date, if it is one.
    pub fn as_date_time(&self) -> Option<DateTime> {
        match self.primitive() {
            Self::DateTime(value) => Some(*value),
            _ => None,
        }
    }

    /// The bytes, if it is an array of them.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self.primitive() {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The SecureString, if it is one.
    pub fn as_secure(&self) -> Option<&SecureText> {
        match self.primitive() {
            Self::SecureString(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list, queue, stack or enumeration.
    pub fn items(&self) -> Option<&[Self]> {
        self.object().and_then(Object::items)
    }

    /// The items of a list, or the value itself as the only one; null is no item. PowerShell's `@(...)`.
    pub fn as_list(&self) -> &[Self] {
        match self.items() {
            Some(items) => items,
            None if self.is_nil() => &[],
            None => std::slice::from_ref(self),
        }
    }

    /// The value as PowerShell shows it in a string: an object's `ToString`, an enum's name, lists with blanks between.
    /// A SecureString shows its type, never its text.
    pub fn display_text(&self) -> Cow<'_, str> {
        let shown = |text: &dyn std::fmt::Display| Cow::Owned(text.to_string());
        match self {
            Self::Nil => Cow::Borrowed(""),
            Self::String(text) | Self::Uri(text) | Self::Xml(text) | Self::ScriptBlock(text) => {
                text.to_string_lossy()
            }
            Self::Char(unit) => Cow::Owned(String::from_utf16_lossy(&[*unit])),
            Self::Bool(value) => Cow::Borrowed(if *value { "True" } else { "False" }),
            Self::Byte(value) => shown(value),
            Self::SByte(value) => shown(value),
            Self::Int16(value) => shown(value),
            Self::UInt16(value) => shown(value),
            Self::Int32(value) => shown(value),
            Self::UInt32(value) => shown(value),
            Self::Int64(value) => shown(value),
            Self::UInt64(value) => shown(value),
            Self::Single(value) => shown(value),
            Self::Double(value) => shown(value),
            Self::Decimal(value) => shown(value),
            Self::DateTime(value) => shown(value),
            Self::TimeSpan(value) => shown(value),
            Self::Guid(value) => shown(value),
            Self::Version(value) => shown(value),
            Self::Bytes(bytes) => Cow::Owned(bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")),
            Self::SecureString(_) => Cow::Borrowed("System.Security.SecureString"),
            Self::Progress(record) => record.activity.to_string_lossy(),
            Self::Cycle(_) => Cow::Borrowed("..."),
            Self::Object(object) => object.display_text(),
        }
    }
}

impl Object {
    fn display_text(&self) -> Cow<'_, str> {
        if let Some(text) = &self.to_string {
            return text.to_string_lossy();
        }
        match &self.base {
            Container::Value(value) => value.display_text(),
            Container::None if !self.extended.is_empty() => {
                let shown = |(name, value): (&Text, &Value)| format!("{name}={}", value.shallow_text());
                Cow::Owned(format!("@{{{}}}", self.properties().map(shown).collect::<Vec<_>>().join("; ")))
            }
            _ => match self.items() {
                Some(items) => {
                    Cow::Owned(items.iter().map(Value::shallow_text).collect::<Vec<_>>().join(" "))
                }
                None => self.type_name(),
            },
        }
    }

    /// The first type name.
    pub fn type_name(&self) -> Cow<'_, str> {
        let first = self.type_names.as_ref().and_then(|names| names.first());
        first.map_or(Cow::Borrowed(""), Text::to_string_lossy)
    }
}

impl Value {
    /// As inside a list: containers show their type only, so that shared objects cannot make the text explode.
    fn shallow_text(&self) -> Cow<'_, str> {
        match self {
            Self::Object(object) => match (&object.to_string, &object.base) {
                (Some(text), _) => text.to_string_lossy(),
                (None, Container::Value(_)) => match self.primitive() {
                    Self::Object(inner) => inner.type_name(),
                    primitive => primitive.display_text(),
                },
                (None, _) => object.type_name(),
            },
            other => other.display_text(),
        }
    }
}
