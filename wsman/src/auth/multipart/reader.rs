//! Reading a body.

use super::{Part, is_encrypted, malformed};
use crate::auth::AuthError;

/// Longest line of a part's header.
const MAX_LINE: usize = 1024;
/// Most header lines of one part.
const MAX_LINES: usize = 16;

/// The parts of a body; `data_length` says how long the data behind a header is.
pub(super) fn parts_with<'a>(
    content_type: &str,
    body: &'a [u8],
    data_length: impl Fn(&[u8], usize, &[u8]) -> Option<usize>,
) -> Result<Vec<Part<'a>>, AuthError> {
    if !is_encrypted(content_type) {
        return Err(malformed("Content-Type is not multipart/encrypted"));
    }
    let boundary = parameter(content_type, "boundary").ok_or(malformed("no boundary in Content-Type"))?;
    let mut reader = Reader { rest: body, boundary: &boundary };
    let mut parts = Vec::new();
    // A closing boundary ends the body; some peers write one after each part.
    loop {
        match reader.delimiter()? {
            Delimiter::Close if parts.is_empty() => return Err(malformed("no part")),
            Delimiter::Close => {
                reader.skip_line_ends();
                if reader.rest.is_empty() {
                    return Ok(parts);
                }
            }
            Delimiter::Part => parts.push(reader.part(&data_length)?),
        }
    }
}

enum Delimiter {
    Part,
    Close,
}

struct Reader<'a, 'b> {
    rest: &'a [u8],
    boundary: &'b str,
}

impl<'a> Reader<'a, '_> {
    /// What follows a delimiter line: headers with the announced length, a second delimiter, the data.
    fn part(
        &mut self,
        data_length: impl Fn(&[u8], usize, &[u8]) -> Option<usize>,
    ) -> Result<Part<'a>, AuthError> {
        let length = self.announced_length()?;
        let Delimiter::Part = self.delimiter()? else {
            return Err(malformed("no data behind the announcement"));
        };
        let line = self.line()?;
        if !header(line, "Content-Type")
            .is_some_and(|value| value.eq_ignore_ascii_case("application/octet-stream"))
        {
            return Err(malformed("second part is not application/octet-stream"));
        }
        let header_length =
            self.take(4)?.try_into().map(u32::from_le_bytes).map_err(|_| malformed("cut short"))?;
        let header_length = usize::try_from(header_length).map_err(|_| malformed("signature too long"))?;
        let header = self.take(header_length)?;
        let data_length =
            data_length(header, length, self.rest).ok_or(malformed("data has no readable length"))?;
        Ok(Part { length, header, data: self.take(data_length)? })
    }

    /// The header lines of the first part; the blank line that MIME wants may be there or not.
    fn announced_length(&mut self) -> Result<usize, AuthError> {
        let mut length = None;
        for _ in 0..MAX_LINES {
            if self.at_delimiter() {
                return length.ok_or(malformed("no Length in OriginalContent"));
            }
            let line = self.line()?;
            if let Some(value) = header(line, "OriginalContent") {
                let text = parameter(value, "length").ok_or(malformed("no Length in OriginalContent"))?;
                length = Some(text.parse::<u32>().map_err(|_| malformed("Length is not a number"))? as usize);
            }
        }
        Err(malformed("too many header lines"))
    }

    /// `--boundary` with or without a blank behind the dashes, perhaps behind a line end.
    fn delimiter(&mut self) -> Result<Delimiter, AuthError> {
        self.skip_line_ends();
        self.rest = self.after_boundary().ok_or(malformed("boundary expected"))?;
        if let Some(rest) = self.rest.strip_prefix(b"--") {
            self.rest = rest;
            return Ok(Delimiter::Close);
        }
        if self.line()?.trim().is_empty() {
            return Ok(Delimiter::Part);
        }
        Err(malformed("text behind the boundary"))
    }

    fn at_delimiter(&self) -> bool {
        self.after_boundary().is_some()
    }

    fn after_boundary(&self) -> Option<&'a [u8]> {
        let rest = self.rest.strip_prefix(b"--")?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        rest.strip_prefix(self.boundary.as_bytes())
    }

    fn skip_line_ends(&mut self) {
        while let [b'\r' | b'\n', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// One line of text without its end.
    fn line(&mut self) -> Result<&'a str, AuthError> {
        let end = self
            .rest
            .iter()
            .take(MAX_LINE)
            .position(|byte| *byte == b'\n')
            .ok_or(malformed("line without end"))?;
        let line = self.take(end + 1)?;
        std::str::from_utf8(line)
            .map(|line| line.trim_end_matches(['\r', '\n']))
            .map_err(|_| malformed("line is not text"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], AuthError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(malformed("cut short"))?;
        self.rest = rest;
        Ok(taken)
    }
}

/// The value of a header line with this name; a tab or blanks may stand in front.
fn header<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = line.split_once(':')?;
    found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
}

/// A `;`-separated parameter of a media type, quoted or not.
fn parameter(text: &str, name: &str) -> Option<String> {
    text.split(';').find_map(|item| {
        let (found, value) = item.split_once('=')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}
