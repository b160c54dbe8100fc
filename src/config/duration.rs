//! Durations as people write them: `30s`, `2m`, `1h`, `500ms`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration; a number without a unit is refused.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse("2 m"), Some(Duration::from_secs(120)));
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["30", "s", "-1s", "1.5s", "", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
