//! The real client's lines fed to our server, which gives the recorded answers meanwhile.

use std::collections::HashMap;

use wsman::clixml::{Member, Value};
use wsman::psrp::fragment::Reassembler;
use wsman::psrp::message::{
    CreatePipeline, HostCall, HostResponse, InformationalRecord, MergeFields, Message, MessageType,
    PipelineStateMessage, ProtocolVersion, VOID_CALL,
};
use wsman::psrp::server::{ServerConfig, ServerEvent, ServerPool};
use wsman::psrp::session_key::SessionKey;
use wsman::psrp::{ErrorRecord, Record, Stream};

use super::client::{body, with_clear_secrets};
use super::compare::same;
use super::session::{Session, fragment};
use crate::common::Tally;

fn key() -> SessionKey {
    SessionKey::new([9; 32])
}

pub fn check(session: &Session, tally: &mut Tally) {
    let mut config = ServerConfig::new(Box::new(|bytes: &mut [u8]| bytes.fill(0x5a)));
    config.session_key = key();
    let mut pool = ServerPool::new(config);
    let mut sent = Sent::default();
    let by_line = session.by_line();
    let secrets = by_line.iter().any(|(line, messages)| line.from_client && messages.iter().any(has_secret));
    for (line, messages) in &by_line {
        if !line.from_client {
            for message in messages {
                let name = format!("line {}: our {:?}", line.n, message.message_type);
                tally.case(&name, answer(&mut pool, message, &mut sent));
            }
            continue;
        }
        match (line.kind.as_str(), line.stream) {
            // A running one is stopped, and says so.
            ("Close", Stream::Pipeline(id)) if pool.is_running(id) => pool.stop(id),
            ("Close", Stream::Pipeline(id)) => pool.remove_pipeline(id),
            ("Close", Stream::Pool) => pool.close(),
            _ => {}
        }
        if secrets {
            messages.iter().for_each(|message| pool.receive(line.stream, &fragment(&own_secret(message))));
        } else {
            pool.receive(line.stream, &line.bytes);
        }
        for message in messages {
            let name = format!("line {}: {:?}", line.n, message.message_type);
            if message.message_type != MessageType::SessionCapability {
                tally.case(
                    &name,
                    match pool.next_event() {
                        Some(event) => {
                            understood(&event, message).map_err(|why| why.chars().take(600).collect())
                        }
                        None => Err("no event".to_owned()),
                    },
                );
            }
        }
        if let Some(event) = pool.next_event() {
            tally.case(&format!("line {}", line.n), Err(format!("an event too many: {event:?}")));
        }
        if session.name == "protocol-24" && line.n > 1 {
            // What follows is written for 2.4, which our answer did not offer.
            return;
        }
    }
}

fn has_secret(message: &Message) -> bool {
    message.body.windows(3).any(|window| window == b"<SS")
}

/// The recorded session key is gone: every ciphertext is replaced by one under ours.
fn own_secret(message: &Message) -> Message {
    let text = String::from_utf8(message.body.clone()).unwrap();
    let mut rest = text.as_str();
    let mut new = String::new();
    while let Some(start) = rest.find("<SS") {
        let start = start + rest[start..].find('>').unwrap() + 1;
        let end = start + rest[start..].find("</SS>").unwrap();
        new.push_str(&rest[..start]);
        new.push_str(&key().encrypt("clear"));
        rest = &rest[end..];
    }
    new.push_str(rest);
    Message { body: new.into_bytes(), ..message.clone() }
}

