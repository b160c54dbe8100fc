//! When a change is tried again, and when a connection is given a rest. Pure: time and chance are passed in.

use std::time::{Duration, Instant};

use crate::recipient::ErrorClass;
use crate::report::Way;

/// How often a change is tried in one run.
pub(super) const MAX_ATTEMPTS: u32 = 5;
/// The longest first wait; each further one may be twice as long.
const BASE: Duration = Duration::from_secs(2);
/// No wait of our own choice is longer.
const CAP: Duration = Duration::from_secs(60);
/// Failures of the connection in a row after which nothing new is begun on it for a while.
const TRIPS_AFTER: u32 = 5;
/// How long that is, for the first time; twice as long each further time.
const REST: Duration = Duration::from_secs(5);

/// Whether time alone may mend a failure of this class.
pub(super) fn may_pass(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Transient | ErrorClass::Throttled | ErrorClass::SessionLost)
}

/// How long to wait before the next attempt: what the server asked for and a little more, else a random part of a limit
/// that doubles (full jitter). `chance` is between 0 and 1.
pub(crate) fn delay(attempt: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let chance = chance.clamp(0.0, 1.0);
    match asked {
        Some(asked) => asked + BASE.mul_f64(chance / 4.0),
        None => BASE.saturating_mul(1 << attempt.saturating_sub(1).min(5)).min(CAP).mul_f64(chance),
    }
}

/// One endpoint with one account: after several failures in a row it is left alone, then tried with one change, and given
/// up when it does not recover in time.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// How long it may be out of order before it is given up
    patience: Duration,
}

#[derive(Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        since: Instant,
        until: Instant,
        rests: u32,
    },
    /// One change is under way to see
    Trying {
        since: Instant,
        until: Instant,
        rests: u32,
    },
    /// For this run
    GivenUp,
}

/// What a breaker says to somebody who wants to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Now,
    After(Duration),
    Never,
}

impl Breaker {
    pub(super) fn new(patience: Duration) -> Self {
        Self { state: State::Closed { failures: 0 }, patience }
    }

    /// Whether a change may begin. Who is told [`Begin::Now`] must call [`Breaker::note`] afterwards.
    pub(super) fn begin(&mut self, now: Instant) -> Begin {
        match self.state {
            State::Closed { .. } => Begin::Now,
            State::GivenUp => Begin::Never,
            State::Open { since, until, rests } if now >= until => {
                // Should the one who tries never come back, another one may.
                self.state = State::Trying { since, until: now + self.patience.min(CAP), rests };
                Begin::Now
            }
            State::Trying { since, until, rests } if now >= until => {
                self.state = State::Trying { since, until: now + self.patience.min(CAP), rests };
                Begin::Now
            }
            State::Open { until, .. } => Begin::After(until - now),
            State::Trying { until, .. } => Begin::After((until - now).min(Duration::from_secs(1))),
        }
    }

    /// What the way to the server was found to be.
    pub(super) fn note(&mut self, way: Way, now: Instant) {
        if way == Way::AccountRefused {
            // Trying again may lock the account.
            self.state = State::GivenUp;
        }
        let down = way == Way::Down;
        self.state = match (&self.state, down) {
            (State::GivenUp, _) => return,
            (_, false) => State::Closed { failures: 0 },
            (State::Closed { failures }, true) if failures + 1 < TRIPS_AFTER => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, true) => State::Open { since: now, until: now + REST, rests: 1 },
            // Others that were under way when it tripped.
            (State::Open { .. }, true) => return,
            (State::Trying { since, .. }, true) if now.duration_since(*since) >= self.patience => {
                State::GivenUp
            }
            (State::Trying { since, rests, .. }, true) => {
                let rest = REST.saturating_mul(1 << rests.min(&4)).min(CAP);
                State::Open { since: *since, until: now + rest, rests: rests + 1 }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_delay_of_the_servers_is_kept_to_the_millisecond_and_ours_grow_up_to_a_minute() {
        let asked = Some(Duration::from_millis(3001));
        for chance in [0.0, 0.5, 1.0] {
            assert!(delay(1, asked, chance) >= Duration::from_millis(3001));
            assert!(delay(1, asked, chance) <= Duration::from_millis(3501));
        }
        let longest: Vec<u64> = (1..=7).map(|attempt| delay(attempt, None, 1.0).as_secs()).collect();
        assert_eq!(longest, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(3, None, 0.0), Duration::ZERO);
        assert_eq!(delay(2, None, 0.25), SECOND);
    }

    #[test]
    fn it_trips_after_failures_in_a_row_and_recovers_with_one_that_is_well() {
        let start = Instant::now();
        let mut breaker = Breaker::new(60 * SECOND);
        for _ in 0..4 {
            breaker.note(Way::Down, start);
        }
        breaker.note(Way::Open, start);
        for _ in 0..4 {
            breaker.note(Way::Down, start);
        }
        assert_eq!(breaker.begin(start), Begin::Now, "a refusal in between shows that the way is open");
        breaker.note(Way::Down, start);
        assert_eq!(breaker.begin(start + SECOND), Begin::After(4 * SECOND));
        assert_eq!(breaker.begin(start + 5 * SECOND), Begin::Now, "one may try");
        assert!(matches!(breaker.begin(start + 5 * SECOND), Begin::After(_)), "and only one");
        breaker.note(Way::Open, start + 6 * SECOND);
        assert_eq!(breaker.begin(start + 6 * SECOND), Begin::Now);
        assert_eq!(breaker.begin(start + 6 * SECOND), Begin::Now);
    }

    #[test]
    fn it_is_given_up_when_it_does_not_recover() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(60 * SECOND);
        for _ in 0..5 {
            breaker.note(Way::Down, now);
        }
        for _ in 0..20 {
            match breaker.begin(now) {
                Begin::Now => breaker.note(Way::Down, now),
                Begin::After(wait) => now += wait,
                Begin::Never => return,
            }
        }
        panic!("still hoping");
    }

    #[test]
    fn an_account_that_is_refused_is_not_tried_again() {
        let mut breaker = Breaker::new(60 * SECOND);
        breaker.note(Way::AccountRefused, Instant::now());
        assert_eq!(breaker.begin(Instant::now() + 3600 * SECOND), Begin::Never);
    }

    #[test]
    fn one_who_tries_and_never_comes_back_blocks_nobody() {
        let start = Instant::now();
        let mut breaker = Breaker::new(60 * SECOND);
        for _ in 0..5 {
            breaker.note(Way::Down, start);
        }
        assert_eq!(breaker.begin(start + 5 * SECOND), Begin::Now);
        assert_eq!(breaker.begin(start + 66 * SECOND), Begin::Now);
    }
}
