//! The real server's lines fed to our client, which makes the recorded calls meanwhile.

use std::sync::{Arc, OnceLock};

use wsman::clixml::{Container, Member, Object, Properties, SecureText, Value, decode};
use wsman::psrp::client::{ClientConfig, ClientEvent, ClientPool, PipelineInput, PipelineSpec};
use wsman::psrp::fragment::Reassembler;
use wsman::psrp::message::{
    ApplicationPrivateData, AvailabilityResponse, CreatePipeline, EncryptedSessionKey, GetCommandMetadata,
    HostCall, HostResponse, InitRunspacePool, Message, MessageType, PipelineStateMessage, PoolState,
    RunspaceAvailability, RunspacePoolStateMessage, RunspaceRequest,
};
use wsman::psrp::session_key::{ClientKeyPair, SessionKey};
use wsman::psrp::{Outcome, Record, Stream};

use super::compare::same;
use super::session::{Session, fragment};
use crate::common::Tally;

pub fn body(message: &Message) -> Value {
    if message.body.is_empty() { Value::Nil } else { decode(&message.body).unwrap() }
}

/// The key pair of the recorded client is gone; ours takes its place.
pub fn pair() -> ClientKeyPair {
    static PAIR: OnceLock<ClientKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let mut state = 7u64;
        let mut random = move |bytes: &mut [u8]| {
            for byte in bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (state >> 33) as u8;
            }
        };
        ClientKeyPair::generate(&mut random).unwrap()
    })
    .clone()
}

pub fn check(session: &Session, tally: &mut Tally) {
    let by_line = session.by_line();
    let first = by_line.iter().flat_map(|(_, messages)| messages);
    let init = first.clone().find(|message| message.message_type == MessageType::InitRunspacePool).unwrap();
    let pool_id = init.pool_id;
    let init = InitRunspacePool::from_value(&body(init)).unwrap();
    let config = ClientConfig {
        min_runspaces: init.min_runspaces,
        max_runspaces: init.max_runspaces,
        application_arguments: init.application_arguments,
        host: init.host,
        key_pair: Some(pair()),
        ..ClientConfig::default()
    };
    let mut pool = ClientPool::new(pool_id, config);
    let mut sent = Sent::default();
    for (line, messages) in &by_line {
        if line.from_client {
            if line.kind == "Close" && line.stream == Stream::Pool {
                pool.close().unwrap();
            }
            for message in messages {
                let name = format!("line {}: our {:?}", line.n, message.message_type);
                if session.name == "protocol-24" {
                    let _ = pool.open();
                } else {
                    tally.case(&name, call(&mut pool, message, &mut sent));
                }
            }
            continue;
        }
        if session.name == "protocol-24" {
            // Offered 2.3, a real client refuses the 2.4 of this server.
            if !line.bytes.is_empty() {
                pool.receive(line.stream, &line.bytes);
                let broken = matches!(pool.next_event(), Some(ClientEvent::PoolBroken(_)));
                tally.case("a server of 2.4", if broken { Ok(()) } else { Err("not refused".into()) });
                return;
            }
            continue;
        }
        let key = messages.iter().find(|message| message.message_type == MessageType::EncryptedSessionKey);
        match key {
            Some(message) => pool.receive(line.stream, &fragment(&own_session_key(message))),
            None => pool.receive(line.stream, &line.bytes),
        }
        for message in messages {
            let name = format!("line {}: {:?}", line.n, message.message_type);
            for expected in expected(message) {
                tally.case(
                    &name,
                    match pool.next_event() {
                        Some(event) => expected(&event),
                        None => Err("no event".to_owned()),
                    },
                );
            }
        }
        if let Some(event) = pool.next_event() {
            tally.case(&format!("line {}", line.n), Err(format!("an event too many: {event:?}")));
        }
    }
    let closed = session.name == "server-killed" || pool.is_finished();
    tally.case("end", if closed { Ok(()) } else { Err("the pool is still open".to_owned()) });
}

fn own_session_key(recorded: &Message) -> Message {
    let blob = SessionKey::new([9; 32]).seal(&pair().public_blob(), &mut |bytes| bytes.fill(3)).unwrap();
    let EncryptedSessionKey(recorded_blob) = EncryptedSessionKey::from_value(&body(recorded)).unwrap();
    assert_eq!(recorded_blob.len(), blob.len());
    let text = String::from_utf8(recorded.body.clone()).unwrap();
    let (front, rest) = text.split_once("EncryptedSessionKey\">").unwrap();
    let (_, back) = rest.split_once("</S>").unwrap();
    use base64::Engine as _;
    let blob = base64::engine::general_purpose::STANDARD.encode(blob);
    let text = format!("{front}EncryptedSessionKey\">{blob}</S>{back}");
    Message { body: text.into_bytes(), ..recorded.clone() }
}

/// What we sent, put together again.
#[derive(Default)]
struct Sent {
    streams: std::collections::HashMap<Stream, Reassembler>,
    messages: Vec<Message>,
}

