//! Enumerate: which shells there are.

use super::message::{Verb, VerbResponse};
use super::{MalformedMessage, Shell};
use crate::soap::{Envelope, ns};
use crate::xml::Element;

/// Asks for all shells of the caller in one answer, or for the commands of one, `[DSP0226] 8`, `[MS-WSMV] 3.1.4.8`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enumerate {
    /// `wsman:Filter`, for the commands of a shell
    pub filter: Option<Element>,
}

impl Verb for Enumerate {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate";
    type Response = EnumerateResponse;

    fn body(&self) -> Option<Element> {
        let mut element = Element::new(ns::ENUMERATION, "Enumerate")
            .with_child(Element::new(ns::WSMAN, "OptimizeEnumeration"))
            .with_child(Element::new(ns::WSMAN, "MaxElements").with_text("32000"));
        if let Some(filter) = &self.filter {
            element.push(filter.clone());
        }
        Some(element)
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = envelope.body_element(ns::ENUMERATION, "Enumerate");
        let element = element.ok_or(MalformedMessage::Missing("Enumerate"))?;
        Ok(Self { filter: element.child(ns::WSMAN, "Filter").cloned() })
    }
}

/// What was found, `[DSP0226] 8`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnumerateResponse {
    /// The shells
    pub shells: Vec<Shell>,
    /// Items of other kinds, such as commands
    pub others: Vec<Element>,
    /// Whether this is all
    pub complete: bool,
}

impl VerbResponse for EnumerateResponse {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse";

    fn body(&self) -> Vec<Element> {
        let shells = self.shells.iter().map(Shell::to_element);
        let items = shells
            .chain(self.others.iter().cloned())
            .fold(Element::new(ns::WSMAN, "Items"), Element::with_child);
        let mut response = Element::new(ns::ENUMERATION, "EnumerateResponse")
            .with_child(Element::new(ns::ENUMERATION, "EnumerationContext"))
            .with_child(items);
        if self.complete {
            response.push(Element::new(ns::WSMAN, "EndOfSequence"));
        }
        vec![response]
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let response = envelope
            .body_element(ns::ENUMERATION, "EnumerateResponse")
            .ok_or(MalformedMessage::Missing("EnumerateResponse"))?;
        let mut found =
            Self { complete: response.child(ns::WSMAN, "EndOfSequence").is_some(), ..Self::default() };
        for item in response.child(ns::WSMAN, "Items").into_iter().flat_map(Element::elements) {
            match item.is(ns::SHELL, "Shell") {
                true => found.shells.push(Shell::from_element(item)?),
                false => found.others.push(item.clone()),
            }
        }
        Ok(found)
    }
}
