//! Reconnect: come back to a shell of the same client session.

use super::MalformedMessage;
use super::body::shell;
use super::message::{Verb, VerbResponse};
use crate::soap::Envelope;
use crate::xml::Element;

/// Takes the shell that the selectors name up again, from the same `SessionId`, `[MS-WSMV] 3.1.4.16`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconnect;

impl Verb for Reconnect {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Reconnect";
    type Response = ReconnectResponse;

    fn body(&self) -> Option<Element> {
        Some(shell("Reconnect"))
    }

    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}

/// The shell has its client again, `[MS-WSMV] 3.1.4.16`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReconnectResponse;

impl VerbResponse for ReconnectResponse {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/ReconnectResponse";

    fn body(&self) -> Vec<Element> {
        vec![shell("ReconnectResponse")]
    }

    /// Windows sends an empty body.
    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}
