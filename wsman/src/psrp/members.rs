//! Reading the members of a message and building objects as the real peers write them.

use std::sync::Arc;

use super::error::BodyError;
use crate::clixml::{Container, Member, Object, Properties, Text, Value};

/// The members of one object, with the name of the structure for errors.
#[derive(Clone, Copy)]
pub(crate) struct Members<'a> {
    message: &'static str,
    object: &'a Object,
}

impl<'a> Members<'a> {
    pub(crate) fn of(value: &'a Value, message: &'static str) -> Result<Self, BodyError> {
        match value {
            Value::Object(object) => Ok(Self { message, object }),
            _ => Err(BodyError { message, member: "body" }),
        }
    }

    pub(crate) fn error(&self, member: &'static str) -> BodyError {
        BodyError { message: self.message, member }
    }

    /// A member by name: the real reader ignores case and takes adapted members as well.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        find(&self.object.extended, name).or_else(|| find(&self.object.adapted, name))
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&'a Value, BodyError> {
        self.get(name).ok_or_else(|| self.error(name))
    }

    pub(crate) fn int32(&self, name: &'static str) -> Result<i32, BodyError> {
        number(self.required(name)?).ok_or_else(|| self.error(name))
    }

    pub(crate) fn int64(&self, name: &'static str) -> Result<i64, BodyError> {
        match self.required(name)? {
            Value::Int64(number) => Ok(*number),
            Value::Int32(number) => Ok(i64::from(*number)),
            _ => Err(self.error(name)),
        }
    }

    pub(crate) fn bool(&self, name: &'static str) -> Result<bool, BodyError> {
        match self.required(name)? {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.error(name)),
        }
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<String, BodyError> {
        text(self.required(name)?).ok_or_else(|| self.error(name))
    }

    /// A string that may be `Nil` or absent.
    pub(crate) fn optional_text(&self, name: &'static str) -> Result<Option<String>, BodyError> {
        match self.get(name) {
            None | Some(Value::Nil) => Ok(None),
            Some(value) => text(value).map(Some).ok_or_else(|| self.error(name)),
        }
    }

    pub(crate) fn list(&self, name: &'static str) -> Result<&'a [Value], BodyError> {
        items(self.required(name)?).ok_or_else(|| self.error(name))
    }
}

fn find<'a>(properties: &'a Properties, name: &str) -> Option<&'a Value> {
    properties.iter().find_map(|(key, member)| match member {
        Member::Value(value) if key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)) => Some(value),
        _ => None,
    })
}

/// A string; what it wraps if it carries notes.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string_lossy().into_owned()),
        Value::Object(object) => match &object.base {
            Container::Value(base) => match base.as_ref() {
                Value::String(text) => Some(text.to_string_lossy().into_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// An enumeration or a number: `I32` or an object around one.
pub(crate) fn number(value: &Value) -> Option<i32> {
    match value {
        Value::Int32(number) => Some(*number),
        Value::Object(object) => match &object.base {
            Container::Value(base) => match base.as_ref() {
                Value::Int32(number) => Some(*number),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The items of a list, whatever it is called.
pub(crate) fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Object(object) => match &object.base {
            Container::List(items)
            | Container::Enumerable(items)
            | Container::Queue(items)
            | Container::Stack(items) => Some(items),
            _ => None,
        },
        _ => None,
    }
}

/// An entry of a dictionary, by a string key.
pub(crate) fn entry<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let Value::Object(object) = value else { return None };
    let Container::Dictionary(entries) = &object.base else { return None };
    entries.iter().find_map(|(found, value)| match found {
        Value::String(text) if text.as_str().is_some_and(|text| text.eq_ignore_ascii_case(key)) => {
            Some(value)
        }
        _ => None,
    })
}

pub(crate) fn string(text: &str) -> Value {
    Value::String(Text::from(text))
}

pub(crate) fn optional_string(text: Option<&str>) -> Value {
    text.map_or(Value::Nil, string)
}

pub(crate) fn type_names(names: &[&str]) -> Arc<[Text]> {
    names.iter().map(|name| Text::from(*name)).collect()
}

pub(crate) fn properties<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Properties {
    members.into_iter().map(|(name, value)| (Arc::new(Text::from(name)), Member::Value(value))).collect()
}

/// An object that has nothing but extended members: the shape of nearly every message.
pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(Arc::new(Object { extended: properties(members), ..Object::default() }))
}

pub(crate) fn list(names: &[&str], items: Vec<Value>) -> Value {
    container(names, Container::List(items))
}

pub(crate) fn container(names: &[&str], base: Container) -> Value {
    Value::Object(Arc::new(Object { type_names: Some(type_names(names)), base, ..Object::default() }))
}

/// An enumeration as the real writer sends it.
pub(crate) fn enumeration(type_name: &str, name: &str, number: i32) -> Value {
    Value::Object(Arc::new(Object {
        type_names: Some(type_names(&[type_name, "System.Enum", "System.ValueType", "System.Object"])),
        to_string: Some(Text::from(name)),
        base: Container::Value(Box::new(Value::Int32(number))),
        ..Object::default()
    }))
}
