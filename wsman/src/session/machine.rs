//! What is sent when, and what an answer leads to.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use super::event::{SessionError, SessionEvent};
use super::request::{Lane, Request, RequestKind};
use super::transfer::{Payload, Phase, ReceiveState, SendQueue, Transfer};
use super::verbs::{Answer, EndpointInfo, ReceiveAnswer, Shell, Verbs};
use crate::psrp::client::{ClientEvent, ClientPool, OutgoingKind, PipelineSpec};
use crate::psrp::message::ProtocolVersion;
use crate::psrp::session_key::ClientKeyPair;
use crate::psrp::{CallError, Stream};

/// Envelope that every server takes.
const SMALL_ENVELOPE: usize = 153_600;
/// Envelope that servers of protocol 2.2 and later take.
const LARGE_ENVELOPE: usize = 512_000;
/// An empty answer within this time was not waited for.
const AT_ONCE: Duration = Duration::from_millis(500);
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// A runspace pool on a WS-Management shell.
#[derive(Debug)]
pub struct Session {
    pool: ClientPool,
    verbs: Verbs,
    shell: ShellState,
    creation: Option<Vec<u8>>,
    pool_input: SendQueue,
    pool_receive: ReceiveState,
    /// Something on the pool's own stream is awaited.
    pool_expects: bool,
    commands: VecDeque<(Uuid, Vec<u8>)>,
    /// In the order of their start.
    transfers: Vec<(Uuid, Transfer)>,
    terminates: VecDeque<Uuid>,
    /// To be terminated once their Command was answered: a signal may overtake it on another connection.
    late_terminates: Vec<Uuid>,
    terminating: usize,
    under_way: HashMap<u64, UnderWay>,
    next_request: u64,
    events: VecDeque<SessionEvent>,
}

#[derive(Debug)]
enum ShellState {
    /// Create is to be sent, or under way
    None,
    Open(Shell),
    /// It is to be deleted; `None` when its answer never came
    Closing(Option<Shell>),
    Deleting,
    Gone,
}

#[derive(Debug)]
struct UnderWay {
    kind: RequestKind,
    message_id: Uuid,
    payload: Payload,
}

/// What the loss of a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affected {
    /// Nothing that anybody waits for
    Nothing,
    /// This pipeline; it is forgotten
    Pipeline(Uuid),
    /// The shell with all of its pipelines
    Pool,
}

impl Session {
    /// A session that begins to open its pool. `pool` is new; `session_id` names the session to the server.
    pub fn new(endpoint: EndpointInfo, session_id: Uuid, mut pool: ClientPool) -> Result<Self, CallError> {
        pool.open()?;
        let verbs = Verbs::new(endpoint, session_id, pool.id(), SMALL_ENVELOPE);
        let mut session = Self {
            pool,
            verbs,
            shell: ShellState::None,
            creation: None,
            pool_input: SendQueue::default(),
            pool_receive: ReceiveState::default(),
            pool_expects: true,
            commands: VecDeque::new(),
            transfers: Vec::new(),
            terminates: VecDeque::new(),
            late_terminates: Vec::new(),
            terminating: 0,
            under_way: HashMap::new(),
            next_request: 1,
            events: VecDeque::new(),
        };
        session.pump();
        Ok(session)
    }

    /// The runspace pool.
    pub fn pool(&self) -> &ClientPool {
        &self.pool
    }

    /// Whether there is nothing left to do.
    pub fn is_gone(&self) -> bool {
        matches!(self.shell, ShellState::Gone)
    }

    /// Starts a pipeline. `id` is the command's id as well.
    pub fn start(&mut self, id: Uuid, spec: PipelineSpec) -> Result<(), CallError> {
        self.pool.create_pipeline(id, spec)?;
        self.transfers.push((id, Transfer::default()));
        self.pump();
        Ok(())
    }

    /// Stops a pipeline: its end is still to come.
    pub fn stop(&mut self, id: Uuid) -> Result<(), CallError> {
        let heard = self.pool.stop(id)?;
        let Some(transfer) = self.transfer(id) else { return Ok(()) };
        transfer.input = SendQueue::default();
        match transfer.phase {
            Phase::Starting { .. } => transfer.phase = Phase::Starting { stop: true },
            Phase::Running { .. } => transfer.phase = Phase::StopWanted,
            Phase::StopWanted | Phase::Stopping => {}
            // The pool had handed the command over, but it was not sent.
            Phase::Queued if heard => self.pool.pipeline_gone(id),
            Phase::Queued => {}
        }
        self.pump();
        Ok(())
    }

