//! The task that drives a session: it alone touches it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{debug, warn};
use uuid::Uuid;

use super::error::Error;
use super::initiators::random;
use super::transport::{Answered, Resend, Transport};
use crate::psrp::client::{ClientEvent, PipelineSpec};
use crate::psrp::session_key::ClientKeyPair;
use crate::psrp::{Outcome, Record};
use crate::session::{Affected, Lane, Request, Session, SessionError, SessionEvent};

/// Records that may wait for the caller before no more are asked for.
pub(super) const MAX_WAITING: usize = 512;

/// From the public key to the session key, as the real client has it.
const KEY_EXCHANGE: Duration = Duration::from_secs(60);

/// What handles ask of the driver.
pub(super) enum Order {
    Start {
        id: Uuid,
        spec: Box<PipelineSpec>,
        deadline: Option<Duration>,
        feed: Feed,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Stop(Uuid),
    /// The handle is gone.
    Abandon(Uuid),
    /// The caller has taken what waited.
    Resume(Uuid),
    Overdue(Uuid, Duration),
    StopOverdue(Uuid),
    KeyPair(Result<ClientKeyPair, Error>),
    KeysOverdue,
    Close(Option<oneshot::Sender<Result<(), Error>>>),
    CloseOverdue,
}

/// What a pipeline's handle gets.
pub(super) enum Item {
    Record(Record),
    End(Result<Outcome, Error>),
}

/// Where a pipeline's records go, with the count of those not taken yet.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) items: mpsc::UnboundedSender<Item>,
    pub(super) waiting: Arc<AtomicUsize>,
    /// An answer that may have held some of its records did not arrive
    pub(super) gap: Arc<AtomicBool>,
}

/// How the pool's opening ended.
pub(super) type Opened = Result<(), Error>;

pub(super) struct Driver {
    session: Session,
    transport: Transport,
    orders: mpsc::UnboundedReceiver<Order>,
    to_self: mpsc::UnboundedSender<Order>,
    exchanges: JoinSet<(u64, Duration, Result<Answered, Error>)>,
    lanes: HashMap<u64, Lane>,
    pipelines: HashMap<Uuid, Running>,
    opened: Option<oneshot::Sender<Opened>>,
    closers: Vec<oneshot::Sender<Result<(), Error>>>,
    /// Why the session ended, once it did.
    end: Option<Error>,
    closing: bool,
    keys_exchanged: bool,
    /// An answer may have got lost on its way, and with it output of a pipeline
    answer_lost: bool,
}

struct Running {
    feed: Feed,
    stop: Option<Stop>,
    paused: bool,
}

/// Why a pipeline is being stopped.
#[derive(Clone, Copy)]
enum Stop {
    Asked,
    Overdue(Duration),
}

impl Driver {
    pub(super) fn new(
        session: Session,
        transport: Transport,
        orders: mpsc::UnboundedReceiver<Order>,
        to_self: mpsc::UnboundedSender<Order>,
        opened: oneshot::Sender<Opened>,
    ) -> Self {
        Self {
            session,
            transport,
            orders,
            to_self,
            exchanges: JoinSet::new(),
            lanes: HashMap::new(),
            pipelines: HashMap::new(),
            opened: Some(opened),
            closers: Vec::new(),
            end: None,
            closing: false,
            keys_exchanged: false,
            answer_lost: false,
        }
    }

    /// Runs until the shell is gone.
    pub(super) async fn run(mut self) {
        loop {
            self.take_events();
            if self.session.is_gone() {
                break;
            }
            self.start_exchanges();
            tokio::select! {
                order = self.orders.recv() => self.obey(order.unwrap_or(Order::Close(None))),
                Some(done) = self.exchanges.join_next() => match done {
                    Ok((id, elapsed, result)) => self.answered(id, elapsed, result),
                    Err(_) => self.fail_all(&Error::Closed),
                },
            }
        }
        self.finish();
    }

    fn start_exchanges(&mut self) {
        loop {
            let prompt_waits = self.count(Lane::Prompt) > 0;
            let limit = self.transport.target().config.max_connections.max(2);
            // The pool's own has a connection to itself: others need not wait for it, nor it for them.
            let all = self.lanes.len() - self.count(Lane::PoolPoll);
            let polls = self.count(Lane::LongPoll);
            // A connection is kept free of Receives: a signal must get through while they wait.
            let wanted = |lane| match lane {
                Lane::Prompt => all < limit,
                Lane::PoolPoll => true,
                Lane::LongPoll => all < limit && polls + 1 < limit,
                Lane::Background => all < limit && (!prompt_waits || all + 1 < limit),
            };
            let Some(request) = self.session.next_request(wanted, Uuid::new_v4()) else { return };
            self.lanes.insert(request.id, request.kind.lane());
            let spare = request.kind.lane() == Lane::Background && all + 1 < limit;
            // That the pool is open may be in an answer that is lost, and nobody says it twice.
            let is_opening = self.opened.is_some() && request.kind.lane() == Lane::PoolPoll;
            let resend = match request.kind.is_repeatable() && !is_opening {
                true => Resend::Always,
                false => Resend::IfUnsent,
            };
            self.exchanges.spawn(exchange(self.transport.clone(), request, resend, spare));
        }
    }

