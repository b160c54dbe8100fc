//! What a server says about a shell.

use std::time::Duration;

use super::body::{self, push_text, shell, text};
use super::{MalformedMessage, write_duration};
use crate::soap::ns;
use crate::xml::{Element, Node};

/// `rsp:Shell` as servers write it, `[MS-WSMV] 2.2.4.37`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shell {
    /// `ShellId`
    pub shell_id: Option<String>,
    /// `Name`
    pub name: Option<String>,
    /// `ResourceUri`
    pub resource_uri: Option<String>,
    /// `Owner`: who has opened it
    pub owner: Option<String>,
    /// `ClientIP`
    pub client_ip: Option<String>,
    /// `ProcessId` of the host process
    pub process_id: Option<u32>,
    /// `IdleTimeOut`
    pub idle_time_out: Option<Duration>,
    /// `InputStreams`
    pub input_streams: Option<String>,
    /// `OutputStreams`
    pub output_streams: Option<String>,
    /// `MaxIdleTimeOut`
    pub max_idle_time_out: Option<Duration>,
    /// `State`: `Connected` or `Disconnected`
    pub state: Option<String>,
    /// `Environment` of a command shell
    pub environment: Vec<(String, String)>,
    /// The other elements with a text, in order: `Locale`, `BufferMode`, `MemoryUsed` ...
    pub others: Vec<(String, String)>,
}

impl Shell {
    /// Whether its client is gone for now.
    pub fn is_disconnected(&self) -> bool {
        self.state.as_deref() == Some("Disconnected")
    }

    pub(super) fn from_element(element: &Element) -> Result<Self, MalformedMessage> {
        let others = element.elements().filter(|child| {
            child.namespace.as_deref() == Some(ns::SHELL)
                && child.name != "Environment"
                && !KNOWN.contains(&child.name.as_str())
                && !child.children.iter().any(|node| matches!(node, Node::Element(_)))
        });
        Ok(Self {
            shell_id: text(element, "ShellId").or_else(|| body::attribute(element, "ShellId")),
            name: text(element, "Name").or_else(|| body::attribute(element, "Name")),
            resource_uri: text(element, "ResourceUri"),
            owner: text(element, "Owner"),
            client_ip: text(element, "ClientIP"),
            process_id: body::number(element, "ProcessId")?,
            idle_time_out: body::duration(element, "IdleTimeOut")?,
            input_streams: text(element, "InputStreams"),
            output_streams: text(element, "OutputStreams"),
            max_idle_time_out: body::duration(element, "MaxIdleTimeOut")?,
            state: text(element, "State"),
            environment: body::environment(element),
            others: others.map(|child| (child.name.clone(), child.text().trim().to_owned())).collect(),
        })
    }

    pub(super) fn to_element(&self) -> Element {
        let mut element = shell("Shell");
        let process_id = self.process_id.map(|id| id.to_string());
        let durations = [self.idle_time_out, self.max_idle_time_out].map(|d| d.map(write_duration));
        let texts: [Option<&str>; KNOWN.len()] = [
            self.shell_id.as_deref(),
            self.name.as_deref(),
            self.resource_uri.as_deref(),
            self.owner.as_deref(),
            self.client_ip.as_deref(),
            process_id.as_deref(),
            durations[0].as_deref(),
            self.input_streams.as_deref(),
            self.output_streams.as_deref(),
            durations[1].as_deref(),
            self.state.as_deref(),
        ];
        for (name, text) in KNOWN.into_iter().zip(texts) {
            push_text(&mut element, name, text);
        }
        body::push_environment(&mut element, &self.environment);
        for (name, text) in &self.others {
            push_text(&mut element, name, Some(text));
        }
        element
    }
}

/// The elements with a field of their own, in the order of the fields.
const KNOWN: [&str; 11] = [
    "ShellId",
    "Name",
    "ResourceUri",
    "Owner",
    "ClientIP",
    "ProcessId",
    "IdleTimeOut",
    "InputStreams",
    "OutputStreams",
    "MaxIdleTimeOut",
    "State",
];
