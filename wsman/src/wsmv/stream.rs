//! A piece of a stream.

use super::MalformedMessage;
use super::body::{self, attribute, push_attribute, shell};
use crate::xml::Element;

/// `rsp:Stream`, `[MS-WSMV] 2.2.4.26`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// `stdin`, `pr`, `stdout`, `stderr`
    pub name: String,
    /// The command it belongs to, or none: the shell
    pub command_id: Option<String>,
    /// Nothing follows
    pub end: bool,
    /// The bytes, decoded
    pub data: Vec<u8>,
}

impl Stream {
    pub(super) fn from_element(element: &Element) -> Result<Self, MalformedMessage> {
        let end = element.attribute("End").map(str::trim);
        Ok(Self {
            name: attribute(element, "Name").ok_or(MalformedMessage::Missing("Stream/@Name"))?,
            command_id: attribute(element, "CommandId"),
            end: end.is_some_and(|end| end == "1" || end.eq_ignore_ascii_case("true")),
            data: body::decode(&element.text(), "Stream")?,
        })
    }

    pub(super) fn to_element(&self) -> Element {
        let mut element = shell("Stream").with_attribute("Name", &self.name);
        push_attribute(&mut element, "CommandId", self.command_id.as_deref());
        push_attribute(&mut element, "End", self.end.then_some("true"));
        element.with_text(&body::encode(&self.data))
    }
}
