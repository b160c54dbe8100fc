//! One line of CSV: RFC 4180, with the delimiter and the quotes that are asked for.

use sha2::{Digest as _, Sha256};

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Between two cells
    pub delimiter: char,
    /// Quotes around every cell that is not empty, as PowerShell's `ConvertTo-Csv` has them
    pub quote_always: bool,
    /// An apostrophe before what a spreadsheet would take for a formula
    pub formula_safe: bool,
}

impl Style {
    /// The cells as one line, with its end.
    pub fn line<'a>(&self, cells: impl IntoIterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                line.push(self.delimiter);
            }
            self.cell(cell, &mut line);
        }
        line.push_str("\r\n");
        line
    }

    fn cell(&self, cell: &str, line: &mut String) {
        let is_formula = self.formula_safe && cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let must = |c: char| c == self.delimiter || matches!(c, '"' | '\r' | '\n');
        let quoted = cell.contains(must) || self.quote_always && !cell.is_empty();
        if quoted {
            line.push('"');
        }
        if is_formula {
            line.push('\'');
        }
        if quoted {
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
    }
}

/// What tells one content of a row from another: 64 bits of SHA-256 over its cells.
#[must_use]
pub fn digest(cells: &[String]) -> u64 {
    let mut hash = Sha256::new();
    for cell in cells {
        hash.update((cell.len() as u64).to_le_bytes());
        hash.update(cell.as_bytes());
    }
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Style = Style { delimiter: ',', quote_always: false, formula_safe: false };

    #[test]
    fn quotes_where_they_are_needed() {
        let cells = ["Insert", "30 GB (32,212,254,720 bytes)", "", "a \"b\"", "x;y", "=1"];
        assert_eq!(PLAIN.line(cells), "Insert,\"30 GB (32,212,254,720 bytes)\",,\"a \"\"b\"\"\",x;y,=1\r\n");
        let semicolon = Style { delimiter: ';', formula_safe: true, ..PLAIN };
        assert_eq!(semicolon.line(["a,b", "x;y", "=1", "+49;1"]), "a,b;\"x;y\";'=1;\"'+49;1\"\r\n");
        // `ConvertTo-Csv` quotes everything that is not null.
        let always = Style { quote_always: true, ..PLAIN };
        assert_eq!(always.line(["INSERT", "", "True"]), "\"INSERT\",,\"True\"\r\n");
    }

    #[test]
    fn a_digest_knows_where_a_cell_ends() {
        let row = |cells: &[&str]| digest(&cells.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_ne!(row(&["ab", "c"]), row(&["a", "bc"]));
        assert_ne!(row(&["a"]), row(&["a", ""]));
        assert_eq!(row(&["a", "b"]), row(&["a", "b"]));
    }

    proptest! {
        /// What another CSV reader reads is what was written.
        #[test]
        fn another_reader_reads_the_same(
            rows in proptest::collection::vec(proptest::collection::vec("[ -~\\r\\n\\tä;,\"]{0,12}", 3), 1..5),
            delimiter in prop_oneof![Just(','), Just(';'), Just('\t'), Just('|')],
            quote_always: bool,
        ) {
            let style = Style { delimiter, quote_always, formula_safe: false };
            let text: String =
                rows.iter().map(|row| style.line(row.iter().map(String::as_str))).collect();
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .delimiter(u8::try_from(delimiter).unwrap())
                .from_reader(text.as_bytes());
            let read: Vec<Vec<String>> = reader
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            prop_assert_eq!(read, rows);
        }
    }
}
