//! `DT` and `TS`, `[MS-PSRP] 2.2.5.1.4` and `2.2.5.1.8`.

use std::fmt;
use std::str::FromStr;

use super::number::trim;
use super::value::{DateTime, TimeSpan, Zone};

const SECOND: i64 = 10_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 9999-12-31T23:59:59.9999999
const MAX_TICKS: i64 = 3_155_378_975_999_999_999;

/// Days from 0001-01-01 in the proleptic Gregorian calendar.
fn days_before(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let months: i64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    Some(before * 365 + before / 4 - before / 100 + before / 400 + months + day - 1)
}

/// Year, month and day of a day number.
fn date_of(days: i64) -> (i64, i64, i64) {
    // Hinnant's algorithm on years that begin in March.
    let shifted = days + 306;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Exactly `count` digits at the front.
fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (head, tail) = text.split_at_checked(count)?;
    let plain = head.bytes().all(|byte| byte.is_ascii_digit());
    Some((head.parse().ok().filter(|_| plain)?, tail))
}

impl DateTime {
    /// The moment in ticks of UTC; a time without a zone is taken as UTC.
    pub fn utc_ticks(&self) -> i64 {
        match self.zone {
            Zone::Offset(minutes) => self.ticks.saturating_sub(i64::from(minutes) * MINUTE),
            Zone::Utc | Zone::Unspecified => self.ticks,
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(&self) -> i64 {
        (self.utc_ticks() - UNIX_EPOCH_TICKS).div_euclid(SECOND)
    }

    /// The moment as UTC from seconds since 1970-01-01T00:00:00Z, held within the years 1 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let ticks = seconds.saturating_mul(SECOND).saturating_add(UNIX_EPOCH_TICKS).clamp(0, MAX_TICKS);
        Self { ticks, zone: Zone::Utc }
    }

    fn parse(text: &str) -> Option<Self> {
        let (year, mut rest) = digits(trim(text), 4)?;
        let (mut month, mut day) = (1, 1);
        if let Some(after) =
            rest.strip_prefix('-').filter(|after| digits(after, 2).is_some_and(not_an_offset))
        {
            (month, rest) = digits(after, 2)?;
            if let Some(after) =
                rest.strip_prefix('-').filter(|after| digits(after, 2).is_some_and(not_an_offset))
            {
                (day, rest) = digits(after, 2)?;
            }
        }
        let mut ticks = days_before(year, month, day)? * DAY;
        if let Some(time) = rest.strip_prefix('T') {
            let of_day;
            (of_day, rest) = time_of_day(time)?;
            ticks += of_day;
        }
        let zone = zone(rest)?;
        // Rounding may go past the last tick of the calendar.
        (ticks <= MAX_TICKS).then_some(Self { ticks, zone })
    }
}

/// 1970-01-01
const UNIX_EPOCH_TICKS: i64 = 719_162 * DAY;

fn not_an_offset((_, rest): (i64, &str)) -> bool {
    !rest.starts_with(':')
}

/// `hh:mm:ss[.f...]` in ticks, rounded to a tick, and what follows.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut ticks = hour * HOUR + minute * MINUTE + second * SECOND;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        ticks += fraction_ticks(&fraction[..length], true);
        rest = &fraction[length..];
    }
    Some((ticks, rest))
}

/// Ticks of the digits after a point; what is below a tick is rounded or cut.
fn fraction_ticks(digits: &str, round: bool) -> i64 {
    let ticks = digits.bytes().chain(std::iter::repeat(b'0')).take(7);
    let ticks = ticks.fold(0, |ticks, digit| ticks * 10 + i64::from(digit - b'0'));
    ticks + i64::from(round && digits.as_bytes().get(7).is_some_and(|digit| *digit >= b'5'))
}

fn zone(text: &str) -> Option<Zone> {
    if text.is_empty() {
        return Some(Zone::Unspecified);
    }
    if matches!(text, "Z" | "z") {
        return Some(Zone::Utc);
    }
    let sign = match text.as_bytes() {
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, rest) = digits(&text[1..], 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let offset = hours * 60 + minutes;
    if !rest.is_empty() || minutes > 59 || hours > 99 {
        return None;
    }
    i16::try_from(sign * offset).ok().map(Zone::Offset)
}

impl FromStr for DateTime {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::parse(text).ok_or(())
    }
}

