//! `multipart/encrypted` bodies: sealed SOAP, `[MS-WSMV] 2.2.9.1`.
//!
//! Lengths are read from the body, never found by looking for a boundary in the encrypted bytes.

use super::{AuthError, SecurityContext};

/// The boundary everyone writes.
const BOUNDARY: &str = "Encrypted Boundary";
/// The media type of what is sealed.
const SOAP: &str = "application/soap+xml;charset=UTF-8";
/// Longest line of a part's header.
const MAX_LINE: usize = 1024;
/// Most header lines of one part.
const MAX_LINES: usize = 16;

/// A sealed body with its `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedBody {
    /// The value of the `Content-Type` header.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// One sealed message of a body, still sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its length in clear, as announced.
    pub length: usize,
    /// The mechanism's header.
    pub header: &'a [u8],
    /// The encrypted data.
    pub data: &'a [u8],
}

/// Whether a `Content-Type` announces a sealed body.
#[must_use]
pub fn is_encrypted(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("multipart/encrypted")
        || media.eq_ignore_ascii_case("multipart/x-multi-encrypted")
}

/// Seals one SOAP message. Where the mechanism limits the size, it goes in several parts.
///
/// # Errors
/// The mechanism cannot carry it.
pub fn seal(context: &mut SecurityContext, soap: &[u8]) -> Result<EncryptedBody, AuthError> {
    let protocol = context.label();
    let limit = context.chunk_size().unwrap_or(usize::MAX).max(1);
    let media = if soap.len() > limit { "multipart/x-multi-encrypted" } else { "multipart/encrypted" };
    let mut body = Vec::with_capacity(soap.len() + 512);
    let mut rest = soap;
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(limit));
        write_part(context, chunk, &mut body)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let content_type = format!("{media};protocol=\"{protocol}\";boundary=\"{BOUNDARY}\"");
    Ok(EncryptedBody { content_type, body })
}

fn write_part(context: &mut SecurityContext, message: &[u8], body: &mut Vec<u8>) -> Result<(), AuthError> {
    let sealed = context.seal(message)?;
    let header_length =
        u32::try_from(sealed.header.len()).map_err(|_| AuthError::Caller("the signature is too long"))?;
    let head = format!(
        "--{BOUNDARY}\r\n\
         \tContent-Type: {}\r\n\
         \tOriginalContent: type={SOAP};Length={}\r\n\
         --{BOUNDARY}\r\n\
         \tContent-Type: application/octet-stream\r\n",
        context.label(),
        message.len(),
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&header_length.to_le_bytes());
    body.extend_from_slice(&sealed.header);
    body.extend_from_slice(&sealed.data);
    Ok(())
}

/// Unseals a body.
///
/// # Errors
/// [`AuthError::Malformed`] when the body is not `multipart/encrypted` or a length does not fit,
/// [`AuthError::BadSeal`] when a message is not one of this context.
pub fn unseal(context: &mut SecurityContext, content_type: &str, body: &[u8]) -> Result<Vec<u8>, AuthError> {
    let parts = parts_with(content_type, body, |header_length, length, rest| {
        context.protection().data_length(header_length, length, rest)
    })?;
    let mut soap = Vec::with_capacity(parts.iter().map(|part| part.data.len()).sum());
    for part in parts {
        let message = context.unseal(part.header, part.data)?;
        if message.len() != part.length {
            return Err(malformed("unsealed length differs from Length"));
        }
        soap.extend_from_slice(&message);
    }
    Ok(soap)
}

/// The parts of a body whose encrypted data is as long as the clear text (NTLM, Kerberos).
///
/// # Errors
/// [`AuthError::Malformed`].
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, AuthError> {
    parts_with(content_type, body, |_, length, _| Some(length))
}

fn parts_with<'a>(
    content_type: &str,
    body: &'a [u8],
    data_length: impl Fn(usize, usize, &[u8]) -> Option<usize>,
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
        data_length: impl Fn(usize, usize, &[u8]) -> Option<usize>,
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
            data_length(header_length, length, self.rest).ok_or(malformed("data has no readable length"))?;
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

