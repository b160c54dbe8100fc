//! Changing a seed.

mod der;

use crate::random::Random;
use crate::targets::Shape;

/// No input is longer: decoders see what fits into one message.
const MAX_INPUT: usize = 64 << 10;
/// Numbers at which lengths and counts go wrong.
const EDGES: [u32; 14] = [
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x1_0000,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
];

/// A seed with one to six changes.
pub(crate) fn mutate(random: &mut Random, seeds: &[Vec<u8>], shape: Shape) -> Vec<u8> {
    let mut input = random.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        if input.len() > MAX_INPUT {
            break;
        }
        match shape {
            Shape::Der if random.below(3) > 0 => der::change(random, &mut input, seeds),
            Shape::Text(words) if random.below(3) > 0 => change_text(random, &mut input, words),
            _ => change_bytes(random, &mut input, seeds),
        }
    }
    input.truncate(MAX_INPUT);
    input
}

fn change_bytes(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = random.below(input.len() + 1);
    let end = at + random.below((input.len() - at).min(64) + 1);
    match random.below(9) {
        0 => replace(input, at, 1, |byte| byte ^ (1 << random.below(8))),
        1 => replace(input, at, 1, |_| random.byte()),
        2 => overwrite(input, at, &edge(random)),
        3 => drop(input.drain(at..end)),
        4 => {
            let copy = input[at..end].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, copy);
        }
        5 => {
            let bytes: Vec<u8> = (0..random.below(16)).map(|_| random.byte()).collect();
            input.splice(at..at, bytes);
        }
        6 => input.truncate(at),
        7 => {
            // The beginning of this one, the end of another.
            let other = random.pick(seeds).cloned().unwrap_or_default();
            let from = random.below(other.len() + 1);
            input.splice(at.., other[from..].iter().copied());
        }
        _ => {
            let byte = random.byte();
            replace(input, at, random.below(32), |_| byte);
        }
    }
}

/// An edge in one, two or four bytes, either end first.
fn edge(random: &mut Random) -> Vec<u8> {
    let number = random.pick(&EDGES).copied().unwrap_or_default();
    let width = [1, 2, 4][random.below(3)];
    if random.below(2) == 0 {
        number.to_be_bytes()[4 - width..].to_vec()
    } else {
        number.to_le_bytes()[..width].to_vec()
    }
}

fn change_text(random: &mut Random, input: &mut Vec<u8>, words: &[&str]) {
    let lines: Vec<usize> =
        input.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let at = random.below(input.len() + 1);
    match random.below(5) {
        0 => {
            let word = random.pick(words).copied().unwrap_or_default();
            input.splice(at..at, word.bytes());
        }
        1 => {
            let word = random.pick(words).copied().unwrap_or_default();
            let at = random.pick(&lines).copied().unwrap_or(at);
            input.splice(at..at, word.bytes().chain(*b"\n"));
        }
        2 => {
            // A line, or several, again and again.
            let from = random.pick(&lines).copied().unwrap_or_default();
            let to = random.pick(&lines).copied().unwrap_or(input.len()).max(from);
            let copy = input[from..to].repeat(1 + random.below(8));
            input.splice(from..from, copy);
        }
        3 => {
            let from = random.pick(&lines).copied().unwrap_or_default();
            let to = lines.iter().copied().find(|line| *line > from).unwrap_or(input.len());
            input.drain(from..to);
        }
        _ => {
            let number = random.pick(&EDGES).copied().unwrap_or_default().to_string();
            let digits: Vec<usize> = input
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_digit())
                .map(|(at, _)| at)
                .collect();
            let at = random.pick(&digits).copied().unwrap_or(at);
            input.splice(at..at, number.bytes());
        }
    }
}

fn replace(input: &mut [u8], at: usize, count: usize, mut with: impl FnMut(u8) -> u8) {
    input.iter_mut().skip(at).take(count).for_each(|byte| *byte = with(*byte));
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    input.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}
