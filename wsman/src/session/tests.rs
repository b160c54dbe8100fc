//! A session against a server's machine, without any I/O.

use std::time::Duration;

use uuid::Uuid;

use super::{EndpointInfo, Lane, Request, RequestKind, Session, SessionError, SessionEvent};
use crate::clixml::Value;
use crate::psrp::client::{ClientConfig, ClientEvent, ClientPool, PipelineSpec};
use crate::psrp::server::{ServerConfig, ServerEvent, ServerPool};
use crate::psrp::{Command, Outcome, Record, Stream};
use crate::wsmv::{
    self, CommandResponse, CommandState, CreateResponse, DeleteResponse, FaultKind, Incoming,
    ReceiveResponse, Request as Wire, SelectorSet, SendResponse, SignalCode, SignalResponse, StateOfCommand,
    VerbResponse,
};
use crate::xml::Limits;

const POOL: Uuid = Uuid::from_u128(0xA0);
const ONE: Uuid = Uuid::from_u128(0xB1);
const SLOW: Duration = Duration::from_secs(60);

/// Both ends, and the requests that passed between them.
struct Bench {
    session: Session,
    server: ServerPool,
    ids: u128,
    seen: Vec<RequestKind>,
}

impl Bench {
    fn new() -> Self {
        let endpoint = EndpointInfo {
            url: "http://ex01/PowerShell?a=b".into(),
            resource_uri: "http://schemas.microsoft.com/powershell/Microsoft.Exchange".into(),
            locale: "en-US".into(),
            operation_timeout: Duration::from_secs(60),
            shell_idle: None,
        };
        let pool = ClientPool::new(POOL, ClientConfig::default());
        let session = Session::new(endpoint, Uuid::from_u128(7), pool).unwrap();
        let server = ServerPool::new(ServerConfig::new(Box::new(|bytes: &mut [u8]| bytes.fill(3))));
        Self { session, server, ids: 1000, seen: Vec::new() }
    }

    fn opened() -> Self {
        let mut bench = Self::new();
        bench.settle();
        assert!(bench.session.pool().is_open());
        bench
    }

    fn next(&mut self) -> Option<Request> {
        self.ids += 1;
        let request = self.session.next_request(|_| true, Uuid::from_u128(self.ids))?;
        self.seen.push(request.kind);
        Some(request)
    }

    /// Answers one request as a server would; `None`: it has nothing to say yet.
    fn reply(&mut self, request: &Request) -> Option<String> {
        let Incoming::Operation { header, request } =
            wsmv::read_request(&request.soap, &Limits::default()).unwrap()
        else {
            panic!("Identify")
        };
        let to = header.message_id.clone();
        let shell =
            || SelectorSet(vec![wsmv::Selector { name: "ShellId".into(), value: "As-Server-Wants".into() }]);
        if !matches!(request, Wire::Create(_)) {
            assert_eq!(header.selectors, shell(), "selectors go back as they came");
        }
        Some(match request {
            Wire::Create(create) => {
                assert!(header.selectors.is_empty());
                self.server.receive(Stream::Pool, &create.creation_xml.unwrap());
                respond(&CreateResponse { selectors: shell(), ..CreateResponse::default() }, &to)
            }
            Wire::Command(command) => {
                self.server.receive(Stream::Pipeline(ONE), &command.fragments().unwrap());
                respond(&CommandResponse { command_id: command.command_id.unwrap() }, &to)
            }
            Wire::Send(send) => {
                for stream in send.streams {
                    let to = stream.command_id.map_or(Stream::Pool, |_| Stream::Pipeline(ONE));
                    self.server.receive(to, &stream.data);
                }
                respond(&SendResponse, &to)
            }
            Wire::Receive(receive) => {
                let stream = if receive.command_id.is_some() { Stream::Pipeline(ONE) } else { Stream::Pool };
                let out = self.server.take_outgoing(stream, 100_000)?;
                let state = if out.done { CommandState::Done } else { CommandState::Running };
                let state = receive.command_id.clone().map(|id| StateOfCommand {
                    command_id: Some(id),
                    state,
                    exit_code: None,
                });
                let streams = vec![wsmv::Stream {
                    name: "stdout".into(),
                    command_id: receive.command_id,
                    end: false,
                    data: out.bytes,
                }];
                respond(&ReceiveResponse { streams, state }, &to)
            }
            Wire::Signal(signal) => {
                if signal.code == SignalCode::StopPipeline {
                    self.server.stop(ONE);
                }
                respond(&SignalResponse, &to)
            }
            Wire::Delete(_) => respond(&DeleteResponse, &to),
            other => panic!("{other:?}"),
        })
    }

