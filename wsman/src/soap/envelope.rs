//! The envelope.

use super::{Excerpt, Fault, SoapError, ns};
use crate::xml::{Element, Limits};

/// Headers and body, `[SOAP12]` 5.1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// Header blocks in order
    pub headers: Vec<Element>,
    /// What the body holds, in order
    pub body: Vec<Element>,
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// ```
    /// use wsman::soap::{Envelope, SoapError};
    /// use wsman::xml::Limits;
    ///
    /// let page = Envelope::parse(b"<html><body>Service Unavailable", &Limits::default());
    /// assert!(matches!(page, Err(SoapError::NotSoap(_))));
    /// ```
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, SoapError> {
        if bytes.trim_ascii().is_empty() {
            return Err(SoapError::Empty);
        }
        let root = Element::parse(bytes, limits).map_err(|error| {
            let excerpt = Excerpt::new(bytes);
            match looks_like_an_envelope(excerpt.as_str()) {
                true => SoapError::Xml { error, excerpt },
                false => SoapError::NotSoap(excerpt),
            }
        })?;
        if !root.is(ns::SOAP, "Envelope") {
            return Err(SoapError::NotSoap(Excerpt::new(bytes)));
        }
        let (mut headers, mut body) = (Vec::new(), None);
        for part in elements(root) {
            if part.is(ns::SOAP, "Header") {
                headers.extend(elements(part));
            } else if part.is(ns::SOAP, "Body") && body.is_none() {
                body = Some(elements(part).collect());
            }
        }
        Ok(Self { headers, body: body.ok_or(SoapError::NoBody)? })
    }

    /// The first header block of that name.
    pub fn header(&self, namespace: &str, name: &str) -> Option<&Element> {
        self.headers.iter().find(|block| block.is(namespace, name))
    }

    /// The first body element of that name.
    pub fn body_element(&self, namespace: &str, name: &str) -> Option<&Element> {
        self.body.iter().find(|element| element.is(namespace, name))
    }

    /// The fault, if the body holds one.
    pub fn fault(&self) -> Option<Fault> {
        self.body_element(ns::SOAP, "Fault").map(Fault::from_element)
    }

    /// The envelope as a document; `prefixes` (prefix, namespace) are declared on its root.
    pub fn to_xml(&self, prefixes: &[(&str, &str)]) -> String {
        let mut writer = crate::xml::Writer::new(prefixes);
        writer.start(ns::SOAP, "Envelope").start(ns::SOAP, "Header");
        for block in &self.headers {
            writer.element(block);
        }
        writer.end().start(ns::SOAP, "Body");
        for element in &self.body {
            writer.element(element);
        }
        writer.finish()
    }
}

fn elements(parent: Element) -> impl Iterator<Item = Element> {
    parent.children.into_iter().filter_map(|node| match node {
        crate::xml::Node::Element(element) => Some(element),
        crate::xml::Node::Text(_) => None,
    })
}

/// Only for the choice between two errors: broken envelope, or something else altogether.
fn looks_like_an_envelope(beginning: &str) -> bool {
    beginning.starts_with('<') && beginning.contains("Envelope")
}
