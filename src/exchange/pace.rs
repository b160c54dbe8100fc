//! How fast a server is asked: not before it allows it, and by fewer at once after it complained. Pure: time is passed in.

use std::time::{Duration, Instant};

/// Calls in a row without a complaint after which one more may run at once.
const RECOVERS_AFTER: u32 = 20;
/// The rest after a complaint that names none.
const REST: Duration = Duration::from_secs(2);

/// What one connection may do.
#[derive(Debug)]
pub(super) struct Pace {
    most: u32,
    allowed: u32,
    running: u32,
    well: u32,
    not_before: Option<Instant>,
}

/// What a call is told that wants to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Now; [`Pace::done`] must be called afterwards
    Now,
    /// When the time has come
    At(Instant),
    /// When another call has ended
    Later,
}

impl Pace {
    /// At most so many at once.
    pub(super) fn new(most: u32) -> Self {
        Self { most: most.max(1), allowed: most.max(1), running: 0, well: 0, not_before: None }
    }

    /// Whether a call may run.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        match self.not_before {
            Some(at) if at > now => return Turn::At(at),
            _ => self.not_before = None,
        }
        if self.running >= self.allowed {
            return Turn::Later;
        }
        self.running += 1;
        Turn::Now
    }

    /// A call that had its turn has ended.
    pub(super) fn done(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// The server took it well.
    pub(super) fn well(&mut self) {
        self.well += 1;
        if self.well >= RECOVERS_AFTER && self.allowed < self.most {
            self.well = 0;
            self.allowed += 1;
        }
    }

    /// The server asks for fewer calls, and perhaps for how long to wait.
    pub(super) fn complaint(&mut self, asked: Option<Duration>, now: Instant) {
        self.well = 0;
        self.allowed = (self.allowed / 2).max(1);
        let until = now + asked.unwrap_or(REST);
        self.not_before = Some(self.not_before.map_or(until, |known| known.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_at_once_than_allowed() {
        let now = Instant::now();
        let mut pace = Pace::new(2);
        assert_eq!([pace.turn(now), pace.turn(now), pace.turn(now)], [Turn::Now, Turn::Now, Turn::Later]);
        pace.done();
        assert_eq!(pace.turn(now), Turn::Now);
    }

    #[test]
    fn a_delay_that_the_server_names_is_kept_by_everybody() {
        let now = Instant::now();
        let mut pace = Pace::new(8);
        let wait = Duration::from_millis(3001);
        pace.complaint(Some(wait), now);
        pace.complaint(Some(Duration::from_millis(10)), now);
        assert_eq!(pace.turn(now + Duration::from_millis(3000)), Turn::At(now + wait));
        assert_eq!(pace.turn(now + wait), Turn::Now);
    }

    #[test]
    fn fewer_at_once_after_a_complaint_and_slowly_more_again() {
        let now = Instant::now();
        let mut pace = Pace::new(8);
        pace.complaint(None, now);
        pace.complaint(None, now);
        let later = now + REST;
        let running = |pace: &mut Pace| (0..).take_while(|_| pace.turn(later) == Turn::Now).count();
        assert_eq!(running(&mut pace), 2);
        for _ in 0..RECOVERS_AFTER {
            pace.well();
        }
        assert_eq!(running(&mut pace), 1, "one more");
        for _ in 0..1000 {
            pace.well();
        }
        assert_eq!(running(&mut pace), 5, "and never more than were configured");
    }
}
