//! Looking for secrets in everything that was written, in every form in which they could stand there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Forms are found by so many bytes at their beginning.
const HEAD: usize = 8;

/// Secrets in all their forms.
#[derive(Default)]
pub struct Hunt {
    forms: HashMap<[u8; HEAD], Vec<(String, Vec<u8>)>>,
}

impl Hunt {
    /// A text: as UTF-8 and UTF-16, and what [`Self::key`] makes of these.
    pub fn text(mut self, what: &str, secret: &str) -> Self {
        let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big_endian = secret.encode_utf16().flat_map(u16::to_be_bytes).collect();
        self.add(format!("{what} as UTF-16BE"), big_endian);
        self.key(&format!("{what} as UTF-16LE"), &utf16).key(what, secret.as_bytes())
    }

    /// Bytes: as they are, as `Debug` shows them, in hexadecimal, in base64 behind any number of other bytes.
    pub fn key(mut self, what: &str, secret: &[u8]) -> Self {
        self.add(what.to_owned(), secret.to_vec());
        let list = format!("{secret:?}");
        self.add(format!("{what} as numbers"), list.trim_matches(['[', ']']).as_bytes().to_vec());
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        self.add(format!("{what} in hexadecimal"), hex.to_uppercase().into_bytes());
        self.add(format!("{what} in hexadecimal"), hex.into_bytes());
        for shift in 0..3 {
            let bits: Vec<bool> = std::iter::repeat_n(0, shift)
                .chain(secret.iter().copied())
                .flat_map(|byte: u8| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
                .collect();
            // Whole characters that hold nothing but the secret.
            let first = (shift * 8).div_ceil(6) * 6;
            let characters = bits[first..]
                .chunks_exact(6)
                .map(|six| BASE64[six.iter().fold(0, |value, bit| value << 1 | usize::from(*bit))]);
            let text: Vec<u8> = characters.collect();
            let url_safe = text.iter().map(|c| match c {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            });
            self.add(format!("{what} in base64url at {shift}"), url_safe.collect());
            self.add(format!("{what} in base64 at {shift}"), text);
        }
        self
    }

    fn add(&mut self, what: String, form: Vec<u8>) {
        let head = *form.first_chunk::<HEAD>().expect("a canary is longer than that");
        self.forms.entry(head).or_default().push((what, form));
    }

    /// Fails where one of them is.
    #[track_caller]
    pub fn search(&self, place: &str, bytes: &[u8]) {
        if let Some((what, at)) = self.find(bytes) {
            let around = String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())]);
            panic!("{what} is in {place}, behind: {around}");
        }
    }

    fn find(&self, bytes: &[u8]) -> Option<(&str, usize)> {
        bytes.windows(HEAD).enumerate().find_map(|(at, head)| {
            let forms = self.forms.get(head)?;
            let (what, _) = forms.iter().find(|(_, form)| bytes[at..].starts_with(form))?;
            Some((what.as_str(), at))
        })
    }

    /// Fails where one of them is in a file of this folder or below, but for files of these names. Gives all that was
    /// searched.
    #[track_caller]
    pub fn search_below(&self, folder: &Path, but: &[&str]) -> Vec<PathBuf> {
        let mut searched = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if but.contains(&name) {
                continue;
            }
            self.search("a file name", name.as_bytes());
            if path.is_dir() {
                searched.extend(self.search_below(&path, but));
            } else {
                self.search(&path.display().to_string(), &std::fs::read(&path).unwrap());
                searched.push(path);
            }
        }
        searched
    }
}

/// A search that finds nothing must be one that can find.
#[test]
fn every_form_is_found() {
    let hunt = Hunt::default().text("it", "Canary-7c1f!pw").key("key", &[0, 200, 7, 9, 11, 13, 255, 254, 17]);
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for found in [
        b"x Canary-7c1f!pw".to_vec(),
        utf16("Canary-7c1f!pw"),
        // `printf 'Canary-7c1f!pw' | base64`, and behind one and two characters.
        b"Q2FuYXJ5LTdjMWYhcHc=".to_vec(),
        b"eENhbmFyeS03YzFmIXB3".to_vec(),
        b"eHhDYW5hcnktN2MxZiFwdw==".to_vec(),
        b"43616e6172792d37633166217077".to_vec(),
        b"00C807090B0DFFFE11".to_vec(),
        b"AMgHCQsN__4R".to_vec(),
        b"[1, 0, 200, 7, 9, 11, 13, 255, 254, 17]".to_vec(),
    ] {
        assert!(hunt.find(&found).is_some(), "{}", String::from_utf8_lossy(&found));
    }
    assert_eq!(hunt.find(b"Canary-7c1f!p"), None);
}
