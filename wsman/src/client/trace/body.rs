//! Bodies of requests and answers as indented text.

use super::header::is_secret;
use super::message::{Direction, Streams, children};
use super::secrets::MASK;
use crate::soap::ns;
use crate::xml::{Element, Limits, Node};

/// Elements that hold fragments, `[MS-PSRP] 3.1.5.3`.
const CARRIERS: [&str; 5] = ["creationXml", "connectXml", "connectResponseXml", "Arguments", "Stream"];
const PREFIXES: &[(&str, &str)] = &[
    ("s", ns::SOAP),
    ("a", ns::ADDRESSING),
    ("w", ns::WSMAN),
    ("p", ns::WSMV),
    ("x", ns::TRANSFER),
    ("rsp", ns::SHELL),
];

/// A body as it may be shown.
pub(super) fn shown(body: &[u8], direction: Direction, streams: &mut Streams) -> String {
    if body.is_empty() {
        return String::new();
    }
    match Element::parse(body, &Limits::default()) {
        Ok(mut document) => {
            redact(&mut document, direction, None, streams);
            indent(&mut document, 0);
            document.to_xml(PREFIXES) + "\n"
        }
        Err(_) => match std::str::from_utf8(body) {
            Ok(text) => format!("{text}\n"),
            Err(_) => format!("[{} bytes that are no text]\n", body.len()),
        },
    }
}

/// `command` is the nearest `CommandId` above.
fn redact(element: &mut Element, direction: Direction, command: Option<&str>, streams: &mut Streams) {
    let own = element.attribute("CommandId").map(str::to_owned);
    let command = own.as_deref().or(command);
    if CARRIERS.contains(&element.name.as_str()) {
        let text = element.text().trim().to_owned();
        element.children = match text.is_empty() {
            true => Vec::new(),
            false => streams.messages(direction, command, &text).into_iter().map(Node::Element).collect(),
        };
    } else if is_secret(&element.name) {
        element.children = vec![Node::Text(MASK.into())];
    } else {
        children(element).for_each(|child| redact(child, direction, command, streams));
    }
}

