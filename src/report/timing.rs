//! How long the cmdlets of a run took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{RunReport, printable};
use crate::recipient::Traffic;

/// The calls of one cmdlet, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// The cmdlet
    pub cmdlet: String,
    /// How often it was called
    pub calls: usize,
    /// How many of these calls were refused or stayed without an answer
    pub failed: usize,
    /// Half of them took no longer
    pub median: i64,
    /// Nineteen of twenty took no longer
    pub slow: i64,
    /// The longest
    pub longest: i64,
    /// All of them together
    pub total: i64,
}

impl Timing {
    /// The cmdlets of a run by name.
    pub fn of(report: &RunReport) -> Vec<Self> {
        let mut calls: BTreeMap<&str, (usize, Vec<i64>)> = BTreeMap::new();
        for step in report.rows.iter().flat_map(|row| &row.steps) {
            let (failed, millis) = calls.entry(&step.cmdlet).or_default();
            *failed += usize::from(step.outcome.as_deref() != Some("done"));
            millis.push(step.millis.unwrap_or_default().max(0));
        }
        let timing = |(cmdlet, (failed, mut millis)): (&str, (usize, Vec<i64>))| {
            millis.sort_unstable();
            Self {
                cmdlet: cmdlet.to_owned(),
                calls: millis.len(),
                failed,
                median: at(&millis, 50),
                slow: at(&millis, 95),
                longest: millis.last().copied().unwrap_or_default(),
                total: millis.iter().sum(),
            }
        };
        calls.into_iter().map(timing).collect()
    }
}

/// The smallest value that this share of the sorted values does not exceed.
fn at(sorted: &[i64], percent: usize) -> i64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// A time for a person: `0.4 s`, `12 s`, `3 min 5 s`, `1 h 2 min`.
pub fn duration(millis: i64) -> String {
    let seconds = millis / 1000;
    match millis {
        ..1000 => format!("{millis} ms"),
        1000..10_000 => format!("{seconds}.{} s", millis % 1000 / 100),
        10_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// What the cloud made of the requests of a connection, for a person; nothing where it took them all.
pub fn turned_away(connection: &str, traffic: Traffic) -> Option<String> {
    let Traffic { requests, turned_away, waited_ms } = traffic;
    let waited = duration(i64::try_from(waited_ms).unwrap_or(i64::MAX));
    (turned_away > 0).then(|| {
        format!(
            "{}: the cloud turned away {turned_away} of {requests} requests; {waited} were waited for it",
            printable(connection)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_words() {
        assert_eq!([at(&[], 50), at(&[7], 95), at(&[1, 2, 3, 4], 50), at(&[1, 2, 3, 4], 95)], [0, 7, 2, 4]);
        let words = [0, 999, 1250, 59_999, 185_000, 3_720_000].map(duration);
        assert_eq!(words, ["0 ms", "999 ms", "1.2 s", "59 s", "3 min 5 s", "1 h 2 min"]);
    }
}