impl Sent {
    fn collect(&mut self, pool: &mut ClientPool) {
        // Small and odd, so that everything is cut.
        while let Some(outgoing) = pool.take_outgoing(509) {
            let mut objects = Vec::new();
            let stream = self.streams.entry(outgoing.stream).or_insert_with(|| Reassembler::new(1 << 30));
            stream.push(&outgoing.bytes, &mut objects).unwrap();
            self.messages.extend(objects.iter().map(|object| Message::parse(object).unwrap()));
        }
    }

    /// The next message of this type and pipeline is the recorded one.
    fn compare(&mut self, pool: &mut ClientPool, recorded: &Message) -> Result<(), String> {
        self.collect(pool);
        let place = self.messages.iter().position(|message| {
            message.message_type == recorded.message_type && message.pipeline_id == recorded.pipeline_id
        });
        let ours = self.messages.remove(place.ok_or("was not sent")?);
        if ours.pool_id != recorded.pool_id || ours.destination != recorded.destination {
            return Err("another pool or destination".to_owned());
        }
        match recorded.message_type {
            // Another key, of the same length.
            MessageType::PublicKey => {
                if ours.body.len() == recorded.body.len() {
                    Ok(())
                } else {
                    Err("another length".to_owned())
                }
            }
            MessageType::PipelineHostResponse => same_response(&body(&ours), &body(recorded)),
            _ => same(&body(&ours), &body(recorded)),
        }
    }
}

