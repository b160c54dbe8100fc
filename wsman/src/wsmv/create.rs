//! Create: a new shell.

use std::time::Duration;

use super::body::{self, attribute, push_attribute, push_text, shell, text};
use super::message::{Verb, VerbResponse};
use super::{MalformedMessage, SelectorSet, Shell, write_duration};
use crate::soap::{Envelope, ns};
use crate::xml::Element;

/// Asks for a shell, `[MS-WSMV] 3.1.4.5.2`; for a runspace pool it carries the first messages, `[MS-PSRP] 3.1.5.3.1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Create {
    /// The id the client wants; for a runspace pool its own, upper-case
    pub shell_id: Option<String>,
    /// A name for people
    pub name: Option<String>,
    /// `InputStreams`, separated by spaces
    pub input_streams: String,
    /// `OutputStreams`, separated by spaces
    pub output_streams: String,
    /// How long the shell may be idle; servers refuse less than a minute
    pub idle_time_out: Option<Duration>,
    /// How long the shell may live
    pub lifetime: Option<Duration>,
    /// Where a command shell starts
    pub working_directory: Option<String>,
    /// Environment variables of a command shell
    pub environment: Vec<(String, String)>,
    /// `creationXml`: the first fragments of a runspace pool
    pub creation_xml: Option<Vec<u8>>,
}

impl Create {
    /// A runspace pool, `[MS-PSRP] 3.1.5.3.1`.
    pub fn runspace_pool(id: &str, creation_xml: Vec<u8>) -> Self {
        Self {
            shell_id: Some(id.to_owned()),
            input_streams: "stdin pr".to_owned(),
            output_streams: "stdout".to_owned(),
            creation_xml: Some(creation_xml),
            ..Self::default()
        }
    }

    /// A command shell, `[MS-WSMV] 3.1.4.5.2`.
    pub fn command_shell() -> Self {
        Self {
            input_streams: "stdin".to_owned(),
            output_streams: "stdout stderr".to_owned(),
            ..Self::default()
        }
    }
}

impl Verb for Create {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";
    type Response = CreateResponse;

    fn body(&self) -> Option<Element> {
        let mut element = shell("Shell");
        push_attribute(&mut element, "ShellId", self.shell_id.as_deref());
        push_attribute(&mut element, "Name", self.name.as_deref());
        body::push_environment(&mut element, &self.environment);
        push_text(&mut element, "IdleTimeOut", self.idle_time_out.map(write_duration).as_deref());
        push_text(&mut element, "InputStreams", Some(&self.input_streams));
        push_text(&mut element, "Lifetime", self.lifetime.map(write_duration).as_deref());
        push_text(&mut element, "OutputStreams", Some(&self.output_streams));
        push_text(&mut element, "WorkingDirectory", self.working_directory.as_deref());
        if let Some(bytes) = &self.creation_xml {
            element.push(Element::new(ns::POWERSHELL, "creationXml").with_text(&body::encode(bytes)));
        }
        Some(element)
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let element = body::required(envelope, "Shell")?;
        let creation_xml = element
            .child_text(ns::POWERSHELL, "creationXml")
            .map(|text| body::decode(&text, "creationXml"))
            .transpose()?;
        Ok(Self {
            shell_id: attribute(element, "ShellId").or_else(|| text(element, "ShellId")),
            name: attribute(element, "Name").or_else(|| text(element, "Name")),
            input_streams: text(element, "InputStreams").unwrap_or_default(),
            output_streams: text(element, "OutputStreams").unwrap_or_default(),
            idle_time_out: body::duration(element, "IdleTimeOut")?,
            lifetime: body::duration(element, "Lifetime")?,
            working_directory: text(element, "WorkingDirectory"),
            environment: body::environment(element),
            creation_xml,
        })
    }
}

/// The shell that was created, `[DSP0226] 7`, `[MS-WSMV] 3.1.4.5.2`, `[MS-PSRP] 3.1.5.3.2`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateResponse {
    /// `Address` of the shell
    pub address: Option<String>,
    /// `ResourceURI` of the shell
    pub resource_uri: Option<String>,
    /// To be sent back as it is with every request for this shell
    pub selectors: SelectorSet,
    /// What the server says about the shell; WinRM 1 and OMI say nothing
    pub shell: Option<Shell>,
}

impl VerbResponse for CreateResponse {
    const ACTION: &'static str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/CreateResponse";

    fn body(&self) -> Vec<Element> {
        let mut parameters = Element::new(ns::ADDRESSING, "ReferenceParameters");
        if let Some(uri) = &self.resource_uri {
            parameters.push(Element::new(ns::WSMAN, "ResourceURI").with_text(uri));
        }
        parameters.push(self.selectors.to_element());
        let mut created = Element::new(ns::TRANSFER, "ResourceCreated");
        if let Some(address) = &self.address {
            created.push(Element::new(ns::ADDRESSING, "Address").with_text(address));
        }
        created.push(parameters);
        std::iter::once(created).chain(self.shell.as_ref().map(Shell::to_element)).collect()
    }

    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage> {
        let created = envelope
            .body_element(ns::TRANSFER, "ResourceCreated")
            .ok_or(MalformedMessage::Missing("ResourceCreated"))?;
        let parameters = created.child(ns::ADDRESSING, "ReferenceParameters");
        let parameters = parameters.ok_or(MalformedMessage::Missing("ReferenceParameters"))?;
        let selectors = parameters.child(ns::WSMAN, "SelectorSet").map(SelectorSet::from_element);
        let text = |parent: &Element, namespace, name| {
            parent.child_text(namespace, name).map(|text| text.trim().to_owned())
        };
        Ok(Self {
            address: text(created, ns::ADDRESSING, "Address"),
            resource_uri: text(parameters, ns::WSMAN, "ResourceURI"),
            selectors: selectors
                .filter(|set| set.shell_id().is_some_and(|id| !id.is_empty()))
                .ok_or(MalformedMessage::Missing("Selector ShellId"))?,
            shell: envelope.body_element(ns::SHELL, "Shell").map(Shell::from_element).transpose()?,
        })
    }
}