    fn answer(&mut self, request: &Request) {
        let reply = self.reply(request).expect("something to say");
        self.session.answer(request.id, reply.as_bytes(), SLOW);
    }

    /// Answers everything that can be answered.
    fn settle(&mut self) {
        while let Some(request) = self.next() {
            self.answer(&request);
        }
    }

    fn start(&mut self) {
        self.session.start(ONE, PipelineSpec::from(Command::new("Get-It"))).unwrap();
    }

    fn events(&mut self) -> Vec<SessionEvent> {
        std::iter::from_fn(|| self.session.next_event()).collect()
    }

    fn is_running(&mut self) -> bool {
        std::iter::from_fn(|| self.server.next_event())
            .any(|event| matches!(event, ServerEvent::RunPipeline(_)))
    }
}

fn respond<R: VerbResponse>(response: &R, to: &str) -> String {
    wsmv::write_response(response, "uuid:00000000-0000-0000-0000-000000000001", to)
}

fn fault(kind: FaultKind, request: &Request) -> String {
    let Incoming::Operation { header, .. } = wsmv::read_request(&request.soap, &Limits::default()).unwrap()
    else {
        panic!("Identify")
    };
    wsmv::write_fault(
        &kind.fault("no"),
        "uuid:00000000-0000-0000-0000-000000000001",
        Some(&header.message_id),
    )
}

#[test]
fn f57_f60_a_cmdlet_is_command_and_receive_then_terminate() {
    let mut bench = Bench::opened();
    bench.events();
    bench.seen.clear();
    bench.start();
    let command = bench.next().unwrap();
    assert!(
        bench.session.next_request(|_| true, Uuid::nil()).is_none(),
        "nothing before the answer to Command"
    );
    bench.answer(&command);
    assert!(bench.is_running());
    bench.server.emit(ONE, Record::Output(Value::Int32(7))).unwrap();
    bench.server.finish(ONE, Outcome::Completed).unwrap();
    bench.settle();
    assert_eq!(
        bench.seen,
        [RequestKind::Command(ONE), RequestKind::Receive(Some(ONE)), RequestKind::Terminate(ONE)]
    );
    let events = bench.events();
    assert!(matches!(
        &events[..],
        [
            SessionEvent::Pool(ClientEvent::Pipeline { record: Record::Output(Value::Int32(7)), .. }),
            SessionEvent::Pool(ClientEvent::PipelineEnded { outcome: Outcome::Completed, .. }),
        ]
    ));
}

#[test]
fn f50_nothing_yet_is_asked_again_and_empty_answers_are_slowed_down() {
    let mut bench = Bench::opened();
    bench.start();
    let command = bench.next().unwrap();
    bench.answer(&command);
    let mut delays = Vec::new();
    for _ in 0..8 {
        let receive = bench.next().unwrap();
        delays.push(receive.delay);
        let answer = fault(FaultKind::OperationTimeout, &receive);
        bench.session.answer(receive.id, answer.as_bytes(), Duration::ZERO);
    }
    assert_eq!(delays[0], Duration::ZERO);
    assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]) && delays[1] > Duration::ZERO);
    assert_eq!(delays[7], Duration::from_secs(1));
    // One that was waited for puts things right.
    let receive = bench.next().unwrap();
    bench.session.answer(receive.id, fault(FaultKind::OperationTimeout, &receive).as_bytes(), SLOW);
    assert_eq!(bench.next().unwrap().delay, Duration::ZERO);
}

