//! What the real server took and refused of an odd or wrong client, against what ours makes of the same messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use uuid::Uuid;
use wsman::psrp::Stream;
use wsman::psrp::fragment::Reassembler;
use wsman::psrp::message::{Destination, Message, MessageType};
use wsman::psrp::server::{ServerConfig, ServerEvent, ServerPool};

use super::session::{fragment, message_type};
use crate::common::{Tally, file, json_lines};

/// Where ours differs on purpose; `SPEC.md` lists each with its reason.
const DEVIATIONS: &[(&str, &str)] = &[
    ("message-pid-zero", "a pipeline without an id is refused"),
    ("key-2.4-plain-securestring", "2.4 is never spoken: the key is asked for"),
];

/// Decided by the transport or by what a script did, encrypted under a key that is gone, or no output to be seen.
const NOT_OURS: &[&str] = &[
    "open-one-line-2-chunks-no-wait",
    "input-end-body",
    "fragment-interleaved-one-line",
    "create-without-command",
    "pool-get-available-busy",
    "close-pool-while-running",
    "close-pool-pipeline-unclosed",
    "transport-blank-line",
    "transport-double-quotes",
    "key-exchange",
    "key-securestring-output-no-exchange-2.0",
    "key-securestring-output-no-exchange-2.1",
    "event-forwarded",
    "key-2.0-request-answered",
];

#[test]
fn our_server_takes_a_wrong_client_as_the_real_one_does() {
    let Some(path) = file("powershell/experiments/server.jsonl") else { return };
    let mut tally = Tally::new(&path);
    let mut left_out = 0;
    for experiment in json_lines(&path) {
        let name = experiment["name"].as_str().unwrap();
        if name.starts_with("engine-2.4:") || NOT_OURS.contains(&name) {
            continue;
        }
        let Some(result) = check(&experiment) else {
            left_out += 1;
            continue;
        };
        match DEVIATIONS.iter().find(|(known, _)| *known == name) {
            Some((_, reason)) if result.is_err() => tally.deviation(name, reason),
            _ => tally.case(name, result),
        }
    }
    println!("{}: {left_out} left out: their bytes were not kept", path.display());
    tally.finish();
}

/// What a side did: messages of the pool in order, and the pipelines that were run.
#[derive(Debug, Default, PartialEq)]
struct Done {
    pool: Vec<String>,
    ran: BTreeSet<Uuid>,
}

fn check(experiment: &Json) -> Option<Result<(), String>> {
    let mut pool = ServerPool::new(ServerConfig::new(Box::new(|bytes: &mut [u8]| bytes.fill(0x5a))));
    let mut ours = Done::default();
    let mut streams = Reassembler::new(1 << 30);
    for item in experiment["sent"].as_array().unwrap() {
        let id: Uuid = item["psguid"].as_str().unwrap_or_default().parse().unwrap_or_default();
        let stream = if id.is_nil() { Stream::Pool } else { Stream::Pipeline(id) };
        match item["element"].as_str() {
            Some("Data") => pool.receive(stream, &bytes(item)?),
            Some("Close") if id.is_nil() => pool.close(),
            Some("Close") => pool.remove_pipeline(id),
            _ => {}
        }
        while let Some(event) = pool.next_event() {
            match event {
                ServerEvent::RunPipeline(run) => drop(ours.ran.insert(run.id)),
                ServerEvent::GetCommandMetadata { id, .. } => drop(ours.ran.insert(id)),
                _ => {}
            }
        }
        let mut objects = Vec::new();
        while let Some(outgoing) = pool.take_outgoing(Stream::Pool, 10_000) {
            streams.push(&outgoing.bytes, &mut objects).unwrap();
        }
        ours.pool.extend(objects.iter().map(|object| describe(&Message::parse(object).unwrap())));
    }
    let mut theirs = Done::default();
    for message in
        experiment["received"].as_array().unwrap().iter().filter_map(|item| item["messages"].as_array())
    {
        for message in message {
            let kind = message_type(message["message"].as_str().unwrap())?;
            let pid: Uuid = message["pid"].as_str().unwrap().parse().unwrap();
            if (kind.number() & 0xF_0000) == 0x4_0000 {
                theirs.ran.insert(pid);
            } else {
                theirs.pool.push(describe(&rebuild(message)?));
            }
        }
    }
    Some(if ours == theirs { Ok(()) } else { Err(format!("{ours:?} is not {theirs:?}")) })
}

fn describe(message: &Message) -> String {
    match message.message_type {
        MessageType::RunspaceAvailability | MessageType::RunspacePoolState => {
            format!("{:?} {}", message.message_type, String::from_utf8_lossy(&message.body))
        }
        other => format!("{other:?}"),
    }
}

fn bytes(item: &Json) -> Option<Vec<u8>> {
    if let Some(raw) = item["raw_base64"].as_str() {
        return Some(STANDARD.decode(raw).unwrap());
    }
    let messages = item["messages"].as_array().filter(|messages| !messages.is_empty())?;
    messages
        .iter()
        .map(|message| rebuild(message).map(|message| fragment(&message)))
        .collect::<Option<Vec<_>>>()
        .map(|it| it.concat())
}

fn rebuild(message: &Json) -> Option<Message> {
    let text = message["clixml"].as_str()?;
    if text.contains(" characters)") {
        return None;
    }
    let message = Message {
        destination: match message["destination"].as_u64()? {
            1 => Destination::Client,
            2 => Destination::Server,
            _ => return None,
        },
        message_type: message_type(message["message"].as_str().unwrap())?,
        pool_id: message["rpid"].as_str().unwrap().parse().unwrap(),
        pipeline_id: message["pid"].as_str().unwrap().parse().unwrap(),
        body: text.as_bytes().to_vec(),
    };
    Some(message)
}
