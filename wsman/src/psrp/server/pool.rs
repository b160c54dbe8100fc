//! The runspace pool machine of the server, `[MS-PSRP] 3.2.1.2`.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::config::ServerConfig;
use super::event::{ServerEvent, ServerOutgoing};
use super::pipeline::{Phase, Pipeline};
use crate::psrp::codec::Decoder;
use crate::psrp::fragment::Reassembler;
use crate::psrp::message::{
    HostInfo, HostMethod, Message, PoolState, ProtocolVersion, RunspacePoolStateMessage,
};
use crate::psrp::outbox::{Outbox, Stream};

/// A runspace pool of a server, without I/O and without anything that runs commands.
#[derive(Debug)]
pub struct ServerPool {
    pub(super) config: ServerConfig,
    pub(super) state: State,
    pub(super) keys: Keys,
    pub(super) stream: Reassembler,
    pub(super) decoder: Decoder,
    pub(super) pipelines: HashMap<Uuid, Pipeline>,
    pub(super) outbox: Outbox<Stream>,
    pub(super) events: VecDeque<ServerEvent>,
    /// Answers to calls of the pool that wait for the session key.
    pub(super) held: VecDeque<Message>,
    pub(super) calls: HashMap<i64, HostMethod>,
    pub(super) next_call: i64,
}

/// Where the pool stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// SESSION_CAPABILITY is awaited
    Negotiating,
    /// INIT_RUNSPACEPOOL is awaited; a refused one leaves the pool here
    Negotiated {
        protocol: ProtocolVersion,
    },
    Opened(Opened),
    /// The versions do not fit, or the pool was closed
    Closed,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opened {
    pub(super) id: Uuid,
    pub(super) protocol: ProtocolVersion,
    pub(super) min_runspaces: i32,
    pub(super) max_runspaces: i32,
    pub(super) host: HostInfo,
}

/// Where the key exchange stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// The client did not ask for the session key
    None,
    /// It was asked to
    Requested,
    /// It has the session key
    Exchanged,
}

impl ServerPool {
    /// A pool that waits for its client.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            state: State::Negotiating,
            keys: Keys::None,
            stream: Reassembler::new(config.limits.max_object_size),
            decoder: Decoder::new(&config.limits),
            pipelines: HashMap::new(),
            outbox: Outbox::new(),
            events: VecDeque::new(),
            held: VecDeque::new(),
            calls: HashMap::new(),
            next_call: 1,
            config,
        }
    }

    /// The pool's id, once it is open.
    pub fn id(&self) -> Option<Uuid> {
        match &self.state {
            State::Opened(opened) => Some(opened.id),
            _ => None,
        }
    }

    /// Whether a pipeline was reported and has not ended.
    pub fn is_running(&self, id: Uuid) -> bool {
        self.pipelines.get(&id).is_some_and(|pipeline| matches!(pipeline.phase, Phase::Running { .. }))
    }

    /// The next thing that happened.
    pub fn next_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// The next fragments of a stream, at most `max_bytes` (at least 22) of them together.
    pub fn take_outgoing(&mut self, stream: Stream, max_bytes: usize) -> Option<ServerOutgoing> {
        let packet = self.outbox.take(max_bytes, |it| it == stream)?;
        let done = match stream {
            Stream::Pool => self.state == State::Closed,
            Stream::Pipeline(id) => self
                .pipelines
                .get(&id)
                .is_none_or(|pipeline| pipeline.phase == Phase::Ended && pipeline.unsent.is_empty()),
        };
        Some(ServerOutgoing { bytes: packet.bytes, done: done && !self.has_outgoing(stream) })
    }

    /// Whether a stream has something to send.
    pub fn has_outgoing(&self, stream: Stream) -> bool {
        self.outbox.has(|it| it == stream)
    }

    /// Streams that have something to send, the longest waiting first.
    pub fn streams_with_outgoing(&self) -> Vec<Stream> {
        self.outbox.labels()
    }

    /// Forgets a pipeline: the client terminated its command. What it had to send is dropped.
    pub fn remove_pipeline(&mut self, id: Uuid) {
        self.pipelines.remove(&id);
        self.outbox.discard(|stream| stream == Stream::Pipeline(id));
    }

    /// Closes the pool: the client is told Closing and Closed. Pipelines are forgotten.
    pub fn close(&mut self) {
        if self.state == State::Closed {
            return;
        }
        let ids: Vec<Uuid> = self.pipelines.keys().copied().collect();
        ids.into_iter().for_each(|id| self.remove_pipeline(id));
        for state in [PoolState::Closing, PoolState::Closed] {
            self.send_pool_state(RunspacePoolStateMessage { state, reason: None });
        }
        self.state = State::Closed;
    }
}