/// The reason of a refusal is the host's own business: its members have to be the same.
fn same_response(ours: &Value, theirs: &Value) -> Result<(), String> {
    let names = |value: &Value| match value {
        Value::Object(object) => object.extended.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let me = |value: &Value| match value {
        Value::Object(object) => object.extended.iter().find_map(|(name, member)| match member {
            Member::Value(value) if **name == "me" => Some(value.clone()),
            _ => None,
        }),
        _ => None,
    };
    match (me(ours), me(theirs)) {
        (None, None) => same(ours, theirs),
        (Some(a), Some(b)) if names(ours) == names(theirs) && names(&a) == names(&b) => Ok(()),
        _ => Err(format!("{ours:?} is not {theirs:?}")),
    }
}

/// Makes the call that a recorded message of the client stands for.
fn call(pool: &mut ClientPool, message: &Message, sent: &mut Sent) -> Result<(), String> {
    let id = message.pipeline_id;
    let body = with_clear_secrets(&body(message));
    let done = match message.message_type {
        MessageType::SessionCapability => pool.open(),
        MessageType::InitRunspacePool => Ok(()),
        MessageType::PublicKey => pool.exchange_keys(),
        MessageType::CreatePipeline => {
            let create = CreatePipeline::from_value(&body).map_err(|error| error.to_string())?;
            let spec = PipelineSpec {
                input: if create.no_input { PipelineInput::None } else { PipelineInput::Streamed },
                add_to_history: create.add_to_history,
                is_nested: create.is_nested,
                stream_options: create.stream_options,
                host: Some(create.host),
                statements: create.statements,
            };
            pool.create_pipeline(id, spec)
        }
        MessageType::GetCommandMetadata => pool.get_command_metadata(
            id,
            &GetCommandMetadata::from_value(&body).map_err(|error| error.to_string())?,
        ),
        MessageType::PipelineInput => pool.send_input(id, body),
        MessageType::EndOfPipelineInput => pool.end_input(id),
        MessageType::PipelineHostResponse => {
            let response = HostResponse::from_value(&body).map_err(|error| error.to_string())?;
            pool.answer(Some(id), response.call_id, response.result)
        }
        other => {
            let request = RunspaceRequest::from_value(other, &body).ok_or_else(|| format!("{other:?}"))?;
            let (request, recorded) = request.map_err(|error| error.to_string())?;
            pool.request(request).map(|call_id| assert_eq!(call_id, recorded))
        }
    };
    done.map_err(|error| error.to_string())?;
    sent.compare(pool, message).map_err(|why| why.chars().take(600).collect())
}

type Check = Box<dyn Fn(&ClientEvent) -> Result<(), String>>;

/// What our client has to report of a message, from its recorded text.
fn expected(message: &Message) -> Vec<Check> {
    let id = message.pipeline_id;
    let body = body(message);
    let is = |wanted: ClientEvent| -> Vec<Check> { vec![Box::new(move |event| equal(event, &wanted))] };
    let text = |value: &Value| member(value, "InformationalRecord_Message");
    match message.message_type {
        MessageType::SessionCapability => Vec::new(),
        MessageType::ApplicationPrivateData => {
            is(ClientEvent::ApplicationPrivateData(ApplicationPrivateData::from_value(&body).unwrap().0))
        }
        MessageType::RunspacePoolState => match RunspacePoolStateMessage::from_value(&body).unwrap().state {
            PoolState::Opened => {
                vec![Box::new(|event| kind(matches!(event, ClientEvent::PoolOpened { .. }), event))]
            }
            PoolState::Closing => is(ClientEvent::PoolClosing),
            _ => is(ClientEvent::PoolClosed(None)),
        },
        MessageType::RunspaceAvailability => {
            let answer = RunspaceAvailability::from_value(&body).unwrap();
            vec![Box::new(move |event| match event {
                ClientEvent::Availability { call_id, response, .. } => kind(
                    *call_id == answer.call_id
                        && *response == answer.response
                        && !matches!(response, AvailabilityResponse::Available(n) if *n < 0),
                    event,
                ),
                other => kind(false, other),
            })]
        }
        MessageType::EncryptedSessionKey => is(ClientEvent::KeysExchanged),
        MessageType::PipelineHostCall => {
            let call = HostCall::from_value(&body).unwrap();
            vec![Box::new(move |event| match event {
                ClientEvent::HostCall { pipeline, call: got, .. } => {
                    kind(*pipeline == Some(id) && *got == call, event)
                }
                other => kind(false, other),
            })]
        }
        MessageType::PipelineState => {
            let state = PipelineStateMessage::from_value(&body).unwrap();
            let number = member(&body, "PipelineState").unwrap();
            let outcome = state.into_outcome().unwrap();
            let agrees = match &outcome {
                Outcome::Completed => number == Value::Int32(4),
                Outcome::Failed(reason) => number == Value::Int32(5) && reason.is_some(),
                Outcome::Stopped(reason) => number == Value::Int32(3) && reason.is_some(),
            };
            assert!(agrees, "{outcome:?} is not state {number:?} with its reason");
            is(ClientEvent::PipelineEnded { id, outcome })
        }
        _ => vec![Box::new(move |event| match event {
            ClientEvent::Pipeline { id: got, record } if *got == id => record_is(record, &body, text(&body)),
            other => kind(false, other),
        })],
    }
}

fn record_is(record: &Record, body: &Value, text: Option<Value>) -> Result<(), String> {
    let is_text = |found: &str| text == Some(Value::String(found.into()));
    match record {
        Record::Output(value) | Record::Information(value) => same(value, body),
        Record::Warning(found) | Record::Verbose(found) | Record::Debug(found) => {
            if is_text(found) {
                Ok(())
            } else {
                Err(format!("{found} is not {text:?}"))
            }
        }
        Record::Error(error) => {
            same(&error.raw, body)?;
            let id = member(body, "FullyQualifiedErrorId");
            let category = member(body, "ErrorCategory_Category");
            let agrees = id == Some(Value::String(error.fully_qualified_error_id.as_str().into()))
                && category == Some(Value::Int32(error.category.category))
                && !error.exception_types.is_empty();
            if agrees { Ok(()) } else { Err(format!("{error:?}")) }
        }
        Record::Progress(progress) => {
            let activity = member(body, "Activity");
            let percent = member(body, "PercentComplete");
            let agrees = activity == Some(Value::String(progress.activity.clone()))
                && percent == Some(Value::Int32(progress.percent_complete));
            if agrees { Ok(()) } else { Err(format!("{progress:?}")) }
        }
        other => Err(format!("{other:?}")),
    }
}

fn equal(event: &ClientEvent, wanted: &ClientEvent) -> Result<(), String> {
    // Comparing by text: NaN is not equal to itself.
    kind(event == wanted || format!("{event:?}") == format!("{wanted:?}"), event)
}

fn kind(agrees: bool, event: &ClientEvent) -> Result<(), String> {
    if agrees { Ok(()) } else { Err(format!("reported as {event:?}").chars().take(600).collect()) }
}

fn member(value: &Value, name: &str) -> Option<Value> {
    let Value::Object(object) = value else { return None };
    object.extended.iter().find_map(|(found, member)| match member {
        Member::Value(value) if **found == name => Some(value.clone()),
        _ => None,
    })
}

/// The caller holds clear texts; the recording has only ciphertexts.
pub fn with_clear_secrets(value: &Value) -> Value {
    let properties = |it: &Properties| -> Properties {
        it.iter()
            .map(|(name, member)| {
                let member = match member {
                    Member::Value(value) => Member::Value(with_clear_secrets(value)),
                    Member::Set(set) => Member::Set(set.clone()),
                };
                (Arc::clone(name), member)
            })
            .collect()
    };
    let items = |it: &[Value]| it.iter().map(with_clear_secrets).collect::<Vec<_>>();
    match value {
        Value::SecureString(_) => Value::SecureString(SecureText::Clear("clear".into())),
        Value::Object(object) => Value::Object(Arc::new(Object {
            base: match &object.base {
                Container::None => Container::None,
                Container::Value(value) => Container::Value(Box::new(with_clear_secrets(value))),
                Container::List(it) => Container::List(items(it)),
                Container::Enumerable(it) => Container::Enumerable(items(it)),
                Container::Queue(it) => Container::Queue(items(it)),
                Container::Stack(it) => Container::Stack(items(it)),
                Container::Dictionary(it) => Container::Dictionary(
                    it.iter()
                        .map(|(key, value)| (with_clear_secrets(key), with_clear_secrets(value)))
                        .collect(),
                ),
            },
            adapted: properties(&object.adapted),
            extended: properties(&object.extended),
            ..Object::clone(object)
        })),
        other => other.clone(),
    }
}
