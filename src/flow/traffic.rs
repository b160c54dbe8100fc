//! Tells whoever follows a run that the cloud keeps it waiting, while it does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use super::run::{Progress, Sites};
use crate::recipient::Traffic;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Shorter waits are not worth a word.
const WORTH: u64 = 5_000;
/// Between two words about the same connection.
const SELDOM: Duration = Duration::from_secs(60);

/// Tells of long waits for as long as it is polled.
pub(super) async fn tell(
    sites: &Sites,
    before: &BTreeMap<String, Traffic>,
    progress: &dyn Progress,
) -> Infallible {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        for (connection, traffic) in since(sites, before) {
            if told.entry(connection.clone()).or_default().is_worth(traffic, Instant::now()) {
                progress.waits(&connection, traffic);
            }
        }
    }
}

/// What was asked of the clouds since `before`, by connection.
pub(super) fn since(sites: &Sites, before: &BTreeMap<String, Traffic>) -> BTreeMap<String, Traffic> {
    let of = |name: &String| before.get(name).copied().unwrap_or_default();
    sites.traffic().into_iter().map(|(name, now)| (name.clone(), now.since(of(&name)))).collect()
}

/// What was told of a connection.
#[derive(Default)]
struct Told {
    waited_ms: u64,
    at: Option<Instant>,
}

impl Told {
    fn is_worth(&mut self, traffic: Traffic, now: Instant) -> bool {
        let is_long = traffic.waited_ms.saturating_sub(self.waited_ms) >= WORTH;
        let is_seldom = self.at.is_none_or(|at| now.saturating_duration_since(at) >= SELDOM);
        let is_worth = is_long && is_seldom;
        if is_worth {
            *self = Self { waited_ms: traffic.waited_ms, at: Some(now) };
        }
        is_worth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_waits_are_told_and_not_too_often() {
        let (mut told, start) = (Told::default(), Instant::now());
        let mut is_worth = |waited_ms, seconds| {
            told.is_worth(Traffic { waited_ms, ..Traffic::default() }, start + Duration::from_secs(seconds))
        };
        assert!(!is_worth(4_999, 5));
        assert!(is_worth(5_000, 6));
        assert!(!is_worth(50_000, 51), "said a moment ago");
        assert!(is_worth(60_000, 66));
        assert!(!is_worth(64_000, 600), "not much has come to it");
    }
}
