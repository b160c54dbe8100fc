//! The writer.

use super::XML_NAMESPACE;
use super::element::{Element, Node};

/// Writes one document. Namespaces get the declared prefixes, or are declared where they are used.
///
/// Calls that make no sense where they stand ([`Writer::attribute`] after content, [`Writer::end`] with nothing
/// open) are programming errors: they are caught by debug assertions and do nothing otherwise.
#[derive(Debug)]
pub struct Writer {
    out: String,
    /// (prefix, namespace), declared on the root
    prefixes: Vec<(String, String)>,
    open: Vec<Open>,
    /// Whether the innermost start tag still lacks its `>`
    in_tag: bool,
    /// Prefixes made up for attributes of the innermost tag
    made_up: usize,
}

#[derive(Debug)]
struct Open {
    /// As written, with its prefix
    name: String,
    /// The default namespace inside
    default: String,
}

impl Writer {
    /// A writer that declares `prefixes` (prefix, namespace) on the root element.
    pub fn new(prefixes: &[(&str, &str)]) -> Self {
        let prefixes = prefixes.iter().map(|(p, n)| ((*p).to_owned(), (*n).to_owned())).collect();
        Self { out: String::new(), prefixes, open: Vec::new(), in_tag: false, made_up: 0 }
    }

    /// Opens an element; an empty namespace is none.
    pub fn start(&mut self, namespace: &str, name: &str) -> &mut Self {
        self.close_tag();
        let default = self.open.last().map_or("", |open| open.default.as_str()).to_owned();
        let prefix = self.prefixes.iter().find(|(_, n)| n == namespace && !namespace.is_empty());
        let (written, inside) = match prefix {
            Some((prefix, _)) => (format!("{prefix}:{name}"), default.clone()),
            None => (name.to_owned(), namespace.to_owned()),
        };
        self.out.push('<');
        self.out.push_str(&written);
        self.in_tag = true;
        self.made_up = 0;
        if self.open.is_empty() {
            for (prefix, namespace) in &self.prefixes {
                raw_attribute(&mut self.out, &format!("xmlns:{prefix}"), namespace);
            }
        }
        if inside != default {
            raw_attribute(&mut self.out, "xmlns", &inside);
        }
        self.open.push(Open { name: written, default: inside });
        self
    }

    /// Adds an attribute to the element just opened.
    pub fn attribute(&mut self, namespace: Option<&str>, name: &str, value: &str) -> &mut Self {
        debug_assert!(self.in_tag, "an attribute after content");
        if !self.in_tag {
            return self;
        }
        match namespace {
            None => raw_attribute(&mut self.out, name, value),
            Some(XML_NAMESPACE) => raw_attribute(&mut self.out, &format!("xml:{name}"), value),
            Some(namespace) => {
                let known = self.prefixes.iter().find(|(_, n)| n == namespace).map(|(p, _)| p.clone());
                let prefix = known.unwrap_or_else(|| {
                    self.made_up += 1;
                    let prefix = format!("ns{}", self.made_up);
                    raw_attribute(&mut self.out, &format!("xmlns:{prefix}"), namespace);
                    prefix
                });
                raw_attribute(&mut self.out, &format!("{prefix}:{name}"), value);
            }
        }
        self
    }

    /// Adds text; an empty one keeps the element from being self-closing.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.close_tag();
        escape(&mut self.out, text, false);
        self
    }

    /// Closes the innermost element, as `<a />` when nothing is in it.
    pub fn end(&mut self) -> &mut Self {
        let Some(open) = self.open.pop() else {
            debug_assert!(false, "an end without a start");
            return self;
        };
        if self.in_tag {
            self.out.push_str(" />");
            self.in_tag = false;
        } else {
            self.out.push_str("</");
            self.out.push_str(&open.name);
            self.out.push('>');
        }
        self
    }

    /// An element with a text.
    pub fn leaf(&mut self, namespace: &str, name: &str, text: &str) -> &mut Self {
        self.start(namespace, name).text(text).end()
    }

    /// A tree.
    pub fn element(&mut self, element: &Element) -> &mut Self {
        let mut path = vec![self.open_element(element)];
        while let Some(children) = path.last_mut() {
            match children.next() {
                Some(Node::Text(text)) => {
                    self.text(text);
                }
                Some(Node::Element(child)) => path.push(self.open_element(child)),
                None => {
                    self.end();
                    path.pop();
                }
            }
        }
        self
    }

    fn open_element<'e>(&mut self, element: &'e Element) -> std::slice::Iter<'e, Node> {
        self.start(element.namespace.as_deref().unwrap_or_default(), &element.name);
        for attribute in &element.attributes {
            self.attribute(attribute.namespace.as_deref(), &attribute.name, &attribute.value);
        }
        element.children.iter()
    }

    /// The document; what is still open is closed.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }

    fn close_tag(&mut self) {
        if self.in_tag {
            self.out.push('>');
            self.in_tag = false;
        }
    }
}

fn raw_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value, true);
    out.push('"');
}

/// Escapes so that the reader gives back every character, line ends and forbidden ones included; only NUL, which
/// no reference can name, becomes U+FFFD.
fn escape(out: &mut String, text: &str, attribute: bool) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' | '\n' if !attribute => out.push(c),
            '\0' => out.push('\u{FFFD}'),
            '\x01'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => {
                out.push_str(&format!("&#x{:X};", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
}
