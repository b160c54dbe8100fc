//! What waits to be sent: messages in order, cut into fragments as the transport has room.

use std::collections::VecDeque;

use uuid::Uuid;

use super::fragment::{Fragmenter, MIN_FRAGMENT};
use super::message::Message;

/// A stream of fragments: each is put together for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The runspace pool's: the shell
    Pool,
    /// A pipeline's: the command with this id
    Pipeline(Uuid),
}

/// The lane of a message to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// WSMan stream `stdin`
    Default,
    /// WSMan stream `pr`: answers to host calls
    PromptResponse,
}

/// A queue of messages; `L` labels those that may share a packet.
#[derive(Debug)]
pub(crate) struct Outbox<L> {
    next_object: u64,
    queue: VecDeque<Entry<L>>,
}

#[derive(Debug)]
struct Entry<L> {
    label: L,
    /// Begins a packet of its own.
    opens: bool,
    fragments: Fragmenter,
}

/// Fragments that go out together.
pub(crate) struct Packet<L> {
    pub(crate) label: L,
    /// Whether it begins with a message that opens something.
    pub(crate) opens: bool,
    pub(crate) bytes: Vec<u8>,
}

impl<L: Copy + PartialEq> Outbox<L> {
    pub(crate) fn new() -> Self {
        Self { next_object: 1, queue: VecDeque::new() }
    }

    /// Puts a message at the end.
    pub(crate) fn push(&mut self, label: L, opens: bool, message: &Message) {
        let fragments = Fragmenter::new(self.next_object, message.to_bytes());
        self.next_object += 1;
        self.queue.push_back(Entry { label, opens, fragments });
    }

    /// Takes fragments of at most `max_bytes` together, all of one label: the oldest that `wanted` lets through.
    pub(crate) fn take(&mut self, max_bytes: usize, wanted: impl Fn(L) -> bool) -> Option<Packet<L>> {
        let first = self.queue.iter().position(|entry| wanted(entry.label))?;
        let max_bytes = max_bytes.max(MIN_FRAGMENT);
        let mut packet =
            Packet { label: self.queue[first].label, opens: self.queue[first].opens, bytes: Vec::new() };
        while let Some(entry) = self.queue.get_mut(first) {
            let belongs = entry.label == packet.label && (packet.bytes.is_empty() || !entry.opens);
            if !belongs {
                break;
            }
            while entry.fragments.write(max_bytes - packet.bytes.len(), &mut packet.bytes) {}
            if entry.fragments.is_done() {
                self.queue.remove(first);
                continue;
            }
            entry.opens = false;
            break;
        }
        Some(packet)
    }

    /// Whether something waits that `wanted` lets through.
    pub(crate) fn has(&self, wanted: impl Fn(L) -> bool) -> bool {
        self.queue.iter().any(|entry| wanted(entry.label))
    }

    /// Whether the message that opens something waits untouched.
    pub(crate) fn has_unopened(&self, label: L) -> bool {
        self.queue.iter().any(|entry| entry.opens && entry.label == label)
    }

    /// Labels that have something waiting, oldest first, each once.
    pub(crate) fn labels(&self) -> Vec<L> {
        let mut labels = Vec::new();
        for entry in &self.queue {
            if !labels.contains(&entry.label) {
                labels.push(entry.label);
            }
        }
        labels
    }

    /// Drops what `unwanted` names; the peer drops an object that was begun when its pipeline goes.
    pub(crate) fn discard(&mut self, unwanted: impl Fn(L) -> bool) {
        self.queue.retain(|entry| !unwanted(entry.label));
    }
}
