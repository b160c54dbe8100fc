//! Responses that WinRb keeps: WinRM 1 and 2, OMI. Some are templates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wsman::clixml;
use wsman::wsmv::{CommandState, CreateResponse, ReceiveResponse, WsmanFault};

use super::{anywhere, envelope, without_loss};
use crate::common::{Tally, files};

const COMMAND_ID: &str = "BC2F2E5A-0C5A-4A0B-9E8F-3F1E0C8F3C5E";

/// Fills the gaps of a template.
fn fill(text: &str) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("<%=") {
        let (name, after) = after.split_once("%>").expect("the end of a gap");
        filled.push_str(before);
        filled.push_str(&match name.trim() {
            "command_id" => COMMAND_ID.to_owned(),
            "pipeline_state" => "4".to_owned(),
            name if name.starts_with("test_data") => STANDARD.encode(name),
            name => name.to_owned(),
        });
        rest = after;
    }
    filled + rest
}

#[test]
fn what_windows_and_omi_answered_to_winrb() {
    for path in files("winrb/responses", ".xml").into_iter().chain(files("winrb/responses", ".erb")) {
        let mut tally = Tally::new(&path);
        let template = std::fs::read_to_string(&path).unwrap();
        tally.case("read", is_read(&template));
        tally.finish();
    }
}

fn is_read(template: &str) -> Result<(), String> {
    let text = fill(template);
    let envelope = envelope(&text)?;
    if let Some(fault) = envelope.fault() {
        return fault_is_read(&WsmanFault::from_soap(&fault), &text);
    }
    if anywhere(&envelope, "ResourceCreated").is_some() {
        let id = anywhere(&envelope, "Selector").ok_or("no selector")?.text().trim().to_owned();
        let created = without_loss::<CreateResponse>(&envelope)?;
        return (created.selectors.shell_id() == Some(&id)).then_some(()).ok_or("another id".to_owned());
    }
    let received = without_loss::<ReceiveResponse>(&envelope)?;
    let gaps = template.match_indices("<%= test_data").map(|(at, _)| &template[at + 4..]);
    let expected: Vec<&str> =
        gaps.filter_map(|gap| gap.split_once("%>")).map(|(name, _)| name.trim()).collect();
    let data: Vec<String> =
        received.streams.iter().map(|stream| String::from_utf8_lossy(&stream.data).into_owned()).collect();
    if data != expected {
        return Err(format!("{data:?} instead of {expected:?}"));
    }
    let state = received.state.map(|state| state.state);
    let told = [("CommandState/Done", CommandState::Done), ("CommandState/Running", CommandState::Running)];
    let told = told.into_iter().find(|(name, _)| text.contains(name)).map(|(_, state)| state);
    (state == told).then_some(()).ok_or(format!("{state:?} instead of {told:?}"))
}

fn fault_is_read(fault: &WsmanFault, text: &str) -> Result<(), String> {
    if fault.reason.is_empty() || fault.subcode_name().is_none() {
        return Err(format!("{fault:?}"));
    }
    // The codes of the outer and the inner fault are the same in all of these.
    let code = text.split_once("Code='").or_else(|| text.split_once("Code=\""));
    let code = code.map(|(_, rest)| rest.split(['"', '\'']).next().unwrap_or_default().to_owned());
    let provider = fault.provider.as_ref();
    if code != fault.code.map(|code| code.0.to_string())
        || provider.is_some() != text.contains("ProviderFault")
        || provider.is_some_and(|provider| provider.code != fault.code)
    {
        return Err(format!("{fault:?}"));
    }
    match text.contains("__ExtendedStatus") {
        true if provider.is_none_or(|provider| !provider.xml.contains("sshd.exe")) => {
            Err("the extended error is lost".to_owned())
        }
        _ => Ok(()),
    }
}

#[test]
fn what_windows_sent_inside_of_them() {
    for path in files("winrb/clixml", ".erb") {
        let mut tally = Tally::new(&path);
        let text = fill(&std::fs::read_to_string(&path).unwrap());
        // The declaration is of WinRb's file, no message has one.
        let text = text.trim_start_matches(r#"<?xml version="1.0"?>"#).trim();
        tally.case("decode", clixml::decode(text.as_bytes()).map(drop).map_err(|error| error.to_string()));
        tally.finish();
    }
}
