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
