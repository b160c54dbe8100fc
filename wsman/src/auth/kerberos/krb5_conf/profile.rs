//! The file format below `krb5.conf`: sections of relations and subsections.

use super::{ConfFile, Include, ReadInclude};
use crate::auth::kerberos::KerberosError;

/// Files that include one another.
const MAX_INCLUDES: usize = 8;
/// Subsections in subsections.
const MAX_DEPTH: usize = 8;
/// All files together.
const MAX_SIZE: usize = 1 << 20;
/// All lines together.
const MAX_RELATIONS: usize = 50_000;

/// A relation: the names from the section down, and the value. They stand in the order of the files.
pub(super) struct Relation {
    pub(super) path: Vec<String>,
    pub(super) value: String,
}

/// Reads files in the order in which they include one another.
pub(super) struct Parser<'a> {
    read: &'a mut ReadInclude<'a>,
    relations: Vec<Relation>,
    left: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(read: &'a mut ReadInclude<'a>) -> Self {
        Self { read, relations: Vec::new(), left: MAX_SIZE }
    }

    pub(super) fn finish(self) -> Vec<Relation> {
        self.relations
    }

    /// One file. Each begins outside of any section.
    pub(super) fn file(&mut self, file: &ConfFile, depth: usize) -> Result<(), KerberosError> {
        let ConfFile { name, text } = file;
        let at = |line: usize, why| KerberosError::Configuration { file: name.clone(), line: line + 1, why };
        self.left = self
            .left
            .checked_sub(text.len())
            .ok_or_else(|| at(0, "with all included files it is larger than 1 MiB"))?;
        let mut path: Vec<String> = Vec::new();
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(include) = Include::parse(line) {
                if depth == MAX_INCLUDES {
                    return Err(at(number, "files include one another too deeply"));
                }
                for included in (self.read)(&include)? {
                    self.file(&included, depth + 1)?;
                }
                continue;
            }
            // A plugin of the C library.
            if line.starts_with("module ") {
                continue;
            }
            if let Some(section) = line.strip_prefix('[') {
                if path.len() > 1 {
                    return Err(at(number, "a section begins before a `}`"));
                }
                let (section, _) = section.split_once(']').ok_or(at(number, "a `]` is missing"))?;
                path = vec![section.trim().to_owned()];
                continue;
            }
            if line.trim_end_matches('*').trim_end() == "}" {
                if path.len() < 2 {
                    return Err(at(number, "a `}` without a `{`"));
                }
                path.pop();
                continue;
            }
            if path.is_empty() {
                return Err(at(number, "a setting stands before the first section"));
            }
            let (tag, value) =
                line.split_once('=').ok_or(at(number, "neither `name = value` nor a section"))?;
            let (tag, value) = (tag.trim().trim_end_matches('*').trim_end(), value.trim());
            if tag.is_empty() {
                return Err(at(number, "a setting without a name"));
            }
            // The brace may stand on the next line.
            let opens = match value {
                "{" => true,
                "" => lines.clone().next().is_some_and(|(_, next)| next.trim() == "{"),
                _ => false,
            };
            if opens {
                if value.is_empty() {
                    lines.next();
                }
                if path.len() == MAX_DEPTH {
                    return Err(at(number, "too many `{` in one another"));
                }
                path.push(tag.to_owned());
                continue;
            }
            if self.relations.len() == MAX_RELATIONS {
                return Err(at(number, "too many settings"));
            }
            let path = path.iter().cloned().chain([tag.to_owned()]).collect();
            self.relations.push(Relation { path, value: unquoted(value) });
        }
        if path.len() > 1 {
            return Err(at(text.lines().count().saturating_sub(1), "a `}` is missing at the end"));
        }
        Ok(())
    }
}

/// A value in quotation marks has escapes.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let mut output = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => output.extend(letters.next().map(|letter| match letter {
                'n' => '\n',
                't' => '\t',
                'b' => '\u{8}',
                other => other,
            })),
            other => output.push(other),
        }
    }
    output
}