fn malformed(why: &'static str) -> AuthError {
    AuthError::malformed("multipart/encrypted body", why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Mechanism, Protection, Scheme, Sealed};
    use super::*;

    /// Flips every byte; its header is as long as asked for and counts messages.
    struct Flip {
        header: usize,
        sent: u8,
        received: u8,
        chunk: Option<usize>,
    }

    impl Protection for Flip {
        fn seal(&mut self, message: &[u8]) -> Result<Sealed, AuthError> {
            self.sent = self.sent.wrapping_add(1);
            Ok(Sealed {
                header: vec![self.sent; self.header],
                data: message.iter().map(|byte| !byte).collect(),
            })
        }
        fn unseal(&mut self, header: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
            self.received = self.received.wrapping_add(1);
            if header != vec![self.received; self.header] {
                return Err(AuthError::BadSeal);
            }
            Ok(data.iter().map(|byte| !byte).collect())
        }
        fn sign_mech_list(&mut self, _: &[u8]) -> Result<Vec<u8>, AuthError> {
            Ok(Vec::new())
        }
        fn verify_mech_list(&mut self, _: &[u8], _: &[u8]) -> Result<(), AuthError> {
            Ok(())
        }
        fn chunk_size(&self) -> Option<usize> {
            self.chunk
        }
    }

    fn context(header: usize, chunk: Option<usize>) -> SecurityContext {
        let protection = Flip { header, sent: 0, received: 0, chunk };
        SecurityContext::new(Mechanism::Ntlm, Scheme::Negotiate, Box::new(protection))
    }

    const TYPE: &str = "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";

    #[test]
    fn the_layout_of_the_specification() {
        let sealed = seal(&mut context(2, None), b"\xFE").unwrap();
        assert_eq!(sealed.content_type, TYPE);
        let expected = b"--Encrypted Boundary\r\n\
            \tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
            \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=1\r\n\
            --Encrypted Boundary\r\n\
            \tContent-Type: application/octet-stream\r\n\
            \x02\0\0\0\x01\x01\x01--Encrypted Boundary--\r\n";
        assert_eq!(sealed.body, expected);
    }

    #[test]
    fn other_peers_forms_are_read() {
        let body = b"-- Encrypted Boundary\r\n\
            Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
            OriginalContent: type=application/soap+xml;charset=UTF-8;length=2\r\n\
            -- Encrypted Boundary\r\n\
            Content-Type: application/octet-stream\r\n\
            \x01\0\0\0\x01--\r\n-- Encrypted Boundary--\r\n\r\n";
        assert_eq!(unseal(&mut context(1, None), TYPE, body).unwrap(), [!b'-', !b'-']);
        let other = "Multipart/Encrypted; boundary=xyz";
        let body = b"\r\n--xyz\r\nOriginalContent: Length=0\r\n--xyz\r\nContent-Type: application/octet-stream\r\n\0\0\0\0--xyz--";
        assert_eq!(parts(other, body).unwrap(), [Part { length: 0, header: b"", data: b"" }]);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for length in ["0", "2", "4", "4294967295", "-1", "x", ""] {
            let body = format!(
                "--b\r\nOriginalContent: Length={length}\r\n--b\r\nContent-Type: application/octet-stream\r\n\0\0\0\0abc--b--\r\n"
            );
            let result = parts("multipart/encrypted;boundary=b", body.as_bytes());
            assert!(matches!(result, Err(AuthError::Malformed { .. })), "{length}: {result:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..5),
            header in 0usize..80,
            chunk in proptest::option::of(1usize..64),
        ) {
            let (mut us, mut them) = (context(header, chunk), context(header, chunk));
            for message in messages {
                let sealed = seal(&mut us, &message).unwrap();
                prop_assert_eq!(unseal(&mut them, &sealed.content_type, &sealed.body).unwrap(), message);
            }
        }

        #[test]
        fn any_mutation_is_read_without_panic(
            message in proptest::collection::vec(any::<u8>(), 0..40),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut body = seal(&mut context(3, Some(7)), &message).unwrap().body;
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body.truncate(cut.index(body.len() + 1));
            let _ = parts(TYPE, &body);
        }
    }
}
