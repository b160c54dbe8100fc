//! Conversations of pypsrp with Windows: pairs of request and response.

use wsman::soap::{Envelope, ns};
use wsman::wsmv::{self, *};
use wsman::xml::Limits;
use yaml_rust2::{Yaml, YamlLoader};

use super::fragments::Streams;
use super::{anywhere, canon, envelope, without_loss};
use crate::common::{Tally, files};

#[test]
fn what_pypsrp_and_windows_said() {
    for path in files("pypsrp", ".yml") {
        let mut tally = Tally::new(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        let documents = YamlLoader::load_from_str(&text).unwrap();
        let messages = documents[0]["messages"].as_vec().expect("a list of messages");
        let mut streams = Streams::default();
        for (index, message) in messages.iter().enumerate() {
            let request = message["request"].as_str().expect("a request");
            if let Some(result) = refused_alike(request, &message["response"]) {
                tally.case(&format!("refused {index}"), result);
                continue;
            }
            tally.case(&format!("request {index}"), request_is_read(request, &mut streams));
            match &message["response"] {
                Yaml::String(response) => {
                    tally.case(
                        &format!("response {index}"),
                        response_is_read(request, response, &mut streams),
                    );
                }
                // The recorder had the HTTP connection fail here.
                other => {
                    let failed = !message["http_error"].is_badvalue();
                    let result = failed.then_some(()).ok_or_else(|| format!("no response: {other:?}"));
                    tally.case(&format!("response {index}"), result);
                }
            }
        }
        let complete = streams.are_complete().then_some(()).ok_or("a message is cut off".to_owned());
        tally.case("whole messages", complete);
        tally.finish();
    }
}

fn incoming(text: &str) -> Result<(Box<RequestHeader>, Request), String> {
    match read_request(text.as_bytes(), &Limits::default()) {
        Ok(Incoming::Operation { header, request }) => Ok((header, request)),
        Ok(Incoming::Identify(_)) => Err("an Identify".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A request that our server refuses: Windows must have refused it with the same code.
fn refused_alike(request: &str, response: &Yaml) -> Option<Result<(), String>> {
    let error = read_request(request.as_bytes(), &Limits::default()).err()?;
    let theirs = response.as_str().and_then(|text| envelope(text).ok()?.fault());
    let theirs = theirs.and_then(|fault| WsmanFault::from_soap(&fault).code);
    let ours = error.fault().code;
    Some((theirs == ours).then_some(()).ok_or(format!("{error}: code {ours:?}, Windows {theirs:?}")))
}

fn is_powershell(header: &RequestHeader) -> bool {
    header.resource_uri.starts_with(POWERSHELL_RESOURCE_PREFIX)
}

fn stream_of(who: &str, header: &RequestHeader, command: Option<&str>) -> String {
    format!("{who} {:?} {command:?}", header.selectors.shell_id())
}

/// Our server understands it, and our client would have written the same.
fn request_is_read(text: &str, streams: &mut Streams) -> Result<(), String> {
    let theirs = envelope(text)?;
    let (header, request) = incoming(text)?;
    let ours = envelope(&write(&header, &request))?;
    canon::same("headers", &theirs.headers, &ours.headers)?;
    // pypsrp leaves the body of a Reconnect empty.
    if !matches!(request, Request::Reconnect(_)) {
        canon::same("body", &theirs.body, &ours.body)?;
    }
    if !is_powershell(&header) {
        return Ok(());
    }
    match &request {
        Request::Create(create) => {
            let id = create.shell_id.as_deref().ok_or("no ShellId")?;
            let selected = RequestHeader { selectors: SelectorSet::shell(id), ..*header };
            let bytes = create.creation_xml.as_deref().ok_or("no creationXml")?;
            streams.take(stream_of("client", &selected, None), bytes)
        }
        Request::Command(command) => {
            let bytes = command.fragments().map_err(|error| error.to_string())?;
            streams.take(stream_of("client", &header, command.command_id.as_deref()), &bytes)
        }
        Request::Send(send) => send.streams.iter().try_for_each(|stream| {
            let priority = if stream.name == "pr" { "client, first," } else { "client" };
            streams.take(stream_of(priority, &header, stream.command_id.as_deref()), &stream.data)
        }),
        _ => Ok(()),
    }
}

fn write(header: &RequestHeader, request: &Request) -> String {
    match request {
        Request::Create(verb) => write_request(header, verb),
        Request::Command(verb) => write_request(header, verb),
        Request::Send(verb) => write_request(header, verb),
        Request::Receive(verb) => write_request(header, verb),
        Request::Signal(verb) => write_request(header, verb),
        Request::Delete(verb) => write_request(header, verb),
        Request::Get(verb) => write_request(header, verb),
        Request::Disconnect(verb) => write_request(header, verb),
        Request::Reconnect(verb) => write_request(header, verb),
        Request::Connect(verb) => write_request(header, verb),
        Request::Enumerate(verb) => write_request(header, verb),
    }
}

/// Our client understands it as the answer to that request, whole.
fn response_is_read(request: &str, text: &str, streams: &mut Streams) -> Result<(), String> {
    let (header, request) = incoming(request)?;
    match request {
        Request::Create(_) => answer::<Create>(&header, text).map(drop),
        Request::Command(command) => match answer::<Command>(&header, text)? {
            Some(response) if command.command_id.as_ref().is_some_and(|id| *id != response.command_id) => {
                Err("another CommandId than the one wanted".to_owned())
            }
            _ => Ok(()),
        },
        Request::Send(_) => answer::<wsmv::Send>(&header, text).map(drop),
        Request::Receive(_) => {
            let pieces = answer::<Receive>(&header, text)?.map(|response| response.streams);
            let powershell = is_powershell(&header);
            pieces.into_iter().flatten().filter(|_| powershell).try_for_each(|stream| {
                streams.take(stream_of("server", &header, stream.command_id.as_deref()), &stream.data)
            })
        }
        Request::Signal(_) => answer::<Signal>(&header, text).map(drop),
        Request::Delete(_) => answer::<Delete>(&header, text).map(drop),
        Request::Get(_) => {
            let found = answer::<Get>(&header, text)?;
            match found.filter(|_| header.resource_uri == CONFIG_RESOURCE_URI) {
                Some(config) => envelope_size_is_read(&config, text),
                None => Ok(()),
            }
        }
        Request::Disconnect(_) => answer::<Disconnect>(&header, text).map(drop),
        Request::Reconnect(_) => answer::<Reconnect>(&header, text).map(drop),
        Request::Connect(_) => answer::<Connect>(&header, text).map(drop),
        Request::Enumerate(_) => answer::<Enumerate>(&header, text).map(drop),
    }
}

fn envelope_size_is_read(config: &GetResponse, text: &str) -> Result<(), String> {
    let bytes = max_envelope_size(config).ok_or("no MaxEnvelopeSizekb")?;
    let written = format!("MaxEnvelopeSizekb>{}<", bytes / 1024);
    text.contains(&written).then_some(()).ok_or_else(|| format!("{written} is not there"))
}

/// The answer, or `None` for a fault that was read whole.
fn answer<V: Verb>(header: &RequestHeader, text: &str) -> Result<Option<V::Response>, String> {
    let theirs = envelope(text)?;
    match read_response_parts::<V>(text.as_bytes(), &header.message_id, &Limits::default()) {
        Ok((seen, _)) => {
            for (value, name) in [(&seen.message_id, "MessageID"), (&seen.action, "Action")] {
                value.as_ref().ok_or(format!("no {name}"))?;
            }
            without_loss::<V::Response>(&theirs).map(Some)
        }
        Err(ResponseError::Fault(fault)) => fault_is_whole(&theirs, &fault).map(|()| None),
        Err(error) => Err(error.to_string()),
    }
}

fn fault_is_whole(theirs: &Envelope, fault: &WsmanFault) -> Result<(), String> {
    let wsman = anywhere(theirs, "WSManFault").ok_or("no WSManFault")?;
    let equal = |what: &str, there: Option<&str>, here: Option<&str>| match there.map(str::trim) == here {
        true => Ok(()),
        false => Err(format!("{what}: {there:?} there, {here:?} here")),
    };
    equal("Code", wsman.attribute("Code"), fault.code.map(|code| code.0.to_string()).as_deref())?;
    equal("Machine", wsman.attribute("Machine"), fault.machine.as_deref())?;
    let text = |name| anywhere(theirs, name).map(|element| element.text().into_owned());
    equal("Reason", text("Text").as_deref(), Some(&fault.reason))?;
    equal("FaultDetail", text("FaultDetail").as_deref(), fault.fault_detail.as_deref())?;
    let provider = anywhere(theirs, "ProviderFault").and_then(|element| element.attribute("provider"));
    equal("provider", provider, fault.provider.as_ref().map(|provider| provider.provider.as_str()))?;
    let deepest = wsman.descendants().map(|element| element.text().trim().to_owned());
    let deepest = deepest.filter(|text| !text.is_empty()).last();
    equal("Message", deepest.as_deref(), Some(&fault.message))?;
    let action = theirs.header(ns::ADDRESSING, "Action").map(|action| action.text().into_owned());
    equal("Action", action.as_deref(), Some(fault.action()))?;
    let kinds = [FaultKind::InvalidSelectors, FaultKind::OperationTimeout, FaultKind::InvalidHeader];
    for ours in kinds.map(|kind| kind.fault("")).iter().filter(|ours| ours.code == fault.code) {
        equal("our SOAP code", Some(&fault.soap_code), Some(&ours.soap_code))?;
        equal("our subcode", fault.subcode.as_deref(), ours.subcode.as_deref())?;
        equal("our FaultDetail", fault.fault_detail.as_deref(), ours.fault_detail.as_deref())?;
        equal("our reason", Some(&fault.reason), Some(&ours.reason))?;
    }
    let again = fault.to_soap().to_element();
    let envelope = Envelope { headers: Vec::new(), body: vec![again] };
    let again = WsmanFault::from_soap(&envelope.fault().ok_or("no fault of ours")?);
    let comparable = |fault: &WsmanFault| {
        let provider = fault.provider.clone().map(|provider| (provider.provider, provider.path));
        (fault.code, fault.subcode.clone(), fault.reason.clone(), fault.message.clone(), provider)
    };
    match comparable(&again) == comparable(fault) {
        true => Ok(()),
        false => Err(format!("written again it is {again:?}")),
    }
}