/// Whether the event says what the recorded message says.
fn understood(event: &ServerEvent, message: &Message) -> Result<(), String> {
    let id = message.pipeline_id;
    let body = body(message);
    let other = || Err(format!("reported as {event:?}"));
    match (message.message_type, event) {
        (MessageType::InitRunspacePool, ServerEvent::Opened { id, protocol, init }) => {
            if *id != message.pool_id || *protocol != ProtocolVersion::V2_3 {
                return other();
            }
            same(&init.to_value(), &body)
        }
        (MessageType::PublicKey, ServerEvent::KeysExchanged) => Ok(()),
        (MessageType::CreatePipeline, ServerEvent::RunPipeline(run)) => {
            let create = CreatePipeline::from_value(&body).map_err(|error| error.to_string())?;
            // Made again of what was understood: every member, in its place.
            same(&create.to_value(MergeFields::Five), &body)?;
            let (ours, theirs) =
                (CreatePipeline { statements: run.statements.clone(), ..create.clone() }, create);
            same(&ours.to_value(MergeFields::Five), &theirs.to_value(MergeFields::Five))?;
            if run.id == id && run.no_input == theirs.no_input { Ok(()) } else { other() }
        }
        (MessageType::GetCommandMetadata, ServerEvent::GetCommandMetadata { id: got, request })
            if *got == id =>
        {
            same(&request.to_value(), &body)
        }
        (MessageType::PipelineInput, ServerEvent::Input { id: got, value }) if *got == id => {
            same(value, &body)
        }
        (MessageType::EndOfPipelineInput, ServerEvent::EndOfInput { id: got }) if *got == id => Ok(()),
        (MessageType::PipelineHostResponse, ServerEvent::HostResponse { pipeline, response }) => {
            let recorded = HostResponse::from_value(&body).map_err(|error| error.to_string())?;
            let agrees = *pipeline == Some(id) && format!("{response:?}") == format!("{recorded:?}");
            if agrees { Ok(()) } else { other() }
        }
        (
            MessageType::SetMaxRunspaces
            | MessageType::SetMinRunspaces
            | MessageType::GetAvailableRunspaces
            | MessageType::ResetRunspaceState,
            ServerEvent::Runspaces { request, .. },
        ) if request.message_type() == message.message_type => Ok(()),
        _ => other(),
    }
}

#[derive(Default)]
struct Sent {
    streams: HashMap<Stream, Reassembler>,
    messages: Vec<Message>,
}

impl Sent {
    fn take(&mut self, pool: &mut ServerPool, recorded: &Message) -> Result<Message, String> {
        for stream in pool.streams_with_outgoing() {
            while let Some(outgoing) = pool.take_outgoing(stream, 509) {
                let mut objects = Vec::new();
                self.streams
                    .entry(stream)
                    .or_insert_with(|| Reassembler::new(1 << 30))
                    .push(&outgoing.bytes, &mut objects)
                    .unwrap();
                self.messages.extend(objects.iter().map(|object| Message::parse(object).unwrap()));
            }
        }
        let place = self.messages.iter().position(|message| {
            message.message_type == recorded.message_type && message.pipeline_id == recorded.pipeline_id
        });
        Ok(self.messages.remove(place.ok_or("was not sent")?))
    }
}

/// Gives the recorded answer and compares what is sent for it.
fn answer(pool: &mut ServerPool, recorded: &Message, sent: &mut Sent) -> Result<(), String> {
    let id = recorded.pipeline_id;
    let value = with_clear_secrets(&body(recorded));
    let error = |error: &dyn std::fmt::Display| error.to_string();
    let message =
        |value| InformationalRecord::from_value(value).map(|it| it.message).map_err(|it| it.to_string());
    match recorded.message_type {
        MessageType::PipelineOutput => pool.emit(id, Record::Output(value)),
        MessageType::InformationRecord => pool.emit(id, Record::Information(value)),
        MessageType::ErrorRecord => {
            pool.emit(id, Record::Error(Box::new(ErrorRecord::from_value(&value).map_err(|it| error(&it))?)))
        }
        MessageType::WarningRecord => pool.emit(id, Record::Warning(message(&value)?)),
        MessageType::VerboseRecord => pool.emit(id, Record::Verbose(message(&value)?)),
        MessageType::DebugRecord => pool.emit(id, Record::Debug(message(&value)?)),
        MessageType::ProgressRecord => pool.emit(id, Record::Progress(Box::new(progress(&value)))),
        MessageType::PipelineState if pool.is_running(id) => {
            let state = PipelineStateMessage::from_value(&value).map_err(|it| error(&it))?;
            pool.finish(id, state.into_outcome().ok_or("not an end state")?)
        }
        MessageType::PipelineHostCall => {
            let call = HostCall::from_value(&value).map_err(|it| error(&it))?;
            let wanted = call.call_id;
            let got = pool.host_call(Some(id), call.method, call.parameters).map_err(|it| error(&it))?;
            assert!(got == wanted, "call {got} is not {wanted} ({VOID_CALL} is void)");
            Ok(())
        }
        // Sent without being told.
        _ => Ok(()),
    }
    .map_err(|it| error(&it))?;
    let ours = sent.take(pool, recorded)?;
    if ours.pool_id != recorded.pool_id || ours.destination != recorded.destination {
        return Err(format!("another pool: {} is not {}", ours.pool_id, recorded.pool_id));
    }
    let (ours, theirs) = (body(&ours), body(recorded));
    match recorded.message_type {
        // Another version of PowerShell, another key.
        MessageType::ApplicationPrivateData | MessageType::EncryptedSessionKey => Ok(()),
        MessageType::SessionCapability if format!("{theirs:?}").contains("[2, 4]") => Ok(()),
        MessageType::PipelineState => same_state(&ours, &theirs),
        MessageType::ErrorRecord => same_error(&ours, &theirs),
        MessageType::WarningRecord | MessageType::VerboseRecord | MessageType::DebugRecord => {
            let name = "InformationalRecord_Message";
            if members(&theirs).starts_with(&members(&ours)) && member(&ours, name) == member(&theirs, name) {
                return Ok(());
            }
            Err(format!("{:?}", members(&ours)))
        }
        _ => same(&ours, &theirs).map_err(|why| why.chars().take(600).collect()),
    }
}

