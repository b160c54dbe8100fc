//! Fragments in a document become the messages that they carry, without what is secret in them.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::header::is_secret;
use super::secrets::MASK;
use crate::psrp::fragment::Reassembler;
use crate::psrp::message::{Message, MessageType};
use crate::xml::{Element, Limits, Node};

/// Largest message that is put together, and most that may be under way at once; beyond that pieces are shown as such.
const MAX_MESSAGE: usize = 4 << 20;
const MAX_STREAMS: usize = 32;
/// Names and values beside each other: a parameter, `[MS-PSRP] 2.2.3.13`, an entry of a dictionary, 2.2.5.2.6.4, and how
/// settings are commonly written.
const PAIRS: [(&str, &str); 3] = [("N", "V"), ("Key", "Value"), ("Name", "Value")];

/// Messages under way in pieces, by direction and command.
#[derive(Debug, Default)]
pub(super) struct Streams(HashMap<(Direction, Option<String>), Reassembler>);

/// Which way a document goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    ToServer,
    ToClient,
}

impl Streams {
    /// The messages that end in this text of an element, and a word on what else is there.
    pub(super) fn messages(
        &mut self,
        direction: Direction,
        command: Option<&str>,
        base64: &str,
    ) -> Vec<Element> {
        let base64: String = base64.split_ascii_whitespace().collect();
        let Ok(bytes) = STANDARD.decode(&base64) else {
            return vec![left_out(&format!("{} characters that are no base64", base64.len()))];
        };
        if self.0.len() >= MAX_STREAMS {
            self.0.clear();
        }
        let key = (direction, command.map(str::to_ascii_uppercase));
        let mut stream = self.0.remove(&key).unwrap_or_else(|| Reassembler::new(MAX_MESSAGE));
        let mut objects = Vec::new();
        let pushed = stream.push(&bytes, &mut objects);
        let mut shown: Vec<Element> = objects.iter().map(|object| message(object)).collect();
        match pushed {
            Err(error) => shown.push(left_out(&format!("{} bytes of fragments: {error}", bytes.len()))),
            Ok(()) if stream.is_mid_object() => {
                shown.push(left_out(&format!("a part of {} bytes; it is shown where it ends", bytes.len())));
                self.0.insert(key, stream);
            }
            Ok(()) => {}
        }
        shown
    }
}

/// An element that says what is not there.
fn left_out(what: &str) -> Element {
    Element::new("", "NotShown").with_text(what)
}

/// A message as an element around its body.
fn message(object: &[u8]) -> Element {
    let message = match Message::parse(object) {
        Ok(message) => message,
        Err(error) => return left_out(&format!("{} bytes: {error}", object.len())),
    };
    let mut element = Element::new("", "Message").with_attribute("Type", message.message_type.name());
    if !message.pipeline_id.is_nil() {
        element = element.with_attribute("Pipeline", &message.pipeline_id.to_string());
    }
    if message.body.is_empty() {
        return element;
    }
    let limits = Limits { depth: 512, elements: 500_000, ..Limits::default() };
    match Element::parse(&message.body, &limits) {
        // All of it is the key.
        _ if message.message_type == MessageType::EncryptedSessionKey => element.with_text(MASK),
        Ok(mut body) => {
            redact(&mut body);
            element.with_child(body)
        }
        Err(error) => element.with_child(left_out(&format!("{} bytes: {error}", message.body.len()))),
    }
}

/// Takes out SecureStrings, binary values, and everything whose name says that it is secret.
fn redact(element: &mut Element) {
    let is_named_secret = element.attribute("N").is_some_and(is_secret);
    if element.name == "SS" || is_named_secret {
        element.children = vec![Node::Text(MASK.into())];
        return;
    }
    if element.name == "BA" {
        let length = element.text().len();
        element.children = vec![Node::Text(format!("[{length} characters of base64]"))];
        return;
    }
    for (name, value) in PAIRS {
        let is = |element: &Element, wanted| element.attribute("N") == Some(wanted);
        if element.elements().any(|child| is(child, name) && is_secret(&child.text())) {
            for child in children(element).filter(|child| is(child, value)) {
                child.children = vec![Node::Text(MASK.into())];
            }
        }
    }
    children(element).for_each(redact);
}

pub(super) fn children(element: &mut Element) -> impl Iterator<Item = &mut Element> {
    element.children.iter_mut().filter_map(|node| match node {
        Node::Element(child) => Some(child),
        Node::Text(_) => None,
    })
}
