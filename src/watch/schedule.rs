//! When an export is due. Pure: times are passed in.

use std::time::{Duration, SystemTime};

use crate::config::Schedule;

/// How long until the next export, by the time of the last one that came to its end, which its cookie bears. A clock that
/// was set back makes nobody wait for more than an interval.
pub fn until_due(schedule: &Schedule, last: Option<SystemTime>, now: SystemTime) -> Duration {
    let Some(last) = last else { return Duration::ZERO };
    match now.duration_since(last) {
        Ok(past) => schedule.interval.saturating_sub(past),
        Err(ahead) => ahead.duration().min(schedule.interval),
    }
}

/// Whether everything is to be exported, by the time of the last export that did so.
pub fn is_full(schedule: &Schedule, last_full: Option<SystemTime>, now: SystemTime) -> bool {
    let Some(every) = schedule.full_every else { return false };
    match last_full.map(|last| now.duration_since(last)) {
        None => true,
        Some(Ok(past)) => past >= every,
        Some(Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn schedule(full_every: Option<Duration>) -> Schedule {
        Schedule { interval: HOUR, directory: "out".into(), cookie_directory: "out".into(), full_every }
    }

    #[test]
    fn due_by_the_last_one() {
        let (now, schedule) = (SystemTime::UNIX_EPOCH + 1000 * HOUR, schedule(None));
        assert_eq!(until_due(&schedule, None, now), Duration::ZERO);
        assert_eq!(until_due(&schedule, Some(now - HOUR / 4), now), HOUR * 3 / 4);
        assert_eq!(until_due(&schedule, Some(now - 9 * HOUR), now), Duration::ZERO);
        assert_eq!(until_due(&schedule, Some(now + 9 * HOUR), now), HOUR, "the clock was set back");
    }

    #[test]
    fn now_and_then_everything() {
        let now = SystemTime::UNIX_EPOCH + 1000 * HOUR;
        assert!(!is_full(&schedule(None), None, now));
        let daily = schedule(Some(24 * HOUR));
        assert!(is_full(&daily, None, now));
        assert!(!is_full(&daily, Some(now - 23 * HOUR), now));
        assert!(is_full(&daily, Some(now - 24 * HOUR), now));
    }
}
