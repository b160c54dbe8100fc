//! The cmdlets.

use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome, Record};

use super::exchange::Exchange;
use super::session::LabSession;

pub(super) fn run(
    session: &mut LabSession,
    exchange: &mut Exchange,
    _commands: &[Command],
    _input: Option<&[Value]>,
    now_ms: u64,
    sink: &mut dyn FnMut(Record),
) -> Outcome {
    exchange.directory.settle(now_ms);
    let _ = (session, sink);
    Outcome::Completed
}
