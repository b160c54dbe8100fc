//! Writing CLIXML as the real writer does.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::EncodeError;
use super::escape::write_text;
use super::number::write_float;
use super::object::{Container, Member, Object, Properties};
use super::secure::SecureStringCipher;
use super::text::Text;
use super::value::{ProgressRecord, SecureText, Value};

type Result<T> = std::result::Result<T, EncodeError>;

/// What the real reader takes.
const MAX_DEPTH: u32 = 49;

/// Writes the one object of a remoting message, without the byte order mark. `[MS-PSRP] 2.2.5`
///
/// An object that occurs again is written as `Ref`, type names that occur again as `TNRef`. Clear SecureStrings need
/// the session key.
pub fn encode(value: &Value, cipher: Option<&dyn SecureStringCipher>) -> Result<String> {
    let mut encoder = Encoder {
        out: String::new(),
        cipher,
        objects: HashMap::new(),
        types: HashMap::new(),
        open: Vec::new(),
        next_object: 0,
        depth: 0,
    };
    encoder.value(value, None)?;
    Ok(encoder.out)
}

struct Encoder<'v> {
    out: String,
    cipher: Option<&'v dyn SecureStringCipher>,
    /// RefIds of objects by their place in memory
    objects: HashMap<*const Object, u32>,
    types: HashMap<&'v [Text], usize>,
    /// [`Object::id`] and RefId of the objects around
    open: Vec<(u32, u32)>,
    next_object: u32,
    depth: u32,
}

