//! Names and type names that come again and again, shared across the messages of a pipeline.

use std::collections::HashMap;
use std::sync::Arc;

use super::text::Text;

/// Above this many bytes of raw text the tables start over, so that a peer cannot make them grow for ever.
const MAX_BYTES: usize = 4 << 20;

/// Property names by their raw text.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_raw: HashMap<Box<str>, u32>,
    names: Vec<Name>,
    /// Names that differ only by case share a fold
    folds: HashMap<Vec<u16>, u32>,
    /// Per fold: where the innermost open set of properties has it
    marks: Vec<Mark>,
    bytes: usize,
    last: u32,
    sets: u64,
    /// Sets up to this one belong to earlier messages
    stale: u64,
}

#[derive(Debug)]
struct Name {
    raw: Box<str>,
    text: Arc<Text>,
    fold: u32,
    /// The name that followed this one last time: objects of a kind have their properties in the same order
    next: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    set: u64,
    index: u32,
}

/// A set of properties being read; its names are compared without case.
#[derive(Debug)]
pub(super) struct OpenSet {
    id: u64,
    /// What the marks were before
    shadowed: Vec<(u32, Mark)>,
}

impl Names {
    /// Called between messages.
    pub(super) fn trim(&mut self) {
        if self.bytes > MAX_BYTES {
            *self = Self::default();
        }
        self.stale = self.sets;
    }

    /// The number of a name seen before in this raw form.
    pub(super) fn known(&mut self, raw: &str) -> Option<u32> {
        let guess = self.names.get(self.last as usize).map_or(0, |name| name.next);
        let number = match self.names.get(guess as usize) {
            Some(name) if *name.raw == *raw => guess,
            _ => {
                let number = *self.by_raw.get(raw)?;
                if let Some(last) = self.names.get_mut(self.last as usize) {
                    last.next = number;
                }
                number
            }
        };
        self.last = number;
        Some(number)
    }

    pub(super) fn learn(&mut self, raw: &str, text: Text) -> u32 {
        let folds = self.folds.len() as u32;
        let fold = *self.folds.entry(fold_case(&text)).or_insert(folds);
        if fold == folds {
            self.marks.push(Mark::default());
        }
        let number = self.names.len() as u32;
        self.bytes += 4 * raw.len() + 64;
        self.names.push(Name { raw: raw.into(), text: Arc::new(text), fold, next: 0 });
        self.by_raw.insert(raw.into(), number);
        if let Some(last) = self.names.get_mut(self.last as usize) {
            last.next = number;
        }
        self.last = number;
        number
    }

    pub(super) fn text(&self, number: u32) -> Option<&Arc<Text>> {
        self.names.get(number as usize).map(|name| &name.text)
    }

    pub(super) fn open_set(&mut self) -> OpenSet {
        self.sets += 1;
        OpenSet { id: self.sets, shadowed: Vec::new() }
    }

    /// Where the set already has the name in some spelling; else remembers it at `index`.
    pub(super) fn place(&mut self, set: &mut OpenSet, number: u32, index: usize) -> Option<usize> {
        let fold = self.names.get(number as usize)?.fold;
        let mark = self.marks.get_mut(fold as usize)?;
        if mark.set == set.id {
            return Some(mark.index as usize);
        }
        if mark.set > self.stale {
            set.shadowed.push((fold, *mark));
        }
        *mark = Mark { set: set.id, index: index as u32 };
        None
    }

    pub(super) fn close_set(&mut self, set: OpenSet) {
        for (fold, mark) in set.shadowed {
            if let Some(place) = self.marks.get_mut(fold as usize) {
                *place = mark;
            }
        }
    }
}

/// .NET's ordinal comparison without case: every unit to upper case on its own.
fn fold_case(text: &Text) -> Vec<u16> {
    let upper = |unit: u16| {
        let mut upper = char::from_u32(u32::from(unit))?.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(c), None) => u16::try_from(u32::from(c)).ok(),
            _ => None,
        }
    };
    text.to_utf16().into_iter().map(|unit| upper(unit).unwrap_or(unit)).collect()
}

/// Lists of type names by the raw text of their `TN` element.
#[derive(Debug, Default)]
pub(super) struct TypeNames {
    by_raw: HashMap<Box<str>, Arc<[Text]>>,
    bytes: usize,
}

impl TypeNames {
    pub(super) fn trim(&mut self) {
        if self.bytes > MAX_BYTES {
            *self = Self::default();
        }
    }

    pub(super) fn known(&self, raw: &str) -> Option<Arc<[Text]>> {
        self.by_raw.get(raw).cloned()
    }

    pub(super) fn learn(&mut self, raw: &str, names: &Arc<[Text]>) {
        self.bytes += 2 * raw.len() + 64;
        self.by_raw.insert(raw.into(), Arc::clone(names));
    }
}
