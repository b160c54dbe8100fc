//! Disconnect: leave a shell running without its client.

use super::MalformedMessage;
use super::body::shell;
use super::message::{Verb, VerbResponse};
use crate::soap::Envelope;
use crate::xml::Element;

/// Leaves the shell that the selectors name, `[MS-WSMV] 3.1.4.15`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disconnect;

impl Verb for Disconnect {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Disconnect";
    type Response = DisconnectResponse;

    fn body(&self) -> Option<Element> {
        Some(shell("Disconnect"))
    }

    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}

/// The shell runs on alone, `[MS-WSMV] 3.1.4.15`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisconnectResponse;

impl VerbResponse for DisconnectResponse {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/DisconnectResponse";

    fn body(&self) -> Vec<Element> {
        vec![shell("DisconnectResponse")]
    }

    /// Windows sends an empty body.
    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}
