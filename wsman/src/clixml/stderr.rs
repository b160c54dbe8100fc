//! What PowerShell writes to stderr when its output is no console.

use super::decode::Decoder;
use super::limits::Limits;
use super::value::Value;
use crate::xml::{self, Element};

/// The line before each group of documents.
const MARK: &str = "#< CLIXML";
const DOCUMENT_END: &str = "</Objs>";

/// A piece of a stderr.
#[derive(Clone, Debug, PartialEq)]
pub enum StderrPart {
    /// What a program wrote, or what could not be read as CLIXML
    Text(String),
    /// The records of one document
    Records(Vec<StderrRecord>),
}

/// A record in a document.
#[derive(Clone, Debug, PartialEq)]
pub struct StderrRecord {
    /// The stream it belongs to: `Error`, `progress`, `warning`, ...
    pub stream: String,
    /// What it is
    pub value: Value,
}

/// Splits a stderr into texts and the `#< CLIXML` documents between them. Nothing is refused: what cannot be read
/// stays text, and bytes that are not UTF-8 become U+FFFD.
///
/// ```
/// use wsman::clixml::{StderrPart, split_stderr};
///
/// let stderr = b"before\r\n#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><S S=\"Error\">no_x000D__x000A_</S></Objs>";
/// let parts = split_stderr(stderr);
/// assert_eq!(parts[0], StderrPart::Text("before\r\n".to_owned()));
/// let StderrPart::Records(records) = &parts[1] else { unreachable!("a document") };
/// assert_eq!((records[0].stream.as_str(), records[0].value.as_str()), ("Error", Some("no\r\n")));
/// ```
pub fn split_stderr(bytes: &[u8]) -> Vec<StderrPart> {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = Vec::new();
    let mut rest = text.as_ref();
    while let Some((before, after)) = rest.split_once(MARK) {
        push_text(&mut parts, before);
        let documents = after.trim_start();
        rest = take_documents(documents, &mut parts);
        if rest.len() == documents.len() {
            // A mark and nothing behind it that could be read.
            push_text(&mut parts, MARK);
            rest = after;
        }
    }
    push_text(&mut parts, rest);
    parts
}

/// Takes the documents off that stand at the beginning.
fn take_documents<'t>(mut rest: &'t str, parts: &mut Vec<StderrPart>) -> &'t str {
    loop {
        let start = rest.trim_start();
        if !start.starts_with("<Objs") {
            return rest;
        }
        // In CLIXML no text can hold `<`: the first end is the document's.
        let Some(end) = start.find(DOCUMENT_END) else { return rest };
        let (document, after) = start.split_at(end + DOCUMENT_END.len());
        let Some(records) = read(document) else { return rest };
        parts.push(StderrPart::Records(records));
        rest = after;
    }
}

fn read(document: &str) -> Option<Vec<StderrRecord>> {
    let limits = xml::Limits::default();
    let root = Element::parse(document.as_bytes(), &limits).ok()?;
    let values = Decoder::new(Limits::default()).decode_document_text(document).ok()?;
    let streams: Vec<_> = root.elements().map(|child| child.attribute("S").unwrap_or_default()).collect();
    (streams.len() == values.len()).then(|| {
        let records = streams.into_iter().zip(values);
        records.map(|(stream, value)| StderrRecord { stream: stream.to_owned(), value }).collect()
    })
}

fn push_text(parts: &mut Vec<StderrPart>, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(StderrPart::Text(before)) => before.push_str(text),
        _ => parts.push(StderrPart::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPEN: &str = "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">";

    fn error(text: &str) -> StderrPart {
        let value = Value::String(text.into());
        StderrPart::Records(vec![StderrRecord { stream: "Error".to_owned(), value }])
    }

    #[test]
    fn texts_and_documents_keep_their_order() {
        let stderr = format!(
            "a\n{MARK}\r\n{OPEN}<S S=\"Error\">one</S></Objs>{OPEN}<S S=\"Error\">two</S></Objs>b{MARK}\n{OPEN}<S S=\"Error\">three</S></Objs>"
        );
        let text = |text: &str| StderrPart::Text(text.to_owned());
        assert_eq!(
            split_stderr(stderr.as_bytes()),
            [text("a\n"), error("one"), error("two"), text("b"), error("three")]
        );
    }

    #[test]
    fn what_cannot_be_read_stays_text() {
        for stderr in [
            MARK.to_owned(),
            format!("{MARK} none"),
            format!("{MARK}\r\n{OPEN}<S S=\"Error\">cut"),
            format!("{MARK}\r\n{OPEN}<I32>no number</I32></Objs> after"),
        ] {
            assert_eq!(split_stderr(stderr.as_bytes()), [StderrPart::Text(stderr)]);
        }
        assert_eq!(split_stderr(b""), []);
        assert_eq!(split_stderr(b"\xFF"), [StderrPart::Text("\u{FFFD}".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(pieces in proptest::collection::vec(prop_oneof![
            Just(MARK.to_owned()), Just(OPEN.to_owned()), Just(DOCUMENT_END.to_owned()), "\\PC{0,9}",
        ], 0..12)) {
            let _ = split_stderr(pieces.concat().as_bytes());
        }
    }
}
