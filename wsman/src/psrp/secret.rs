//! Finding and replacing SecureStrings inside values.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clixml::{Container, Member, Object, Properties, SecureText, Value};

/// Deeper values are nobody's: neither side reads more than 49 objects inside each other.
const MAX_DEPTH: usize = 256;

/// Every SecureString in the value.
#[cfg(feature = "client")]
pub(crate) fn secure_strings(value: &Value) -> Vec<SecureText> {
    let mut found = Vec::new();
    let Ok(_) = replace(value.clone(), &mut |text| {
        found.push(text.clone());
        Ok::<_, std::convert::Infallible>(text)
    });
    found
}

/// Whether a SecureString that `wanted` picks is anywhere in the value.
pub(crate) fn contains(value: &Value, wanted: fn(&SecureText) -> bool) -> bool {
    Search { wanted, seen: HashMap::new() }.value(value, 0)
}

pub(crate) fn is_clear(text: &SecureText) -> bool {
    matches!(text, SecureText::Clear(_))
}

pub(crate) fn is_encrypted(text: &SecureText) -> bool {
    matches!(text, SecureText::Encrypted(_))
}

/// Shared objects are visited once: a few hundred bytes of references can name more paths than there are atoms.
struct Search {
    wanted: fn(&SecureText) -> bool,
    seen: HashMap<*const Object, bool>,
}

impl Search {
    fn value(&mut self, value: &Value, depth: usize) -> bool {
        match value {
            Value::SecureString(text) => (self.wanted)(text),
            Value::Object(object) if depth < MAX_DEPTH => {
                let key = Arc::as_ptr(object);
                if let Some(known) = self.seen.get(&key) {
                    return *known;
                }
                let found = self.object(object, depth + 1);
                self.seen.insert(key, found);
                found
            }
            _ => false,
        }
    }

    fn object(&mut self, object: &Object, depth: usize) -> bool {
        let in_base = match &object.base {
            Container::None => false,
            Container::Value(value) => self.value(value, depth),
            Container::List(items)
            | Container::Enumerable(items)
            | Container::Queue(items)
            | Container::Stack(items) => items.iter().any(|item| self.value(item, depth)),
            Container::Dictionary(entries) => {
                entries.iter().any(|(key, value)| self.value(key, depth) || self.value(value, depth))
            }
        };
        in_base || self.properties(&object.adapted, depth) || self.properties(&object.extended, depth)
    }

    fn properties(&mut self, properties: &Properties, depth: usize) -> bool {
        depth < MAX_DEPTH
            && properties.iter().any(|(_, member)| match member {
                Member::Value(value) => self.value(value, depth),
                Member::Set(members) => self.properties(members, depth + 1),
            })
    }
}

/// The value with every SecureString replaced by what `replace` makes of it; what holds none stays shared.
pub(crate) fn replace<E>(
    value: Value,
    with: &mut dyn FnMut(SecureText) -> Result<SecureText, E>,
) -> Result<Value, E> {
    Replace { with, done: HashMap::new() }.value(value, 0)
}

struct Replace<'a, E> {
    with: &'a mut dyn FnMut(SecureText) -> Result<SecureText, E>,
    /// Keeps the old object alive, so that its address is not used again meanwhile.
    done: HashMap<*const Object, (Arc<Object>, Value)>,
}

impl<E> Replace<'_, E> {
    fn value(&mut self, value: Value, depth: usize) -> Result<Value, E> {
        match value {
            Value::SecureString(text) => Ok(Value::SecureString((self.with)(text)?)),
            Value::Object(object) if depth < MAX_DEPTH => {
                let key = Arc::as_ptr(&object);
                if let Some((_, known)) = self.done.get(&key) {
                    return Ok(known.clone());
                }
                let holds = contains(&Value::Object(Arc::clone(&object)), |_| true);
                let new = if holds {
                    Value::Object(Arc::new(self.object(Object::clone(&object), depth + 1)?))
                } else {
                    Value::Object(Arc::clone(&object))
                };
                self.done.insert(key, (object, new.clone()));
                Ok(new)
            }
            other => Ok(other),
        }
    }

    fn object(&mut self, mut object: Object, depth: usize) -> Result<Object, E> {
        object.base = match object.base {
            Container::None => Container::None,
            Container::Value(value) => Container::Value(Box::new(self.value(*value, depth)?)),
            Container::List(items) => Container::List(self.items(items, depth)?),
            Container::Enumerable(items) => Container::Enumerable(self.items(items, depth)?),
            Container::Queue(items) => Container::Queue(self.items(items, depth)?),
            Container::Stack(items) => Container::Stack(self.items(items, depth)?),
            Container::Dictionary(entries) => Container::Dictionary(
                entries
                    .into_iter()
                    .map(|(key, value)| Ok((self.value(key, depth)?, self.value(value, depth)?)))
                    .collect::<Result<_, E>>()?,
            ),
        };
        object.adapted = self.properties(object.adapted, depth)?;
        object.extended = self.properties(object.extended, depth)?;
        Ok(object)
    }

    fn items(&mut self, items: Vec<Value>, depth: usize) -> Result<Vec<Value>, E> {
        items.into_iter().map(|item| self.value(item, depth)).collect()
    }

    fn properties(&mut self, properties: Properties, depth: usize) -> Result<Properties, E> {
        if depth >= MAX_DEPTH {
            return Ok(properties);
        }
        let member = |(name, member)| {
            Ok(match member {
                Member::Value(value) => (name, Member::Value(self.value(value, depth)?)),
                Member::Set(members) => (name, Member::Set(self.properties(members, depth + 1)?)),
            })
        };
        properties.into_iter().map(member).collect()
    }
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
