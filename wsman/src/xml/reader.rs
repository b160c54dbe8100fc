//! The pull reader.

use std::borrow::Cow;
use std::sync::Arc;

use quick_xml::NsReader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::{BytesRef, BytesStart, Event as Raw};
use quick_xml::name::ResolveResult;

use super::encoding::forbidden_character;
use super::error::{XmlError, XmlErrorKind};
use super::limits::Limits;

/// Reads a document piece by piece, with namespaces resolved.
pub struct Reader<'a> {
    inner: NsReader<&'a [u8]>,
    limits: Limits,
    /// Bytes of text so far in each open element.
    open: Vec<usize>,
    elements: usize,
    /// The namespace seen last; neighbours share it.
    namespace: Option<Arc<str>>,
}

/// A piece of a document. Comments and processing instructions are left out.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A start tag; an empty element is followed by its [`Event::End`]
    Start(StartTag),
    /// Part of a text; neighbouring parts belong together
    Text(Cow<'a, str>),
    /// An end tag
    End,
    /// The end of the document, after a complete root element
    Eof,
}

/// A start tag.
#[derive(Clone, Debug, PartialEq)]
pub struct StartTag {
    /// Local name
    pub name: String,
    /// Namespace, if any
    pub namespace: Option<Arc<str>>,
    /// Attributes without the namespace declarations
    pub attributes: Vec<Attribute>,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Local name
    pub name: String,
    /// Namespace, if it has a prefix
    pub namespace: Option<Arc<str>>,
    /// Normalised value
    pub value: String,
}

impl<'a> Reader<'a> {
    /// A reader over a text, see [`super::decode_bytes`].
    pub fn new(text: &'a str, limits: &Limits) -> Result<Self, XmlError> {
        if text.len() > limits.document {
            return Err(XmlError::new(limits.document, XmlErrorKind::Limit("document size")));
        }
        if let Some(offset) = forbidden_character(text) {
            return Err(XmlError::new(offset, XmlErrorKind::Character));
        }
        let mut inner = NsReader::from_str(text);
        inner.config_mut().expand_empty_elements = true;
        Ok(Self { inner, limits: limits.clone(), open: Vec::new(), elements: 0, namespace: None })
    }

    /// The next piece.
    pub fn next_event(&mut self) -> Result<Event<'a>, XmlError> {
        loop {
            let offset = self.offset();
            let raw = self.inner.read_event().map_err(|error| self.wrap(error))?;
            let text = match raw {
                Raw::Start(tag) => return self.start(&tag, offset).map(Event::Start),
                Raw::End(_) => {
                    self.open.pop();
                    return Ok(Event::End);
                }
                Raw::Empty(_) => return Err(self.malformed("an empty element that was not expanded")),
                Raw::Text(text) => match text.xml10_content() {
                    Cow::Borrowed(_) => text.into_inner(),
                    Cow::Owned(text) => Cow::Owned(text),
                },
                Raw::CData(text) => match text.xml10_content() {
                    Cow::Borrowed(_) => text.into_inner(),
                    Cow::Owned(text) => Cow::Owned(text),
                },
                Raw::GeneralRef(reference) => Cow::Owned(self.resolve(&reference)?.to_string()),
                Raw::DocType(_) => return Err(XmlError::new(offset, XmlErrorKind::Dtd)),
                Raw::Decl(declaration) => {
                    if offset != 0 {
                        return Err(self.malformed("an XML declaration inside the document"));
                    }
                    if !matches!(declaration.version(), Ok(version) if version == "1.0") {
                        return Err(self.malformed("not XML version 1.0"));
                    }
                    continue;
                }
                Raw::Comment(_) | Raw::PI(_) => continue,
                Raw::Eof => return self.eof(),
            };
            if let Some(text) = self.text(text, offset)? {
                return Ok(Event::Text(text));
            }
        }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> usize {
        usize::try_from(self.inner.buffer_position()).unwrap_or(usize::MAX)
    }

