//! Client and server against each other, without any transport but a vector of bytes.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use secrecy::ExposeSecret;
use std::sync::OnceLock;
use uuid::Uuid;

use super::client::{
    ClientConfig, ClientEvent, ClientPool, OutgoingKind, PipelineInput, PipelineSpec, PoolFailure,
};
use super::message::{
    AvailabilityResponse, Destination, HostInfo, HostMethod, HostResult, Message, MessageType, PipelineState,
    PoolState, ProtocolVersion, RunspaceRequest,
};
use super::server::{Choice, RunPipeline, ServerConfig, ServerEvent, ServerPool};
use super::session_key::ClientKeyPair;
use super::*;
use crate::clixml::{SecureText, Value};

const POOL: Uuid = Uuid::from_u128(0x11);
const PIPE: Uuid = Uuid::from_u128(0x22);

fn random(seed: u64) -> impl FnMut(&mut [u8]) + Send {
    let mut state = seed | 1;
    move |bytes| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 24) as u8;
        }
    }
}

fn pair() -> ClientKeyPair {
    static PAIR: OnceLock<ClientKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| ClientKeyPair::generate(&mut random(1)).unwrap()).clone()
}

/// Both ends of a connection that cuts as it likes.
struct Loop {
    client: ClientPool,
    server: ServerPool,
    packet: usize,
    pieces: Vec<usize>,
    seen: Vec<ClientEvent>,
    kinds: Vec<OutgoingKind>,
}

impl Loop {
    fn new(config: ClientConfig, server: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut server_config = ServerConfig::new(Box::new(random(2)));
        server(&mut server_config);
        Self {
            client: ClientPool::new(POOL, config),
            server: ServerPool::new(server_config),
            packet: 4096,
            pieces: vec![100_000],
            seen: Vec::new(),
            kinds: Vec::new(),
        }
    }

    fn opened() -> Self {
        let config = ClientConfig { key_pair: Some(pair()), ..ClientConfig::default() };
        Self::new(config, |_| {}).open()
    }

    fn open(mut self) -> Self {
        self.client.open().unwrap();
        assert!(matches!(self.run()[..], [ServerEvent::Opened { id: POOL, .. }]));
        assert!(self.client.is_open());
        self.seen.clear();
        self
    }

    /// Carries everything both ways until nothing moves; gives what the server saw.
    fn run(&mut self) -> Vec<ServerEvent> {
        let mut events = Vec::new();
        loop {
            let mut moved = false;
            while let Some(outgoing) = self.client.take_outgoing(self.packet) {
                assert!(outgoing.bytes.len() <= self.packet);
                self.kinds.push(outgoing.kind);
                for piece in pieces(&outgoing.bytes, &self.pieces) {
                    self.server.receive(outgoing.stream, piece);
                }
                moved = true;
            }
            events.extend(std::iter::from_fn(|| self.server.next_event()));
            for stream in self.server.streams_with_outgoing() {
                while let Some(outgoing) = self.server.take_outgoing(stream, self.packet) {
                    for piece in pieces(&outgoing.bytes, &self.pieces) {
                        self.client.receive(stream, piece);
                    }
                    moved = true;
                }
            }
            self.seen.extend(std::iter::from_fn(|| self.client.next_event()));
            if !moved {
                return events;
            }
        }
    }

    /// Starts a pipeline and gives what the server is to run.
    fn start(&mut self, spec: impl Into<PipelineSpec>) -> RunPipeline {
        self.client.create_pipeline(PIPE, spec.into()).unwrap();
        self.run_one()
    }

    fn run_one(&mut self) -> RunPipeline {
        let mut events = self.run();
        events.retain(|event| !matches!(event, ServerEvent::KeysExchanged));
        match events.remove(0) {
            ServerEvent::RunPipeline(run) => *run,
            other => panic!("{other:?}"),
        }
    }

    fn records(&self) -> Vec<Record> {
        let record = |event: &ClientEvent| match event {
            ClientEvent::Pipeline { id: PIPE, record } => Some(record.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(record).collect()
    }

    fn outcome(&self) -> Option<Outcome> {
        self.seen.iter().find_map(|event| match event {
            ClientEvent::PipelineEnded { id: PIPE, outcome } => Some(outcome.clone()),
            _ => None,
        })
    }
}

fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut out = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).clamp(1, bytes.len()));
        out.push(piece);
        bytes = rest;
    }
    out
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

