//! Colours, where a person looks at a terminal; every text can be read without them.

/// Whether to colour, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    on: bool,
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Tone {
    Add,
    Change,
    Remove,
    Attention,
    Quiet,
    Strong,
}

impl Style {
    /// With colours or without.
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    /// The text in the colour of its meaning.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.on {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Add => "32",
            Tone::Change => "33",
            Tone::Remove => "31",
            Tone::Attention => "1;31",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Makes a text from outside safe to print: no control character reaches the terminal.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if c.is_control() || is_direction(c) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

/// Characters that turn the direction of what follows and so can show another text than there is.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nü"), "a\\u{1b}[31mb\\nü");
        assert_eq!(printable("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(Style::new(false).paint(Tone::Add, "+"), "+");
        assert_eq!(Style::new(true).paint(Tone::Add, "+"), "\u{1b}[32m+\u{1b}[0m");
    }
}
