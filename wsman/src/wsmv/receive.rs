//! Receive: output of a shell or a command.

use super::body::{self, attribute, push_attribute, shell};
use super::message::{Verb, VerbResponse};
use super::{MalformedMessage, Stream};
use crate::soap::{Envelope, ns};
use crate::xml::Element;

/// Waits for output, `[MS-WSMV] 3.1.4.14`; of a pool or pipeline, `[MS-PSRP] 3.1.5.3.7`. Send it with
/// [`super::WsmanOption::keep_alive`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receive {
    /// The command, or none: the shell
    pub command_id: Option<String>,
    /// `DesiredStream`, separated by spaces
    pub streams: String,
}

impl Receive {
    /// Of a runspace pool.
    pub fn pool() -> Self {
        Self { command_id: None, streams: "stdout".to_owned() }
    }

    /// Of a pipeline.
    pub fn pipeline(id: &str) -> Self {
        Self { command_id: Some(id.to_owned()), ..Self::pool() }
    }
}

impl Verb for Receive {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive";
    type Response = ReceiveResponse;

    fn body(&self) -> Option<Element> {
        let mut desired = shell("DesiredStream");
        push_attribute(&mut desired, "CommandId", self.command_id.as_deref());
        Some(shell("Receive").with_child(desired.with_text(&self.streams)))
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let desired = body::required(envelope, "Receive")?.child(ns::SHELL, "DesiredStream");
        let desired = desired.ok_or(MalformedMessage::Missing("DesiredStream"))?;
        Ok(Self { command_id: attribute(desired, "CommandId"), streams: desired.text().trim().to_owned() })
    }
}

/// Output, and perhaps the end of the command, `[MS-WSMV] 3.1.4.14`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiveResponse {
    /// Pieces in order
    pub streams: Vec<Stream>,
    /// The state of the command, if it is told
    pub state: Option<StateOfCommand>,
}

/// `rsp:CommandState`, `[MS-WSMV] 3.1.4.14`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateOfCommand {
    /// The command, where it is told
    pub command_id: Option<String>,
    /// Its state
    pub state: CommandState,
    /// `ExitCode` of a program that is done
    pub exit_code: Option<i64>,
}

/// How far a command is, `[MS-WSMV] 2.2.5.4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandState {
    /// Not all output has been received
    Running,
    /// Waiting to run
    Pending,
    /// All output has been received
    Done,
    /// Another URI
    Other(String),
}

const STATE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/";

impl CommandState {
    fn parse(uri: &str) -> Self {
        match uri.strip_prefix(STATE) {
            Some("Running") => Self::Running,
            Some("Pending") => Self::Pending,
            Some("Done") => Self::Done,
            _ => Self::Other(uri.to_owned()),
        }
    }

    fn uri(&self) -> String {
        match self {
            Self::Running => format!("{STATE}Running"),
            Self::Pending => format!("{STATE}Pending"),
            Self::Done => format!("{STATE}Done"),
            Self::Other(uri) => uri.clone(),
        }
    }
}

impl ReceiveResponse {
    /// Whether the command has no more to say.
    pub fn is_done(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.state == CommandState::Done)
    }
}

impl VerbResponse for ReceiveResponse {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/ReceiveResponse";

    fn body(&self) -> Vec<Element> {
        let mut response =
            self.streams.iter().map(Stream::to_element).fold(shell("ReceiveResponse"), Element::with_child);
        if let Some(state) = &self.state {
            let mut element = shell("CommandState");
            push_attribute(&mut element, "CommandId", state.command_id.as_deref());
            push_attribute(&mut element, "State", Some(&state.state.uri()));
            if let Some(code) = state.exit_code {
                element.push(shell("ExitCode").with_text(&code.to_string()));
            }
            response.push(element);
        }
        vec![response]
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let response = body::required(envelope, "ReceiveResponse")?;
        let streams = response.children_named(ns::SHELL, "Stream").map(Stream::from_element);
        let state = response.child(ns::SHELL, "CommandState").map(state_of_command).transpose()?;
        Ok(Self { streams: streams.collect::<Result<_, _>>()?, state })
    }
}

fn state_of_command(element: &Element) -> Result<StateOfCommand, MalformedMessage> {
    let state = attribute(element, "State").ok_or(MalformedMessage::Missing("CommandState/@State"))?;
    Ok(StateOfCommand {
        command_id: attribute(element, "CommandId"),
        state: CommandState::parse(&state),
        exit_code: body::number(element, "ExitCode")?,
    })
}
