//! Hand-made fragments that the engine's own reassembly took or refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use wsman::clixml::{Value, decode};
use wsman::psrp::fragment::Reassembler;
use wsman::psrp::message::Message;

use crate::common::{Tally, file, json_lines};

#[test]
fn taken_and_refused_as_the_engine_does() {
    let Some(path) = file("powershell/clixml/fragments.jsonl") else { return };
    let mut tally = Tally::new(&path);
    for case in json_lines(&path) {
        tally.case(case["name"].as_str().unwrap(), check(&case));
    }
    tally.finish();
}

fn check(case: &Json) -> Result<(), String> {
    let mut reassembler = Reassembler::new(200 << 20);
    let mut objects = Vec::new();
    let mut error_at = None;
    'buffers: for (place, buffer) in case["buffers_base64"].as_array().unwrap().iter().enumerate() {
        let mut messages = Vec::new();
        let result = reassembler.push(&STANDARD.decode(buffer.as_str().unwrap()).unwrap(), &mut messages);
        // An object without a byte is no error of the reassembly; the reader behind it refuses it
        // (`fragment-zero-length-whole` of the experiments).
        for message in messages.iter().filter(|message| !message.is_empty()) {
            match read(message) {
                Ok(object) => objects.push(object),
                Err(_) => {
                    error_at = Some(place);
                    break 'buffers;
                }
            }
        }
        if result.is_err() {
            error_at = Some(place);
            break;
        }
    }
    let expected: Vec<&str> =
        case["objects"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    if objects != expected {
        return Err(format!("{objects:?} came out, not {expected:?}"));
    }
    let expected_at = case["error_at_buffer"].as_u64().map(|place| place as usize);
    if error_at != expected_at {
        return Err(format!("an error at buffer {error_at:?}, not {expected_at:?}"));
    }
    Ok(())
}

fn read(object: &[u8]) -> Result<String, String> {
    let message = Message::parse(object).map_err(|error| error.to_string())?;
    if message.body.is_empty() {
        return Ok("null".to_owned());
    }
    match decode(&message.body).map_err(|error| error.to_string())? {
        Value::String(text) => Ok(text.to_string()),
        // Null has no body; our machines refuse one that says null as well (`psrp::loopback_tests`).
        other => Err(format!("{other:?}")),
    }
}