fn same_state(ours: &Value, theirs: &Value) -> Result<(), String> {
    if members(ours) != members(theirs) || member(ours, "PipelineState") != member(theirs, "PipelineState") {
        return Err(format!("{:?} is not {:?}", members(ours), members(theirs)));
    }
    match (member(ours, "ExceptionAsErrorRecord"), member(theirs, "ExceptionAsErrorRecord")) {
        (Some(a), Some(b)) => {
            // Only errors of scripts have it.
            let theirs: Vec<_> =
                members(&b).into_iter().filter(|name| name != "ErrorDetails_ScriptStackTrace").collect();
            if members(&a) != theirs {
                return Err(format!("{:?} is not {theirs:?}", members(&a)));
            }
            same_error(&a, &b)
        }
        _ => Ok(()),
    }
}

/// Ours is the short form: its members are among theirs, in their order, and say the same.
fn same_error(ours: &Value, theirs: &Value) -> Result<(), String> {
    let all = members(theirs);
    let mut rest = all.iter();
    for name in members(ours) {
        if !rest.any(|theirs| *theirs == name) {
            return Err(format!("{name} is not there, or not there in {all:?}"));
        }
        if ["Exception", "InvocationInfo", "SerializeExtendedInfo"].contains(&name.as_str()) {
            continue;
        }
        match (member(ours, &name), member(theirs, &name)) {
            (Some(a), Some(b)) => same(&a, &b)?,
            _ => return Err(name),
        }
    }
    Ok(())
}

fn progress(value: &Value) -> wsman::clixml::ProgressRecord {
    let number = |name: &str| match member(value, name) {
        Some(Value::Int32(number)) => number,
        Some(Value::Object(object)) => match &object.base {
            wsman::clixml::Container::Value(base) => match **base {
                Value::Int32(number) => number,
                _ => panic!("{name}"),
            },
            _ => panic!("{name}"),
        },
        _ => panic!("{name}"),
    };
    let text = |name: &str| match member(value, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    wsman::clixml::ProgressRecord {
        activity: text("Activity").unwrap(),
        activity_id: number("ActivityId"),
        status: text("StatusDescription").unwrap(),
        current_operation: text("CurrentOperation"),
        parent_activity_id: number("ParentActivityId"),
        percent_complete: number("PercentComplete"),
        seconds_remaining: number("SecondsRemaining"),
        record_type: number("Type"),
    }
}

fn members(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object.extended.iter().map(|(name, _)| name.to_string()).collect(),
        _ => Vec::new(),
    }
}

fn member(value: &Value, name: &str) -> Option<Value> {
    let Value::Object(object) = value else { return None };
    object.extended.iter().find_map(|(found, member)| match member {
        Member::Value(value) if **found == name => Some(value.clone()),
        _ => None,
    })
}
