//! A pipeline as the server sees it, `[MS-PSRP] 3.2.1.3`.

use std::collections::{HashMap, VecDeque};

use crate::clixml::Value;
use crate::psrp::codec::{Decoder, Limits};
use crate::psrp::fragment::Reassembler;
use crate::psrp::message::{HostInfo, HostMethod, Message, MessageType};

/// A command of the transport, from its first byte to its removal.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) stream: Reassembler,
    pub(super) decoder: Decoder,
    pub(super) phase: Phase,
    /// Messages that came and wait for the session key, with those behind them.
    pub(super) held: VecDeque<Message>,
    /// What is to be sent and waits for the session key, with what is behind it; only at 2.0 and 2.1.
    pub(super) unsent: VecDeque<(MessageType, Option<Value>)>,
    pub(super) calls: HashMap<i64, HostMethod>,
    pub(super) next_call: i64,
}

/// Where a pipeline stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// Nothing complete came yet
    Expected,
    /// Reported to be run
    Running { takes_input: bool, host: HostInfo },
    /// Its end state was queued
    Ended,
}

impl Pipeline {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            stream: Reassembler::new(limits.max_object_size),
            decoder: Decoder::new(limits),
            phase: Phase::Expected,
            held: VecDeque::new(),
            unsent: VecDeque::new(),
            calls: HashMap::new(),
            next_call: 1,
        }
    }
}
