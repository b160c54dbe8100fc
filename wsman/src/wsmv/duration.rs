//! `xs:duration` without years and months, [XSD2] 3.2.6.

use std::time::Duration;

/// Reads a duration of days, hours, minutes and seconds; the fraction is kept to the nanosecond.
///
/// ```
/// use std::time::Duration;
/// use wsman::wsmv::parse_duration;
/// assert_eq!(parse_duration("PT60.000S"), Some(Duration::from_secs(60)));
/// assert_eq!(parse_duration("PT-1S"), None);
/// ```
pub fn parse_duration(text: &str) -> Option<Duration> {
    let rest = text.trim().strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (rest, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let (mut total, mut rest) = (Duration::ZERO, days);
    take(&mut rest, 'D', 86_400, &mut total)?;
    rest.is_empty().then_some(())?;
    rest = time;
    take(&mut rest, 'H', 3_600, &mut total)?;
    take(&mut rest, 'M', 60, &mut total)?;
    if let Some(seconds) = rest.strip_suffix('S') {
        total = total.checked_add(parse_seconds(seconds)?)?;
        rest = "";
    }
    rest.is_empty().then_some(total)
}

fn take(rest: &mut &str, unit: char, seconds: u64, total: &mut Duration) -> Option<()> {
    if let Some((number, after)) = rest.split_once(unit) {
        let part = digits(number)?.checked_mul(seconds)?;
        *total = total.checked_add(Duration::from_secs(part))?;
        *rest = after;
    }
    Some(())
}

fn parse_seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.is_empty() {
        return None;
    }
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = nanos.fold(0, |all, digit| all * 10 + u32::from(digit - b'0'));
    Some(Duration::new(digits(whole)?, nanos))
}

fn digits(text: &str) -> Option<u64> {
    // `u64::from_str` would take a sign.
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Writes a duration in seconds; milliseconds are written when there are any, what is below is cut off.
pub fn write_duration(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("PT{}S", duration.as_secs()),
        millis => format!("PT{}.{millis:03}S", duration.as_secs()),
    }
}
