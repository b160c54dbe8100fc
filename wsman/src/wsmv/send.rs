//! Send: input for a shell or a command.

use super::body::{self, shell};
use super::message::{Verb, VerbResponse};
use super::{MalformedMessage, Stream};
use crate::soap::{Envelope, ns};
use crate::xml::Element;

/// Sends input, `[MS-WSMV] 3.1.4.13`; fragments of a pool or pipeline, `[MS-PSRP] 3.1.5.3.5`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Send {
    /// What is sent
    pub streams: Vec<Stream>,
}

impl Send {
    /// Bytes for a stream (`stdin`, or `pr` for answers to host calls) of the shell or of a command.
    pub fn new(stream: &str, command_id: Option<&str>, data: Vec<u8>) -> Self {
        let command_id = command_id.map(str::to_owned);
        Self { streams: vec![Stream { name: stream.to_owned(), command_id, end: false, data }] }
    }
}

impl Verb for Send {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Send";
    type Response = SendResponse;

    fn body(&self) -> Option<Element> {
        Some(self.streams.iter().map(Stream::to_element).fold(shell("Send"), Element::with_child))
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = body::required(envelope, "Send")?;
        let streams = element.children_named(ns::SHELL, "Stream").map(Stream::from_element);
        Ok(Self { streams: streams.collect::<Result<_, _>>()? })
    }
}

/// The input was taken, `[MS-WSMV] 3.1.4.13`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendResponse;

impl VerbResponse for SendResponse {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/SendResponse";

    fn body(&self) -> Vec<Element> {
        vec![shell("SendResponse")]
    }

    /// The Action says it all: servers differ in the body.
    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}
