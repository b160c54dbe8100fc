//! The tokens below CLIXML: tags, attributes and text over a borrowed document, with namespaces.
//!
//! Reading mailboxes is what this crate does most, and nearly every element is a short tag, one attribute and a short
//! text: this scanner goes over them once and copies nothing but values.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr3, memmem};

use super::error::{DecodeError, DecodeErrorKind};
use super::escape::{may_be_escaped, unescape};
use super::kind::Kind;
use super::text::Text;
use crate::xml::XmlErrorKind;

/// The namespace of `Objs`, `[MS-PSRP] 2.2.5`.
pub(super) const NAMESPACE: &str = "http://schemas.microsoft.com/powershell/2004/04";

/// What may nest without being kept (skipped content, sets in member sets) still has to be remembered while it is open.
pub(super) const MAX_OPEN: usize = 500_000;
/// Namespace declarations in scope; each look-up goes over them.
const MAX_BINDINGS: usize = 256;

type Result<T> = std::result::Result<T, DecodeError>;

pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// Declared prefixes, innermost last; the default namespace has an empty one
    bindings: Vec<(&'a str, Cow<'a, str>)>,
    /// Names of the attributes of the tag being read
    attribute_names: Vec<&'a str>,
    /// `]]>` occurs, which no text may hold
    has_cdata_end: bool,
    max_attributes: usize,
}

/// A start tag.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    /// As written, with its prefix
    pub(super) name: &'a str,
    /// By its local name
    pub(super) kind: Kind,
    pub(super) prefixed: bool,
    /// `N`, raw
    pub(super) n: Option<&'a str>,
    /// `RefId`, raw
    pub(super) ref_id: Option<&'a str>,
    /// `Version`, raw
    pub(super) version: Option<&'a str>,
    pub(super) empty: bool,
    /// Bindings before this element
    outer_bindings: usize,
}

impl<'a> Tag<'a> {
    pub(super) fn local(&self) -> &'a str {
        match self.name.split_once(':') {
            Some((_, local)) => local,
            None => self.name,
        }
    }
}

/// What a text turned out to be.
pub(super) enum Content<'a> {
    /// As it stands in the document
    Plain(&'a str),
    /// After references, CDATA and comments
    Resolved(Vec<u16>),
}

impl Content<'_> {
    /// With escapes resolved.
    pub(super) fn into_text(self) -> Text {
        match self {
            Self::Plain(text) if may_be_escaped(text) => unescape(text.encode_utf16().collect()),
            Self::Plain(text) => Text::from(text),
            Self::Resolved(units) => unescape(units),
        }
    }

    /// Without resolving escapes; a lone surrogate makes it garbage that no number's syntax takes.
    pub(super) fn raw(&self) -> Cow<'_, str> {
        match self {
            Self::Plain(text) => Cow::Borrowed(text),
            Self::Resolved(units) => Cow::Owned(String::from_utf16_lossy(units)),
        }
    }
}

impl<'a> Scanner<'a> {
    /// `text` has no forbidden characters and no carriage returns.
    pub(super) fn new(text: &'a str, max_attributes: usize) -> Self {
        let has_cdata_end = memmem::find(text.as_bytes(), b"]]>").is_some();
        let (bindings, attribute_names) = (Vec::new(), Vec::new());
        Self { text, at: 0, bindings, attribute_names, has_cdata_end, max_attributes }
    }

    pub(super) fn error(&self, kind: impl Into<DecodeErrorKind>) -> DecodeError {
        DecodeError { offset: self.at, kind: kind.into() }
    }

    fn malformed<T>(&self, what: &str) -> Result<T> {
        Err(self.error(XmlErrorKind::Malformed(what.to_owned())))
    }

