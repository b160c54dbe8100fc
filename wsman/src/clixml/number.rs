//! Numbers as .NET reads and writes them, `[MS-PSRP] 2.2.5.1.5` to `2.2.5.1.14`.

use std::fmt;
use std::str::FromStr;

use super::value::{Decimal, Version};

/// White space around numbers.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c| matches!(c, ' ' | '\t'..='\r'))
}

/// Integers: a sign is only taken by signed types, which the caller says.
pub(super) fn integer<T: FromStr>(text: &str, signed: bool) -> Option<T> {
    let text = trim(text);
    let digits = text.strip_prefix(['-', '+']).filter(|_| signed).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match trim(text) {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// `Sg` and `Db`.
pub(super) fn float<T: FromStr>(text: &str) -> Option<T> {
    let text = trim(text);
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    let special = match rest {
        "INF" if !text.starts_with('+') => Some("inf"),
        _ if rest.eq_ignore_ascii_case("Infinity") => Some("inf"),
        _ if rest.eq_ignore_ascii_case("NaN") => Some("nan"),
        _ => None,
    };
    if let Some(special) = special {
        return format!("{sign}{special}").parse().ok();
    }
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if rest.is_empty() || !rest.bytes().all(plain) {
        return None;
    }
    text.parse().ok()
}

/// Writes a float as .NET's round-trip form: the shortest digits; an exponent beyond `digits` places or below 1E-4.
pub(super) fn write_float(out: &mut String, value: f64, shortest: &str, digits: i32) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "INF" } else { "-INF" });
    }
    // `shortest` is Rust's `{:e}`: d.ddde-x
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let figures: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    out.push_str(sign);
    if point > digits.max(figures.len() as i32) || point < -3 {
        let (first, rest) = figures.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let exponent = point - 1;
        let sign = if exponent < 0 { '-' } else { '+' };
        out.push_str(&format!("E{sign}{:02}", exponent.abs()));
    } else if point <= 0 {
        out.push_str("0.");
        out.push_str(&"0".repeat(point.unsigned_abs() as usize));
        out.push_str(&figures);
    } else {
        let point = point as usize;
        if figures.len() <= point {
            out.push_str(&figures);
            out.push_str(&"0".repeat(point - figures.len()));
        } else {
            out.push_str(&figures[..point]);
            out.push('.');
            out.push_str(&figures[point..]);
        }
    }
}

const MAX_MANTISSA: u128 = (1 << 96) - 1;

impl FromStr for Decimal {
    type Err = ();

    /// Digits beyond what fits are rounded half to even; there is no exponent.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = trim(text);
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if whole.len() + fraction.len() == 0 || !all().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        let (mut mantissa, mut scale) = (0u128, 0u8);
        let mut digits = all().map(|byte| u128::from(byte - b'0')).enumerate();
        for (at, digit) in digits.by_ref() {
            let in_fraction = at >= whole.len();
            let longer = mantissa * 10 + digit;
            if longer > MAX_MANTISSA || (in_fraction && scale == 28) {
                if !in_fraction {
                    return Err(());
                }
                let rest_is_zero = digits.all(|(_, digit)| digit == 0);
                let up = digit > 5 || (digit == 5 && (!rest_is_zero || mantissa % 2 == 1));
                mantissa += u128::from(up);
                if mantissa > MAX_MANTISSA {
                    if scale == 0 {
                        return Err(());
                    }
                    mantissa = (mantissa + 5) / 10;
                    scale -= 1;
                }
                break;
            }
            mantissa = longer;
            scale += u8::from(in_fraction);
        }
        Ok(Self { mantissa, scale, negative: negative && mantissa != 0 })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0width$}", self.mantissa, width = usize::from(self.scale) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.scale));
        let sign = if self.negative && self.mantissa != 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let part =
            |part: &str| integer::<i32>(part, true).and_then(|part| u32::try_from(part).ok()).ok_or(());
        let parts = text.split('.').take(5).map(part).collect::<Result<Vec<u32>, ()>>()?;
        match parts.len() {
            2..=4 => Ok(Self(parts)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

/// A GUID in any of .NET's forms: plain, in braces, in parentheses, without hyphens, as a list of numbers.
pub(super) fn guid(text: &str) -> Option<uuid::Uuid> {
    let text = text.trim();
    if text.starts_with("{0x") || text.starts_with("{0X") {
        return guid_list(text);
    }
    let inner = match text.as_bytes() {
        [b'{', .., b'}'] | [b'(', .., b')'] if text.len() == 38 => &text[1..37],
        _ if text.len() == 36 || text.len() == 32 => text,
        _ => return None,
    };
    let hyphens = inner.len() == 36;
    let well_formed =
        inner.bytes().enumerate().all(|(at, byte)| match hyphens && matches!(at, 8 | 13 | 18 | 23) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        });
    if well_formed { uuid::Uuid::try_parse(inner).ok() } else { None }
}

/// `{0x1,0x2,0x3,{0x4,...}}`
fn guid_list(text: &str) -> Option<uuid::Uuid> {
    let (head, tail) = text.strip_prefix('{')?.strip_suffix("}}")?.split_once(",{")?;
    let number = |part: &str| {
        let digits = part.trim().strip_prefix("0x").or_else(|| part.trim().strip_prefix("0X"))?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok()
    };
    let head = head.split(',').map(number).collect::<Option<Vec<u32>>>()?;
    let tail = tail.split(',').map(|part| u8::try_from(number(part)?).ok()).collect::<Option<Vec<u8>>>()?;
    match head.as_slice() {
        [first, second, third] => Some(uuid::Uuid::from_fields(
            *first,
            u16::try_from(*second).ok()?,
            u16::try_from(*third).ok()?,
            &<[u8; 8]>::try_from(tail).ok()?,
        )),
        _ => None,
    }
}
