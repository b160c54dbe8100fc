//! SOAP messages between other clients and real servers.

mod canon;
mod fragments;
mod ironposh;
mod pypsrp;
mod stderr;
mod winrb;

use wsman::soap::Envelope;
use wsman::wsmv::VerbResponse;
use wsman::xml::{Element, Limits};

/// Reads the body of a response and compares what we would write for it with what stands there.
fn without_loss<R: VerbResponse>(envelope: &Envelope) -> Result<R, String> {
    let response = R::from_envelope(envelope).map_err(|error| error.to_string())?;
    // Windows answers Disconnect and Reconnect with an empty body, the specification has an element there.
    if !envelope.body.is_empty() {
        canon::same("body", &envelope.body, &response.body())?;
    }
    Ok(response)
}

fn envelope(text: &str) -> Result<Envelope, String> {
    Envelope::parse(text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

/// The first element of that name anywhere in the body, found without the readers under test.
fn anywhere<'a>(envelope: &'a Envelope, name: &str) -> Option<&'a Element> {
    envelope.body.iter().flat_map(Element::descendants).find(|element| element.name == name)
}
