//! The SOAP fault.

use super::ns;
use crate::xml::{Attribute, Element, Node, XML_NAMESPACE};

/// A fault, `[SOAP12]` 5.4. Everything is optional in practice: real servers send faults without a reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// `Code/Value`, a QName as written, as `s:Sender`
    pub code: String,
    /// The chain of `Subcode/Value`, outermost first, as `w:TimedOut`
    pub subcodes: Vec<String>,
    /// `Reason/Text`, may be empty
    pub reason: String,
    /// `Detail`
    pub detail: Option<Element>,
}

impl Fault {
    pub(super) fn from_element(element: &Element) -> Self {
        let code = element.child(ns::SOAP, "Code");
        let value = |code: &Element| code.child_text(ns::SOAP, "Value").unwrap_or_default().trim().to_owned();
        let mut subcodes = Vec::new();
        let mut next = code.and_then(|code| code.child(ns::SOAP, "Subcode"));
        while let Some(subcode) = next {
            subcodes.push(value(subcode));
            next = subcode.child(ns::SOAP, "Subcode");
        }
        let reason = element.child(ns::SOAP, "Reason").and_then(|reason| reason.child_text(ns::SOAP, "Text"));
        Self {
            code: code.map(value).unwrap_or_default(),
            subcodes,
            reason: reason.unwrap_or_default().trim().to_owned(),
            detail: element.child(ns::SOAP, "Detail").cloned(),
        }
    }

    /// The fault as a body element. The QNames are written as they are: their prefixes must be declared.
    pub fn to_element(&self) -> Element {
        let soap = |name| Element::new(ns::SOAP, name);
        let mut inner = None;
        for subcode in self.subcodes.iter().rev() {
            let mut element = soap("Subcode").with_child(soap("Value").with_text(subcode));
            element.children.extend(inner.take().map(Node::Element));
            inner = Some(element);
        }
        let mut code = soap("Code").with_child(soap("Value").with_text(&self.code));
        code.children.extend(inner.map(Node::Element));
        let mut text = soap("Text").with_text(&self.reason);
        text.attributes.push(Attribute {
            name: "lang".to_owned(),
            namespace: Some(XML_NAMESPACE.into()),
            value: "en-US".to_owned(),
        });
        let mut fault = soap("Fault").with_child(code).with_child(soap("Reason").with_child(text));
        if let Some(detail) = &self.detail {
            fault.push(detail.clone());
        }
        fault
    }

    /// `Code/Value` without its prefix: `Sender`, `Receiver`.
    pub fn code_name(&self) -> &str {
        local(&self.code)
    }

    /// The innermost subcode without its prefix: `TimedOut`.
    pub fn subcode_name(&self) -> Option<&str> {
        self.subcodes.last().map(|subcode| local(subcode))
    }
}

fn local(qname: &str) -> &str {
    qname.rsplit_once(':').map_or(qname, |(_, name)| name)
}
