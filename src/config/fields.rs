//! Taking typed values out of a table, collecting every problem with its place.

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use super::document::{Entry, Kind, Node, Source};
use super::problem::Problem;
use crate::secret::SecretRef;

/// A value and where it stands, for rules that look at several keys.
#[derive(Clone, Debug)]
pub(super) struct Sited<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// A table that is being read. What nobody took in the end is unknown.
pub(super) struct Fields<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
    path: String,
    at: usize,
    entries: Vec<Entry>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        source: &'a Source,
        problems: &'a mut Vec<Problem>,
        path: String,
        at: usize,
        entries: Vec<Entry>,
    ) -> Self {
        let mut fields = Self { source, problems, path, at, entries: Vec::new(), known: Vec::new() };
        for entry in entries {
            if fields.entries.iter().any(|other| other.key == entry.key) {
                fields.wrong(&entry.key, entry.key_span.start, "the key is there twice", None);
            } else {
                fields.entries.push(entry);
            }
        }
        fields
    }

    /// Where the table begins, for what is missing in it.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the value of a key stands, if it is there and nobody has taken it.
    pub(super) fn place_of(&self, key: &str) -> Option<usize> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.span.start)
    }

    /// Reports a problem with `key`.
    pub(super) fn wrong(&mut self, key: &str, at: usize, message: impl Into<String>, hint: Option<&str>) {
        let mut problem = self.source.problem(at, message).key(self.dotted(key));
        problem.hint = hint.map(str::to_owned);
        self.problems.push(problem);
    }

    /// Whether a key is there and nobody has taken it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index).value)
    }

    fn mistyped(&mut self, key: &str, node: &Node, wanted: &str) {
        let message = format!("this is {}, but must be {wanted}", node.kind.name());
        self.wrong(key, node.span.start, message, None);
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Sited<String>> {
        let node = self.take(key)?;
        match node.kind {
            Kind::Text(value) if value.trim().is_empty() => {
                self.wrong(key, node.span.start, "the value is empty", None);
                None
            }
            Kind::Text(value) => Some(Sited { value, at: node.span.start }),
            _ => {
                self.mistyped(key, &node, "a text");
                None
            }
        }
    }

    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.text(key).map(|text| text.value.into())
    }

    /// One text, or a list of them.
    pub(super) fn one_or_more(&mut self, key: &'static str) -> Vec<String> {
        self.several(key).into_iter().map(|text| text.value).collect()
    }

    /// One text, or a list of them, each with its place.
    pub(super) fn several(&mut self, key: &'static str) -> Vec<Sited<String>> {
        let is_list =
            self.entries.iter().any(|entry| entry.key == key && matches!(entry.value.kind, Kind::List(_)));
        if is_list { self.texts(key) } else { self.text(key).into_iter().collect() }
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Vec<Sited<String>> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let Kind::List(items) = node.kind else {
            self.mistyped(key, &node, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.kind {
                Kind::Text(value) => texts.push(Sited { value, at: item.span.start }),
                _ => self.mistyped(key, &item, "a text"),
            }
        }
        texts
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> Sited<bool> {
        match self.take(key) {
            Some(Node { kind: Kind::Flag(value), span }) => Sited { value, at: span.start },
            Some(node) => {
                self.mistyped(key, &node, "true or false");
                Sited { value: default, at: node.span.start }
            }
            None => Sited { value: default, at: self.at },
        }
    }

    pub(super) fn number(&mut self, key: &'static str, allowed: RangeInclusive<i64>) -> Option<u32> {
        let node = self.take(key)?;
        let Kind::Integer(value) = node.kind else {
            self.mistyped(key, &node, "a whole number");
            return None;
        };
        if !allowed.contains(&value) {
            let message = format!("{value} is not from {} to {}", allowed.start(), allowed.end());
            self.wrong(key, node.span.start, message, None);
            return None;
        }
        u32::try_from(value).ok()
    }

    pub(super) fn duration(&mut self, key: &'static str, default: Duration) -> Duration {
        let Some(text) = self.text(key) else { return default };
        super::duration::parse(&text.value).unwrap_or_else(|| {
            let message = format!("`{}` is not a duration", text.value);
            self.wrong(
                key,
                text.at,
                message,
                Some("a number and a unit: \"500ms\", \"30s\", \"2m\", \"1h\""),
            );
            default
        })
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Sited<T>> {
        let text = self.text(key)?;
        self.chosen(key, &text, choices)
    }

    /// The value that a text of `key` stands for.
    pub(super) fn chosen<T: Copy>(
        &mut self,
        key: &str,
        text: &Sited<String>,
        choices: &[(&'static str, T)],
    ) -> Option<Sited<T>> {
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text.value) {
            return Some(Sited { value: *value, at: text.at });
        }
        let problem =
            self.source.problem(text.at, format!("unknown value `{}`", text.value)).key(self.dotted(key));
        self.problems.push(problem.suggest(&text.value, choices.iter().map(|(name, _)| *name)));
        None
    }

    pub(super) fn secret(&mut self, key: &'static str) -> Option<SecretRef> {
        let node = self.take(key)?;
        let Kind::Text(text) = &node.kind else {
            self.mistyped(key, &node, "a secret reference");
            return None;
        };
        match text.parse() {
            Ok(reference) => Some(reference),
            Err(error) => {
                self.wrong(key, node.span.start, error.to_string(), Some(error.hint()));
                None
            }
        }
    }

    /// Reads a table below this one, if it is there.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Option<T> {
        let node = self.take(key)?;
        let Kind::Table(entries) = node.kind else {
            self.mistyped(key, &node, "a table");
            return None;
        };
        let path = self.dotted(key);
        let mut fields = Fields::new(self.source, self.problems, path, node.span.start, entries);
        let value = read(&mut fields);
        fields.finish();
        Some(value)
    }

    /// Takes what is left, whatever the names are.
    pub(super) fn rest(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Reports a key that must be there, unless it is there but wrong, or misspelt: one mistake is one problem.
    pub(super) fn missing(&mut self, key: &str, hint: &str) {
        let dotted = self.dotted(key);
        let misspelt = self.entries.iter().any(|entry| super::suggestion(&entry.key, [key]).is_some());
        if !misspelt && !self.problems.iter().any(|problem| problem.key == dotted) {
            self.wrong(key, self.at, "the key is missing", Some(hint));
        }
    }

    /// Reports every key that nobody knows.
    pub(super) fn finish(mut self) {
        for Entry { key, key_span: Range { start, .. }, .. } in self.rest() {
            let problem = self.source.problem(start, "unknown key").key(self.dotted(&key));
            self.problems.push(problem.suggest(&key, self.known.iter().copied()));
        }
    }
}
