//! `_xHHHH_`, `[MS-PSRP] 2.2.5.3.2`.

use std::fmt::Write as _;

use super::text::Text;

/// Whether a text may hold an escape.
pub(crate) fn may_be_escaped(text: &str) -> bool {
    memchr::memchr_iter(b'_', text.as_bytes()).any(|at| starts_escape(text.as_bytes(), at))
}

/// Whether the `_` at `at` is followed by `x` or `X`.
pub(crate) fn starts_escape(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at + 1), Some(b'x' | b'X'))
}

/// Resolves escapes: four or eight hexadecimal digits; what is not quite one stays.
pub(crate) fn unescape(units: Vec<u16>) -> Text {
    let mut out = Vec::with_capacity(units.len());
    let mut at = 0;
    while let Some(&unit) = units.get(at) {
        match escape_at(&units[at..]) {
            Some((code, length)) => {
                match u16::try_from(code) {
                    Ok(unit) => out.push(unit),
                    // Above the first plane: a pair of surrogates.
                    Err(_) => {
                        let offset = code - 0x1_0000;
                        out.extend([0xD800 | (offset >> 10) as u16, 0xDC00 | (offset & 0x3FF) as u16]);
                    }
                }
                at += length;
            }
            None => {
                out.push(unit);
                at += 1;
            }
        }
    }
    Text::from_utf16(out)
}

fn escape_at(units: &[u16]) -> Option<(u32, usize)> {
    let [0x5F, 0x58 | 0x78, rest @ ..] = units else { return None };
    [4, 8].into_iter().find_map(|digits| {
        let text = rest.get(..digits)?;
        let code = text.iter().try_fold(0u32, |code, unit| {
            let digit = char::from_u32(u32::from(*unit))?.to_digit(16)?;
            Some(code << 4 | digit)
        })?;
        (rest.get(digits) == Some(&0x5F) && code <= 0x10_FFFF).then_some((code, digits + 3))
    })
}

/// A text as it stands in an element.
#[cfg(feature = "client")]
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    write_text(&mut out, &Text::from(text), false);
    out
}

/// Writes text as the real writer does: controls and every surrogate as escapes, `_` before an `x`, XML's own
/// characters as entities; U+FFFE and U+FFFF as references.
pub(crate) fn write_text(out: &mut String, text: &Text, attribute: bool) {
    match text.as_str() {
        Some(text) => {
            let mut plain = 0;
            let bytes = text.as_bytes();
            for (at, c) in text.char_indices() {
                if !is_special(bytes, at, c, attribute) {
                    continue;
                }
                out.push_str(&text[plain..at]);
                plain = at + c.len_utf8();
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write_special(out, *unit);
                }
            }
            out.push_str(&text[plain..]);
        }
        None => {
            let units = text.to_utf16();
            for (at, &unit) in units.iter().enumerate() {
                let special = match char::from_u32(u32::from(unit)) {
                    None => true,
                    Some('_') => matches!(units.get(at + 1), Some(0x58 | 0x78)),
                    Some(c) => is_special(&[], 0, c, attribute),
                };
                match char::from_u32(u32::from(unit)) {
                    Some(c) if !special => out.push(c),
                    _ => write_special(out, unit),
                }
            }
        }
    }
}

fn is_special(bytes: &[u8], at: usize, c: char, attribute: bool) -> bool {
    match c {
        '_' => starts_escape(bytes, at),
        '"' => attribute,
        '<' | '>' | '&' | '\u{FFFE}' | '\u{FFFF}' => true,
        c => c < ' ' || matches!(c, '\x7F'..='\u{9F}') || c > '\u{FFFF}',
    }
}

fn write_special(out: &mut String, unit: u16) {
    match unit {
        0x3C => out.push_str("&lt;"),
        0x3E => out.push_str("&gt;"),
        0x26 => out.push_str("&amp;"),
        0x22 => out.push_str("&quot;"),
        // Writing to a String does not fail.
        0xFFFE | 0xFFFF => _ = write!(out, "&#x{unit:X};"),
        _ => _ = write!(out, "_x{unit:04X}_"),
    }
}
