//! Asking a busy server again: later each time, and not for ever.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(250);
/// Whatever the server proposes is not looked at: some ask for days.
const LONGEST: Duration = Duration::from_secs(8);
/// What stands for a time that no clock can show.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long to go on, and how long to wait before the next time.
pub(super) struct Patience {
    end: Instant,
    delay: Duration,
}

impl Patience {
    pub(super) fn new(now: Instant, time: Duration) -> Self {
        Self { end: now + time.min(YEAR), delay: FIRST }
    }

    /// `None`: the time is up. Between half and the whole of a delay that doubles, as `part` of 255 says, so that many
    /// clients do not come back together.
    pub(super) fn next_delay(&mut self, now: Instant, part: u8) -> Option<Duration> {
        let delay = self.delay / 2 + self.delay / 2 * u32::from(part) / 255;
        self.delay = (self.delay * 2).min(LONGEST);
        (delay < self.end.saturating_duration_since(now)).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f75_waits_grow_to_a_bound_and_end_with_the_time() {
        let start = Instant::now();
        for (part, expected) in [
            // 0.25, 0.5, 1, 2, 4 and then 8 s; or half of each.
            (255, 5 + 6),
            (0, 5 + 14),
        ] {
            let mut patience = Patience::new(start, Duration::from_secs(60));
            let mut now = start;
            let mut times = 0;
            while let Some(delay) = patience.next_delay(now, part) {
                assert!(delay <= LONGEST);
                now += delay;
                times += 1;
            }
            assert_eq!(times, expected);
            assert!(now < start + Duration::from_secs(60));
        }
        assert_eq!(Patience::new(start, Duration::ZERO).next_delay(start, 0), None);
        assert!(Patience::new(start, Duration::MAX).next_delay(start, 9).is_some());
    }
}