    fn truncated<T>(&self) -> Result<T> {
        Err(self.error(XmlErrorKind::Truncated))
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips comments and processing instructions that start here; whether there was one.
    pub(super) fn skip_misc(&mut self) -> Result<bool> {
        let rest = self.rest();
        let (open, close) = if rest.starts_with(b"<!--") {
            (4, &b"-->"[..])
        } else if rest.starts_with(b"<?") {
            if rest.get(2..5).is_some_and(|name| name.eq_ignore_ascii_case(b"xml"))
                && !rest.get(5).is_some_and(|b| is_name_byte(*b))
            {
                return self.malformed("an XML declaration inside the document");
            }
            (2, &b"?>"[..])
        } else if rest.starts_with(b"<!D") {
            return Err(self.error(XmlErrorKind::Dtd));
        } else {
            return Ok(false);
        };
        match memmem::find(&rest[open..], close) {
            Some(length) => {
                self.at += open + length + close.len();
                Ok(true)
            }
            None => self.truncated(),
        }
    }

    /// The next child element, or `None` at the end tag, which is not read.
    pub(super) fn child(&mut self) -> Result<Option<Tag<'a>>> {
        loop {
            match (self.peek(), self.bytes().get(self.at + 1)) {
                (Some(b'<'), Some(b'/')) => return Ok(None),
                (Some(b'<'), Some(b'!' | b'?')) => {
                    if !self.skip_misc()? {
                        return Err(self.error(DecodeErrorKind::UnexpectedText));
                    }
                }
                (Some(b'<'), _) => return self.tag().map(Some),
                (Some(b' ' | b'\t' | b'\n' | b'\r'), _) => self.skip_space(),
                (Some(_), _) => return Err(self.error(DecodeErrorKind::UnexpectedText)),
                (None, _) => return self.truncated(),
            }
        }
    }