    /// Gives up a pipeline: it is terminated, and no event of it comes any more.
    pub fn abandon(&mut self, id: Uuid) {
        self.forget(id, true);
    }

    /// Holds back Receives of a pipeline, or lets them go again.
    pub fn pause(&mut self, id: Uuid, paused: bool) {
        if let Some(transfer) = self.transfer(id) {
            transfer.paused = paused;
        }
    }

    /// Gives the key pair that [`ClientEvent::KeyPairNeeded`] asked for.
    pub fn supply_key_pair(&mut self, pair: ClientKeyPair) -> Result<(), CallError> {
        self.pool.supply_key_pair(pair)?;
        self.pump();
        Ok(())
    }

    /// Closes the pool: what was ended is terminated, then the shell is deleted.
    pub fn close(&mut self) {
        let _ = self.pool.close();
        self.commands.clear();
        self.pool_input = SendQueue::default();
        self.shell = match std::mem::replace(&mut self.shell, ShellState::Gone) {
            ShellState::None if self.creation.is_some() => ShellState::Gone,
            ShellState::None => ShellState::Closing(None),
            ShellState::Open(shell) => ShellState::Closing(Some(shell)),
            other => other,
        };
        if self.is_gone() {
            self.pool.shell_gone();
            self.events.push_back(SessionEvent::Deleted);
        }
        self.pump();
    }

    /// The next thing that happened.
    pub fn next_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// The next request of one of the lanes that `wanted` lets through. `message_id` is a new random id; it is used up
    /// when there is a request.
    pub fn next_request(&mut self, wanted: impl Fn(Lane) -> bool, message_id: Uuid) -> Option<Request> {
        let (kind, payload, delay) = self.next_action(wanted)?;
        let shell = match &self.shell {
            ShellState::Open(shell) | ShellState::Closing(Some(shell)) => Some(shell),
            _ => None,
        };
        let soap = self.verbs.build(kind, &payload, shell, message_id);
        if kind == RequestKind::Delete {
            self.shell = ShellState::Deleting;
        }
        let id = self.next_request;
        self.next_request += 1;
        self.under_way.insert(id, UnderWay { kind, message_id, payload });
        Some(Request { id, kind, soap, delay })
    }

    fn next_action(&mut self, wanted: impl Fn(Lane) -> bool) -> Option<(RequestKind, Payload, Duration)> {
        let now = |kind, payload| Some((kind, payload, Duration::ZERO));
        let nothing = || Payload::new(Vec::new());
        let is_open = match &self.shell {
            ShellState::None => {
                let creation = if wanted(Lane::Prompt) { self.creation.take() } else { None };
                return creation.and_then(|creation| now(RequestKind::Create, Payload::new(creation)));
            }
            ShellState::Open(_) => true,
            ShellState::Closing(_) => false,
            ShellState::Deleting | ShellState::Gone => return None,
        };
        if is_open && wanted(Lane::Prompt) {
            if let Some((id, transfer)) =
                self.transfers.iter_mut().find(|(_, it)| it.phase == Phase::StopWanted)
            {
                transfer.phase = Phase::Stopping;
                return now(RequestKind::Stop(*id), nothing());
            }
            if let Some((id, arguments)) = self.commands.pop_front() {
                if let Some(transfer) = self.transfer(id) {
                    transfer.phase = Phase::Starting { stop: false };
                }
                return now(RequestKind::Command(id), Payload::new(arguments));
            }
            if let Some((kind, chunk)) = self.next_send() {
                return now(kind, chunk);
            }
        }
        if is_open && self.pool_expects && !self.pool_receive.under_way && wanted(Lane::PoolPoll) {
            self.pool_receive.under_way = true;
            return Some((RequestKind::Receive(None), nothing(), self.pool_receive.delay()));
        }
        if is_open
            && wanted(Lane::LongPoll)
            && let Some((id, transfer)) = self.transfers.iter_mut().find(|(_, it)| it.wants_receive())
        {
            transfer.receive.under_way = true;
            return Some((RequestKind::Receive(Some(*id)), nothing(), transfer.receive.delay()));
        }
        let has_shell = matches!(&self.shell, ShellState::Open(_) | ShellState::Closing(Some(_)));
        if has_shell
            && wanted(Lane::Background)
            && let Some(id) = self.terminates.pop_front()
        {
            self.terminating += 1;
            return now(RequestKind::Terminate(id), nothing());
        }
        let is_last = self.terminates.is_empty() && self.terminating == 0 || !has_shell;
        // A Delete may overtake the Create on another connection, too.
        let is_last = is_last && !self.is_under_way(RequestKind::Create);
        if !is_open && is_last && wanted(Lane::Prompt) {
            return now(RequestKind::Delete, nothing());
        }
        None
    }

