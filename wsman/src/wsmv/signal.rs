//! Signal: stop or close a command.

use super::MalformedMessage;
use super::body::{self, attribute, push_attribute, shell, text};
use super::message::{Verb, VerbResponse};
use crate::soap::Envelope;
use crate::xml::Element;

/// Signals a command, `[MS-WSMV] 3.1.4.12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The command
    pub command_id: Option<String>,
    /// What is meant
    pub code: SignalCode,
}

/// What is signalled, `[MS-WSMV] 2.2.5.6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalCode {
    /// Close the command; due after every command, finished or not, or the shell runs out of commands
    Terminate,
    /// Stop the pipeline, `[MS-PSRP] 3.1.5.3.9`. The word is misspelt in the protocol; servers close the pipeline on
    /// any other one.
    StopPipeline,
    /// Ctrl+C to a program of a command shell
    CtrlC,
    /// Ctrl+Break to a program of a command shell
    CtrlBreak,
    /// Another code
    Other(String),
}

const TERMINATE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/Terminate";
const STOP_PIPELINE: &str = "powershell/signal/crtl_c";
const CTRL_C: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/ctrl_c";
const CTRL_BREAK: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/ctrl_break";

impl SignalCode {
    fn parse(code: &str) -> Self {
        match code {
            STOP_PIPELINE => Self::StopPipeline,
            CTRL_C => Self::CtrlC,
            CTRL_BREAK => Self::CtrlBreak,
            // The schema has `terminate`, clients send `Terminate`.
            code if code.eq_ignore_ascii_case(TERMINATE) => Self::Terminate,
            other => Self::Other(other.to_owned()),
        }
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Terminate => TERMINATE,
            Self::StopPipeline => STOP_PIPELINE,
            Self::CtrlC => CTRL_C,
            Self::CtrlBreak => CTRL_BREAK,
            Self::Other(code) => code,
        }
    }
}

impl Signal {
    /// To a command.
    pub fn new(command_id: &str, code: SignalCode) -> Self {
        Self { command_id: Some(command_id.to_owned()), code }
    }
}

impl Verb for Signal {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Signal";
    type Response = SignalResponse;

    fn body(&self) -> Option<Element> {
        let mut element = shell("Signal");
        push_attribute(&mut element, "CommandId", self.command_id.as_deref());
        Some(element.with_child(shell("Code").with_text(self.code.as_str())))
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = body::required(envelope, "Signal")?;
        let code = text(element, "Code").ok_or(MalformedMessage::Missing("Code"))?;
        Ok(Self { command_id: attribute(element, "CommandId"), code: SignalCode::parse(&code) })
    }
}

/// The signal was taken, `[MS-WSMV] 3.1.4.12`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalResponse;

impl VerbResponse for SignalResponse {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/SignalResponse";

    fn body(&self) -> Vec<Element> {
        vec![shell("SignalResponse")]
    }

    /// The Action says it all: servers differ in the body.
    fn from_envelope(_: &Envelope) -> Result<Self, MalformedMessage> {
        Ok(Self)
    }
}
