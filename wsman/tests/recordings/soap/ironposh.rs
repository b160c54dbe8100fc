//! Responses that ironPosh keeps, and broken ones.

use wsman::soap::{Envelope, SoapError};
use wsman::wsmv::{CreateResponse, FaultCode, MalformedMessage, ReceiveResponse, VerbResponse, WsmanFault};
use wsman::xml::Limits;

use super::{anywhere, envelope, without_loss};
use crate::common::{Tally, files};

#[test]
fn what_windows_answered_to_ironposh() {
    for path in files("ironposh", ".xml") {
        let mut tally = Tally::new(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        tally.case("read", is_read(&text));
        tally.finish();
    }
}

fn is_read(text: &str) -> Result<(), String> {
    let envelope = envelope(text)?;
    if let Some(fault) = envelope.fault() {
        let fault = WsmanFault::from_soap(&fault);
        let code =
            anywhere(&envelope, "WSManFault").and_then(|wsman| FaultCode::parse(wsman.attribute("Code")?));
        return (code.is_some() && fault.code == code && !fault.text().is_empty())
            .then_some(())
            .ok_or_else(|| format!("{fault:?}"));
    }
    match anywhere(&envelope, "ResourceCreated").is_some() {
        true => without_loss::<CreateResponse>(&envelope).map(drop),
        false => without_loss::<ReceiveResponse>(&envelope).map(drop),
    }
}

#[test]
fn broken_responses_are_refused_for_their_own_reason() {
    for path in files("ironposh/malformed", ".xml") {
        let mut tally = Tally::new(&path);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        tally.case(&name, is_refused(&name, &std::fs::read(&path).unwrap()));
        tally.finish();
    }
}

fn is_refused(name: &str, bytes: &[u8]) -> Result<(), String> {
    let soap = Envelope::parse(bytes, &Limits::default());
    let body = soap.as_ref().map(ReceiveResponse::from_envelope);
    let right = match name {
        "not_xml_at_all" | "missing_envelope" | "wrong_namespace" => {
            matches!(soap, Err(SoapError::NotSoap(_)))
        }
        "invalid_xml_syntax" | "truncated_mid_tag" => matches!(soap, Err(SoapError::Xml { .. })),
        "missing_body" => matches!(soap, Err(SoapError::NoBody)),
        "empty_body" => body == Ok(Err(MalformedMessage::Missing("ReceiveResponse"))),
        "extra_unknown_elements" => {
            matches!(&body, Ok(Ok(response)) if response.streams[0].data == b"Hello World")
        }
        // A file that is not known here: any typed error, or an answer, will do.
        _ => true,
    };
    right.then_some(()).ok_or_else(|| format!("{soap:?} {body:?}"))
}
