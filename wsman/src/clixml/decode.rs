//! Reading CLIXML, as strict and as lenient as the real reader.

mod object;
mod primitive;
mod references;

use std::borrow::Cow;

use super::error::{DecodeError, DecodeErrorKind};
use super::kind::Kind;
use super::limits::Limits;
use super::names::{Names, TypeNames};
use super::scan::{NAMESPACE, Scanner, Tag};
use super::value::Value;
use crate::xml::{self, XmlErrorKind};
use references::References;

type Result<T> = std::result::Result<T, DecodeError>;

/// The depth that the real reader takes: its 50th level is refused.
const MAX_DEPTH: u32 = 49;

/// Reads objects; one for all messages of a pipeline, so that names and type names are shared between them.
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    names: Names,
    types: TypeNames,
    references: References,
    /// How many properties the last object had
    usual: usize,
}

impl Decoder {
    /// A decoder with limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Reads the one object of a remoting message: UTF-8 after an optional byte order mark, no declaration, no `Objs`,
    /// no namespace. `[MS-PSRP] 2.2.5`
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Value> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| DecodeError {
            offset: error.valid_up_to(),
            kind: XmlErrorKind::Encoding.into(),
        })?;
        self.run(text, |run| {
            while run.scanner.skip_misc()? {}
            if run.scanner.text.get(run.scanner.at..).is_none_or(str::is_empty) {
                return Err(run.scanner.error(XmlErrorKind::Empty));
            }
            if !run.scanner.text[run.scanner.at..].starts_with('<') {
                return Err(run.scanner.error(DecodeErrorKind::UnexpectedText));
            }
            let tag = run.scanner.tag()?;
            let value = run.value(&tag)?;
            run.nothing_follows()?;
            Ok(value)
        })
    }

    /// Reads the objects of a document, as `Export-Clixml` writes it: `Objs` with its namespace.
    pub fn decode_document(&mut self, bytes: &[u8]) -> Result<Vec<Value>> {
        let wrap = |error: xml::XmlError| DecodeError { offset: error.offset, kind: error.kind.into() };
        let text = xml::decode_bytes(bytes).map_err(wrap)?;
        if let Some(encoding) = declared_encoding(&text) {
            let utf16 = matches!(text, Cow::Owned(_));
            let fits = match encoding.to_ascii_lowercase().as_str() {
                "utf-8" | "us-ascii" => !utf16,
                "utf-16" => utf16,
                _ => false,
            };
            if !fits {
                return Err(DecodeError { offset: 0, kind: XmlErrorKind::Encoding.into() });
            }
        }
        self.decode_document_text(&text)
    }

    /// The same from a text; what it declares of its encoding does not matter.
    pub fn decode_document_text(&mut self, text: &str) -> Result<Vec<Value>> {
        self.run(text, |run| {
            run.in_document = true;
            run.document()
        })
    }

    fn run<T>(&mut self, text: &str, read: impl FnOnce(&mut Run<'_, '_>) -> Result<T>) -> Result<T> {
        if text.len() > self.limits.document {
            let kind = DecodeErrorKind::Limit("document size");
            return Err(DecodeError { offset: self.limits.document, kind });
        }
        if let Some(offset) = xml::forbidden_character(text) {
            return Err(DecodeError { offset, kind: XmlErrorKind::Character.into() });
        }
        let text = match memchr::memchr(b'\r', text.as_bytes()) {
            Some(_) => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
            None => Cow::Borrowed(text),
        };
        self.names.trim();
        self.types.trim();
        let mut run = Run {
            scanner: Scanner::new(&text, self.limits.attributes),
            decoder: self,
            in_document: false,
            minor: 1,
            depth: 0,
            height: 0,
            values: 0,
        };
        let result = read(&mut run);
        self.references.clear();
        result
    }
}

/// Reads the one object of a remoting message with default limits.
pub fn decode(bytes: &[u8]) -> Result<Value> {
    Decoder::default().decode(bytes)
}

/// Reads the objects of a document (`Objs`) with default limits.
pub fn decode_document(bytes: &[u8]) -> Result<Vec<Value>> {
    Decoder::default().decode_document(bytes)
}

/// One document being read.
///
/// Values are read by recursion, which [`MAX_DEPTH`] bounds; what may nest deeper (member sets, skipped content) is
/// read by loops.
struct Run<'a, 'd> {
    scanner: Scanner<'a>,
    decoder: &'d mut Decoder,
    in_document: bool,
    /// Minor version of the document
    minor: u32,
    depth: u32,
    /// The height of what was read so far inside the innermost open object
    height: u32,
    values: usize,
}