    fn next_send(&mut self) -> Option<(RequestKind, Payload)> {
        if let Some(chunk) = self.pool_input.take() {
            return Some((RequestKind::Send(None), chunk));
        }
        self.transfers.iter_mut().find_map(|(id, transfer)| {
            if !matches!(transfer.phase, Phase::Running { .. }) {
                return None;
            }
            transfer.input.take().map(|chunk| (RequestKind::Send(Some(*id)), chunk))
        })
    }

    /// Takes the answer to a request; `elapsed` is the time that it took.
    pub fn answer(&mut self, request: u64, soap: &[u8], elapsed: Duration) {
        let Some(UnderWay { kind, message_id, payload }) = self.under_way.remove(&request) else { return };
        self.ended(kind);
        match self.verbs.parse(kind, message_id, soap) {
            Ok(answer) => self.done(kind, answer, elapsed),
            Err(SessionError::Fault(fault))
                if matches!(kind, RequestKind::Receive(_)) && fault.is_poll_again() =>
            {
                self.received(kind.pipeline(), ReceiveAnswer::default(), elapsed);
            }
            Err(SessionError::Fault(fault)) if fault.is_too_large() && self.cut_smaller(kind, &payload) => {}
            Err(error) => self.refused(kind, error),
        }
        self.pump();
    }

    /// The server does not read a request because of its size: what it carries goes once more, in smaller pieces. `false`
    /// where that cannot help; the request has then still to be answered or failed.
    pub fn too_large(&mut self, request: u64) -> bool {
        let Some(UnderWay { kind, message_id, payload }) = self.under_way.remove(&request) else {
            return false;
        };
        if !self.cut_smaller(kind, &payload) {
            self.under_way.insert(request, UnderWay { kind, message_id, payload });
            return false;
        }
        self.ended(kind);
        self.pump();
        true
    }

    fn cut_smaller(&mut self, kind: RequestKind, payload: &Payload) -> bool {
        let is_open = matches!(self.shell, ShellState::Open(_));
        let carries = matches!(kind, RequestKind::Command(_) | RequestKind::Send(_));
        if !is_open || !carries || !self.verbs.shrink_below(payload.bytes.len()) {
            return false;
        }
        let max = self.verbs.max_payload();
        let refused = Payload { priority: payload.priority, bytes: payload.bytes.clone() };
        let Some(id) = kind.pipeline() else {
            self.pool_input.put_back(refused, max);
            return true;
        };
        // Nobody wants the rest of a pipeline that was given up.
        let Some(transfer) = self.transfer(id) else { return true };
        if let RequestKind::Send(_) = kind {
            // What was stopped is not fed any more.
            if let Phase::Running { .. } = transfer.phase {
                transfer.input.put_back(refused, max);
            }
            return true;
        }
        let stopped = transfer.phase == Phase::Starting { stop: true };
        transfer.phase = Phase::Queued;
        if stopped {
            self.pool.pipeline_gone(id);
            return true;
        }
        transfer.input.put_back(refused, max);
        if let Some(first) = transfer.input.take() {
            transfer.input.sent();
            self.commands.push_front((id, first.bytes));
        }
        true
    }

    /// A request was lost: no answer will come.
    pub fn fail(&mut self, request: u64) -> Affected {
        let Some(UnderWay { kind, .. }) = self.under_way.remove(&request) else { return Affected::Nothing };
        self.ended(kind);
        let closing = matches!(self.shell, ShellState::Closing(_) | ShellState::Deleting | ShellState::Gone);
        let affected = match kind {
            RequestKind::Delete => {
                self.deleted();
                Affected::Nothing
            }
            RequestKind::Terminate(_) | RequestKind::Stop(_) => Affected::Nothing,
            _ if closing => Affected::Nothing,
            RequestKind::Create | RequestKind::Send(None) | RequestKind::Receive(None) => Affected::Pool,
            RequestKind::Command(id) | RequestKind::Send(Some(id)) | RequestKind::Receive(Some(id)) => {
                if self.transfer(id).is_some() { Affected::Pipeline(id) } else { Affected::Nothing }
            }
        };
        match affected {
            Affected::Pipeline(id) => self.forget(id, true),
            Affected::Pool => self.close(),
            Affected::Nothing => {}
        }
        self.pump();
        affected
    }

