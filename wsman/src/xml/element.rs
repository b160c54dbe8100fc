//! A tree of elements.

use std::borrow::Cow;
use std::sync::Arc;

use super::encoding::decode_bytes;
use super::error::{XmlError, XmlErrorKind};
use super::limits::Limits;
use super::reader::{Attribute, Event, Reader};
use super::writer::Writer;

/// An element with what is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    /// Local name
    pub name: String,
    /// Namespace, if any
    pub namespace: Option<Arc<str>>,
    /// Attributes without the namespace declarations
    pub attributes: Vec<Attribute>,
    /// Elements and texts in order
    pub children: Vec<Node>,
}

/// What can stand inside an element.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// An element
    Element(Element),
    /// A text; two never stand side by side in a parsed tree
    Text(String),
}

impl Element {
    /// An empty element; an empty namespace is none.
    pub fn new(namespace: &str, name: &str) -> Self {
        let namespace = (!namespace.is_empty()).then(|| Arc::from(namespace));
        Self { name: name.to_owned(), namespace, ..Self::default() }
    }

    /// Parses a whole document.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, XmlError> {
        let text = decode_bytes(bytes)?;
        let mut reader = Reader::new(&text, limits)?;
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        loop {
            match reader.next_event()? {
                Event::Start(tag) => open.push(Self {
                    name: tag.name,
                    namespace: tag.namespace,
                    attributes: tag.attributes,
                    children: Vec::new(),
                }),
                Event::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.push_text(&text);
                    }
                }
                Event::End => match (open.pop(), open.last_mut()) {
                    (Some(element), Some(parent)) => parent.children.push(Node::Element(element)),
                    (element, None) => root = element,
                    (None, Some(_)) => {}
                },
                Event::Eof => {
                    return root.ok_or_else(|| XmlError::new(reader.offset(), XmlErrorKind::Empty));
                }
            }
        }
    }

    /// Whether this is the named element; an empty namespace is none.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace.as_deref().unwrap_or_default() == namespace
    }

    /// The first child element of that name.
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.elements().find(|child| child.is(namespace, name))
    }

    /// All child elements of that name.
    pub fn children_named<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Self> + 'a {
        self.elements().filter(move |child| child.is(namespace, name))
    }

    /// All child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The text directly inside, without that of child elements.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        let first = texts.next().unwrap_or_default();
        texts.fold(Cow::Borrowed(first), |all, text| all + text)
    }

    /// The text of the first child element of that name.
    pub fn child_text(&self, namespace: &str, name: &str) -> Option<Cow<'_, str>> {
        self.child(namespace, name).map(Self::text)
    }

    /// The attribute of that name that is in no namespace.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.find(None, name)
    }

    /// The attribute of that name in a namespace.
    pub fn attribute_ns(&self, namespace: &str, name: &str) -> Option<&str> {
        self.find(Some(namespace), name)
    }

    fn find(&self, namespace: Option<&str>, name: &str) -> Option<&str> {
        let same = |a: &&Attribute| a.name == name && a.namespace.as_deref() == namespace;
        self.attributes.iter().find(same).map(|attribute| attribute.value.as_str())
    }

    /// This element and all below it, in the order of the text.
    pub fn descendants(&self) -> impl Iterator<Item = &Self> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let element = waiting.pop()?;
            let from = waiting.len();
            waiting.extend(element.elements());
            waiting[from..].reverse();
            Some(element)
        })
    }

    /// Adds a text at the end.
    pub fn push_text(&mut self, text: &str) {
        match self.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => self.children.push(Node::Text(text.to_owned())),
        }
    }

    /// Adds a child at the end.
    pub fn push(&mut self, child: Self) {
        self.children.push(Node::Element(child));
    }

    /// The element with an attribute more.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push(Attribute { name: name.to_owned(), namespace: None, value: value.to_owned() });
        self
    }

    /// The element with a text more.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.push_text(text);
        self
    }

    /// The element with a child more.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.push(child);
        self
    }

    /// The element as a document; `prefixes` (prefix, namespace) are declared on it.
    pub fn to_xml(&self, prefixes: &[(&str, &str)]) -> String {
        let mut writer = Writer::new(prefixes);
        writer.element(self);
        writer.finish()
    }
}
