//! Headers of requests and responses.

use std::time::Duration;

use super::{MalformedMessage, RequestErrorKind, SelectorSet, WsmanOption, parse_duration, write_duration};
use crate::soap::{Envelope, Excerpt, ns};
use crate::xml::{Attribute, Element, XML_NAMESPACE};

/// The address that stands for "this connection", `[DSP0226] 5.1`.
pub(super) const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// The languages a client wants, `[DSP0226] 6`, `[MS-WSMV] 2.2.3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale {
    /// `wsman:Locale`: of messages
    pub text: String,
    /// `wsmv:DataLocale`: of data
    pub data: String,
}

impl Default for Locale {
    /// `en-US`: an empty one is refused by servers.
    fn default() -> Self {
        Self { text: "en-US".to_owned(), data: "en-US".to_owned() }
    }
}

/// What stands in the header of every request, `[DSP0226] 5.1` and 6, `[MS-WSMV] 2.2.3`; the Action comes from the
/// verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// `wsa:To`: the URL of the endpoint, with its query
    pub to: String,
    /// `wsa:MessageID`, see [`super::message_id`]
    pub message_id: String,
    /// `wsman:ResourceURI`
    pub resource_uri: String,
    /// `wsman:MaxEnvelopeSize`: what the client reads, in bytes
    pub max_envelope_size: Option<u32>,
    /// `wsman:OperationTimeout`; never zero
    pub operation_timeout: Option<Duration>,
    /// `wsman:Locale` and `wsmv:DataLocale`
    pub locale: Option<Locale>,
    /// `wsmv:SessionId`: the same in all requests of one client session
    pub session_id: Option<String>,
    /// `wsmv:OperationID`, robust connections, `[MS-WSMV] 3.1.4.1.37`
    pub operation_id: Option<String>,
    /// `rsp:CompressionType`, `[MS-WSMV] 2.2.3`
    pub compression: Option<String>,
    /// `wsman:OptionSet`
    pub options: Vec<WsmanOption>,
    /// `wsman:SelectorSet`
    pub selectors: SelectorSet,
}

impl RequestHeader {
    /// A header with what is usual: 150 KiB, 20 s, `en-US`.
    pub fn new(to: &str, message_id: &str) -> Self {
        Self {
            to: to.to_owned(),
            message_id: message_id.to_owned(),
            resource_uri: String::new(),
            max_envelope_size: Some(153_600),
            operation_timeout: Some(Duration::from_secs(20)),
            locale: Some(Locale::default()),
            session_id: None,
            operation_id: None,
            compression: None,
            options: Vec::new(),
            selectors: SelectorSet::default(),
        }
    }

    /// The value of an option; names are compared without case, as Windows does.
    pub fn option(&self, name: &str) -> Option<&str> {
        let option = self.options.iter().find(|option| option.name.eq_ignore_ascii_case(name))?;
        Some(&option.value)
    }

    pub(super) fn to_elements(&self, action: &str) -> Vec<Element> {
        let wsa = |name| Element::new(ns::ADDRESSING, name);
        let wsman = |name| Element::new(ns::WSMAN, name);
        let wsmv = |name| Element::new(ns::WSMV, name);
        let mut all = vec![understood(wsa("Action").with_text(action), true)];
        if let Some(locale) = &self.locale {
            all.push(language(understood(wsmv("DataLocale"), false), &locale.data));
            all.push(language(understood(wsman("Locale"), false), &locale.text));
        }
        if let Some(size) = self.max_envelope_size {
            all.push(understood(wsman("MaxEnvelopeSize").with_text(&size.to_string()), true));
        }
        all.push(wsa("MessageID").with_text(&self.message_id));
        if let Some(timeout) = self.operation_timeout {
            all.push(wsman("OperationTimeout").with_text(&write_duration(timeout)));
        }
        all.push(wsa("ReplyTo").with_child(understood(wsa("Address").with_text(ANONYMOUS), true)));
        all.push(understood(wsman("ResourceURI").with_text(&self.resource_uri), true));
        if let Some(session) = &self.session_id {
            all.push(understood(wsmv("SessionId").with_text(session), false));
        }
        if let Some(operation) = &self.operation_id {
            all.push(understood(wsmv("OperationID").with_text(operation), false));
        }
        if let Some(compression) = &self.compression {
            all.push(understood(Element::new(ns::SHELL, "CompressionType").with_text(compression), true));
        }
        all.push(wsa("To").with_text(&self.to));
        if !self.options.is_empty() {
            let set = understood(wsman("OptionSet"), true);
            all.push(self.options.iter().fold(set, |set, option| set.with_child(option.to_element())));
        }
        if !self.selectors.is_empty() {
            all.push(self.selectors.to_element());
        }
        all
    }

