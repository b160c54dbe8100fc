//! Small readers over elements.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{MalformedMessage, parse_duration};
use crate::soap::{Envelope, ns};
use crate::xml::{Attribute, Element};

type Result<T> = std::result::Result<T, MalformedMessage>;

/// The body element that a verb is made of.
pub(super) fn required<'a>(envelope: &'a Envelope, name: &'static str) -> Result<&'a Element> {
    envelope.body_element(ns::SHELL, name).ok_or(MalformedMessage::Missing(name))
}

/// The trimmed text of a child, if it is there.
pub(super) fn text(parent: &Element, name: &str) -> Option<String> {
    parent.child_text(ns::SHELL, name).map(|text| text.trim().to_owned())
}

/// A trimmed attribute, if it is there and not empty.
pub(super) fn attribute(element: &Element, name: &str) -> Option<String> {
    element.attribute(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A child that is a duration, if it is there.
pub(super) fn duration(parent: &Element, name: &'static str) -> Result<Option<Duration>> {
    let Some(text) = text(parent, name) else { return Ok(None) };
    parse_duration(&text).map(Some).ok_or_else(|| MalformedMessage::value(name, &text))
}

/// A child that is a number, if it is there.
pub(super) fn number<T: std::str::FromStr>(parent: &Element, name: &'static str) -> Result<Option<T>> {
    let Some(text) = text(parent, name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| MalformedMessage::value(name, &text))
}

/// Base64 with white space anywhere in it.
pub(super) fn decode(text: &str, name: &'static str) -> Result<Vec<u8>> {
    let compact: Cow<'_, str> = match text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        true => text.split_ascii_whitespace().collect::<String>().into(),
        false => text.into(),
    };
    STANDARD.decode(compact.as_bytes()).map_err(|_| MalformedMessage::Base64(name))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// An element of the shell namespace.
pub(super) fn shell(name: &str) -> Element {
    Element::new(ns::SHELL, name)
}

/// `parent` with a text child, if there is a text.
pub(super) fn push_text(parent: &mut Element, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        parent.push(shell(name).with_text(text));
    }
}

/// `element` with an attribute, if there is a value.
pub(super) fn push_attribute(element: &mut Element, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        element.attributes.push(Attribute {
            name: name.to_owned(),
            namespace: None,
            value: value.to_owned(),
        });
    }
}

/// `rsp:Environment`, `[MS-WSMV] 2.2.4`.
pub(super) fn environment(parent: &Element) -> Vec<(String, String)> {
    let variables = parent.child(ns::SHELL, "Environment").into_iter().flat_map(|environment| {
        environment.children_named(ns::SHELL, "Variable").map(|variable| {
            let name = variable.attribute("Name").unwrap_or_default().to_owned();
            (name, variable.text().into_owned())
        })
    });
    variables.collect()
}

/// `parent` with the variables, if there are any.
pub(super) fn push_environment(parent: &mut Element, variables: &[(String, String)]) {
    if !variables.is_empty() {
        let variables = variables
            .iter()
            .map(|(name, value)| shell("Variable").with_attribute("Name", name).with_text(value));
        parent.push(variables.fold(shell("Environment"), Element::with_child));
    }
}
