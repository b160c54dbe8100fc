//! A pipeline as the client sees it, `[MS-PSRP] 3.1.1.3`.

use std::collections::HashMap;

use crate::psrp::codec::Decoder;
use crate::psrp::fragment::Reassembler;
use crate::psrp::message::HostMethod;

/// A pipeline that has not ended.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) stream: Reassembler,
    pub(super) decoder: Decoder,
    pub(super) phase: Phase,
    /// Host calls that wait for an answer.
    pub(super) calls: HashMap<i64, HostMethod>,
}

/// Where a pipeline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It runs and takes input
    TakingInput,
    /// It runs; its input has ended
    Running,
    /// It was told to stop
    Stopping,
}