#[test]
fn open_run_and_close() {
    let mut both = Loop::opened();
    let run =
        both.start(Command::new("Get-Mailbox").parameter("Identity", text("ada")).switch("Archive", true));
    assert_eq!(
        run.statements,
        [[Command::new("Get-Mailbox").parameter("Identity", text("ada")).switch("Archive", true)]]
    );
    assert!(run.no_input && run.host.host_null);
    let error = ErrorRecord::new(
        "System.Exception",
        "no",
        "1,X",
        ErrorCategory::new(13, "Get-Mailbox", "R", "ada", "S"),
    );
    let records = [
        Record::Output(text("one")),
        Record::Output(Value::Nil),
        Record::Warning("careful".into()),
        Record::Verbose("v".into()),
        Record::Debug("d".into()),
    ];
    for record in records.clone() {
        both.server.emit(PIPE, record).unwrap();
    }
    both.server.emit(PIPE, Record::Error(Box::new(error.clone()))).unwrap();
    both.server.finish(PIPE, Outcome::Completed).unwrap();
    assert_eq!(both.server.emit(PIPE, Record::Output(Value::Nil)), Err(CallError::NoSuchPipeline));
    both.run();
    let mut got = both.records();
    let Some(Record::Error(last)) = got.pop() else { panic!() };
    assert_eq!(got, records);
    assert_eq!(ErrorRecord { raw: Value::Nil, ..*last }, error);
    assert_eq!(both.outcome(), Some(Outcome::Completed));
    both.client.close().unwrap();
    both.server.close();
    both.run();
    assert_eq!(both.seen[both.seen.len() - 2..], [ClientEvent::PoolClosing, ClientEvent::PoolClosed(None)]);
}

#[test]
fn a_password_goes_across_by_itself() {
    let mut both = Loop::opened();
    let run = both.start(
        Command::new("New-Mailbox")
            .parameter("Password", Value::SecureString(SecureText::Clear("Pä$$w0rd".into()))),
    );
    let Value::SecureString(SecureText::Clear(clear)) = &run.statements[0][0].arguments[0].value else {
        panic!()
    };
    assert_eq!(clear.expose_secret(), "Pä$$w0rd");
    assert!(!format!("{run:?}").contains("w0rd"));
    assert!(both.seen.contains(&ClientEvent::KeysExchanged));
    // Back again, and a second one needs no second exchange.
    both.server.emit(PIPE, Record::Output(Value::SecureString(SecureText::Clear("back".into())))).unwrap();
    both.run();
    let [Record::Output(Value::SecureString(sealed))] = &both.records()[..] else { panic!() };
    assert!(matches!(sealed, SecureText::Encrypted(_)));
    assert_eq!(both.client.reveal(sealed).unwrap().expose_secret(), "back");
}