impl<'v> Encoder<'v> {
    /// One value with the name it has where it stands.
    fn value(&mut self, value: &'v Value, name: Option<&Text>) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        match value {
            Value::Object(object) => self.object(object, name)?,
            Value::Cycle(id) => {
                let around = self.open.iter().rev().find(|(open, _)| open == id);
                let ref_id = around.map(|(_, ref_id)| *ref_id).ok_or(EncodeError::DanglingCycle)?;
                self.reference(ref_id, name);
            }
            value => self.primitive(value, name)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn reference(&mut self, ref_id: u32, name: Option<&Text>) {
        self.start("Ref", name);
        self.push(format_args!(" RefId=\"{ref_id}\" />"));
    }

    /// `<tag N="name"`
    fn start(&mut self, tag: &str, name: Option<&Text>) {
        self.out.push('<');
        self.out.push_str(tag);
        if let Some(name) = name {
            self.out.push_str(" N=\"");
            write_text(&mut self.out, name, true);
            self.out.push('"');
        }
    }

    /// Writing to a String does not fail.
    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    fn end(&mut self, tag: &str) {
        self.push(format_args!("</{tag}>"));
    }

    fn text(&mut self, tag: &str, name: Option<&Text>, text: &Text) {
        self.start(tag, name);
        self.out.push('>');
        write_text(&mut self.out, text, false);
        self.end(tag);
    }

    fn shown(&mut self, tag: &str, name: Option<&Text>, content: impl std::fmt::Display) {
        self.start(tag, name);
        self.push(format_args!(">{content}</{tag}>"));
    }

    fn object(&mut self, object: &'v Arc<Object>, name: Option<&Text>) -> Result<()> {
        if let Some(&ref_id) = self.objects.get(&Arc::as_ptr(object)) {
            self.reference(ref_id, name);
            return Ok(());
        }
        let ref_id = self.next_object;
        self.next_object += 1;
        self.objects.insert(Arc::as_ptr(object), ref_id);
        self.start("Obj", name);
        self.push(format_args!(" RefId=\"{ref_id}\">"));
        self.open.push((object.id, ref_id));
        if let Some(names) = &object.type_names {
            self.type_names(names);
        }
        match &object.to_string {
            Some(text) if *text == "" => self.out.push_str("<ToString />"),
            Some(text) => self.text("ToString", None, text),
            None => {}
        }
        self.container(&object.base)?;
        if !object.adapted.is_empty() {
            self.out.push_str("<Props>");
            self.members(&object.adapted)?;
            self.out.push_str("</Props>");
        }
        if !object.extended.is_empty() {
            self.out.push_str("<MS>");
            self.members(&object.extended)?;
            self.out.push_str("</MS>");
        }
        self.open.pop();
        self.out.push_str("</Obj>");
        Ok(())
    }

    fn type_names(&mut self, names: &'v [Text]) {
        let known = self.types.len();
        match self.types.get(names) {
            Some(id) => {
                let id = *id;
                self.push(format_args!("<TNRef RefId=\"{id}\" />"));
            }
            None => {
                self.types.insert(names, known);
                self.push(format_args!("<TN RefId=\"{known}\">"));
                for name in names {
                    self.text("T", None, name);
                }
                self.out.push_str("</TN>");
            }
        }
    }

    fn container(&mut self, container: &'v Container) -> Result<()> {
        match container {
            Container::None => Ok(()),
            Container::Value(value) => match &**value {
                Value::Nil | Value::Cycle(_) => Err(EncodeError::Shape),
                // A second occurrence would be a Ref, which may not stand here.
                Value::Object(inner) if self.objects.contains_key(&Arc::as_ptr(inner)) => {
                    Err(EncodeError::Shape)
                }
                Value::Object(_) => self.value(value, None),
                value => self.primitive(value, None),
            },
            Container::List(items) => self.items("LST", items),
            Container::Enumerable(items) => self.items("IE", items),
            Container::Queue(items) => self.items("QUE", items),
            Container::Stack(items) => self.items("STK", items),
            Container::Dictionary(entries) if entries.is_empty() => {
                self.out.push_str("<DCT />");
                Ok(())
            }
            Container::Dictionary(entries) => {
                let (key_name, value_name) = (Text::from("Key"), Text::from("Value"));
                self.out.push_str("<DCT>");
                for (key, value) in entries {
                    if *key == Value::Nil {
                        return Err(EncodeError::Shape);
                    }
                    self.out.push_str("<En>");
                    self.value(key, Some(&key_name))?;
                    self.value(value, Some(&value_name))?;
                    self.out.push_str("</En>");
                }
                self.out.push_str("</DCT>");
                Ok(())
            }
        }
    }

    fn items(&mut self, tag: &str, items: &'v [Value]) -> Result<()> {
        if items.is_empty() {
            self.push(format_args!("<{tag} />"));
            return Ok(());
        }
        self.push(format_args!("<{tag}>"));
        for item in items {
            self.value(item, None)?;
        }
        self.end(tag);
        Ok(())
    }

    fn members(&mut self, members: &'v Properties) -> Result<()> {
        for (name, member) in members {
            match member {
                Member::Value(value) => self.value(value, Some(name))?,
                Member::Set(set) => self.member_set(name, set)?,
            }
        }
        Ok(())
    }

    /// A set inside `MS`; a set inside it is read as empty, so nothing of it is written.
    fn member_set(&mut self, name: &Text, set: &'v Properties) -> Result<()> {
        self.start("MS", Some(name));
        if set.is_empty() {
            self.out.push_str(" />");
            return Ok(());
        }
        self.out.push('>');
        for (name, member) in set {
            match member {
                Member::Value(value) => self.value(value, Some(name))?,
                Member::Set(_) => {
                    self.start("MS", Some(name));
                    self.out.push_str(" />");
                }
            }
        }
        self.end("MS");
        Ok(())
    }

    fn primitive(&mut self, value: &Value, name: Option<&Text>) -> Result<()> {
        match value {
            Value::Nil | Value::Object(_) | Value::Cycle(_) => {
                self.start("Nil", name);
                self.out.push_str(" />");
            }
            Value::String(text) => self.text("S", name, text),
            Value::Uri(text) => self.text("URI", name, text),
            Value::Xml(text) => self.text("XD", name, text),
            Value::ScriptBlock(text) => self.text("SBK", name, text),
            Value::Char(unit) => self.shown("C", name, unit),
            Value::Bool(value) => self.shown("B", name, value),
            Value::Byte(value) => self.shown("By", name, value),
            Value::SByte(value) => self.shown("SB", name, value),
            Value::Int16(value) => self.shown("I16", name, value),
            Value::UInt16(value) => self.shown("U16", name, value),
            Value::Int32(value) => self.shown("I32", name, value),
            Value::UInt32(value) => self.shown("U32", name, value),
            Value::Int64(value) => self.shown("I64", name, value),
            Value::UInt64(value) => self.shown("U64", name, value),
            Value::Single(value) => {
                let shortest = shortest(format!("{value:e}"), |digits| format!("{value:.digits$e}"), value);
                self.float("Sg", name, f64::from(*value), &shortest, 9);
            }
            Value::Double(value) => {
                let shortest = shortest(format!("{value:e}"), |digits| format!("{value:.digits$e}"), value);
                self.float("Db", name, *value, &shortest, 17);
            }
            Value::Decimal(value) => self.shown("D", name, value),
            Value::DateTime(value) => self.shown("DT", name, value),
            Value::TimeSpan(value) => self.shown("TS", name, value),
            Value::Guid(value) => self.shown("G", name, value.hyphenated()),
            Value::Version(value) => self.shown("Version", name, value),
            Value::Bytes(bytes) if bytes.is_empty() => {
                self.start("BA", name);
                self.out.push_str(" />");
            }
            Value::Bytes(bytes) => self.shown("BA", name, STANDARD.encode(bytes)),
            Value::SecureString(SecureText::Encrypted(text)) => {
                self.text("SS", name, &Text::from(&**text));
            }
            Value::SecureString(SecureText::Clear(clear)) => {
                let cipher = self.cipher.ok_or(EncodeError::NoSessionKey)?;
                let text = cipher.encrypt(clear).ok_or(EncodeError::Cipher)?;
                self.shown("SS", name, text);
            }
            Value::Progress(record) => self.progress(record, name),
        }
        Ok(())
    }

    fn float(&mut self, tag: &str, name: Option<&Text>, value: f64, shortest: &str, digits: i32) {
        self.start(tag, name);
        self.out.push('>');
        write_float(&mut self.out, value, shortest, digits);
        self.end(tag);
    }

    /// `PR`, `[MS-PSRP] 2.2.5.1.25`
    fn progress(&mut self, record: &ProgressRecord, name: Option<&Text>) {
        self.start("PR", name);
        self.out.push('>');
        self.text("AV", None, &record.activity);
        self.shown("AI", None, record.activity_id);
        match &record.current_operation {
            Some(operation) => self.text("S", None, operation),
            None => self.out.push_str("<Nil />"),
        }
        self.shown("PI", None, record.parent_activity_id);
        self.shown("PC", None, record.percent_complete);
        match record.record_type {
            0 => self.out.push_str("<T>Processing</T>"),
            1 => self.out.push_str("<T>Completed</T>"),
            other => self.shown("T", None, other),
        }
        self.shown("SR", None, record.seconds_remaining);
        self.text("SD", None, &record.status);
        self.end("PR");
    }
}

/// The shortest digits that read back as the number. Where two are equally near, .NET takes the even one, and so does
/// formatting with a given number of digits.
fn shortest<T: FromStr + PartialEq>(any: String, with_digits: impl Fn(usize) -> String, value: &T) -> String {
    let digits = any.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let even = with_digits(digits.saturating_sub(1));
    if even.parse().is_ok_and(|read: T| read == *value) { even } else { any }
}