    fn count(&self, lane: Lane) -> usize {
        self.lanes.values().filter(|known| **known == lane).count()
    }

    fn answered(&mut self, id: u64, elapsed: Duration, result: Result<Answered, Error>) {
        self.lanes.remove(&id);
        let error = match result {
            Ok(answer) => {
                if answer.is_second_answer {
                    self.answer_lost = true;
                    self.pipelines.values().for_each(|it| it.feed.gap.store(true, Ordering::Release));
                }
                return self.session.answer(id, &answer.soap, elapsed);
            }
            // RFC 9110 15.5.14: nothing was done with it.
            Err(Error::Http { status: 413, .. }) if self.session.too_large(id) => return,
            Err(error) => error,
        };
        match self.session.fail(id) {
            Affected::Nothing => debug!(%error, "a request that nobody waits for was lost"),
            Affected::Pipeline(pipeline) => self.end_pipeline(pipeline, Err(error)),
            Affected::Pool => self.fail_all(&error),
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Start { id, spec, deadline, feed, reply } => {
                if let Some(trace) = &self.transport.target().trace {
                    trace.hide_in(&spec);
                }
                let result = match &self.end {
                    Some(error) => Err(error.clone()),
                    None if self.closing => Err(Error::Closed),
                    None => self.session.start(id, *spec).map_err(Error::from),
                };
                if result.is_ok() {
                    self.pipelines.insert(id, Running { feed, stop: None, paused: false });
                    if let Some(deadline) = deadline {
                        self.later(deadline, Order::Overdue(id, deadline));
                    }
                }
                if reply.send(result).is_err() {
                    self.abandon(id);
                }
            }
            Order::Stop(id) => self.stop(id, Stop::Asked),
            Order::Overdue(id, deadline) => self.stop(id, Stop::Overdue(deadline)),
            Order::StopOverdue(id) => {
                if self.pipelines.contains_key(&id) {
                    let after = self.transport.target().config.timeouts.stop;
                    self.session.abandon(id);
                    self.end_pipeline(id, Err(Error::Timeout { what: "the stop signal", after, sent: true }));
                }
            }
            Order::Abandon(id) => self.abandon(id),
            Order::Resume(id) => {
                if let Some(running) = self.pipelines.get_mut(&id) {
                    running.paused = false;
                    self.session.pause(id, false);
                }
            }
            Order::KeyPair(Ok(pair)) => match self.session.supply_key_pair(pair) {
                Ok(()) => self.later(KEY_EXCHANGE, Order::KeysOverdue),
                Err(error) => self.fail_all(&error.into()),
            },
            Order::KeysOverdue if self.keys_exchanged => {}
            Order::KeysOverdue => {
                self.fail_all(&Error::Timeout { what: "the key exchange", after: KEY_EXCHANGE, sent: true });
            }
            Order::KeyPair(Err(error)) => self.fail_all(&error),
            Order::Close(reply) => {
                self.closers.extend(reply);
                self.close();
            }
            Order::CloseOverdue => {
                let after = self.transport.target().config.timeouts.close;
                self.end.get_or_insert(Error::Timeout { what: "Delete", after, sent: true });
                while !self.session.is_gone() {
                    let Some(id) = self.lanes.keys().next().copied() else { break };
                    self.lanes.remove(&id);
                    self.session.fail(id);
                    while let Some(request) = self.session.next_request(|_| true, Uuid::new_v4()) {
                        self.session.fail(request.id);
                    }
                }
            }
        }
    }

    fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            self.session.close();
            self.later(self.transport.target().config.timeouts.close, Order::CloseOverdue);
        }
    }

    fn stop(&mut self, id: Uuid, why: Stop) {
        let Some(running) = self.pipelines.get_mut(&id) else { return };
        if running.stop.is_some() {
            return;
        }
        running.stop = Some(why);
        // Where it fails the pipeline has ended, and its end is among the events.
        let _ = self.session.stop(id);
        self.session.pause(id, false);
        self.later(self.transport.target().config.timeouts.stop, Order::StopOverdue(id));
    }

    fn abandon(&mut self, id: Uuid) {
        if self.pipelines.remove(&id).is_some() {
            self.session.abandon(id);
        }
    }

    fn later(&self, after: Duration, order: Order) {
        let to_self = self.to_self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _ = to_self.send(order);
        });
    }

    fn take_events(&mut self) {
        while let Some(event) = self.session.next_event() {
            match event {
                SessionEvent::Pool(event) => self.pool_event(event),
                SessionEvent::PipelineFailed { id, error } => self.end_pipeline(id, Err(error.into())),
                SessionEvent::Failed(error) => self.fail_all(&error.into()),
                SessionEvent::Deleted => debug!("shell deleted"),
            }
        }
    }

    fn pool_event(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::PoolOpened { protocol } => {
                debug!(?protocol, "runspace pool opened");
                if let Some(opened) = self.opened.take()
                    && opened.send(Ok(())).is_err()
                {
                    self.close();
                }
            }
            ClientEvent::Pipeline { id, record } => self.record(id, record),
            ClientEvent::PipelineEnded { id, outcome } => self.end_pipeline(id, Ok(outcome)),
            ClientEvent::PipelineLost { id, error } => {
                let stopped = self.pipelines.get(&id).is_some_and(|running| running.stop.is_some());
                let end = match error {
                    Some(error) => Err(error.into()),
                    None if stopped => Ok(Outcome::Stopped(None)),
                    None => Err(self.end.clone().unwrap_or_else(|| self.without_end())),
                };
                self.end_pipeline(id, end);
            }
            ClientEvent::PoolBroken(failure) => self.fail_all(&failure.into()),
            ClientEvent::PoolClosed(_) => self.fail_all(&Error::Closed),
            ClientEvent::KeyPairNeeded => self.make_key_pair(),
            ClientEvent::KeysExchanged => self.keys_exchanged = true,
            ClientEvent::PoolWarning(text) => warn!(%text, "the server warns"),
            _ => {}
        }
    }

    /// Why a pipeline came to no end that anybody was told.
    fn without_end(&self) -> Error {
        if self.answer_lost {
            let reason = "an answer with the end of the pipeline did not arrive".into();
            return Error::Lost { reason, sent: true, answered: true };
        }
        Error::Protocol("a command was done without the end of its pipeline".into())
    }

    fn record(&mut self, id: Uuid, record: Record) {
        let Some(running) = self.pipelines.get_mut(&id) else { return };
        let waiting = running.feed.waiting.fetch_add(1, Ordering::AcqRel) + 1;
        let _ = running.feed.items.send(Item::Record(record));
        if waiting >= MAX_WAITING && !running.paused && running.stop.is_none() {
            running.paused = true;
            self.session.pause(id, true);
        }
    }

    fn end_pipeline(&mut self, id: Uuid, end: Result<Outcome, Error>) {
        let Some(running) = self.pipelines.remove(&id) else { return };
        let end = match (end, running.stop) {
            (Ok(Outcome::Stopped(_)), Some(Stop::Overdue(after))) => {
                Err(Error::Timeout { what: "the end of the pipeline", after, sent: true })
            }
            (end, _) => end,
        };
        let _ = running.feed.items.send(Item::End(end));
    }

    /// The session cannot go on.
    fn fail_all(&mut self, error: &Error) {
        if let Some(opened) = self.opened.take() {
            let _ = opened.send(Err(error.clone()));
        }
        let end = self.end.get_or_insert(error.clone()).clone();
        let ids: Vec<Uuid> = self.pipelines.keys().copied().collect();
        ids.into_iter().for_each(|id| self.end_pipeline(id, Err(end.clone())));
        if !self.closing {
            self.close();
        }
    }

    fn finish(&mut self) {
        self.take_events();
        self.fail_all(&Error::Closed);
        let overdue = match self.end.take() {
            Some(error @ Error::Timeout { what: "Delete", .. }) => Some(error),
            _ => None,
        };
        for closer in self.closers.drain(..) {
            let _ = closer.send(overdue.clone().map_or(Ok(()), Err));
        }
        self.orders.close();
    }

    /// A good part of a second of arithmetic: on a thread of its own.
    fn make_key_pair(&self) {
        let to_self = self.to_self.clone();
        tokio::task::spawn_blocking(move || {
            let mut failed = None;
            let pair = ClientKeyPair::generate(&mut |bytes: &mut [u8]| {
                if let Err(error) = random(bytes) {
                    failed = Some(error);
                }
            });
            let pair = match failed {
                Some(error) => Err(error),
                None => pair.map_err(|error| Error::Configuration(error.to_string())),
            };
            let _ = to_self.send(Order::KeyPair(pair));
        });
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Fault(fault) => Self::Fault(fault),
            SessionError::Protocol(what) => Self::Protocol(what),
        }
    }
}

async fn exchange(
    transport: Transport,
    request: Request,
    resend: Resend,
    spare: bool,
) -> (u64, Duration, Result<Answered, Error>) {
    if !request.delay.is_zero() {
        tokio::time::sleep(request.delay).await;
    }
    let began = Instant::now();
    let result = transport.request(&request.soap, request.kind.name(), resend, spare).await;
    (request.id, began.elapsed(), result)
}