/// Puts each element on a line of its own where there is no text beside it.
fn indent(element: &mut Element, depth: usize) {
    let is_text = |node: &Node| matches!(node, Node::Text(text) if !text.trim().is_empty());
    if element.elements().next().is_none() || element.children.iter().any(is_text) {
        return;
    }
    let line = |depth: usize| Node::Text(format!("\n{}", "  ".repeat(depth)));
    let nodes = std::mem::take(&mut element.children);
    for node in nodes {
        if let Node::Element(mut child) = node {
            indent(&mut child, depth + 1);
            element.children.push(line(depth + 1));
            element.children.push(Node::Element(child));
        }
    }
    element.children.push(line(depth));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::psrp::fragment::Fragmenter;
    use crate::psrp::message::{Destination, Message, MessageType};
    use crate::wsmv::{Command, RequestHeader, Send, write_request};

    fn object(message_type: MessageType, body: &str) -> Vec<u8> {
        let (destination, pool_id, pipeline_id) = (Destination::Server, Uuid::nil(), Uuid::from_u128(7));
        Message { destination, message_type, pool_id, pipeline_id, body: body.into() }.to_bytes()
    }

    fn fragments(id: u64, object: Vec<u8>, size: usize) -> Vec<Vec<u8>> {
        let mut fragmenter = Fragmenter::new(id, object);
        let mut all = Vec::new();
        while !fragmenter.is_done() {
            let mut fragment = Vec::new();
            fragmenter.write(size, &mut fragment);
            all.push(fragment);
        }
        all
    }

    fn command(fragments: &[u8]) -> String {
        write_request(&RequestHeader::new("http://h/wsman", "uuid:1"), &Command::pipeline("AB", fragments))
    }

    fn send(fragments: Vec<u8>) -> String {
        write_request(
            &RequestHeader::new("http://h/wsman", "uuid:2"),
            &Send::new("stdin", Some("ab"), fragments),
        )
    }

    fn to_server(streams: &mut Streams, document: &str) -> String {
        shown(document.as_bytes(), Direction::ToServer, streams)
    }

    #[test]
    fn what_is_called_a_secret_is_not_shown_however_it_is_written() {
        let body = "<Obj><MS>\
            <S N=\"Password\">canary</S>\
            <Obj N=\"client_secret\"><MS><S N=\"a\">canary</S></MS></Obj>\
            <Obj><MS><S N=\"N\">-RoomMailboxPassword:</S><S N=\"V\">canary</S></MS></Obj>\
            <DCT><En><S N=\"Key\">SessionKey</S><BA N=\"Value\">canary</BA></En></DCT>\
            <LST><SS>canary</SS><BA>canary</BA></LST>\
            <S N=\"Name\">kept</S></MS></Obj>";
        let fragment = fragments(1, object(MessageType::PipelineInput, body), 100_000).concat();
        let text = to_server(&mut Streams::default(), &command(&fragment));
        assert!(!text.contains("canary") && text.contains("kept"), "{text}");
        assert!(text.contains("<Message Type=\"PIPELINE_INPUT\" Pipeline="), "{text}");
        let key = "<Obj><MS><S N=\"AnyName\">canary</S></MS></Obj>";
        let fragment = fragments(1, object(MessageType::EncryptedSessionKey, key), 100_000).concat();
        let text = to_server(&mut Streams::default(), &command(&fragment));
        assert!(!text.contains("canary") && text.contains("ENCRYPTED_SESSION_KEY"), "{text}");
        let envelope = "<a><Password>canary</Password><b><Stream>canary!</Stream></b></a>";
        let text = to_server(&mut Streams::default(), envelope);
        assert!(!text.contains("canary") && text.contains("7 characters that are no base64"), "{text}");
    }

    #[test]
    fn a_message_in_pieces_is_shown_where_it_ends() {
        let object = object(MessageType::CreatePipeline, "<S>The whole</S>");
        let pieces = fragments(1, object, 40);
        let (first, rest) = pieces.split_first().unwrap();
        let mut streams = Streams::default();
        let text = to_server(&mut streams, &command(first));
        assert!(text.contains("it is shown where it ends") && !text.contains("CREATE_PIPELINE"), "{text}");
        // Another command's pieces do not mix with them, and an id is the same in any case.
        let other = write_request(
            &RequestHeader::new("http://h/wsman", "uuid:3"),
            &Send::new("stdin", Some("cd"), first.clone()),
        );
        to_server(&mut streams, &other);
        let text = to_server(&mut streams, &send(rest.concat()));
        assert!(text.contains("CREATE_PIPELINE") && text.contains("<S>The whole</S>"), "{text}");
        let text = to_server(&mut streams, &send(rest.concat()));
        assert!(text.contains("bytes of fragments: ") && !text.contains("whole"), "{text}");
    }

    #[test]
    fn deep_and_many() {
        let deep = format!("{}{}", "<Obj><LST>".repeat(200), "</LST></Obj>".repeat(200));
        let fragment = fragments(1, object(MessageType::PipelineOutput, &deep), 100_000).concat();
        let text = to_server(&mut Streams::default(), &command(&fragment));
        assert!(text.contains("<LST>"), "{text}");
        let deeper = format!("{}{}", "<LST>".repeat(5_000), "</LST>".repeat(5_000));
        let fragment = fragments(1, object(MessageType::PipelineOutput, &deeper), 1_000_000).concat();
        let text = to_server(&mut Streams::default(), &command(&fragment));
        assert!(text.contains("<NotShown>") && !text.contains("<LST>"), "{text}");
    }

    proptest! {
        #[test]
        fn no_mutation_makes_it_panic(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let body = "<Obj RefId=\"0\"><MS><S N=\"a\">b</S><SS N=\"V\">canary</SS></MS></Obj>";
            let object = object(MessageType::CreatePipeline, body);
            let mut bytes = fragments(1, object, 60).concat();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            let mut streams = Streams::default();
            to_server(&mut streams, &command(&bytes));
            let document = command(&fragments(2, bytes, 100_000).concat());
            let mut damaged = document.into_bytes();
            let place = at.index(damaged.len());
            damaged[place] = byte;
            damaged.truncate(cut.index(damaged.len()) + 1);
            shown(&damaged, Direction::ToClient, &mut streams);
            shown(&damaged, Direction::ToServer, &mut streams);
        }
    }
}
