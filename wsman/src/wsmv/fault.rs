//! The fault of a WS-Management service.

use std::fmt;

use super::{ExchangeDiagnostics, FaultCode};
use crate::soap::{Excerpt, Fault, ns};
use crate::xml::Element;

/// A refusal: the SOAP fault and the `WSManFault` in its detail, `[DSP0226] 14`, `[MS-WSMV] 2.2.4`. Everything may
/// be missing from what a server sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WsmanFault {
    /// `Code/Value` as written: `s:Sender`, `s:Receiver`
    pub soap_code: String,
    /// The innermost `Subcode/Value` as written: `w:TimedOut`
    pub subcode: Option<String>,
    /// `Reason/Text`
    pub reason: String,
    /// `wsman:FaultDetail`, a URI
    pub fault_detail: Option<String>,
    /// `WSManFault/@Code`
    pub code: Option<FaultCode>,
    /// `WSManFault/@Machine`
    pub machine: Option<String>,
    /// The text of `WSManFault/Message`, the innermost where a provider nests another fault
    pub message: String,
    /// The provider that refused
    pub provider: Option<ProviderFault>,
    /// `Detail` as XML, where it holds something else than the above
    pub raw_detail: Option<String>,
}

/// `ProviderFault`, `[MS-WSMV] 2.2.4`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderFault {
    /// `@provider`
    pub provider: String,
    /// `@path`
    pub path: String,
    /// The code of a `WSManFault` inside
    pub code: Option<FaultCode>,
    /// The whole element as XML
    pub xml: String,
}

impl WsmanFault {
    /// Reads the detail of a SOAP fault.
    pub fn from_soap(fault: &Fault) -> Self {
        let detail = fault.detail.as_ref();
        let wsman = detail.and_then(|detail| detail.child(ns::FAULT, "WSManFault"));
        let message = wsman.and_then(|wsman| wsman.child(ns::FAULT, "Message"));
        let provider = message.and_then(|message| message.child(ns::FAULT, "ProviderFault"));
        let fault_detail = detail.and_then(|detail| detail.child_text(ns::WSMAN, "FaultDetail"));
        let machine = wsman.and_then(|wsman| wsman.attribute("Machine"));
        Self {
            soap_code: fault.code.clone(),
            subcode: fault.subcodes.last().cloned(),
            reason: fault.reason.clone(),
            fault_detail: fault_detail.map(|text| text.trim().to_owned()),
            code: wsman.and_then(code_of),
            machine: machine.filter(|machine| !machine.is_empty()).map(str::to_owned),
            message: message.map(innermost_text).unwrap_or_default(),
            provider: provider.map(ProviderFault::from_element),
            raw_detail: detail
                .filter(|detail| wsman.is_none() && detail.elements().next().is_some())
                .map(|detail| detail.to_xml(&[])),
        }
    }

    /// The SOAP fault to send.
    pub fn to_soap(&self) -> Fault {
        let mut detail = Element::new(ns::SOAP, "Detail");
        if let Some(uri) = &self.fault_detail {
            detail.push(Element::new(ns::WSMAN, "FaultDetail").with_text(uri));
        }
        if let Some(code) = self.code {
            let message = Element::new(ns::FAULT, "Message");
            let message = match &self.provider {
                Some(provider) => message.with_child(
                    Element::new(ns::FAULT, "ProviderFault")
                        .with_attribute("provider", &provider.provider)
                        .with_attribute("path", &provider.path)
                        .with_text(&self.message),
                ),
                None => message.with_text(&self.message),
            };
            detail.push(
                Element::new(ns::FAULT, "WSManFault")
                    .with_attribute("Code", &code.0.to_string())
                    .with_attribute("Machine", self.machine.as_deref().unwrap_or_default())
                    .with_child(message),
            );
        }
        Fault {
            code: self.soap_code.clone(),
            subcodes: self.subcode.iter().cloned().collect(),
            reason: self.reason.clone(),
            detail: (!detail.children.is_empty()).then_some(detail),
        }
    }

