//! Where a pipeline's command stands on the wire.

use std::collections::VecDeque;

use crate::psrp::Priority;
use crate::psrp::fragment::recut;

/// What a request carries.
#[derive(Debug)]
pub(super) struct Payload {
    /// `stdin` or `pr`
    pub(super) priority: Priority,
    pub(super) bytes: Vec<u8>,
}

impl Payload {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { priority: Priority::Default, bytes }
    }
}

/// Chunks for the shell or for one command; one is under way at most, as order matters.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    chunks: VecDeque<Payload>,
    sending: bool,
}

impl SendQueue {
    pub(super) fn push(&mut self, chunk: Payload) {
        self.chunks.push_back(chunk);
    }

    /// The next chunk, when none is under way.
    pub(super) fn take(&mut self) -> Option<Payload> {
        if self.sending {
            return None;
        }
        let chunk = self.chunks.pop_front();
        self.sending = chunk.is_some();
        chunk
    }

    pub(super) fn sent(&mut self) {
        self.sending = false;
    }

    /// Puts a chunk that was not taken back in front, cut smaller.
    pub(super) fn put_back(&mut self, refused: Payload, max_bytes: usize) {
        self.chunks.push_front(refused);
        let mut chunks = VecDeque::new();
        while let Some(Payload { priority, bytes }) = self.chunks.pop_front() {
            let mut packets = vec![bytes];
            while let Some(next) = self.chunks.pop_front_if(|next| next.priority == priority) {
                packets.push(next.bytes);
            }
            chunks.extend(recut(&packets, max_bytes).into_iter().map(|bytes| Payload { priority, bytes }));
        }
        self.chunks = chunks;
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.sending && self.chunks.is_empty()
    }
}

/// A pipeline's command.
#[derive(Debug, Default)]
pub(super) struct Transfer {
    pub(super) phase: Phase,
    pub(super) input: SendQueue,
    pub(super) receive: ReceiveState,
    /// No more Receives for now: the caller has not taken what came
    pub(super) paused: bool,
}

/// How far a command is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server has not heard of it
    #[default]
    Queued,
    /// Command is under way
    Starting {
        /// To be stopped as soon as it has begun
        stop: bool,
    },
    /// The server has it
    Running {
        /// All that was there to be sent at the start is sent: Receives may go
        complete: bool,
    },
    /// The signal is to be sent
    StopWanted,
    /// The signal is under way or answered; Receives go on
    Stopping,
}

/// Receives of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReceiveState {
    pub(super) under_way: bool,
    /// Answers in a row that came at once and held nothing
    pub(super) empty: u32,
}
