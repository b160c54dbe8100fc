//! Elements compared by what they mean.

use wsman::wsmv::parse_duration;
use wsman::xml::Element;

/// Whether two lists of elements mean the same, in any order.
pub fn same(what: &str, theirs: &[Element], ours: &[Element]) -> Result<(), String> {
    let (mut theirs, mut ours) = (texts(theirs), texts(ours));
    theirs.sort();
    ours.sort();
    for (left, right) in theirs.iter().zip(&ours) {
        if left != right {
            return Err(format!("{what}: theirs {} ours {}", shown(left), shown(right)));
        }
    }
    match theirs.len() == ours.len() {
        true => Ok(()),
        false => Err(format!("{what}: {} elements there, {} in ours", theirs.len(), ours.len())),
    }
}

fn texts(elements: &[Element]) -> Vec<String> {
    elements.iter().map(text).collect()
}

/// One text for all forms of an element that mean the same: attributes sorted, durations in seconds, white space
/// around texts gone. Order is kept, but for shells, whose parts are fields.
fn text(element: &Element) -> String {
    let mut attributes: Vec<String> = element
        .attributes
        .iter()
        .map(|a| (a.name.as_str(), a.value.to_ascii_lowercase(), &a.value))
        .filter(|(name, lower, _)| !(*name == "End" && lower == "false"))
        .map(|(name, lower, value)| match name {
            "End" => format!(" {name}={lower}"),
            _ => format!(" {name}={value}"),
        })
        .collect();
    let mut children = Vec::new();
    for child in element.elements() {
        // A client writes the name of a new shell as an element or as an attribute.
        match element.name == "Shell" && child.name == "Name" {
            true => attributes.push(format!(" Name={}", child.text().trim())),
            false => children.push(text(child)),
        }
    }
    attributes.sort();
    if element.name == "Shell" {
        children.sort();
    }
    let own = element.text();
    let own = match (element.name.as_str(), own.trim()) {
        ("Command" | "Arguments" | "Variable", _) => own.into_owned(),
        (_, trimmed) => match parse_duration(trimmed) {
            Some(duration) => format!("{duration:?}"),
            None => trimmed.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        },
    };
    let namespace = element.namespace.as_deref().unwrap_or_default();
    format!("{{{namespace}}}{}{}({own}{})", element.name, attributes.concat(), children.concat())
}

fn shown(text: &str) -> String {
    text.chars().take(300).collect()
}
