//! Delete: close a shell.

use super::MalformedMessage;
use super::message::{Verb, VerbResponse};
use crate::soap::Envelope;
use crate::xml::Element;

/// Closes the shell that the selectors name, `[DSP0226] 7`, `[MS-PSRP] 3.1.5.3.11`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delete;

impl Verb for Delete {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete";
    type Response = DeleteResponse;

    fn body(&self) -> Option<Element> {
        None
    }

    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}

/// The shell is closed, `[DSP0226] 7`, `[MS-PSRP] 3.1.5.3.11`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeleteResponse;

impl VerbResponse for DeleteResponse {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/DeleteResponse";

    fn body(&self) -> Vec<Element> {
        Vec::new()
    }

    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}