    /// What ends with a request, whatever its answer is.
    fn ended(&mut self, kind: RequestKind) {
        match kind {
            RequestKind::Terminate(_) => self.terminating -= 1,
            RequestKind::Send(None) => self.pool_input.sent(),
            RequestKind::Receive(None) => self.pool_receive.under_way = false,
            RequestKind::Send(Some(id)) => {
                if let Some(transfer) = self.transfer(id) {
                    transfer.input.sent();
                }
            }
            RequestKind::Receive(Some(id)) => {
                if let Some(transfer) = self.transfer(id) {
                    transfer.receive.under_way = false;
                }
            }
            RequestKind::Command(id) => {
                if let Some(index) = self.late_terminates.iter().position(|late| *late == id) {
                    self.late_terminates.remove(index);
                    self.terminates.push_back(id);
                }
            }
            RequestKind::Create | RequestKind::Stop(_) | RequestKind::Delete => {}
        }
    }

    fn is_under_way(&self, kind: RequestKind) -> bool {
        self.under_way.values().any(|it| it.kind == kind)
    }

    fn done(&mut self, kind: RequestKind, answer: Answer, elapsed: Duration) {
        match (kind, answer) {
            (RequestKind::Create, Answer::Created(shell)) => match self.shell {
                ShellState::None => self.shell = ShellState::Open(shell),
                ShellState::Closing(None) => self.shell = ShellState::Closing(Some(shell)),
                _ => {}
            },
            (RequestKind::Command(id), _) => {
                if let Some(transfer) = self.transfer(id) {
                    transfer.phase = match transfer.phase {
                        Phase::Starting { stop: true } => Phase::StopWanted,
                        _ => Phase::Running { complete: false },
                    };
                }
            }
            (RequestKind::Receive(pipeline), Answer::Received(answer)) => {
                self.received(pipeline, answer, elapsed)
            }
            (RequestKind::Delete, _) => self.deleted(),
            _ => {}
        }
    }

    fn received(&mut self, pipeline: Option<Uuid>, answer: ReceiveAnswer, elapsed: Duration) {
        let is_empty = answer.chunks.is_empty() && !answer.done;
        let stream = pipeline.map_or(Stream::Pool, Stream::Pipeline);
        let receive = match pipeline {
            None => Some(&mut self.pool_receive),
            Some(id) => self.transfer(id).map(|transfer| &mut transfer.receive),
        };
        // Whoever was forgotten gets nothing more.
        let Some(receive) = receive else { return };
        receive.empty = if is_empty && elapsed < AT_ONCE { receive.empty.saturating_add(1) } else { 0 };
        for chunk in &answer.chunks {
            self.pool.receive(stream, chunk);
        }
        if answer.done
            && let Some(id) = pipeline
        {
            self.pool.pipeline_gone(id);
        }
    }

    fn refused(&mut self, kind: RequestKind, error: SessionError) {
        if matches!(self.shell, ShellState::Closing(_) | ShellState::Deleting | ShellState::Gone) {
            if kind == RequestKind::Delete {
                self.deleted();
            }
            return;
        }
        let (is_fault, shell_gone) = match &error {
            // A right that ran out, as one of them says: nothing will be done in this shell any more.
            SessionError::Fault(fault) => (true, fault.is_shell_gone() || fault.is_sign_in_over()),
            SessionError::Protocol(_) => (false, false),
        };
        match kind {
            RequestKind::Stop(_) | RequestKind::Terminate(_) | RequestKind::Delete => {}
            RequestKind::Create => {
                self.events.push_back(SessionEvent::Failed(error));
                if is_fault {
                    self.deleted();
                } else {
                    self.close();
                }
            }
            RequestKind::Send(None) | RequestKind::Receive(None) => {
                self.events.push_back(SessionEvent::Failed(error));
                self.close();
            }
            RequestKind::Receive(Some(id))
                if is_fault
                    && self
                        .transfer(id)
                        .is_some_and(|it| matches!(it.phase, Phase::StopWanted | Phase::Stopping)) =>
            {
                self.pool.pipeline_gone(id);
            }
            RequestKind::Command(id) | RequestKind::Send(Some(id)) | RequestKind::Receive(Some(id)) => {
                if self.transfer(id).is_none() {
                    return;
                }
                let never_began = is_fault && matches!(kind, RequestKind::Command(_));
                self.forget(id, !never_began && !shell_gone);
                self.events.push_back(SessionEvent::PipelineFailed { id, error: error.clone() });
                if shell_gone {
                    self.events.push_back(SessionEvent::Failed(error));
                    self.close();
                }
            }
        }
    }

