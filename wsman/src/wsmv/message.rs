//! Whole messages: header and verb together.

use super::header::header_text;
use super::{MalformedMessage, RequestHeader, ResponseError, ResponseHeader, WsmanFault};
use crate::soap::{Envelope, ns};
use crate::xml::{Element, Limits};

/// A request body and the kind of answer it gets.
pub trait Verb: Sized {
    /// `wsa:Action` of the request
    const ACTION: &'static str;
    /// What answers it
    type Response: VerbResponse;

    /// What goes into the body.
    fn body(&self) -> Option<Element>;
    /// Reads the body of a request.
    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage>;
}

/// A response body.
pub trait VerbResponse: Sized {
    /// `wsa:Action` of the response
    const ACTION: &'static str;

    /// What goes into the body.
    fn body(&self) -> Vec<Element>;
    /// Reads the body of a response that is no fault.
    fn from_envelope(envelope: &Envelope) -> Result<Self, MalformedMessage>;
}

/// Client: a request as a document.
pub fn write_request<V: Verb>(header: &RequestHeader, verb: &V) -> String {
    let envelope =
        Envelope { headers: header.to_elements(V::ACTION), body: verb.body().into_iter().collect() };
    envelope.to_xml(ns::REQUEST_PREFIXES)
}

/// Client: the answer to the request with the MessageID `sent`.
pub fn read_response<V: Verb>(
    bytes: &[u8],
    sent: &str,
    limits: &Limits,
) -> Result<V::Response, ResponseError> {
    read_response_parts::<V>(bytes, sent, limits).map(|(_, response)| response)
}

/// Client: the answer with its header. A fault may come without RelatesTo, from a server that could not read the
/// request; nothing else may.
pub fn read_response_parts<V: Verb>(
    bytes: &[u8],
    sent: &str,
    limits: &Limits,
) -> Result<(ResponseHeader, V::Response), ResponseError> {
    let envelope = Envelope::parse(bytes, limits)?;
    let header = ResponseHeader::from_envelope(&envelope);
    let fault = envelope.fault();
    let ours = match &header.relates_to {
        Some(relates_to) => relates_to.eq_ignore_ascii_case(sent),
        None => fault.is_some(),
    };
    if !ours {
        return Err(ResponseError::NotOurs { sent: sent.to_owned(), relates_to: header.relates_to });
    }
    if let Some(fault) = fault {
        return Err(ResponseError::Fault(Box::new(WsmanFault::from_soap(&fault))));
    }
    let expected = V::Response::ACTION;
    if header.action.as_deref() != Some(expected) {
        return Err(ResponseError::UnexpectedAction { expected, got: header.action });
    }
    let response = V::Response::from_envelope(&envelope)?;
    Ok((header, response))
}

/// Server: a response as a document; `message_id` is its own, `relates_to` that of the request.
pub fn write_response<R: VerbResponse>(response: &R, message_id: &str, relates_to: &str) -> String {
    let header = ResponseHeader {
        action: Some(R::ACTION.to_owned()),
        message_id: Some(message_id.to_owned()),
        relates_to: Some(relates_to.to_owned()),
        ..ResponseHeader::default()
    };
    Envelope { headers: header.to_elements(), body: response.body() }.to_xml(ns::RESPONSE_PREFIXES)
}

/// Server: a fault as a document; `relates_to` is `None` where the request could not be read.
pub fn write_fault(fault: &WsmanFault, message_id: &str, relates_to: Option<&str>) -> String {
    let header = ResponseHeader {
        action: Some(fault.action().to_owned()),
        message_id: Some(message_id.to_owned()),
        relates_to: relates_to.map(str::to_owned),
        ..ResponseHeader::default()
    };
    let body = vec![fault.to_soap().to_element()];
    Envelope { headers: header.to_elements(), body }.to_xml(ns::RESPONSE_PREFIXES)
}

/// The Action of a message.
pub(super) fn action(envelope: &Envelope) -> Option<String> {
    header_text(envelope, ns::ADDRESSING, "Action")
}
