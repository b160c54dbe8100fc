//! Sizes and durations as Exchange writes them.

use wsman::clixml::{TimeSpan, Value};

const UNITS: [(&str, u64); 5] =
    [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// `10GB`, `10 GB`, `1024` or `10 GB (10,737,418,240 bytes)` as the last of these.
pub(super) fn size(text: &str) -> Option<String> {
    let bytes = match text.split_once('(') {
        Some((_, rest)) => rest.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()?,
        None => simple(text.trim())?,
    };
    Some(format_size(bytes))
}

fn simple(text: &str) -> Option<u64> {
    let upper = text.to_uppercase();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| upper.strip_suffix(unit).map(|number| (number.trim().to_owned(), *factor)))
        .unwrap_or((upper.clone(), 1));
    let number: f64 = number.parse().ok().filter(|number: &f64| *number >= 0.0 && number.is_finite())?;
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let bytes = (number * factor as f64).round() as u64;
    Some(bytes)
}

fn format_size(bytes: u64) -> String {
    let (unit, factor) = UNITS.iter().find(|(_, factor)| bytes >= *factor).copied().unwrap_or(("B", 1));
    #[allow(clippy::cast_precision_loss)]
    let number = format!("{:.3}", bytes as f64 / factor as f64);
    let number = number.trim_end_matches('0').trim_end_matches('.');
    let digits = bytes.to_string();
    let grouped: Vec<String> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    format!("{number} {unit} ({} bytes)", grouped.join(","))
}

/// `d.hh:mm:ss`, from that form, from a number of days or from a time span.
pub(super) fn duration(value: &Value, text: &str) -> Option<String> {
    if let Value::TimeSpan(TimeSpan(ticks)) = value {
        return Some(format_seconds(ticks.checked_div(10_000_000)?));
    }
    let text = text.trim();
    if let Ok(days) = text.parse::<i64>() {
        return Some(format_seconds(days.checked_mul(86_400)?));
    }
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) => (days.parse::<i64>().ok()?, clock),
        None => (0, text),
    };
    let parts: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    let valid = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    valid.then(|| format_seconds(days * 86_400 + hours * 3_600 + minutes * 60 + seconds))
}

fn format_seconds(seconds: i64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
    if days > 0 { format!("{days}.{clock}") } else { clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_exchange_writes_them() {
        // The two right-hand sides stand so in a public trace of Exchange 2016.
        assert_eq!(size("30GB").as_deref(), Some("30 GB (32,212,254,720 bytes)"));
        assert_eq!(size("262144").as_deref(), Some("256 KB (262,144 bytes)"));
        assert_eq!(size("10 GB (10,737,418,240 bytes)"), size("10 gb"));
        assert_eq!(size("lots"), None);
        assert_eq!(size(""), None);
    }

    #[test]
    fn durations_keep_the_form_with_days() {
        assert_eq!(duration(&Value::Nil, "14.00:00:00").as_deref(), Some("14.00:00:00"));
        assert_eq!(duration(&Value::Nil, "14").as_deref(), Some("14.00:00:00"));
        assert_eq!(duration(&Value::Nil, "25:00:00"), None);
    }
}
