//! From bytes to text.

use std::borrow::Cow;

use super::error::{XmlError, XmlErrorKind};

/// Decodes UTF-8 or UTF-16 by the byte order mark, or UTF-16 by the first `<`; the mark is taken off. `[XML]` appendix F.
pub fn decode_bytes(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest, 3),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        _ => utf8(bytes, 0),
    }
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<Cow<'_, str>, XmlError> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|error| XmlError::new(skipped + error.valid_up_to(), XmlErrorKind::Encoding))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, XmlError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(XmlError::new(bytes.len(), XmlErrorKind::Encoding));
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<String, _>>()
        .map(Cow::Owned)
        .map_err(|_| XmlError::new(0, XmlErrorKind::Encoding))
}

/// The offset of the first character that XML 1.0 does not allow raw, [XML] 2.2.
pub(crate) fn forbidden_character(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // One branch per block keeps the pass over a clean document a vector loop.
    for (block_number, block) in bytes.chunks(256).enumerate() {
        let suspicious = block.iter().fold(false, |found, byte| {
            found
                | ((*byte < 0x20) & (*byte != b'\t') & (*byte != b'\n') & (*byte != b'\r'))
                | (*byte == 0xEF)
        });
        if suspicious && let Some(place) = forbidden_in(bytes, block_number * 256, block.len()) {
            return Some(place);
        }
    }
    None
}

fn forbidden_in(bytes: &[u8], start: usize, length: usize) -> Option<usize> {
    (start..start + length).find(|&at| match bytes[at] {
        b'\t' | b'\n' | b'\r' => false,
        0..0x20 => true,
        0xEF => matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unicode_form_is_read() {
        let units: Vec<u16> = "<é/>".encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [
            "<é/>".as_bytes().to_vec(),
            "\u{FEFF}<é/>".as_bytes().to_vec(),
            [&[0xFF, 0xFE][..], &little].concat(),
            [&[0xFE, 0xFF][..], &big].concat(),
            little,
            big,
        ] {
            assert_eq!(decode_bytes(&bytes).unwrap(), "<é/>");
        }
        assert_eq!(decode_bytes(b"ab\xC0\xAF").unwrap_err().offset, 2);
        assert!(decode_bytes(&[0xFF, 0xFE, b'<']).is_err());
        assert!(decode_bytes(&[0xFF, 0xFE, 0x00, 0xD8]).is_err());
    }

    #[test]
    fn forbidden_characters_are_found_anywhere() {
        assert_eq!(forbidden_character("a\tb\r\nc é \u{FEFF} \u{FFFD}"), None);
        for bad in ["\0", "\u{1}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
            for before in [0, 1, 254, 255, 256, 1000] {
                let text = format!("{}{bad}x", "y".repeat(before));
                assert_eq!(forbidden_character(&text), Some(before));
            }
        }
    }
}
