//! Times: milliseconds since 1970 to and from the forms of Exchange.

use wsman::clixml::{DateTime, Value, Zone};

/// Ticks of 100 ns from 0001-01-01 to 1970-01-01.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;

/// A time as the server sends it; its local time is UTC.
pub(super) fn value(ms: i64, utc: bool) -> Value {
    // Whole seconds: the directory keeps no fractions.
    let ticks = TICKS_TO_1970 + ms.div_euclid(1000) * 10_000_000;
    Value::DateTime(DateTime { ticks, zone: if utc { Zone::Utc } else { Zone::Offset(0) } })
}

/// Year, month, day of a day number since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// `11/21/2026 3:33:04 AM`
pub(crate) fn american_time(now_ms: u64) -> String {
    let seconds = i64::try_from(now_ms / 1000).unwrap_or(0);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let half = if hour < 12 { "AM" } else { "PM" };
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{month}/{day}/{year} {twelve}:{minute:02}:{second:02} {half}")
}

/// A time of a filter in milliseconds since 1970: `2026-11-21T03:33:04Z`, with or without the parts behind, or `11/21/2026 3:33:04 AM`.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let american = text.contains('/');
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let parts: Vec<i64> = date.split(['-', '/']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (year, month, day) = match (parts.as_slice(), american) {
        ([month, day, year], true) | ([year, month, day], false) => (*year, *month, *day),
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1601..=9999).contains(&year) {
        return None;
    }
    let clock = clock.trim_end_matches('Z').trim();
    let (clock, half) = clock.split_once(' ').unwrap_or((clock, ""));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut ms = 0;
    if !clock.is_empty() {
        let parts: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let mut parts = parts.into_iter();
        let (mut hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or(0));
        match half.to_uppercase().as_str() {
            "AM" if hour == 12 => hour = 0,
            "PM" if hour < 12 => hour += 12,
            "" | "AM" | "PM" => {}
            _ => return None,
        }
        let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
        ms = valid.then_some((hour * 3_600 + minute * 60 + second) * 1_000)?;
    }
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(days(year, month, day) * 86_400_000 + ms + fraction.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_write() {
        // 1234567890 s is 2009-02-13T23:31:30Z, a well-known moment.
        assert_eq!(american_time(1_234_567_890_000), "2/13/2009 11:31:30 PM");
        assert_eq!(parse_time("2/13/2009 11:31:30 PM"), Some(1_234_567_890_000));
        assert_eq!(parse_time("2009-02-13T23:31:30Z"), Some(1_234_567_890_000));
        assert_eq!(parse_time("2009-02-13"), Some(1_234_483_200_000));
        assert_eq!(parse_time("yesterday"), None);
    }
}
