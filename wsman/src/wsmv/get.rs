//! Get: what is known of a shell, or any other resource.

use super::message::{Verb, VerbResponse};
use super::{MalformedMessage, Shell};
use crate::soap::{Envelope, ns};
use crate::xml::Element;

/// Asks for the resource that the selectors name, `[DSP0226] 7`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Get;

impl Verb for Get {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";
    type Response = GetResponse;

    fn body(&self) -> Option<Element> {
        None
    }

    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}

/// The resource, `[DSP0226] 7`.
#[derive(Clone, Debug, PartialEq)]
pub enum GetResponse {
    /// A shell
    Shell(Shell),
    /// Something else, see [`super::max_envelope_size`]
    Other(Element),
}

impl VerbResponse for GetResponse {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse";

    fn body(&self) -> Vec<Element> {
        match self {
            Self::Shell(shell) => vec![shell.to_element()],
            Self::Other(element) => vec![element.clone()],
        }
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = envelope.body.first().ok_or(MalformedMessage::Missing("the resource"))?;
        match element.is(ns::SHELL, "Shell") {
            true => Shell::from_element(element).map(Self::Shell),
            false => Ok(Self::Other(element.clone())),
        }
    }
}