impl<'a> Run<'a, '_> {
    /// `Objs`, `[MS-PSRP] 2.2.5`
    fn document(&mut self) -> Result<Vec<Value>> {
        if self.scanner.text.starts_with("<?xml") {
            self.declaration()?;
        }
        self.scanner.skip_space();
        while self.scanner.skip_misc()? {
            self.scanner.skip_space();
        }
        match self.scanner.text.as_bytes().get(self.scanner.at) {
            None => return Err(self.scanner.error(XmlErrorKind::Empty)),
            Some(b'<') => {}
            Some(_) => return Err(self.scanner.error(DecodeErrorKind::UnexpectedText)),
        }
        let root = self.scanner.tag()?;
        if !self.is(&root, Kind::Document) {
            return Err(self.scanner.error(DecodeErrorKind::MissingElement("Objs")));
        }
        if let Some(version) = root.version {
            let version = self.scanner.attribute_string(version)?;
            match version.parse::<super::value::Version>() {
                Ok(version) if version.0.first() == Some(&1) => self.minor = version.0[1],
                _ => return Err(self.scanner.error(DecodeErrorKind::Version)),
            }
        }
        let mut values = Vec::new();
        if !root.empty {
            while let Some(tag) = self.scanner.child()? {
                values.push(self.value(&tag)?);
            }
        }
        self.scanner.end(&root)?;
        self.nothing_follows()?;
        Ok(values)
    }

    fn declaration(&mut self) -> Result<()> {
        let malformed = || XmlErrorKind::Malformed("an XML declaration that is not of version 1.0".into());
        let text = self.scanner.text;
        let Some(end) = text.find("?>") else { return Err(self.scanner.error(XmlErrorKind::Truncated)) };
        let inside = &text["<?xml".len()..end];
        let version = pseudo_attribute(inside, "version");
        if !inside.starts_with([' ', '\t', '\n']) || version != Some("1.0") {
            return Err(self.scanner.error(malformed()));
        }
        self.scanner.at = end + 2;
        Ok(())
    }

    fn nothing_follows(&mut self) -> Result<()> {
        self.scanner.skip_space();
        while self.scanner.skip_misc()? {
            self.scanner.skip_space();
        }
        match self.scanner.at == self.scanner.text.len() {
            true => Ok(()),
            false => Err(self.scanner.error(XmlErrorKind::Trailing)),
        }
    }

    /// Whether a tag is one of the elements of structure: in a document they must be in the namespace, in a message
    /// they must have no prefix.
    fn is(&self, tag: &Tag<'a>, kind: Kind) -> bool {
        tag.kind == kind
            && match self.in_document {
                false => !tag.prefixed,
                true => self.scanner.namespace(tag.name) == Some(NAMESPACE),
            }
    }

    /// The same for elements with text, which in a message must be in no namespace at all.
    fn is_text_element(&self, tag: &Tag<'a>) -> bool {
        if self.scanner.is_context_free() && !tag.prefixed {
            return !self.in_document;
        }
        let namespace = if self.in_document { NAMESPACE } else { "" };
        self.scanner.namespace(tag.name) == Some(namespace)
    }

    /// Counts a value.
    fn count(&mut self) -> Result<()> {
        self.values += 1;
        match self.values > self.decoder.limits.values {
            true => Err(self.scanner.error(DecodeErrorKind::Limit("values"))),
            false => Ok(()),
        }
    }

    fn unexpected<T>(&self, tag: &Tag<'a>) -> Result<T> {
        let mut name = tag.name.to_owned();
        name.truncate(name.floor_char_boundary(64));
        Err(self.scanner.error(DecodeErrorKind::UnexpectedElement(name)))
    }

    /// One object, from its start tag on.
    fn value(&mut self, tag: &Tag<'a>) -> Result<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.scanner.error(DecodeErrorKind::TooDeep));
        }
        self.count()?;
        let value = match tag.kind {
            Kind::Nil if self.is_loose(tag, Kind::Nil) => {
                self.scanner.skip(tag)?;
                Value::Nil
            }
            Kind::Reference if self.is_loose(tag, Kind::Reference) => {
                let id = self.ref_id(tag)?;
                let value = self.decoder.references.get(&id);
                let (value, height) =
                    value.ok_or_else(|| self.scanner.error(DecodeErrorKind::DanglingRef))?;
                self.height = self.height.max(height);
                self.scanner.skip(tag)?;
                value
            }
            Kind::Object if self.is(tag, Kind::Object) => self.object(tag)?,
            _ => match self.primitive(tag)? {
                Some(value) => value,
                None => return self.unexpected(tag),
            },
        };
        self.depth -= 1;
        Ok(value)
    }

    /// `Nil` and `Ref`: as structure, but a message does not look at their prefix.
    fn is_loose(&self, tag: &Tag<'a>, kind: Kind) -> bool {
        !self.in_document || self.is(tag, kind)
    }

    fn ref_id(&self, tag: &Tag<'a>) -> Result<Cow<'a, str>> {
        match tag.ref_id {
            Some(raw) => self.scanner.attribute_string(raw),
            None => Err(self.scanner.error(DecodeErrorKind::MissingAttribute("RefId"))),
        }
    }
}

fn declared_encoding(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("<?xml")?;
    pseudo_attribute(&inside[..inside.find("?>")?], "encoding")
}

fn pseudo_attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(name)?;
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    after[1..].split_once(quote).map(|(value, _)| value)
}