    /// A start tag that begins here.
    pub(super) fn tag(&mut self) -> Result<Tag<'a>> {
        self.at += 1;
        let name = self.name()?;
        let outer_bindings = self.bindings.len();
        let prefixed = name.contains(':');
        let local = if prefixed { name.split_once(':').map_or(name, |(_, local)| local) } else { name };
        let kind = Kind::of(local);
        let mut tag =
            Tag { name, kind, prefixed, n: None, ref_id: None, version: None, empty: false, outer_bindings };
        if self.peek() == Some(b'>') {
            self.at += 1;
        } else {
            self.attributes(&mut tag)?;
        }
        if prefixed && self.namespace(name).is_none() {
            return Err(self.error(XmlErrorKind::UnboundPrefix));
        }
        Ok(tag)
    }

    fn attributes(&mut self, tag: &mut Tag<'a>) -> Result<()> {
        self.attribute_names.clear();
        let mut prefixed = false;
        loop {
            let before = self.at;
            self.skip_space();
            match self.peek() {
                Some(b'>') => {
                    self.at += 1;
                    break;
                }
                Some(b'/') => {
                    self.at += 1;
                    if self.peek() != Some(b'>') {
                        return self.malformed("`/` inside a tag");
                    }
                    self.at += 1;
                    tag.empty = true;
                    break;
                }
                None => return self.truncated(),
                Some(_) if self.at == before => {
                    return self.malformed("an attribute without white space before it");
                }
                Some(_) => {}
            }
            let name = self.name()?;
            let value = self.attribute_value()?;
            if self.attribute_names.contains(&name) {
                return self.malformed("an attribute given twice");
            }
            if self.attribute_names.len() >= self.max_attributes {
                return Err(self.error(DecodeErrorKind::Limit("attributes")));
            }
            self.attribute_names.push(name);
            match name.as_bytes() {
                [b'N'] => tag.n = Some(value),
                [b'R', b'e', b'f', b'I', b'd'] => tag.ref_id = Some(value),
                [b'V', b'e', b'r', b's', b'i', b'o', b'n'] => tag.version = Some(value),
                [b'x', b'm', b'l', b'n', b's'] => {
                    let namespace = self.attribute_string(value)?;
                    self.bindings.push(("", namespace));
                }
                _ => match name.split_once(':') {
                    Some(("xmlns", prefix)) => {
                        let namespace = self.attribute_string(value)?;
                        if namespace.is_empty() {
                            return self.malformed("a prefix without a namespace");
                        }
                        self.bindings.push((prefix, namespace));
                    }
                    Some(_) => prefixed = true,
                    None => {}
                },
            }
            // The value is checked even where it is not used.
            if memchr(b'&', value.as_bytes()).is_some() {
                self.attribute_units(value)?;
            }
        }
        if self.bindings.len() > MAX_BINDINGS {
            return Err(self.error(DecodeErrorKind::Limit("namespaces")));
        }
        if prefixed {
            let unbound = |name: &&str| {
                name.contains(':') && !name.starts_with("xmlns:") && self.namespace(name).is_none()
            };
            if self.attribute_names.iter().any(unbound) {
                return Err(self.error(XmlErrorKind::UnboundPrefix));
            }
        }
        Ok(())
    }

    fn name(&mut self) -> Result<&'a str> {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(rest.len());
        if length == rest.len() {
            return self.truncated();
        }
        match rest.first() {
            Some(b'0'..=b'9' | b'-' | b'.' | b':') => self.malformed("a name that XML does not allow"),
            _ if length == 0 => self.malformed("a name is missing"),
            _ => {
                let name = &self.text[self.at..self.at + length];
                self.at += length;
                Ok(name)
            }
        }
    }

    /// `="..."`, raw.
    fn attribute_value(&mut self) -> Result<&'a str> {
        self.skip_space();
        match self.peek() {
            Some(b'=') => self.at += 1,
            None => return self.truncated(),
            Some(_) => return self.malformed("an attribute without a value"),
        }
        self.skip_space();
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => quote,
            None => return self.truncated(),
            Some(_) => return self.malformed("an attribute without quotes"),
        };
        self.at += 1;
        match memchr2(quote, b'<', self.rest()) {
            None => self.truncated(),
            Some(length) if self.rest()[length] == b'<' => self.malformed("`<` in an attribute"),
            Some(length) => {
                let value = &self.text[self.at..self.at + length];
                self.at += length + 1;
                Ok(value)
            }
        }
    }

    /// An attribute's value with references resolved and white space normalised.
    pub(super) fn attribute_string(&self, raw: &'a str) -> Result<Cow<'a, str>> {
        if raw.bytes().all(|b| !matches!(b, b'&' | b'\t' | b'\n')) {
            return Ok(Cow::Borrowed(raw));
        }
        self.attribute_units(raw).map(|units| Cow::Owned(String::from_utf16_lossy(&units)))
    }

    /// The same as a name of PowerShell: with escapes resolved.
    pub(super) fn attribute_text(&self, raw: &str) -> Result<Text> {
        if raw.bytes().all(|b| !matches!(b, b'&' | b'\t' | b'\n')) && !may_be_escaped(raw) {
            return Ok(Text::from(raw));
        }
        self.attribute_units(raw).map(unescape)
    }

    fn attribute_units(&self, raw: &str) -> Result<Vec<u16>> {
        let mut units = Vec::with_capacity(raw.len());
        for (number, part) in raw.split('&').enumerate() {
            let text = match (number, part.split_once(';')) {
                (0, _) => part,
                (_, Some((reference, text))) => {
                    self.reference(reference, &mut units)?;
                    text
                }
                (_, None) => return self.malformed("an `&` that starts no reference"),
            };
            units.extend(text.encode_utf16().map(|unit| if matches!(unit, 9 | 10) { 32 } else { unit }));
        }
        Ok(units)
    }

    /// What `&name;` stands for; a reference may name any code unit, even half of a pair.
    fn reference(&self, name: &str, out: &mut Vec<u16>) -> Result<()> {
        let number = match name {
            "lt" => 0x3C,
            "gt" => 0x3E,
            "amp" => 0x26,
            "quot" => 0x22,
            "apos" => 0x27,
            _ => {
                let Some(digits) = name.strip_prefix('#') else {
                    return match !name.is_empty() && name.bytes().all(is_name_byte) {
                        true => Err(self.error(XmlErrorKind::UndeclaredEntity)),
                        false => self.malformed("an `&` that starts no reference"),
                    };
                };
                let (digits, radix) = match digits.strip_prefix('x') {
                    Some(digits) => (digits, 16),
                    None => (digits, 10),
                };
                let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
                match u32::from_str_radix(digits, radix) {
                    Ok(number) if valid && number <= 0x10_FFFF => number,
                    _ => return self.malformed("a character reference to no character"),
                }
            }
        };
        match (u16::try_from(number), char::from_u32(number)) {
            (Ok(unit), _) => out.push(unit),
            (_, Some(c)) => out.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            (_, None) => {}
        }
        Ok(())
    }

    /// The text of an element whose start tag was read, up to and with its end tag.
    pub(super) fn content(&mut self, tag: &Tag<'a>) -> Result<Content<'a>> {
        if tag.empty {
            self.leave(tag);
            return Ok(Content::Plain(""));
        }
        let start = self.at;
        let Some(length) = memchr2(b'<', b'&', self.rest()) else { return self.truncated() };
        self.at += length;
        if self.rest().starts_with(b"</") {
            let text = &self.text[start..self.at];
            self.check_text(text)?;
            self.end(tag)?;
            return Ok(Content::Plain(text));
        }
        self.at = start;
        self.mixed_content(tag).map(Content::Resolved)
    }

    fn mixed_content(&mut self, tag: &Tag<'a>) -> Result<Vec<u16>> {
        let mut units = Vec::new();
        loop {
            let start = self.at;
            let Some(length) = memchr2(b'<', b'&', self.rest()) else { return self.truncated() };
            self.at += length;
            let text = &self.text[start..self.at];
            self.check_text(text)?;
            units.extend(text.encode_utf16());
            let rest = self.rest();
            if rest.starts_with(b"&") {
                let Some(length) = memchr3(b';', b'<', b'&', &rest[1..]) else { return self.truncated() };
                if rest[1 + length] != b';' {
                    return self.malformed("an `&` that starts no reference");
                }
                self.reference(&self.text[self.at + 1..self.at + 1 + length], &mut units)?;
                self.at += length + 2;
            } else if rest.starts_with(b"</") {
                self.end(tag)?;
                return Ok(units);
            } else if rest.starts_with(b"<![CDATA[") {
                let Some(length) = memmem::find(&rest[9..], b"]]>") else { return self.truncated() };
                units.extend(self.text[self.at + 9..self.at + 9 + length].encode_utf16());
                self.at += 9 + length + 3;
            } else if !self.skip_misc()? {
                self.tag()?;
                return Err(self.error(DecodeErrorKind::UnexpectedElement(tag.local().to_owned())));
            }
        }
    }

    fn check_text(&self, text: &str) -> Result<()> {
        match self.has_cdata_end && text.contains("]]>") {
            true => self.malformed("`]]>` in text"),
            false => Ok(()),
        }
    }

    /// The end tag of an element.
    pub(super) fn end(&mut self, tag: &Tag<'a>) -> Result<()> {
        if tag.empty {
            self.leave(tag);
            return Ok(());
        }
        let rest = self.rest();
        let Some(after) = rest.strip_prefix(b"</").and_then(|rest| rest.strip_prefix(tag.name.as_bytes()))
        else {
            return match rest.len() < tag.name.len() + 3 {
                true => self.truncated(),
                false => self.malformed("an end tag that does not match its start"),
            };
        };
        if after.first() == Some(&b'>') {
            self.at += tag.name.len() + 3;
        } else {
            self.at += tag.name.len() + 2;
            self.skip_space();
            match self.peek() {
                Some(b'>') => self.at += 1,
                Some(_) => return self.malformed("an end tag that does not match its start"),
                None => return self.truncated(),
            }
        }
        self.leave(tag);
        Ok(())
    }

    fn leave(&mut self, tag: &Tag<'a>) {
        self.bindings.truncate(tag.outer_bindings);
    }

    /// Skips what is inside an element, whatever it is, and its end tag.
    pub(super) fn skip(&mut self, tag: &Tag<'a>) -> Result<()> {
        if tag.empty {
            self.leave(tag);
            return Ok(());
        }
        let mut open = vec![*tag];
        while let Some(innermost) = open.last().copied() {
            let Some(length) = memchr2(b'<', b'&', self.rest()) else { return self.truncated() };
            self.check_text(&self.text[self.at..self.at + length])?;
            self.at += length;
            let rest = self.rest();
            if rest.starts_with(b"</") {
                self.end(&innermost)?;
                open.pop();
            } else if rest.starts_with(b"&") {
                let Some(length) = memchr3(b';', b'<', b'&', &rest[1..]) else { return self.truncated() };
                self.reference(&self.text[self.at + 1..self.at + 1 + length], &mut Vec::new())?;
                self.at += length + 2;
            } else if rest.starts_with(b"<![CDATA[") {
                let Some(length) = memmem::find(rest, b"]]>") else { return self.truncated() };
                self.at += length + 3;
            } else if !self.skip_misc()? {
                let child = self.tag()?;
                match child.empty {
                    true => self.leave(&child),
                    false if open.len() >= MAX_OPEN => return Err(self.error(DecodeErrorKind::TooDeep)),
                    false => open.push(child),
                }
            }
        }
        Ok(())
    }

    /// The namespace of a tag; an empty text is none. `None` for a prefix that is not declared.
    pub(super) fn namespace(&self, name: &str) -> Option<&str> {
        if self.bindings.is_empty() && !name.contains(':') {
            return Some("");
        }
        let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
        match self.bindings.iter().rev().find(|(bound, _)| *bound == prefix) {
            Some((_, namespace)) => Some(namespace),
            None if prefix.is_empty() => Some(""),
            None if prefix == "xml" => Some(crate::xml::XML_NAMESPACE),
            None => None,
        }
    }

    /// Whether namespaces play no part here, so that the same text always means the same.
    pub(super) fn is_context_free(&self) -> bool {
        self.bindings.is_empty()
    }
}

fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES[byte as usize]
}

const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-' | b'.') || b >= 0x80;
        byte += 1;
    }
    table
};
