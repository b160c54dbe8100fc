//! Counts what a connection asks of the cloud, and measures how long it has to wait.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::recipient::Traffic;

/// What is counted. Those who share it are counted together.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// Without the wait that goes on
    traffic: Traffic,
    /// How many wait now
    waiting: u32,
    /// Since when somebody does
    since: Option<Instant>,
}

/// Somebody waits; ends when it is dropped.
pub(super) struct Waiting<'a>(&'a Meter);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut counted = self.0.counted();
        counted.waiting = counted.waiting.saturating_sub(1);
        if counted.waiting == 0 {
            counted.traffic = counted.at(Instant::now());
            counted.since = None;
        }
    }
}

impl Counted {
    fn at(&self, now: Instant) -> Traffic {
        let waiting = self.since.map_or(0, |since| now.saturating_duration_since(since).as_millis());
        let waited_ms = self.traffic.waited_ms.saturating_add(u64::try_from(waiting).unwrap_or(u64::MAX));
        Traffic { waited_ms, ..self.traffic }
    }
}

impl Meter {
    /// A request is sent.
    pub(super) fn sent(&self) {
        self.counted().traffic.requests += 1;
    }

    /// One was turned away.
    pub(super) fn turned_away(&self) {
        self.counted().traffic.turned_away += 1;
    }

    /// Somebody begins to wait.
    pub(super) fn wait(&self) -> Waiting<'_> {
        let mut counted = self.counted();
        counted.waiting += 1;
        counted.since.get_or_insert_with(Instant::now);
        drop(counted);
        Waiting(self)
    }

    /// Everything up to now, a wait that goes on with it.
    pub(super) fn traffic(&self) -> Traffic {
        self.counted().at(Instant::now())
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_that_wait_at_once_count_once() {
        let meter = Meter::default();
        let begun = Instant::now();
        let one = meter.wait();
        let other = meter.wait();
        std::thread::sleep(Duration::from_millis(30));
        drop(one);
        assert!(meter.traffic().waited_ms >= 30, "also while it goes on");
        drop(other);
        let waited = meter.traffic().waited_ms;
        assert!(waited >= 30 && u128::from(waited) <= begun.elapsed().as_millis(), "{waited}");
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(meter.traffic().waited_ms, waited, "nobody waits now");
        meter.sent();
        meter.turned_away();
        assert_eq!(meter.traffic(), Traffic { requests: 1, turned_away: 1, waited_ms: waited });
    }
}
