//! Delimited text, `[RFC 4180]` and strict about quotes: every cell knows where it stands, and what cannot be split
//! with certainty is refused, because a shifted column would write one attribute into another.

use std::borrow::Cow;

/// A cell and the physical line and character column where it begins, both from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell<'t> {
    pub(super) text: Cow<'t, str>,
    /// The cell as it is written, quotes included
    pub(super) written: &'t str,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A row; it begins at the line of its first cell.
pub(super) type Record<'t> = Vec<Cell<'t>>;

/// Why a text cannot be split into cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("this quoted cell is never closed")]
    Unclosed,
    #[error("after the closing quote there is more text before the next delimiter")]
    TextAfter,
    #[error("a quote in the middle of a cell that does not begin with one")]
    Stray,
}

/// A [`Malformed`] text and the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableError {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) reason: Malformed,
}

/// The delimiter of a header row: whichever of comma, semicolon and tab there are most of.
pub(super) fn delimiter(text: &str) -> char {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: char| header.matches(delimiter).count();
    // Of equals `max_by_key` takes the last.
    [';', '\t', ','].into_iter().max_by_key(|&delimiter| count(delimiter)).unwrap_or(',')
}

/// Splits a text into rows. Blank lines are none.
pub(super) struct Records<'t> {
    rest: &'t str,
    delimiter: char,
    line: u64,
    column: u64,
}

/// What ended a cell.
enum End {
    Delimiter,
    Row,
}

impl<'t> Records<'t> {
    pub(super) fn new(text: &'t str, delimiter: char) -> Self {
        Self { rest: text, delimiter, line: 1, column: 1 }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes one character, a CR LF as one.
    fn bump(&mut self) -> Option<char> {
        let mut taken = self.peek()?;
        let mut length = taken.len_utf8();
        if self.rest.starts_with("\r\n") {
            (taken, length) = ('\n', 2);
        }
        self.rest = self.rest.get(length..).unwrap_or_default();
        if matches!(taken, '\n' | '\r') {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        Some(taken)
    }

    fn fault(&self, reason: Malformed) -> TableError {
        TableError { line: self.line, column: self.column, reason }
    }

    fn record(&mut self) -> Result<Record<'t>, TableError> {
        let mut cells = Vec::new();
        loop {
            let (line, column) = (self.line, self.column);
            let (text, written, end) = if self.peek() == Some('"') { self.quoted()? } else { self.plain()? };
            cells.push(Cell { text, written, line, column });
            if matches!(end, End::Row) {
                return Ok(cells);
            }
        }
    }

    fn plain(&mut self) -> Result<(Cow<'t, str>, &'t str, End), TableError> {
        let start = self.rest;
        loop {
            let taken = start.len() - self.rest.len();
            let written = start.get(..taken).unwrap_or_default();
            let text = Cow::Borrowed(written);
            match self.peek() {
                Some('"') => return Err(self.fault(Malformed::Stray)),
                Some(c) if c == self.delimiter => {
                    self.bump();
                    return Ok((text, written, End::Delimiter));
                }
                Some('\r' | '\n') | None => {
                    self.bump();
                    return Ok((text, written, End::Row));
                }
                Some(_) => self.bump(),
            };
        }
    }

    fn quoted(&mut self) -> Result<(Cow<'t, str>, &'t str, End), TableError> {
        let start = self.rest;
        let unclosed = self.fault(Malformed::Unclosed);
        self.bump();
        let mut text = String::new();
        loop {
            let before = self.rest;
            match self.bump() {
                None => return Err(unclosed),
                Some('"') if self.peek() == Some('"') => {
                    self.bump();
                    text.push('"');
                }
                Some('"') => break,
                Some(_) => text.push_str(before.get(..before.len() - self.rest.len()).unwrap_or_default()),
            }
        }
        let written = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        let end = match self.peek() {
            Some(c) if c == self.delimiter => End::Delimiter,
            Some('\r' | '\n') | None => End::Row,
            Some(_) => return Err(self.fault(Malformed::TextAfter)),
        };
        self.bump();
        Ok((Cow::Owned(text), written, end))
    }
}

impl<'t> Iterator for Records<'t> {
    type Item = Result<Record<'t>, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        while matches!(self.peek(), Some('\r' | '\n')) {
            self.bump();
        }
        self.peek()?;
        let record = self.record();
        if record.is_err() {
            self.rest = "";
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str, delimiter: char) -> Vec<Vec<String>> {
        let cells = |record: Record<'_>| record.into_iter().map(|cell| cell.text.into_owned()).collect();
        Records::new(text, delimiter).map(|record| cells(record.unwrap())).collect()
    }

    fn fault(text: &str) -> (u64, u64, Malformed) {
        let error = Records::new(text, ',').find_map(Result::err).unwrap();
        (error.line, error.column, error.reason)
    }

    #[test]
    fn quotes_line_ends_and_blank_lines() {
        assert_eq!(texts("a,b\r\n\r\n\"x,\"\"y\"\"\",\n", ','), [["a", "b"], ["x,\"y\"", ""]]);
        assert_eq!(texts("\"one\r\ntwo\";2", ';'), [["one\r\ntwo", "2"]]);
        assert_eq!(texts(",", ','), [["", ""]]);
        assert!(texts("\n\n", ',').is_empty());
    }

    #[test]
    fn physical_lines_and_columns() {
        let records: Vec<_> = Records::new("a,b\n\"x\ny\",z\nü,w", ',').map(Result::unwrap).collect();
        let place = |record: usize, cell: usize| (records[record][cell].line, records[record][cell].column);
        assert_eq!([place(1, 0), place(1, 1), place(2, 0), place(2, 1)], [(2, 1), (3, 4), (4, 1), (4, 3)]);
    }

    #[test]
    fn what_cannot_be_split_with_certainty() {
        assert_eq!(fault("a,b\n1,\"2\n3,4"), (2, 3, Malformed::Unclosed));
        assert_eq!(fault("\"a\"b,c"), (1, 4, Malformed::TextAfter));
        assert_eq!(fault("a, \"b,c\""), (1, 4, Malformed::Stray));
    }

    #[test]
    fn delimiters() {
        assert_eq!(delimiter("\nIdentity;EmailAddresses\n"), ';');
        assert_eq!(delimiter("Identity\tAlias\tName"), '\t');
        assert_eq!(delimiter("Identity,Alias\na;b;c"), ',');
        assert_eq!(delimiter("Identity"), ',');
    }

    proptest! {
        /// The `csv` crate is the oracle: what it writes is read back cell for cell.
        #[test]
        fn what_another_program_writes_is_read(
            rows in prop::collection::vec(prop::collection::vec("[ -~ä\\r\\n\"]{0,8}", 2..4), 1..6),
            semicolon: bool,
        ) {
            let width = rows[0].len();
            let rows: Vec<Vec<String>> = rows.into_iter().filter(|row| row.len() == width).collect();
            let delimiter = if semicolon { b';' } else { b',' };
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(texts(&text, char::from(delimiter)), rows);
        }

        #[test]
        fn no_text_panics_or_hangs(text in "[a\",;\\r\\n\\t é]{0,60}") {
            let rows = Records::new(&text, delimiter(&text)).count();
            prop_assert!(rows <= text.len() + 1);
        }
    }
}
