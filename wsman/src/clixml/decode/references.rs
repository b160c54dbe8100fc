//! `RefId` and what it stands for, within one document.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clixml::object::Object;
use crate::clixml::text::Text;
use crate::clixml::value::Value;

/// Objects and type names by their id; the two have ids of their own.
#[derive(Debug, Default)]
pub(super) struct References {
    objects: Ids<Reference>,
    types: Ids<Arc<[Text]>>,
    next_object: u32,
}

#[derive(Clone, Debug)]
enum Reference {
    /// Its end tag was not read yet
    Open(u32),
    /// With how many objects stand inside each other in it, along references too
    Closed(Arc<Object>, u32),
}

impl References {
    pub(super) fn clear(&mut self) {
        self.objects.clear();
        self.types.clear();
        self.next_object = 0;
    }

    /// The ordinal of an object whose start tag was just read.
    pub(super) fn open(&mut self, id: Option<&str>) -> u32 {
        let ordinal = self.next_object;
        self.next_object += 1;
        if let Some(id) = id {
            self.objects.set(id, Reference::Open(ordinal));
        }
        ordinal
    }

    /// The object is complete; another that took the id meanwhile keeps it.
    pub(super) fn close(&mut self, id: &str, object: &Arc<Object>, height: u32) {
        if let Some(entry @ Reference::Open(_)) = self.objects.get_mut(id)
            && matches!(entry, Reference::Open(ordinal) if *ordinal == object.id)
        {
            *entry = Reference::Closed(Arc::clone(object), height);
        }
    }

    /// What an id stands for now, and its height.
    pub(super) fn get(&mut self, id: &str) -> Option<(Value, u32)> {
        self.objects.get_mut(id).map(|reference| match reference {
            Reference::Open(ordinal) => (Value::Cycle(*ordinal), 0),
            Reference::Closed(object, height) => (Value::Object(Arc::clone(object)), *height),
        })
    }

    pub(super) fn set_types(&mut self, id: &str, names: &Arc<[Text]>) {
        self.types.set(id, Arc::clone(names));
    }

    pub(super) fn types(&mut self, id: &str) -> Option<Arc<[Text]>> {
        self.types.get_mut(id).cloned()
    }
}

/// A map by text; the small numbers that real writers use are found by index.
#[derive(Debug)]
struct Ids<T> {
    small: Vec<Option<T>>,
    other: HashMap<String, T>,
}

impl<T> Default for Ids<T> {
    fn default() -> Self {
        Self { small: Vec::new(), other: HashMap::new() }
    }
}

impl<T> Ids<T> {
    const SMALL: usize = 1 << 16;

    fn clear(&mut self) {
        self.small.clear();
        self.other.clear();
    }

    fn set(&mut self, id: &str, value: T) {
        match small_number(id).filter(|number| *number < Self::SMALL) {
            Some(number) => {
                if self.small.len() <= number {
                    self.small.resize_with(number + 1, || None);
                }
                self.small[number] = Some(value);
            }
            None => _ = self.other.insert(id.to_owned(), value),
        }
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        match small_number(id).filter(|number| *number < Self::SMALL) {
            Some(number) => self.small.get_mut(number)?.as_mut(),
            None => self.other.get_mut(id),
        }
    }
}

/// A number in the one form that is compared as text: `1` and `01` are different ids.
fn small_number(id: &str) -> Option<usize> {
    match id.as_bytes() {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if id.len() <= 5 && id.bytes().all(|byte| byte.is_ascii_digit()) => id.parse().ok(),
        _ => None,
    }
}
