//! Connect: take over a disconnected shell or command.

use super::MalformedMessage;
use super::body::{self, attribute, push_attribute, push_text, shell, text};
use super::message::{Verb, VerbResponse};
use crate::soap::{Envelope, ns};
use crate::xml::Element;

/// Connects to a shell, or to one of its commands, `[MS-WSMV] 2.2.4.12`, 3.1.4.17, `[MS-PSRP] 3.1.5.3.14`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// The command; none for the shell
    pub command_id: Option<String>,
    /// `connectXml`: SESSION_CAPABILITY and CONNECT_RUNSPACEPOOL of a runspace pool
    pub connect_xml: Option<Vec<u8>>,
}

impl Verb for Connect {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Connect";
    type Response = ConnectResponse;

    fn body(&self) -> Option<Element> {
        let mut element = shell("Connect");
        push_attribute(&mut element, "CommandId", self.command_id.as_deref());
        if let Some(bytes) = &self.connect_xml {
            element.push(Element::new(ns::POWERSHELL, "connectXml").with_text(&body::encode(bytes)));
        }
        Some(element)
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = body::required(envelope, "Connect")?;
        Ok(Self { command_id: attribute(element, "CommandId"), connect_xml: payload(element, "connectXml")? })
    }
}

/// Connected, `[MS-WSMV] 3.1.4.17`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectResponse {
    /// `InputStreams` of the shell
    pub input_streams: Option<String>,
    /// `OutputStreams` of the shell
    pub output_streams: Option<String>,
    /// `connectResponseXml`: the server's fragments for a runspace pool
    pub connect_response_xml: Option<Vec<u8>>,
}

impl VerbResponse for ConnectResponse {
    const ACTION: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/ConnectResponse";

    fn body(&self) -> Vec<Element> {
        let mut element = shell("ConnectResponse");
        push_text(&mut element, "InputStreams", self.input_streams.as_deref());
        push_text(&mut element, "OutputStreams", self.output_streams.as_deref());
        if let Some(bytes) = &self.connect_response_xml {
            element.push(Element::new(ns::POWERSHELL, "connectResponseXml").with_text(&body::encode(bytes)));
        }
        vec![element]
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = body::required(envelope, "ConnectResponse")?;
        Ok(Self {
            input_streams: text(element, "InputStreams"),
            output_streams: text(element, "OutputStreams"),
            connect_response_xml: payload(element, "connectResponseXml")?,
        })
    }
}

fn payload(element: &Element, name: &'static str) -> Result<Option<Vec<u8>>, MalformedMessage> {
    element.child_text(ns::POWERSHELL, name).map(|text| body::decode(&text, name)).transpose()
}
