//! What the real client made of an odd or wrong server, against what ours makes of the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use std::collections::HashMap;
use uuid::Uuid;
use wsman::psrp::client::{ClientConfig, ClientEvent, ClientPool};
use wsman::psrp::{Command, Outcome, Record, Stream};

use super::client::pair;
use crate::common::{Tally, file, json_lines};

/// Where ours differs on purpose; `SPEC.md` lists each with its reason.
const DEVIATIONS: &[(&str, &str)] = &[
    ("pipeline-disconnected", "disconnecting is not supported: the state is passed over"),
    ("output-ss-no-key", "a SecureString that cannot be read yet is kept as it came"),
    ("error-extended-true-no-invocation", "invocation information is not read, so it need not be there"),
    ("warning-flag-without-invocation", "invocation information is not read, so it need not be there"),
    ("host-wrong-parameter-type", "types of parameters are for whoever carries out the call"),
    (
        "host-method-26-parameters-in-wrong-encoding",
        "types of parameters are for whoever carries out the call",
    ),
    ("host-method-46-wrong-parameters", "types of parameters are for whoever carries out the call"),
    ("host-method-52-nil-parameter", "types of parameters are for whoever carries out the call"),
];

/// Decided by the transport of the experiments or by a stop that is not made here, or bytes were left out.
const NOT_OURS: &[&str] = &[
    "pool-stdout-text",
    "pool-stderr-text",
    "stdout-text-in-pipeline",
    "no-closeack",
    "no-closeack-pipeline",
    "stop-no-state",
    "stop-nothing",
    "stop-state-completed",
    "output-depth-60",
    "output-depth-200",
    "error-extended-full",
];

#[test]
fn our_client_takes_a_wrong_server_as_the_real_one_does() {
    let Some(path) = file("powershell/experiments/client.jsonl") else { return };
    let mut tally = Tally::new(&path);
    for experiment in json_lines(&path) {
        let name = experiment["name"].as_str().unwrap();
        // 2.4 is never offered by ours.
        let not_ours = name.starts_with("engine-2.4:") || NOT_OURS.contains(&name);
        if not_ours || experiment["visible"]["open"].is_null() {
            continue;
        }
        let result = check(&experiment);
        match DEVIATIONS.iter().find(|(known, _)| *known == name) {
            Some((_, reason)) if result.is_err() => tally.deviation(name, reason),
            _ => tally.case(name, result),
        }
    }
    tally.finish();
}

fn id(item: &Json) -> Uuid {
    item["psguid"].as_str().unwrap().parse().unwrap()
}

fn check(experiment: &Json) -> Result<(), String> {
    let received = experiment["received"].as_array().unwrap();
    let first = received.iter().filter_map(|item| item["messages"].get(0)).next().ok_or("no message")?;
    let pool_id: Uuid = first["rpid"].as_str().unwrap().parse().unwrap();
    let config = ClientConfig { key_pair: Some(pair()), ..ClientConfig::default() };
    let mut pool = ClientPool::new(pool_id, config);
    pool.open().unwrap();
    let mut seen = Vec::new();
    let mut pipelines = Vec::new();
    for item in experiment["sent"].as_array().unwrap() {
        let Some(element) = item["element"].as_str() else { continue };
        let id = id(item);
        if element == "CommandAck" && pool.create_pipeline(id, Command::new("x").into()).is_ok() {
            pipelines.push(id);
        }
        while pool.take_outgoing(10_000).is_some() {}
        if element == "Data" {
            let bytes = STANDARD.decode(item["raw_base64"].as_str().ok_or("bytes were left out")?).unwrap();
            let stream = if id.is_nil() { Stream::Pool } else { Stream::Pipeline(id) };
            pool.receive(stream, &bytes);
            seen.extend(std::iter::from_fn(|| pool.next_event()));
        }
    }
    compare(&experiment["visible"], &seen, &pipelines)
}

fn compare(visible: &Json, seen: &[ClientEvent], pipelines: &[Uuid]) -> Result<(), String> {
    let open = seen.iter().find_map(|event| match event {
        ClientEvent::PoolOpened { .. } => Some("Opened"),
        ClientEvent::PoolBroken(_) => Some("Broken"),
        ClientEvent::PoolClosed(_) => Some("Closed"),
        _ => None,
    });
    let open = open.unwrap_or("Opening");
    if visible["open"] != open {
        return Err(format!("open is {open}, not {}", visible["open"]));
    }
    let mut outputs: HashMap<Uuid, usize> = HashMap::new();
    for event in seen {
        if let ClientEvent::Pipeline { id, record: Record::Output(_) } = event {
            *outputs.entry(*id).or_default() += 1;
        }
    }
    for (place, which) in ["first", "second"].into_iter().enumerate() {
        let Some(theirs) = visible[which]["state"].as_str() else { continue };
        let Some(id) = pipelines.get(place) else { continue };
        let ours = state(seen, *id);
        if ours != theirs {
            return Err(format!("the {which} pipeline is {ours}, not {theirs}: {seen:?}")
                .chars()
                .take(900)
                .collect());
        }
        let outputs = outputs.get(id).copied().unwrap_or(0);
        let expected = visible[which]["output"].as_array().map_or(0, Vec::len);
        if outputs != expected {
            return Err(format!("{outputs} outputs, not {expected}"));
        }
    }
    Ok(())
}

fn state(seen: &[ClientEvent], pipeline: Uuid) -> &'static str {
    let closed = seen.iter().any(|event| matches!(event, ClientEvent::PoolClosed(_)));
    let end = seen.iter().find_map(|event| match event {
        ClientEvent::PipelineEnded { id, outcome } if *id == pipeline => Some(match outcome {
            Outcome::Completed => "Completed",
            Outcome::Failed(_) => "Failed",
            Outcome::Stopped(_) => "Stopped",
        }),
        ClientEvent::PipelineLost { id, error } if *id == pipeline => {
            Some(if error.is_none() && closed { "Stopped" } else { "Failed" })
        }
        _ => None,
    });
    end.unwrap_or("Running")
}