    fn start(&mut self, tag: &BytesStart<'_>, offset: usize) -> Result<StartTag, XmlError> {
        let limit = |what| Err(XmlError::new(offset, XmlErrorKind::Limit(what)));
        if self.open.is_empty() && self.elements > 0 {
            return Err(XmlError::new(offset, XmlErrorKind::Trailing));
        }
        if self.open.len() >= self.limits.depth {
            return limit("depth");
        }
        if self.elements >= self.limits.elements {
            return limit("elements");
        }
        self.elements += 1;
        self.open.push(0);

        let resolver = self.inner.resolver();
        let (namespace, name) = resolver.resolve_element(tag.name());
        let namespace = share(&mut self.namespace, namespace, offset)?;
        let name = self.limits.name(name.into_inner(), offset)?;
        let mut attributes: Vec<Attribute> = Vec::new();
        for (count, attribute) in tag.attributes().enumerate() {
            let attribute = attribute
                .map_err(|error| XmlError::new(offset, XmlErrorKind::Malformed(error.to_string())))?;
            if count >= self.limits.attributes {
                return limit("attributes");
            }
            if attribute.value.len() > self.limits.attribute {
                return limit("attribute size");
            }
            if attribute.value.contains('<') {
                return Err(XmlError::new(offset, XmlErrorKind::Malformed("`<` in an attribute".into())));
            }
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (namespace, local) = resolver.resolve_attribute(attribute.key);
            let namespace = share(&mut self.namespace, namespace, offset)?;
            let name = self.limits.name(local.into_inner(), offset)?;
            let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).map_err(|error| {
                let kind = match error {
                    Error::Escape(quick_xml::escape::EscapeError::UnrecognizedEntity(..)) => {
                        XmlErrorKind::UndeclaredEntity
                    }
                    other => XmlErrorKind::Malformed(other.to_string()),
                };
                XmlError::new(offset, kind)
            })?;
            if attributes.iter().any(|other| other.name == name && other.namespace == namespace) {
                return Err(XmlError::new(
                    offset,
                    XmlErrorKind::Malformed("an attribute given twice".into()),
                ));
            }
            attributes.push(Attribute { name, namespace, value: value.into_owned() });
        }
        Ok(StartTag { name, namespace, attributes })
    }

    /// Text belongs to the innermost open element; outside the root only white space may stand.
    fn text(&mut self, text: Cow<'a, str>, offset: usize) -> Result<Option<Cow<'a, str>>, XmlError> {
        let Some(length) = self.open.last_mut() else {
            return match text.trim_matches(is_space).is_empty() {
                true => Ok(None),
                false if self.elements == 0 => Err(XmlError::new(offset, XmlErrorKind::Empty)),
                false => Err(XmlError::new(offset, XmlErrorKind::Trailing)),
            };
        };
        *length += text.len();
        if *length > self.limits.text {
            return Err(XmlError::new(offset, XmlErrorKind::Limit("text size")));
        }
        Ok(Some(text))
    }

    fn resolve(&self, reference: &BytesRef<'_>) -> Result<char, XmlError> {
        match reference.resolve_char_ref() {
            Ok(Some(character)) => return Ok(character),
            Ok(None) => {}
            Err(_) => return Err(self.malformed("a character reference to no character")),
        }
        match &**reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(XmlError::new(self.offset(), XmlErrorKind::UndeclaredEntity)),
        }
    }

    fn eof(&self) -> Result<Event<'a>, XmlError> {
        match (self.open.is_empty(), self.elements) {
            (true, 0) => Err(XmlError::new(self.offset(), XmlErrorKind::Empty)),
            (true, _) => Ok(Event::Eof),
            (false, _) => Err(XmlError::new(self.offset(), XmlErrorKind::Truncated)),
        }
    }

    fn malformed(&self, what: &str) -> XmlError {
        XmlError::new(self.offset(), XmlErrorKind::Malformed(what.to_owned()))
    }

    fn wrap(&self, error: Error) -> XmlError {
        let offset = usize::try_from(self.inner.error_position()).unwrap_or(usize::MAX);
        let kind = match error {
            Error::Syntax(SyntaxError::InvalidBangMarkup | SyntaxError::UnclosedDoctype) => XmlErrorKind::Dtd,
            Error::Syntax(_) => XmlErrorKind::Truncated,
            Error::IllFormed(IllFormedError::MissingEndTag(_)) => XmlErrorKind::Truncated,
            other => XmlErrorKind::Malformed(other.to_string()),
        };
        XmlError::new(offset, kind)
    }
}

impl Limits {
    fn name(&self, name: &str, offset: usize) -> Result<String, XmlError> {
        if name.len() > self.name {
            return Err(XmlError::new(offset, XmlErrorKind::Limit("name size")));
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || c >= '\u{B7}';
        match name.chars().next() {
            Some(first)
                if !first.is_ascii_digit() && !matches!(first, '-' | '.') && name.chars().all(plain) =>
            {
                Ok(name.to_owned())
            }
            _ => Err(XmlError::new(offset, XmlErrorKind::Malformed("a name that XML does not allow".into()))),
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn share(
    last: &mut Option<Arc<str>>,
    namespace: ResolveResult<'_>,
    offset: usize,
) -> Result<Option<Arc<str>>, XmlError> {
    match namespace {
        ResolveResult::Unbound => Ok(None),
        ResolveResult::Unknown(_) => Err(XmlError::new(offset, XmlErrorKind::UnboundPrefix)),
        ResolveResult::Bound(namespace) => {
            if last.as_deref() != Some(namespace.0) {
                *last = Some(Arc::from(namespace.0));
            }
            Ok(last.clone())
        }
    }
}