impl fmt::Display for DateTime {
    /// As on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.ticks.clamp(0, MAX_TICKS);
        let (year, month, day) = date_of(ticks / DAY);
        let (hour, minute, second) = (ticks % DAY / HOUR, ticks % HOUR / MINUTE, ticks % MINUTE / SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        write_fraction(f, (ticks % SECOND).unsigned_abs())?;
        match self.zone {
            Zone::Unspecified => Ok(()),
            Zone::Utc => f.write_str("Z"),
            Zone::Offset(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

fn write_fraction(f: &mut fmt::Formatter<'_>, ticks: u64) -> fmt::Result {
    if ticks == 0 {
        return Ok(());
    }
    write!(f, ".{}", format!("{ticks:07}").trim_end_matches('0'))
}

impl TimeSpan {
    /// From whole seconds.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(SECOND))
    }

    /// Years are 365 days and months 30, as the real reader has it; digits below a tick are cut.
    fn parse(text: &str) -> Option<Self> {
        let text = trim(text);
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (date, time) = match text.strip_prefix('P')?.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, Some(time)),
            None => (text.strip_prefix('P')?, None),
        };
        let mut ticks = 0i128;
        let mut seen = false;
        let mut rest = date;
        for (letter, length) in [('Y', 365 * DAY), ('M', 30 * DAY), ('D', DAY)] {
            part(&mut rest, letter, length, &mut ticks, &mut seen)?;
        }
        if !rest.is_empty() {
            return None;
        }
        rest = time.unwrap_or_default();
        for (letter, length) in [('H', HOUR), ('M', MINUTE)] {
            part(&mut rest, letter, length, &mut ticks, &mut seen)?;
        }
        if let Some(seconds) = rest.strip_suffix('S') {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            if !fraction.bytes().all(|byte| byte.is_ascii_digit())
                || (whole.is_empty() && fraction.is_empty())
            {
                return None;
            }
            ticks +=
                i128::from(count(whole)?) * i128::from(SECOND) + i128::from(fraction_ticks(fraction, false));
            (rest, seen) = ("", true);
        }
        if !rest.is_empty() || !seen {
            return None;
        }
        i64::try_from(if negative { -ticks } else { ticks }).ok().map(Self)
    }
}

fn count(digits: &str) -> Option<i32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// A number followed by `letter`, if that comes next.
fn part(rest: &mut &str, letter: char, length: i64, ticks: &mut i128, seen: &mut bool) -> Option<()> {
    let number = rest.bytes().take_while(u8::is_ascii_digit).count();
    if number > 0 && rest[number..].starts_with(letter) {
        *ticks += i128::from(count(&rest[..number])?) * i128::from(length);
        *rest = &rest[number + 1..];
        *seen = true;
    }
    Some(())
}

impl FromStr for TimeSpan {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::parse(text).ok_or(())
    }
}

impl fmt::Display for TimeSpan {
    /// As on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.0.unsigned_abs();
        let unit = |length: i64| length.unsigned_abs();
        let (days, hours) = (ticks / unit(DAY), ticks % unit(DAY) / unit(HOUR));
        let (minutes, seconds) = (ticks % unit(HOUR) / unit(MINUTE), ticks % unit(MINUTE) / unit(SECOND));
        let fraction = ticks % unit(SECOND);
        f.write_str(if self.0 < 0 { "-P" } else { "P" })?;
        if days > 0 {
            write!(f, "{days}D")?;
        }
        if ticks == 0 || !ticks.is_multiple_of(unit(DAY)) {
            f.write_str("T")?;
        }
        if hours > 0 {
            write!(f, "{hours}H")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}M")?;
        }
        if seconds > 0 || fraction > 0 || ticks == 0 {
            write!(f, "{seconds}")?;
            write_fraction(f, fraction)?;
            f.write_str("S")?;
        }
        Ok(())
    }
}
