//! Foreign text made safe to show.

use std::fmt;

/// Bytes of a foreign body that are shown.
const SHOWN: usize = 1024;

/// The beginning of a body that could not be read, on one line and without control characters, so that it can
/// stand in an error message or a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Takes the first KiB.
    pub fn new(bytes: &[u8]) -> Self {
        let shown = &bytes[..bytes.len().min(SHOWN)];
        let mut text = String::with_capacity(shown.len());
        for c in String::from_utf8_lossy(shown).trim().chars() {
            match c {
                '\t' | '\n' | '\r' | ' ' if text.ends_with(' ') => {}
                '\t' | '\n' | '\r' => text.push(' '),
                c if is_unsafe(c) => text.push('\u{FFFD}'),
                c => text.push(c),
            }
        }
        if bytes.len() > SHOWN {
            text.push('…');
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters start terminal sequences; direction and line marks reorder what is seen.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}