    fn deleted(&mut self) {
        self.shell = ShellState::Gone;
        self.pool.shell_gone();
        self.pump();
        self.events.push_back(SessionEvent::Deleted);
    }

    /// Drops a pipeline without a word to the caller.
    fn forget(&mut self, id: Uuid, terminate: bool) {
        self.pool.pipeline_gone(id);
        let heard = self.remove_transfer(id);
        self.commands.retain(|(command, _)| *command != id);
        if heard && terminate {
            if self.is_under_way(RequestKind::Command(id)) {
                self.late_terminates.push(id);
            } else {
                self.terminates.push_back(id);
            }
        }
        self.take_events(Some(id));
    }

    /// Whether the server has heard of it.
    fn remove_transfer(&mut self, id: Uuid) -> bool {
        let Some(index) = self.transfers.iter().position(|(known, _)| *known == id) else { return false };
        self.transfers.remove(index).1.phase != Phase::Queued
    }

    fn transfer(&mut self, id: Uuid) -> Option<&mut Transfer> {
        self.transfers.iter_mut().find(|(known, _)| *known == id).map(|(_, transfer)| transfer)
    }

    /// Takes what the pool has to say and to send.
    fn pump(&mut self) {
        self.take_events(None);
        let max = self.verbs.max_payload();
        while let Some(outgoing) = self.pool.take_outgoing(max) {
            match (outgoing.kind, outgoing.stream) {
                (OutgoingKind::OpenShell, _) => self.creation = Some(outgoing.bytes),
                (OutgoingKind::CreatePipeline, Stream::Pipeline(id)) => {
                    self.commands.push_back((id, outgoing.bytes))
                }
                (_, Stream::Pool) => {
                    self.pool_input.push(Payload { priority: outgoing.priority, bytes: outgoing.bytes });
                    self.pool_expects = true;
                }
                (_, Stream::Pipeline(id)) => {
                    if let Some(transfer) = self.transfer(id) {
                        transfer.input.push(Payload { priority: outgoing.priority, bytes: outgoing.bytes });
                    }
                }
            }
        }
        for (_, transfer) in &mut self.transfers {
            if transfer.phase == (Phase::Running { complete: false }) && transfer.input.is_idle() {
                transfer.phase = Phase::Running { complete: true };
            }
        }
    }

    fn take_events(&mut self, silenced: Option<Uuid>) {
        while let Some(event) = self.pool.next_event() {
            match &event {
                ClientEvent::PoolOpened { protocol } => {
                    let is_new = *protocol >= ProtocolVersion::V2_2;
                    self.verbs.allow(if is_new { LARGE_ENVELOPE } else { SMALL_ENVELOPE });
                    // An old server asks for our key by itself.
                    self.pool_expects = !is_new;
                }
                ClientEvent::KeysExchanged | ClientEvent::Availability { .. } => self.pool_expects = false,
                ClientEvent::PipelineEnded { id, .. } | ClientEvent::PipelineLost { id, .. } => {
                    let id = *id;
                    if self.remove_transfer(id) {
                        self.terminates.push_back(id);
                    }
                    self.commands.retain(|(command, _)| *command != id);
                    if silenced == Some(id) {
                        continue;
                    }
                }
                ClientEvent::PoolClosed(_) | ClientEvent::PoolBroken(_) => {
                    if let ShellState::Open(_) = self.shell
                        && let ShellState::Open(shell) = std::mem::replace(&mut self.shell, ShellState::Gone)
                    {
                        self.shell = ShellState::Closing(Some(shell));
                    }
                }
                ClientEvent::Pipeline { id, .. } if silenced == Some(*id) => continue,
                _ => {}
            }
            self.events.push_back(SessionEvent::Pool(event));
        }
    }
}

impl Transfer {
    fn wants_receive(&self) -> bool {
        let ready =
            matches!(self.phase, Phase::Running { complete: true } | Phase::StopWanted | Phase::Stopping);
        ready && !self.paused && !self.receive.under_way
    }
}

impl ReceiveState {
    fn delay(self) -> Duration {
        match self.empty {
            0 => Duration::ZERO,
            times => (FIRST_DELAY * 2u32.saturating_pow((times - 1).min(10))).min(LONGEST_DELAY),
        }
    }
}