    /// `wsa:Action` of the message that carries it, `[DSP0226] 14`.
    pub fn action(&self) -> &'static str {
        match self.subcode.as_deref() {
            Some(subcode) if subcode.starts_with("a:") => {
                "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
            }
            _ => "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault",
        }
    }

    /// The subcode without its prefix: `TimedOut`.
    pub fn subcode_name(&self) -> Option<&str> {
        self.subcode.as_deref().map(|name| name.rsplit_once(':').map_or(name, |(_, local)| local))
    }

    /// What Exchange says before its text.
    pub fn exchange(&self) -> Option<ExchangeDiagnostics> {
        [&self.message, &self.reason]
            .into_iter()
            .find_map(|text| ExchangeDiagnostics::split(text))
            .map(|(found, _)| found)
    }

    /// The clearest text there is, without what Exchange puts before it; may be empty.
    pub fn text(&self) -> &str {
        let text = if self.message.is_empty() { &self.reason } else { &self.message };
        ExchangeDiagnostics::split(text).map_or(text.as_str(), |(_, rest)| rest)
    }

    /// Nothing to receive yet. OMI has no code, only the subcode.
    pub fn is_poll_again(&self) -> bool {
        match self.code {
            Some(code) => code.is_poll_again(),
            None => self.subcode_name() == Some("TimedOut"),
        }
    }

    /// The shell or command does not exist (any longer).
    pub fn is_shell_gone(&self) -> bool {
        match self.code {
            Some(code) if code.is_shell_gone() => true,
            Some(_) => self.is_invalid_shell_at_exchange(),
            None => self.subcode_name() == Some("InvalidSelectors") || self.is_invalid_shell_at_exchange(),
        }
    }

    /// The request was larger than the service reads.
    pub fn is_too_large(&self) -> bool {
        match self.code {
            Some(code) => code.is_too_large(),
            None => self.subcode_name() == Some("EncodingLimit"),
        }
    }

    /// A quota, or the throttling of Exchange, whose authorization plug-in refuses with a text only.
    pub fn is_quota(&self) -> bool {
        const THROTTLING: [&str; 2] =
            ["exceeded the maximum number of connections allowed", "system load quota"];
        self.code.is_some_and(FaultCode::is_quota)
            || self.subcode_name() == Some("QuotaLimit")
            || THROTTLING.iter().any(|text| self.message.contains(text) || self.reason.contains(text))
    }

    /// In the middle of a session: the sign-in counts no longer. The first request after it is told `Access is denied`,
    /// and those that wait, that they were aborted.
    pub fn is_sign_in_over(&self) -> bool {
        self.is_access_denied() || self.code == Some(FaultCode::OPERATION_ABORTED)
    }

    /// The caller may not.
    pub fn is_access_denied(&self) -> bool {
        !self.is_quota() && self.code.is_some_and(FaultCode::is_access_denied)
            || matches!(self.subcode_name(), Some("AccessDenied"))
    }

    fn is_invalid_shell_at_exchange(&self) -> bool {
        let category = self.exchange().and_then(|found| found.failure_category);
        category.as_deref() == Some("WSMan-InvalidShellID")
    }
}

impl fmt::Display for WsmanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            "" => f.write_str("the server refused without a reason")?,
            text => write!(f, "the server refused: {}", Excerpt::new(text.as_bytes()))?,
        }
        match (self.code, self.subcode_name()) {
            (Some(code), _) => write!(f, " (WSManFault {code})")?,
            (None, Some(name)) => write!(f, " ({})", Excerpt::new(name.as_bytes()))?,
            (None, None) => {}
        }
        let Some(provider) = &self.provider else { return Ok(()) };
        write!(f, ", said by the provider {}", Excerpt::new(provider.provider.as_bytes()))?;
        provider.code.map_or(Ok(()), |code| write!(f, " ({code})"))
    }
}

impl std::error::Error for WsmanFault {}

impl ProviderFault {
    fn from_element(element: &Element) -> Self {
        let attribute = |name| element.attribute(name).unwrap_or_default().trim().to_owned();
        Self {
            provider: attribute("provider"),
            path: attribute("path"),
            code: element.child(ns::FAULT, "WSManFault").and_then(code_of),
            xml: element.to_xml(&[("f", ns::FAULT)]),
        }
    }
}

fn code_of(wsman: &Element) -> Option<FaultCode> {
    wsman.attribute("Code").and_then(FaultCode::parse)
}

/// The text of the deepest of `Message`, `ProviderFault`, `WSManFault`, `Message`, ... that has one.
fn innermost_text(message: &Element) -> String {
    let mut text = String::new();
    let mut next = Some(message);
    while let Some(element) = next {
        let here = element.text();
        if !here.trim().is_empty() {
            here.trim().clone_into(&mut text);
        }
        next =
            ["ProviderFault", "WSManFault", "Message"].iter().find_map(|name| element.child(ns::FAULT, name));
    }
    text
}
