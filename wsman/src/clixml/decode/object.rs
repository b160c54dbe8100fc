//! `Obj` and what is inside.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Result, Run};
use crate::clixml::error::DecodeErrorKind;
use crate::clixml::kind::Kind;
use crate::clixml::names::OpenSet;
use crate::clixml::object::{Container, Member, Object, Properties};
use crate::clixml::scan::{MAX_OPEN, Tag};
use crate::clixml::text::Text;
use crate::clixml::value::Value;

/// References may build chains that are deeper than the text. Taking such a value apart recurses along it, so there is
/// a bound that no real object comes near.
const MAX_HEIGHT: u32 = 200;

/// No more properties than this are expected before they are seen.
const MAX_USUAL: usize = 1024;

impl<'a> Run<'a, '_> {
    /// `Obj`, `[MS-PSRP] 2.2.5.2`
    pub(super) fn object(&mut self, tag: &Tag<'a>) -> Result<Value> {
        let ref_id = tag.ref_id.map(|raw| self.scanner.attribute_string(raw)).transpose()?;
        let id = self.decoder.references.open(ref_id.as_deref());
        let mut object = Object { id, ..Object::default() };
        let around = std::mem::take(&mut self.height);
        let mut notes: Option<OpenSet> = None;
        if !tag.empty {
            while let Some(child) = self.scanner.child()? {
                self.object_part(&child, &mut object, &mut notes)?;
            }
        }
        self.scanner.end(tag)?;
        if let Some(notes) = notes {
            self.decoder.names.close_set(notes);
        }
        let height = self.height + 1;
        if height > MAX_HEIGHT {
            return Err(self.scanner.error(DecodeErrorKind::TooDeep));
        }
        self.height = around.max(height);
        let object = Arc::new(object);
        if let Some(ref_id) = ref_id {
            self.decoder.references.close(&ref_id, &object, height);
        }
        Ok(Value::Object(object))
    }

    fn object_part(&mut self, tag: &Tag<'a>, object: &mut Object, notes: &mut Option<OpenSet>) -> Result<()> {
        match tag.kind {
            Kind::TypeNames if self.is(tag, Kind::TypeNames) => {
                object.type_names = Some(self.type_names(tag)?)
            }
            Kind::TypeNamesReference if self.is(tag, Kind::TypeNamesReference) => {
                let id = self.ref_id(tag)?;
                let names = self.decoder.references.types(&id);
                let names = names.ok_or_else(|| self.scanner.error(DecodeErrorKind::DanglingTypeRef))?;
                self.scanner.skip(tag)?;
                object.type_names = Some(names);
            }
            Kind::ToString if self.is(tag, Kind::ToString) => {
                object.to_string = Some(self.text_element(tag)?);
            }
            Kind::Properties if self.is(tag, Kind::Properties) => {
                let mut set = self.decoder.names.open_set();
                // Objects of a kind have as many properties as each other.
                let usual = if self.depth == 1 { self.decoder.usual } else { 0 };
                object.adapted = Vec::with_capacity(usual);
                self.properties(tag, &mut object.adapted, &mut set)?;
                if self.depth == 1 {
                    self.decoder.usual = object.adapted.len().min(MAX_USUAL);
                }
                self.decoder.names.close_set(set);
            }
            Kind::Members if self.is(tag, Kind::Members) => {
                let names = &mut self.decoder.names;
                let set = notes.get_or_insert_with(|| names.open_set());
                self.members(tag, &mut object.extended, set)?;
            }
            Kind::List if self.is(tag, Kind::List) => object.base = Container::List(self.items(tag)?),
            Kind::Enumerable if self.is(tag, Kind::Enumerable) => {
                object.base = Container::Enumerable(self.items(tag)?)
            }
            Kind::Queue if self.is(tag, Kind::Queue) => object.base = Container::Queue(self.items(tag)?),
            Kind::Stack if self.is(tag, Kind::Stack) => object.base = Container::Stack(self.items(tag)?),
            Kind::Dictionary if self.is(tag, Kind::Dictionary) => {
                object.base = Container::Dictionary(self.entries(tag)?)
            }
            Kind::Object if self.is(tag, Kind::Object) => {
                object.base = Container::Value(Box::new(self.value(tag)?))
            }
            _ => match self.primitive(tag)? {
                Some(value) => object.base = Container::Value(Box::new(value)),
                // From minor version 2 on, what is new may be skipped here, but nothing that has a meaning elsewhere.
                None if self.minor > 1 && !matches!(tag.kind, Kind::Nil | Kind::Reference) => {
                    self.scanner.skip(tag)?
                }
                None => return self.unexpected(tag),
            },
        }
        Ok(())
    }

    /// `TN`, `[MS-PSRP] 2.2.5.2.3`
    fn type_names(&mut self, tag: &Tag<'a>) -> Result<Arc<[Text]>> {
        let ref_id = tag.ref_id.map(|raw| self.scanner.attribute_string(raw)).transpose()?;
        let start = self.scanner.at;
        // The same text without namespaces around it always reads the same, so its first reading serves for all.
        let cached = if self.scanner.is_context_free() && !tag.empty {
            let rest = &self.scanner.text[start..];
            memchr::memmem::find(rest.as_bytes(), b"</TN>").and_then(|length| {
                let names = self.decoder.types.known(&rest[..length])?;
                Some((names, start + length))
            })
        } else {
            None
        };
        let names = match cached {
            Some((names, end)) => {
                self.scanner.at = end;
                names
            }
            None => {
                let mut names = Vec::new();
                if !tag.empty {
                    while let Some(child) = self.scanner.child()? {
                        if !self.is(&child, Kind::TypeName) {
                            return self.unexpected(&child);
                        }
                        self.count()?;
                        let name = self.text_element(&child)?;
                        if name != "" {
                            names.push(name);
                        }
                    }
                }
                let names: Arc<[Text]> = names.into();
                if self.scanner.is_context_free() && !tag.empty {
                    self.decoder.types.learn(&self.scanner.text[start..self.scanner.at], &names);
                }
                names
            }
        };
        self.scanner.end(tag)?;
        if let Some(ref_id) = ref_id {
            self.decoder.references.set_types(&ref_id, &names);
        }
        Ok(names)
    }

    /// `Props`, `[MS-PSRP] 2.2.5.2.8`
    fn properties(&mut self, tag: &Tag<'a>, out: &mut Properties, set: &mut OpenSet) -> Result<()> {
        if !tag.empty {
            while let Some(child) = self.scanner.child()? {
                let name = self.property_name(&child)?;
                let value = self.value(&child)?;
                self.add(out, set, name, Member::Value(value));
            }
        }
        self.scanner.end(tag)
    }

    /// `MS`, `[MS-PSRP] 2.2.5.2.9`
    fn members(&mut self, tag: &Tag<'a>, out: &mut Properties, set: &mut OpenSet) -> Result<()> {
        if !tag.empty {
            while let Some(child) = self.scanner.child()? {
                let is_set = self.is(&child, Kind::Members);
                let name = self.property_name(&child)?;
                if !is_set && self.decoder.names.text(name).is_some_and(|name| **name == "") {
                    return Err(self.scanner.error(DecodeErrorKind::EmptyName));
                }
                let member = match is_set {
                    true => Member::Set(self.member_set(&child)?),
                    false => Member::Value(self.value(&child)?),
                };
                self.add(out, set, name, member);
            }
        }
        self.scanner.end(tag)
    }

    /// A member set inside `MS`. Sets inside it may nest as deep as they like and are read as empty.
    fn member_set(&mut self, tag: &Tag<'a>) -> Result<Properties> {
        let mut out = Properties::new();
        let mut set = self.decoder.names.open_set();
        let mut open = vec![*tag];
        while let Some(innermost) = open.last().copied() {
            let child = if innermost.empty { None } else { self.scanner.child()? };
            let Some(child) = child else {
                self.scanner.end(&innermost)?;
                open.pop();
                continue;
            };
            let name = self.property_name(&child)?;
            let member = if self.is(&child, Kind::Members) {
                self.count()?;
                if open.len() >= MAX_OPEN {
                    return Err(self.scanner.error(DecodeErrorKind::TooDeep));
                }
                open.push(child);
                Member::Set(Properties::new())
            } else {
                Member::Value(self.value(&child)?)
            };
            if (open.len() == 1) || (open.len() == 2 && matches!(member, Member::Set(_))) {
                self.add(&mut out, &mut set, name, member);
            }
        }
        self.decoder.names.close_set(set);
        Ok(out)
    }

    fn add(&mut self, out: &mut Properties, set: &mut OpenSet, name: u32, member: Member) {
        let Some(text) = self.decoder.names.text(name).map(Arc::clone) else { return };
        match self.decoder.names.place(set, name, out.len()).and_then(|place| out.get_mut(place)) {
            Some(before) => *before = (text, member),
            None => out.push((text, member)),
        }
    }

    fn property_name(&mut self, tag: &Tag<'a>) -> Result<u32> {
        let Some(raw) = tag.n else {
            return Err(self.scanner.error(DecodeErrorKind::MissingAttribute("N")));
        };
        if let Some(number) = self.decoder.names.known(raw) {
            return Ok(number);
        }
        if raw.len() > self.decoder.limits.name {
            return Err(self.scanner.error(DecodeErrorKind::Limit("name size")));
        }
        let text = self.scanner.attribute_text(raw)?;
        Ok(self.decoder.names.learn(raw, text))
    }

    /// `LST` and its like, `[MS-PSRP] 2.2.5.2.6`
    fn items(&mut self, tag: &Tag<'a>) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        if !tag.empty {
            while let Some(child) = self.scanner.child()? {
                items.push(self.value(&child)?);
            }
        }
        self.scanner.end(tag)?;
        Ok(items)
    }

    /// `DCT`, `[MS-PSRP] 2.2.5.2.6.4`
    fn entries(&mut self, tag: &Tag<'a>) -> Result<Vec<(Value, Value)>> {
        let mut entries = Vec::new();
        if !tag.empty {
            while let Some(entry) = self.scanner.child()? {
                if !self.is(&entry, Kind::Entry) {
                    return Err(self.scanner.error(DecodeErrorKind::MissingElement("En")));
                }
                let key = self.entry_half(&entry, "Key")?;
                if key == Value::Nil {
                    return Err(self.scanner.error(DecodeErrorKind::DictionaryEntry));
                }
                let value = self.entry_half(&entry, "Value")?;
                if self.scanner.child()?.is_some() {
                    return Err(self.scanner.error(DecodeErrorKind::DictionaryEntry));
                }
                self.scanner.end(&entry)?;
                entries.push((key, value));
            }
        }
        self.scanner.end(tag)?;
        Ok(entries)
    }

    fn entry_half(&mut self, entry: &Tag<'a>, expected: &str) -> Result<Value> {
        let child = if entry.empty { None } else { self.scanner.child()? };
        let Some(child) = child else {
            return Err(self.scanner.error(DecodeErrorKind::DictionaryEntry));
        };
        let name: Cow<'a, str> = match child.n {
            Some(raw) => self.scanner.attribute_string(raw)?,
            None => return Err(self.scanner.error(DecodeErrorKind::MissingAttribute("N"))),
        };
        if !name.eq_ignore_ascii_case(expected) {
            return Err(self.scanner.error(DecodeErrorKind::DictionaryEntry));
        }
        self.value(&child)
    }

    pub(super) fn text_element(&mut self, tag: &Tag<'a>) -> Result<Text> {
        if !self.is_text_element(tag) {
            return self.unexpected(tag);
        }
        Ok(self.scanner.content(tag)?.into_text())
    }
}