    pub(super) fn from_envelope(envelope: &Envelope) -> Result<Self, RequestErrorKind> {
        if let Some(block) = envelope.headers.iter().find(|block| must_understand(block) && !is_known(block))
        {
            return Err(RequestErrorKind::NotUnderstood(Excerpt::new(block.name.as_bytes())));
        }
        let required = |namespace, name: &'static str| {
            header_text(envelope, namespace, name)
                .filter(|text| !text.is_empty())
                .ok_or(MalformedMessage::Missing(name))
        };
        let lang = |namespace, name| {
            let block = envelope.header(namespace, name)?;
            block.attribute_ns(XML_NAMESPACE, "lang").filter(|lang| !lang.is_empty()).map(str::to_owned)
        };
        let (text, data) = (lang(ns::WSMAN, "Locale"), lang(ns::WSMV, "DataLocale"));
        let locale = text.clone().or(data.clone()).map(|either| Locale {
            text: text.unwrap_or_else(|| either.clone()),
            data: data.unwrap_or(either),
        });
        let options = envelope.header(ns::WSMAN, "OptionSet").map(|set| {
            set.children_named(ns::WSMAN, "Option").map(WsmanOption::from_element).collect::<Vec<_>>()
        });
        let selectors = envelope.header(ns::WSMAN, "SelectorSet").map(SelectorSet::from_element);
        Ok(Self {
            to: required(ns::ADDRESSING, "To")?,
            message_id: required(ns::ADDRESSING, "MessageID")?,
            resource_uri: required(ns::WSMAN, "ResourceURI")?,
            max_envelope_size: envelope_size(envelope)?,
            operation_timeout: operation_timeout(envelope)?,
            locale,
            session_id: header_text(envelope, ns::WSMV, "SessionId"),
            operation_id: header_text(envelope, ns::WSMV, "OperationID"),
            compression: header_text(envelope, ns::SHELL, "CompressionType"),
            options: options.unwrap_or_default(),
            selectors: selectors.unwrap_or_default(),
        })
    }
}

/// What stands in the header of a response, `[DSP0226] 5.1`. Everything may be missing from what a careless server
/// sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    /// `wsa:Action`
    pub action: Option<String>,
    /// `wsa:MessageID`
    pub message_id: Option<String>,
    /// `wsa:RelatesTo`: MessageID of the request
    pub relates_to: Option<String>,
    /// `wsmv:ActivityId`: finds the request in the server's event log
    pub activity_id: Option<String>,
    /// `wsmv:OperationID`
    pub operation_id: Option<String>,
}

impl ResponseHeader {
    /// Reads it.
    pub fn from_envelope(envelope: &Envelope) -> Self {
        Self {
            action: header_text(envelope, ns::ADDRESSING, "Action"),
            message_id: header_text(envelope, ns::ADDRESSING, "MessageID"),
            relates_to: header_text(envelope, ns::ADDRESSING, "RelatesTo"),
            activity_id: header_text(envelope, ns::WSMV, "ActivityId"),
            operation_id: header_text(envelope, ns::WSMV, "OperationID"),
        }
    }

    pub(super) fn to_elements(&self) -> Vec<Element> {
        let leaf = |namespace, name, text: &Option<String>| {
            text.as_deref().map(|text| Element::new(namespace, name).with_text(text))
        };
        [
            leaf(ns::ADDRESSING, "Action", &self.action),
            leaf(ns::ADDRESSING, "MessageID", &self.message_id),
            leaf(ns::WSMV, "OperationID", &self.operation_id),
            leaf(ns::WSMV, "ActivityId", &self.activity_id),
            Some(Element::new(ns::ADDRESSING, "To").with_text(ANONYMOUS)),
            leaf(ns::ADDRESSING, "RelatesTo", &self.relates_to),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The trimmed text of a header block.
pub(super) fn header_text(envelope: &Envelope, namespace: &str, name: &str) -> Option<String> {
    envelope.header(namespace, name).map(|block| block.text().trim().to_owned())
}

fn operation_timeout(envelope: &Envelope) -> Result<Option<Duration>, MalformedMessage> {
    let Some(text) = header_text(envelope, ns::WSMAN, "OperationTimeout") else { return Ok(None) };
    parse_duration(&text).map(Some).ok_or_else(|| MalformedMessage::value("OperationTimeout", &text))
}

fn envelope_size(envelope: &Envelope) -> Result<Option<u32>, MalformedMessage> {
    let Some(text) = header_text(envelope, ns::WSMAN, "MaxEnvelopeSize") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| MalformedMessage::value("MaxEnvelopeSize", &text))
}

fn understood(mut block: Element, must: bool) -> Element {
    block.attributes.push(Attribute {
        name: "mustUnderstand".to_owned(),
        namespace: Some(ns::SOAP.into()),
        value: must.to_string(),
    });
    block
}

fn language(mut block: Element, value: &str) -> Element {
    let namespace = Some(XML_NAMESPACE.into());
    block.attributes.push(Attribute { name: "lang".to_owned(), namespace, value: value.to_owned() });
    block
}

fn must_understand(block: &Element) -> bool {
    matches!(block.attribute_ns(ns::SOAP, "mustUnderstand").map(str::trim), Some("true" | "1"))
}

/// What this crate reads, and what may safely be done without.
fn is_known(block: &Element) -> bool {
    match block.namespace.as_deref() {
        Some(ns::ADDRESSING) => {
            matches!(block.name.as_str(), "Action" | "To" | "MessageID" | "ReplyTo" | "FaultTo" | "From")
        }
        Some(ns::WSMAN) => matches!(
            block.name.as_str(),
            "ResourceURI" | "SelectorSet" | "OptionSet" | "OperationTimeout" | "MaxEnvelopeSize" | "Locale"
        ),
        Some(ns::WSMV) => {
            matches!(
                block.name.as_str(),
                "DataLocale" | "SessionId" | "OperationID" | "SequenceId" | "ActivityId"
            )
        }
        Some(ns::SHELL) => block.name == "CompressionType",
        _ => false,
    }
}
