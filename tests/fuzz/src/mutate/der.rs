//! Changes along the structure of DER: the lengths around what was changed stay right.

use super::{change_bytes, edge};
use crate::random::Random;

/// Deeper values are taken for bytes.
const MAX_DEPTH: usize = 24;

/// A value: its tag, and what is in it.
#[derive(Clone)]
struct Node {
    tag: Vec<u8>,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Bytes(Vec<u8>),
    Nodes(Vec<Node>),
}

pub(super) fn change(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let Some(mut nodes) = read(input, 0) else { return change_bytes(random, input, seeds) };
    let count = nodes.iter().map(Node::count).sum::<usize>();
    let other = random
        .pick(seeds)
        .and_then(|seed| read(seed, 0))
        .and_then(|nodes| {
            let count = nodes.iter().map(Node::count).sum::<usize>();
            let mut place = random.below(count);
            nodes.iter().find_map(|node| node.find(&mut place).cloned())
        })
        .unwrap_or(Node { tag: vec![5], content: Content::Bytes(Vec::new()) });
    let mut place = random.below(count);
    change_at(random, &mut nodes, &mut place, &other);
    *input = nodes.iter().flat_map(Node::write).collect();
}

/// Changes the value at `place`, counted from the front; whether it was among these.
fn change_at(random: &mut Random, nodes: &mut Vec<Node>, place: &mut usize, other: &Node) -> bool {
    for index in 0..nodes.len() {
        if *place == 0 {
            change_node(random, nodes, index, other);
            return true;
        }
        *place -= 1;
        if let Content::Nodes(inner) = &mut nodes[index].content
            && change_at(random, inner, place, other)
        {
            return true;
        }
    }
    false
}

fn change_node(random: &mut Random, nodes: &mut Vec<Node>, index: usize, other: &Node) {
    match random.below(9) {
        0 => drop(nodes.remove(index)),
        1 => {
            let copies = vec![nodes[index].clone(); often_few(random, 40)];
            nodes.splice(index..index, copies);
        }
        2 => nodes[index] = other.clone(),
        3 => nodes[index].content = other.content.clone(),
        4 => nodes[index].tag = other.tag.clone(),
        5 => nodes[index].tag = vec![random.byte()],
        6 => {
            let to = random.below(nodes.len());
            nodes.swap(index, to);
        }
        7 => {
            let node = &mut nodes[index];
            for _ in 0..often_few(random, 200) {
                let content = std::mem::replace(&mut node.content, Content::Bytes(Vec::new()));
                node.content = Content::Nodes(vec![Node { tag: node.tag.clone(), content }]);
            }
        }
        _ => {
            let node = &mut nodes[index];
            let mut bytes = node.inner();
            if random.below(2) == 0 {
                bytes = edge(random);
            } else {
                change_bytes(random, &mut bytes, &[]);
            }
            node.content = Content::Bytes(bytes);
        }
    }
}

/// Once in sixteen times up to `most`, and one or two otherwise.
fn often_few(random: &mut Random, most: usize) -> usize {
    let most = if random.below(16) == 0 { most } else { 2 };
    1 + random.below(most)
}

/// All values, one behind the other; `None` where it is not that.
fn read(mut bytes: &[u8], depth: usize) -> Option<Vec<Node>> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut nodes = Vec::new();
    while let [tag, rest @ ..] = bytes {
        let [first, rest @ ..] = rest else { return None };
        let (length, rest) = match first {
            0x80 | 0x84.. => return None,
            0x81..0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 3))?;
                (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            length => (usize::from(*length), rest),
        };
        let (content, rest) = rest.split_at_checked(length)?;
        // Octet strings may hold DER, too.
        let inner =
            if tag & 0x20 != 0 || (*tag == 4 && length > 4) { read(content, depth + 1) } else { None };
        let content = inner.map_or_else(|| Content::Bytes(content.to_vec()), Content::Nodes);
        nodes.push(Node { tag: vec![*tag], content });
        bytes = rest;
    }
    if nodes.is_empty() { None } else { Some(nodes) }
}

impl Node {
    fn count(&self) -> usize {
        match &self.content {
            Content::Bytes(_) => 1,
            Content::Nodes(nodes) => 1 + nodes.iter().map(Self::count).sum::<usize>(),
        }
    }

    fn find(&self, place: &mut usize) -> Option<&Self> {
        if *place == 0 {
            return Some(self);
        }
        *place -= 1;
        match &self.content {
            Content::Bytes(_) => None,
            Content::Nodes(nodes) => nodes.iter().find_map(|node| node.find(place)),
        }
    }

    fn inner(&self) -> Vec<u8> {
        match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Nodes(nodes) => nodes.iter().flat_map(Self::write).collect(),
        }
    }

    fn write(&self) -> Vec<u8> {
        let content = self.inner();
        let mut bytes = self.tag.clone();
        match content.len() {
            length @ 0..0x80 => bytes.push(length as u8),
            length @ 0x80..0x100 => bytes.extend([0x81, length as u8]),
            length => {
                bytes.push(0x83);
                bytes.extend(&(length as u32).to_be_bytes()[1..]);
            }
        }
        bytes.extend(content);
        bytes
    }
}
