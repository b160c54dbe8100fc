//! Identify: who are you?

use super::{MalformedMessage, ResponseError, WsmanFault};
use crate::soap::{Envelope, ns};
use crate::xml::{Element, Limits};

const PREFIXES: &[(&str, &str)] = &[("s", ns::SOAP), ("wsmid", ns::IDENTIFY)];

/// The question, `[DSP0226] 11`. It is sent without addressing headers, with the HTTP header
/// `WSMANIDENTIFY: unauthenticated` where no sign-in is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identify;

impl Identify {
    /// The question as a document.
    pub fn to_xml(self) -> String {
        let body = vec![Element::new(ns::IDENTIFY, "Identify")];
        Envelope { headers: Vec::new(), body }.to_xml(PREFIXES)
    }

    pub(super) fn from_envelope(envelope: &Envelope) -> Option<Self> {
        envelope.body_element(ns::IDENTIFY, "Identify").map(|_| Self)
    }
}

/// The answer, `[DSP0226] 11`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentifyResponse {
    /// `http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd`
    pub protocol_version: String,
    /// `Microsoft Corporation`
    pub product_vendor: Option<String>,
    /// `OS: 10.0.14393 SP: 0.0 Stack: 3.0`; zeros for one who has not signed in
    pub product_version: Option<String>,
}

impl IdentifyResponse {
    /// Client: reads the answer.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ResponseError> {
        let envelope = Envelope::parse(bytes, limits)?;
        if let Some(fault) = envelope.fault() {
            return Err(ResponseError::Fault(Box::new(WsmanFault::from_soap(&fault))));
        }
        let response = envelope
            .body_element(ns::IDENTIFY, "IdentifyResponse")
            .ok_or(MalformedMessage::Missing("IdentifyResponse"))?;
        let text = |name| response.child_text(ns::IDENTIFY, name).map(|text| text.trim().to_owned());
        Ok(Self {
            protocol_version: text("ProtocolVersion").ok_or(MalformedMessage::Missing("ProtocolVersion"))?,
            product_vendor: text("ProductVendor"),
            product_version: text("ProductVersion"),
        })
    }

    /// Server: the answer as a document.
    pub fn to_xml(&self) -> String {
        let leaf = |name, text: &str| Element::new(ns::IDENTIFY, name).with_text(text);
        let mut response = Element::new(ns::IDENTIFY, "IdentifyResponse")
            .with_child(leaf("ProtocolVersion", &self.protocol_version));
        for (name, text) in
            [("ProductVendor", &self.product_vendor), ("ProductVersion", &self.product_version)]
        {
            if let Some(text) = text {
                response.push(leaf(name, text));
            }
        }
        Envelope { headers: Vec::new(), body: vec![response] }.to_xml(PREFIXES)
    }
}