#[test]
fn a_stop_goes_out_beside_the_receive_and_waits_for_the_end() {
    let mut bench = Bench::opened();
    bench.start();
    let command = bench.next().unwrap();
    bench.session.stop(ONE).unwrap();
    bench.answer(&command);
    assert!(bench.is_running());
    let stop = bench.next().unwrap();
    assert_eq!((stop.kind, stop.kind.lane()), (RequestKind::Stop(ONE), Lane::Prompt));
    assert!(String::from_utf8_lossy(&stop.soap).contains(">powershell/signal/crtl_c<"));
    bench.answer(&stop);
    bench.settle();
    assert!(bench.events().iter().any(|event| matches!(
        event,
        SessionEvent::Pool(ClientEvent::PipelineEnded { outcome: Outcome::Stopped(_), .. })
    )));
    assert_eq!(bench.seen.last(), Some(&RequestKind::Terminate(ONE)));
}

#[test]
fn a_command_that_was_not_sent_is_stopped_without_a_request() {
    let mut bench = Bench::opened();
    bench.events();
    bench.start();
    bench.session.stop(ONE).unwrap();
    assert!(bench.next().is_none());
    let events = bench.events();
    assert!(
        matches!(&events[..], [SessionEvent::Pool(ClientEvent::PipelineLost { error: None, .. })]),
        "{events:?}"
    );
}

#[test]
fn f58_f61_a_refused_command_costs_its_pipeline_and_a_lost_shell_the_session() {
    let mut bench = Bench::opened();
    bench.events();
    bench.start();
    let command = bench.next().unwrap();
    bench.session.answer(command.id, fault(FaultKind::OperationQuota, &command).as_bytes(), SLOW);
    let events = bench.events();
    assert!(
        matches!(&events[..], [SessionEvent::PipelineFailed { error: SessionError::Fault(_), .. }]),
        "{events:?}"
    );
    assert!(bench.next().is_none(), "what never began is not terminated");
    bench.start();
    let command = bench.next().unwrap();
    bench.session.answer(command.id, fault(FaultKind::InvalidSelectors, &command).as_bytes(), SLOW);
    assert!(bench.events().iter().any(|event| matches!(event, SessionEvent::Failed(SessionError::Fault(_)))));
    assert_eq!(bench.next().unwrap().kind, RequestKind::Delete);
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let mut bench = Bench::opened();
    bench.events();
    bench.start();
    let command = bench.next().unwrap();
    let other = respond(&CommandResponse { command_id: ONE.to_string() }, "uuid:of-another");
    bench.session.answer(command.id, other.as_bytes(), SLOW);
    let events = bench.events();
    assert!(
        matches!(&events[..], [SessionEvent::PipelineFailed { error: SessionError::Protocol(_), .. }]),
        "{events:?}"
    );
}

#[test]
fn closing_terminates_what_has_ended_then_deletes() {
    let mut bench = Bench::opened();
    bench.start();
    let command = bench.next().unwrap();
    bench.answer(&command);
    assert!(bench.is_running());
    bench.server.finish(ONE, Outcome::Completed).unwrap();
    let receive = bench.next().unwrap();
    bench.answer(&receive);
    bench.session.close();
    let terminate = bench.next().unwrap();
    assert_eq!(terminate.kind, RequestKind::Terminate(ONE));
    assert!(bench.next().is_none(), "Delete waits for it");
    bench.answer(&terminate);
    let delete = bench.next().unwrap();
    assert_eq!(delete.kind, RequestKind::Delete);
    bench.answer(&delete);
    assert!(bench.session.is_gone());
}

