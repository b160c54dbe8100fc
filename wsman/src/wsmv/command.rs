//! Command: run something in a shell.

use super::MalformedMessage;
use super::body::{self, attribute, push_attribute, shell, text};
use super::message::{Verb, VerbResponse};
use crate::soap::{Envelope, ns};
use crate::xml::Element;

/// Starts a command, `[MS-WSMV] 3.1.4.11`; in a runspace pool a pipeline, `[MS-PSRP] 3.1.5.3.3`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The id the client wants; for a pipeline its own, upper-case
    pub command_id: Option<String>,
    /// `Command`: the program of a command shell; servers log it, so a pipeline leaves it empty
    pub command: String,
    /// `Arguments` as they stand there
    pub arguments: Vec<String>,
}

impl Command {
    /// A pipeline, with the first fragments of its CREATE_PIPELINE, `[MS-PSRP] 3.1.5.3.3`.
    pub fn pipeline(id: &str, fragments: &[u8]) -> Self {
        Self {
            command_id: Some(id.to_owned()),
            command: String::new(),
            arguments: vec![body::encode(fragments)],
        }
    }

    /// The bytes in the arguments of a pipeline.
    pub fn fragments(&self) -> Result<Vec<u8>, MalformedMessage> {
        let parts = self.arguments.iter().map(|argument| body::decode(argument, "Arguments"));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

impl Verb for Command {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command";
    type Response = CommandResponse;

    fn body(&self) -> Option<Element> {
        let mut element = shell("CommandLine");
        push_attribute(&mut element, "CommandId", self.command_id.as_deref());
        element.push(shell("Command").with_text(&self.command));
        for argument in &self.arguments {
            element.push(shell("Arguments").with_text(argument));
        }
        Some(element)
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = body::required(envelope, "CommandLine")?;
        let command = element.child_text(ns::SHELL, "Command");
        let arguments = element.children_named(ns::SHELL, "Arguments");
        Ok(Self {
            command_id: attribute(element, "CommandId"),
            command: command.ok_or(MalformedMessage::Missing("Command"))?.into_owned(),
            arguments: arguments.map(|argument| argument.text().into_owned()).collect(),
        })
    }
}

/// The command runs, `[MS-WSMV] 2.2.4.8`, `[MS-PSRP] 3.1.5.3.4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandResponse {
    /// Its id, for Send, Receive and Signal
    pub command_id: String,
}

impl VerbResponse for CommandResponse {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandResponse";

    fn body(&self) -> Vec<Element> {
        vec![shell("CommandResponse").with_child(shell("CommandId").with_text(&self.command_id))]
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let command_id = text(body::required(envelope, "CommandResponse")?, "CommandId");
        let command_id = command_id.filter(|id| !id.is_empty());
        Ok(Self { command_id: command_id.ok_or(MalformedMessage::Missing("CommandId"))? })
    }
}
