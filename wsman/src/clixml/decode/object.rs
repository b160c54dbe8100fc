//! `Obj` and what is inside.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Result, Run};
use crate::clixml::error::DecodeErrorKind;
use crate::clixml::names::OpenSet;
use crate::clixml::object::{Container, Member, Object, Properties};
use crate::clixml::scan::Tag;
use crate::clixml::text::Text;
use crate::clixml::value::Value;

impl<'a> Run<'a, '_> {
    /// `Obj`, `[MS-PSRP] 2.2.5.2`
    pub(super) fn object(&mut self, tag: &Tag<'a>) -> Result<Value> {
        let ref_id = tag.ref_id.map(|raw| self.scanner.attribute_string(raw)).transpose()?;
        let id = self.decoder.references.open(ref_id.as_deref());
        let mut object = Object { id, ..Object::default() };
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
        let object = Arc::new(object);
        if let Some(ref_id) = ref_id {
            self.decoder.references.close(&ref_id, &object);
        }
        Ok(Value::Object(object))
    }

    fn object_part(&mut self, tag: &Tag<'a>, object: &mut Object, notes: &mut Option<OpenSet>) -> Result<()> {
        match tag.local() {
            "TN" if self.is(tag, "TN") => object.type_names = Some(self.type_names(tag)?),
            "TNRef" if self.is(tag, "TNRef") => {
                let id = self.ref_id(tag)?;
                let names = self.decoder.references.types(&id);
                let names = names.ok_or_else(|| self.scanner.error(DecodeErrorKind::DanglingTypeRef))?;
                self.scanner.skip(tag)?;
                object.type_names = Some(names);
            }
            "ToString" if self.is(tag, "ToString") => {
                object.to_string = Some(self.text_element(tag)?);
            }
            "Props" if self.is(tag, "Props") => {
                let mut set = self.decoder.names.open_set();
                object.adapted = Vec::new();
                self.properties(tag, &mut object.adapted, &mut set)?;
                self.decoder.names.close_set(set);
            }
            "MS" if self.is(tag, "MS") => {
                let names = &mut self.decoder.names;
                let set = notes.get_or_insert_with(|| names.open_set());
                self.members(tag, &mut object.extended, set)?;
            }
            "LST" if self.is(tag, "LST") => object.base = Container::List(self.items(tag)?),
            "IE" if self.is(tag, "IE") => object.base = Container::Enumerable(self.items(tag)?),
            "QUE" if self.is(tag, "QUE") => object.base = Container::Queue(self.items(tag)?),
            "STK" if self.is(tag, "STK") => object.base = Container::Stack(self.items(tag)?),
            "DCT" if self.is(tag, "DCT") => object.base = Container::Dictionary(self.entries(tag)?),
            "Obj" if self.is(tag, "Obj") => object.base = Container::Value(Box::new(self.value(tag)?)),
            _ => match self.primitive(tag)? {
                Some(value) => object.base = Container::Value(Box::new(value)),
                // From minor version 2 on, what is new may be skipped here, but nothing that has a meaning elsewhere.
                None if self.minor > 1 && !matches!(tag.local(), "Nil" | "Ref") => self.scanner.skip(tag)?,
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
                        if !self.is(&child, "T") {
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
                let is_set = self.is(&child, "MS");
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
            let member = if self.is(&child, "MS") {
                self.count()?;
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
                if !self.is(&entry, "En") {
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
