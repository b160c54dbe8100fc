//! A server's view: any request.

use super::header::header_text;
use super::message::{Verb, action};
use super::{
    Command, Connect, Create, Delete, Disconnect, Enumerate, Get, Identify, MalformedMessage, Receive,
    Reconnect, RequestError, RequestErrorKind, RequestHeader, Send, Signal,
};
use crate::soap::{Envelope, Excerpt, ns};
use crate::xml::Limits;

/// What a server may be sent.
// One per HTTP request, taken apart where it is read: its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Who are you? It has no header.
    Identify(Identify),
    /// Everything else
    Operation {
        /// The header
        header: Box<RequestHeader>,
        /// The body
        request: Request,
    },
}

/// The verbs that are served.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Request {
    Create(Create),
    Command(Command),
    Send(Send),
    Receive(Receive),
    Signal(Signal),
    Delete(Delete),
    Get(Get),
    Disconnect(Disconnect),
    Reconnect(Reconnect),
    Connect(Connect),
    Enumerate(Enumerate),
}

impl Request {
    /// The Action of the verb.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Create(_) => Create::ACTION,
            Self::Command(_) => Command::ACTION,
            Self::Send(_) => Send::ACTION,
            Self::Receive(_) => Receive::ACTION,
            Self::Signal(_) => Signal::ACTION,
            Self::Delete(_) => Delete::ACTION,
            Self::Get(_) => Get::ACTION,
            Self::Disconnect(_) => Disconnect::ACTION,
            Self::Reconnect(_) => Reconnect::ACTION,
            Self::Connect(_) => Connect::ACTION,
            Self::Enumerate(_) => Enumerate::ACTION,
        }
    }
}

/// Server: reads any request. The error knows what to answer, [`RequestError::fault`].
pub fn read_request(bytes: &[u8], limits: &Limits) -> Result<Incoming, RequestError> {
    let envelope = Envelope::parse(bytes, limits)
        .map_err(|error| RequestError { message_id: None, kind: RequestErrorKind::Soap(error) })?;
    if let Some(identify) = Identify::from_envelope(&envelope) {
        return Ok(Incoming::Identify(identify));
    }
    read_operation(&envelope).map_err(|kind| RequestError {
        message_id: header_text(&envelope, ns::ADDRESSING, "MessageID").filter(|id| !id.is_empty()),
        kind,
    })
}

fn read_operation(envelope: &Envelope) -> Result<Incoming, RequestErrorKind> {
    let action = action(envelope).ok_or(MalformedMessage::Missing("Action"))?;
    let header = RequestHeader::from_envelope(envelope)?;
    let request = match action.as_str() {
        Create::ACTION => Request::Create(Create::from_envelope(envelope)?),
        Command::ACTION => Request::Command(Command::from_envelope(envelope)?),
        Send::ACTION => Request::Send(Send::from_envelope(envelope)?),
        Receive::ACTION => Request::Receive(Receive::from_envelope(envelope)?),
        Signal::ACTION => Request::Signal(Signal::from_envelope(envelope)?),
        Delete::ACTION => Request::Delete(Delete::from_envelope(envelope)?),
        Get::ACTION => Request::Get(Get::from_envelope(envelope)?),
        Disconnect::ACTION => Request::Disconnect(Disconnect::from_envelope(envelope)?),
        Reconnect::ACTION => Request::Reconnect(Reconnect::from_envelope(envelope)?),
        Connect::ACTION => Request::Connect(Connect::from_envelope(envelope)?),
        Enumerate::ACTION => Request::Enumerate(Enumerate::from_envelope(envelope)?),
        other => return Err(RequestErrorKind::UnknownAction(Excerpt::new(other.as_bytes()))),
    };
    Ok(Incoming::Operation { header: Box::new(header), request })
}