#[test]
fn without_a_key_pair_one_is_asked_for_and_order_is_kept() {
    let mut both = Loop::new(ClientConfig::default(), |_| {}).open();
    let secret = Value::SecureString(SecureText::Clear("s".into()));
    let spec = PipelineSpec {
        input: PipelineInput::Values(vec![text("first"), secret, text("last")]),
        ..PipelineSpec::from(Command::new("Use-It"))
    };
    both.client.create_pipeline(PIPE, spec).unwrap();
    let events = both.run();
    assert_eq!(both.seen, [ClientEvent::KeyPairNeeded]);
    assert!(matches!(&events[..], [ServerEvent::RunPipeline(_), ServerEvent::Input { .. }]));
    both.client.supply_key_pair(pair()).unwrap();
    let events = both.run();
    let [
        ServerEvent::KeysExchanged,
        ServerEvent::Input { value, .. },
        ServerEvent::Input { value: last, .. },
        end,
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert!(matches!(value, Value::SecureString(SecureText::Clear(_))));
    assert_eq!((last, end), (&text("last"), &ServerEvent::EndOfInput { id: PIPE }));
}

#[test]
fn a_received_secret_starts_the_exchange_and_stays_readable() {
    for protocol in [ProtocolVersion::V2_0, ProtocolVersion::V2_2, ProtocolVersion::V2_3] {
        let config = ClientConfig { key_pair: Some(pair()), ..ClientConfig::default() };
        let mut both = Loop::new(config, |server| server.protocol = protocol).open();
        both.start(Command::new("Get-Secret"));
        both.server
            .emit(PIPE, Record::Output(Value::SecureString(SecureText::Clear("mine".into()))))
            .unwrap();
        both.server.emit(PIPE, Record::Output(text("after"))).unwrap();
        both.server.finish(PIPE, Outcome::Completed).unwrap();
        both.run();
        let records = both.records();
        let [Record::Output(Value::SecureString(sealed)), Record::Output(after)] = &records[..] else {
            panic!("{protocol}: {records:?}")
        };
        assert_eq!(after, &text("after"));
        assert_eq!(both.client.reveal(sealed).unwrap().expose_secret(), "mine", "{protocol}");
        assert_eq!(both.outcome(), Some(Outcome::Completed));
    }
}

#[test]
fn a_prompt_is_answered_or_refused() {
    let choices = [
        Choice { label: "&Yes".into(), help: String::new() },
        Choice { label: "&No".into(), help: "n".into() },
    ];
    let config = ClientConfig { host: HostInfo::with_ui(), ..ClientConfig::default() };
    let mut both = Loop::new(config, |_| {}).open();
    let run = both.start(Command::new("Remove-Mailbox"));
    assert!(!run.host.host_null, "the pool's host");
    let call_id = both.server.prompt_for_choice(PIPE, "Confirm", "Sure?", &choices, 0).unwrap();
    assert_eq!(call_id, 1);
    both.run();
    let Some(ClientEvent::HostCall { pipeline: Some(PIPE), call, awaits_answer: true }) = both.seen.pop()
    else {
        panic!()
    };
    assert_eq!(call.method, HostMethod::PromptForChoice);
    both.client.answer(Some(PIPE), call.call_id, HostResult::Value(Value::Int32(1))).unwrap();
    assert_eq!(both.client.answer(Some(PIPE), 1, HostResult::Value(Value::Nil)), Err(CallError::NoSuchCall));
    let events = both.run();
    let [ServerEvent::HostResponse { pipeline: Some(PIPE), response }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(response.result, HostResult::Value(Value::Int32(1)));

    let mut both = Loop::opened();
    both.start(Command::new("Remove-Mailbox"));
    both.server.prompt_for_choice(PIPE, "Confirm", "Sure?", &choices, 0).unwrap();
    both.server.host_call(Some(PIPE), HostMethod::SetShouldExit, vec![Value::Int32(3)]).unwrap();
    let events = both.run();
    let [ServerEvent::HostResponse { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(response.result, HostResult::Error(_)));
    assert!(
        both.seen.iter().all(|event| matches!(event, ClientEvent::HostCall { awaits_answer: false, .. }))
    );
}

#[test]
fn stop_failure_and_nonsense_calls() {
    let mut both = Loop::opened();
    both.start(Command::new("Slow"));
    assert_eq!(
        both.client.create_pipeline(PIPE, Command::new("Other").into()),
        Err(CallError::DuplicatePipeline)
    );
    assert_eq!(both.client.send_input(PIPE, Value::Nil), Err(CallError::NoInput));
    assert!(both.client.stop(PIPE).unwrap());
    both.server.stop(PIPE);
    both.run();
    let Some(Outcome::Stopped(Some(reason))) = both.outcome() else { panic!() };
    assert_eq!(reason.fully_qualified_error_id, "PipelineStopped");

    // Stopped before a byte was sent: the server never hears of it.
    both.client.create_pipeline(PIPE, Command::new("Never").into()).unwrap();
    both.seen.clear();
    assert!(!both.client.stop(PIPE).unwrap());
    assert!(both.run().is_empty());
    assert_eq!(both.outcome(), Some(Outcome::Stopped(None)));

    assert!(matches!(
        both.client.create_pipeline(Uuid::nil(), Command::new("x").into()),
        Err(CallError::Invalid(_))
    ));
    assert!(matches!(
        both.client.create_pipeline(PIPE, PipelineSpec::new(vec![])),
        Err(CallError::Invalid(_))
    ));
    let dashed = Command::new("x").parameter("-Name", Value::Nil);
    assert!(matches!(both.client.create_pipeline(PIPE, dashed.into()), Err(CallError::Invalid(_))));
    let mut early = ClientPool::new(POOL, ClientConfig::default());
    assert!(matches!(early.create_pipeline(PIPE, Command::new("x").into()), Err(CallError::PoolState(_))));
}

#[test]
fn runspaces_are_counted_as_the_real_server_does() {
    let mut both = Loop::new(ClientConfig { max_runspaces: 4, ..ClientConfig::default() }, |_| {}).open();
    let mut ask = |request| {
        let id = both.client.request(request).unwrap();
        both.run();
        match both.seen.pop() {
            Some(ClientEvent::Availability { call_id, response, .. }) if call_id == id => response,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(RunspaceRequest::GetAvailable), AvailabilityResponse::Available(4));
    assert_eq!(ask(RunspaceRequest::SetMax(0)), AvailabilityResponse::Done(false));
    assert_eq!(ask(RunspaceRequest::SetMin(5)), AvailabilityResponse::Done(false));
    assert_eq!(ask(RunspaceRequest::SetMin(2)), AvailabilityResponse::Done(true));
    assert_eq!(ask(RunspaceRequest::SetMax(2)), AvailabilityResponse::Done(true));
    assert_eq!(ask(RunspaceRequest::Reset), AvailabilityResponse::Done(false));
}

#[test]
fn one_bad_pipeline_does_not_cost_the_pool() {
    let mut both = Loop::opened();
    both.start(Command::new("One"));
    both.client.receive(Stream::Pipeline(PIPE), &[0; 30]);
    both.run();
    assert!(matches!(
        both.seen[..],
        [ClientEvent::PipelineLost { id: PIPE, error: Some(PsrpError::Fragment(_)) }]
    ));
    assert!(both.client.is_open());
    both.client.receive(Stream::Pipeline(PIPE), &[0; 30]);
    both.seen.clear();
    both.server.remove_pipeline(PIPE);
    both.start(Command::new("Two"));
    both.client.receive(Stream::Pool, &[0; 30]);
    both.run();
    let broken = PoolFailure::Protocol(PsrpError::Fragment(fragment::FragmentError::ZeroObjectId));
    let lost = ClientEvent::PipelineLost { id: PIPE, error: None };
    assert_eq!(both.seen, [lost, ClientEvent::PoolBroken(broken)]);
    assert_eq!(
        both.client.create_pipeline(PIPE, Command::new("x").into()),
        Err(CallError::PoolState("broken"))
    );
}

fn message(message_type: MessageType, pool_id: Uuid, pipeline_id: Uuid, body: &str) -> Vec<u8> {
    let destination = match message_type {
        MessageType::GetAvailableRunspaces | MessageType::PipelineInput => Destination::Server,
        _ => Destination::Client,
    };
    let message = Message { destination, message_type, pool_id, pipeline_id, body: body.into() };
    let mut bytes = Vec::new();
    fragment::Fragmenter::new(1, message.to_bytes()).write(4096, &mut bytes);
    bytes
}

#[test]
fn a_body_that_says_null_is_refused() {
    let mut both = Loop::opened();
    both.start(PipelineSpec { input: PipelineInput::Streamed, ..Command::new("One").into() });
    both.server.receive(Stream::Pipeline(PIPE), &message(MessageType::PipelineInput, POOL, PIPE, "<Nil />"));
    assert!(matches!(both.run()[..], [ServerEvent::Refused { error: PsrpError::Clixml { .. }, .. }]));
    both.server.receive(Stream::Pipeline(PIPE), &message(MessageType::PipelineInput, POOL, PIPE, ""));
    assert_eq!(both.run(), [ServerEvent::Input { id: PIPE, value: Value::Nil }]);
    both.client.receive(Stream::Pipeline(PIPE), &message(MessageType::PipelineOutput, POOL, PIPE, "<Nil />"));
    both.run();
    assert!(matches!(
        both.seen[..],
        [ClientEvent::PipelineLost { id: PIPE, error: Some(PsrpError::Clixml { .. }) }]
    ));
}

/// A client that never makes the exchange does not make the server hold everything it sends.
#[test]
fn what_waits_for_a_key_is_bounded() {
    let mut both = Loop::opened();
    both.start(PipelineSpec { input: PipelineInput::Streamed, ..Command::new("One").into() });
    let input = message(MessageType::PipelineInput, POOL, PIPE, "<SS>AAAAAAAAAAAAAAAAAAAAAA==</SS>");
    for _ in 0..100 {
        both.server.receive(Stream::Pipeline(PIPE), &input);
    }
    assert_eq!(both.server.next_event(), None);
    both.server.receive(Stream::Pipeline(PIPE), &input);
    assert!(matches!(both.server.next_event(), Some(ServerEvent::Refused { .. })));
}

/// Encrypted under no key of ours: refused when the key is there, one by one, and nothing shows.
#[test]
fn a_foreign_ciphertext_is_refused() {
    let mut both = Loop::opened();
    both.start(PipelineSpec { input: PipelineInput::Streamed, ..Command::new("One").into() });
    both.client.exchange_keys().unwrap();
    both.run();
    let input = message(MessageType::PipelineInput, POOL, PIPE, "<SS>AAAAAAAAAAAAAAAAAAAAAA==</SS>");
    both.server.receive(Stream::Pipeline(PIPE), &input);
    let error = PsrpError::SessionKey(session_key::SessionKeyError::Ciphertext);
    assert_eq!(both.run(), [ServerEvent::Refused { stream: Stream::Pipeline(PIPE), error }]);
}

#[test]
fn unknown_messages_and_strangers_are_passed_over() {
    let mut both = Loop::opened();
    both.start(Command::new("One"));
    let stranger = Uuid::from_u128(77);
    let unknown = MessageType::Unknown(0x0004_2222);
    both.client.receive(Stream::Pipeline(PIPE), &message(unknown, POOL, PIPE, "<S>x</S>"));
    both.client.receive(Stream::Pool, &message(MessageType::PipelineOutput, POOL, stranger, "<S>x</S>"));
    both.client.receive(Stream::Pipeline(stranger), b"anything");
    // Opened for another pool, and a state that nobody knows.
    let state = |n: i32| format!("<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">{n}</I32></MS></Obj>");
    both.client
        .receive(Stream::Pool, &message(MessageType::RunspacePoolState, stranger, Uuid::nil(), &state(5)));
    both.client
        .receive(Stream::Pool, &message(MessageType::RunspacePoolState, POOL, Uuid::nil(), &state(99)));
    both.run();
    assert_eq!(both.seen, []);
    both.client.receive(Stream::Pool, &message(MessageType::RunspacePoolState, POOL, Uuid::nil(), &state(5)));
    both.run();
    let lost = ClientEvent::PipelineLost { id: PIPE, error: None };
    assert_eq!(both.seen, [lost, ClientEvent::PoolBroken(PoolFailure::Server(None))]);
}

#[test]
fn another_pool_id_closes_the_servers_pool() {
    let mut both = Loop::opened();
    let body = "<Obj RefId=\"0\"><MS><I64 N=\"ci\">1</I64></MS></Obj>";
    let stranger = Uuid::from_u128(9);
    both.server
        .receive(Stream::Pool, &message(MessageType::GetAvailableRunspaces, stranger, Uuid::nil(), body));
    let events = both.run();
    assert!(matches!(events[..], [ServerEvent::Closed, ServerEvent::Refused { .. }]), "{events:?}");
    assert_eq!(both.seen.last(), Some(&ClientEvent::PoolClosed(None)));
}

/// F67, F68: an endpoint in no-language mode takes commands with parameters and nothing else.
#[test]
fn f67_a_command_is_a_name_with_parameters_and_no_script() {
    let mut both = Loop::opened();
    let command = Command::new("Get-Mailbox").parameter("Identity", text("$(Stop-Computer); ada"));
    let run = both.start(command);
    let [statement] = &run.statements[..] else { panic!("{run:?}") };
    let [sent] = &statement[..] else { panic!("something was put behind it: {statement:?}") };
    assert!(!sent.is_script && sent.name == "Get-Mailbox");
    assert_eq!(sent.arguments[0].value, text("$(Stop-Computer); ada"));
}

/// F66: Exchange refuses parameters without a name.
#[test]
fn f66_no_parameter_has_an_empty_name() {
    let mut both = Loop::opened();
    let command = Command::new("Get-Mailbox").parameter("", text("ada"));
    assert!(matches!(
        both.client.create_pipeline(Uuid::from_u128(9), command.into()),
        Err(crate::psrp::CallError::Invalid(_))
    ));
}

#[test]
fn the_first_packet_of_each_kind_says_what_it_opens() {
    let mut both = Loop::new(ClientConfig::default(), |_| {});
    both.packet = 700;
    let mut both = both.open();
    both.start(Command::new("Get-It"));
    let opens: Vec<_> = both.kinds.iter().filter(|kind| **kind != OutgoingKind::Send).collect();
    assert_eq!(opens, [&OutgoingKind::OpenShell, &OutgoingKind::CreatePipeline]);
    assert_eq!(both.kinds[0], OutgoingKind::OpenShell);
    assert!(both.kinds.len() > 4, "both were cut");
    assert_eq!(
        (PoolState::from_number(2), PipelineState::from_number(99)),
        (PoolState::Opened, PipelineState::Unknown(99))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the size of packets and wherever the transport cuts: the same call, the same answer.
    #[test]
    fn any_cut(packet in 22usize..900, sizes in prop::collection::vec(1usize..300, 1..8), output in "\\PC{0,60}", count in 1usize..5) {
        let mut both = Loop::new(ClientConfig { key_pair: Some(pair()), ..ClientConfig::default() }, |_| {});
        (both.packet, both.pieces) = (packet, sizes);
        let mut both = both.open();
        let secret = Value::SecureString(SecureText::Clear(output.clone().into()));
        let run = both.start(Command::new("Set-It").parameter("Secret", secret).argument(text(&output)));
        let arguments = &run.statements[0][0].arguments;
        let Value::SecureString(SecureText::Clear(clear)) = &arguments[0].value else { panic!() };
        prop_assert_eq!(clear.expose_secret(), &output);
        prop_assert_eq!(&arguments[1], &Argument { name: None, value: text(&output) });
        for _ in 0..count {
            both.server.emit(PIPE, Record::Output(text(&output))).unwrap();
        }
        both.server.finish(PIPE, Outcome::Completed).unwrap();
        both.run();
        prop_assert_eq!(both.records(), vec![Record::Output(text(&output)); count]);
        prop_assert_eq!(both.outcome(), Some(Outcome::Completed));
    }

    /// Damaged traffic ends in an event, never in a panic.
    #[test]
    fn damage_is_survived(at in any::<prop::sample::Index>(), flip in 1u8..=255, client_side in any::<bool>(), cut in any::<bool>()) {
        let mut both = Loop::opened();
        both.client.create_pipeline(PIPE, Command::new("Get-It").parameter("A", text("b")).into()).unwrap();
        let mut sent = both.client.take_outgoing(100_000).unwrap().bytes;
        if !client_side {
            both.server.receive(Stream::Pipeline(PIPE), &sent);
            both.server.emit(PIPE, Record::Output(text("out"))).unwrap();
            let error = ErrorRecord::pipeline_stopped();
            both.server.emit(PIPE, Record::Error(Box::new(error))).unwrap();
            both.server.finish(PIPE, Outcome::Completed).unwrap();
            sent = both.server.take_outgoing(Stream::Pipeline(PIPE), 100_000).unwrap().bytes;
        }
        let place = at.index(sent.len());
        sent[place] ^= flip;
        if cut {
            sent.truncate(place);
        }
        if client_side {
            both.server.receive(Stream::Pipeline(PIPE), &sent);
        } else {
            both.client.receive(Stream::Pipeline(PIPE), &sent);
        }
        both.run();
        // A server whose client speaks of another pool closes; what damages a pipeline's stream costs a client no more.
        prop_assert!(client_side || both.client.is_open());
    }
}