#[test]
fn a_shell_whose_create_was_lost_is_deleted_all_the_same() {
    let mut bench = Bench::new();
    let create = bench.next().unwrap();
    assert_eq!(bench.session.fail(create.id), super::Affected::Pool);
    let delete = bench.next().unwrap();
    assert_eq!(delete.kind, RequestKind::Delete);
    assert!(String::from_utf8_lossy(&delete.soap).contains("00000000-0000-0000-0000-0000000000A0"));
    bench.session.fail(delete.id);
    assert!(bench.session.is_gone());
    // One that was never sent leaves nothing to delete.
    let mut bench = Bench::new();
    bench.session.close();
    assert!(bench.session.is_gone() && bench.next().is_none());
}

#[test]
fn nothing_overtakes_what_it_ends() {
    let mut bench = Bench::opened();
    bench.start();
    let command = bench.next().unwrap();
    bench.session.abandon(ONE);
    assert!(bench.next().is_none(), "Terminate waits for the answer to Command");
    bench.answer(&command);
    assert_eq!(bench.next().unwrap().kind, RequestKind::Terminate(ONE));
    let mut bench = Bench::new();
    let create = bench.next().unwrap();
    bench.session.close();
    assert!(bench.next().is_none(), "Delete waits for the answer to Create");
    bench.answer(&create);
    assert_eq!(bench.next().unwrap().kind, RequestKind::Delete);
}

/// F47: what is too large for the server is cut smaller, and everything after it; nothing is lost or comes twice.
#[test]
fn f47_a_command_that_is_too_large_goes_in_smaller_pieces() {
    for by_fault in [true, false] {
        let mut bench = Bench::opened();
        bench.events();
        let limit = 40_000;
        let text: String = (0..700_000).map(|number| char::from(b'a' + (number % 23) as u8)).collect();
        let command = Command::new("Get-It").parameter("Value", Value::String(text.clone().into()));
        bench.session.start(ONE, PipelineSpec::from(command)).unwrap();
        let mut refused = 0;
        while let Some(request) = bench.next() {
            if request.soap.len() > limit {
                refused += 1;
                if by_fault {
                    let answer = fault(FaultKind::EncodingLimit, &request);
                    bench.session.answer(request.id, answer.as_bytes(), SLOW);
                } else {
                    assert!(bench.session.too_large(request.id));
                }
                continue;
            }
            if request.kind.lane() == Lane::LongPoll {
                break;
            }
            bench.answer(&request);
        }
        assert_eq!(refused, 4, "512,000 halved down to 32 KiB, and never again");
        let run = std::iter::from_fn(|| bench.server.next_event()).find_map(|event| match event {
            ServerEvent::RunPipeline(run) => Some(run),
            _ => None,
        });
        let value = run.unwrap().statements[0][0].arguments[0].value.clone();
        assert_eq!(value, Value::String(text.into()));
        assert!(bench.events().is_empty());
    }
}

#[test]
fn f47_what_is_refused_although_it_is_small_is_an_error() {
    let mut bench = Bench::opened();
    bench.events();
    bench.start();
    let command = bench.next().unwrap();
    assert!(!bench.session.too_large(command.id));
    bench.session.answer(command.id, fault(FaultKind::EncodingLimit, &command).as_bytes(), SLOW);
    let events = bench.events();
    assert!(matches!(&events[..], [SessionEvent::PipelineFailed { .. }]), "{events:?}");
}

/// F70: the session is over, and nobody is told that something was done.
#[test]
fn f70_a_sign_in_that_ran_out_ends_the_session_with_an_error() {
    for kind in [FaultKind::AccessDenied, FaultKind::OperationAborted] {
        let mut bench = Bench::opened();
        bench.events();
        bench.start();
        let command = bench.next().unwrap();
        bench.answer(&command);
        let receive = bench.next().unwrap();
        bench.session.answer(receive.id, fault(kind, &receive).as_bytes(), SLOW);
        let events = bench.events();
        assert!(
            matches!(&events[..], [SessionEvent::PipelineFailed { .. }, SessionEvent::Failed(_)]),
            "{events:?}"
        );
        assert_eq!(bench.next().unwrap().kind, RequestKind::Delete);
    }
}
