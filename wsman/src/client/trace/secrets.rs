//! Secrets that are known, and taking them out of text in every form in which they could stand there.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::zeroize::Zeroizing;

use crate::clixml::escaped;
use crate::wiped::wiped_by_parts;

/// What stands where something was left out.
pub(super) const MASK: &str = "***";
/// Shorter secrets are looked for in clear only: a few characters of base64 stand everywhere by chance.
const LEAST_ENCODED: usize = 4;
/// Longest run of characters that may be base64 and is shown: it holds 48 bytes.
const LONGEST_RUN: usize = 64;

type Form = Zeroizing<Vec<u8>>;

/// The forms of all known secrets, found by their first four bytes; whoever keeps many passwords reads each text once.
#[derive(Default)]
pub(super) struct Secrets {
    /// Longest first
    long: HashMap<[u8; 4], Vec<Form>>,
    /// Less than four bytes
    short: Vec<Form>,
}

wiped_by_parts!(Secrets: Form);

impl Secrets {
    /// Takes a secret to its heart.
    pub(super) fn hide(&mut self, clear: &str) {
        for form in forms(clear) {
            let Some((prefix, _)) = form.split_first_chunk::<4>() else {
                if !form.is_empty() && !self.short.contains(&form) {
                    self.short.push(form);
                }
                continue;
            };
            let known = self.long.entry(*prefix).or_default();
            let order = |other: &Form| form.len().cmp(&other.len()).then_with(|| other.as_slice().cmp(&form));
            if let Err(place) = known.binary_search_by(order) {
                known.insert(place, form);
            }
        }
    }

    /// The text without them.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut at = 0;
        while at < text.len() {
            match self.found_at(text.as_bytes().get(at..).unwrap_or_default()) {
                // A form is text, so that it begins and ends where characters do.
                Some(length) => {
                    out.push_str(text.get(copied..at).unwrap_or_default());
                    out.push_str(MASK);
                    at += length;
                    copied = at;
                }
                None => at += 1,
            }
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        out
    }

    fn found_at(&self, rest: &[u8]) -> Option<usize> {
        let is_here = |form: &&Form| rest.starts_with(form);
        let long = rest.first_chunk::<4>().and_then(|prefix| self.long.get(prefix)?.iter().find(is_here));
        long.or_else(|| self.short.iter().find(is_here)).map(|form| form.len())
    }
}

/// A secret as it could stand in a text: in clear, escaped as in CLIXML and XML, and as base64 (of any alignment) and
/// hexadecimal of its UTF-8 and its UTF-16.
fn forms(clear: &str) -> Vec<Form> {
    let from_xml = |text: String| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mut forms = Vec::new();
    for text in [clear.to_owned(), from_xml(escaped(clear))] {
        let xml = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        forms.extend([xml.replace('"', "&quot;"), xml, text]);
    }
    if clear.len() >= LEAST_ENCODED {
        let utf16: Zeroizing<Vec<u8>> =
            Zeroizing::new(clear.encode_utf16().flat_map(u16::to_le_bytes).collect());
        for bytes in [clear.as_bytes(), &utf16] {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            forms.extend([hex.to_uppercase(), hex]);
            for shift in 0..3 {
                forms.extend([STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| {
                    let shifted = Zeroizing::new([&vec![0; shift], bytes].concat());
                    let text = Zeroizing::new(engine.encode(&*shifted));
                    // Characters that hold bits of what stands before or behind are not known.
                    let (from, to) = ((shift * 8).div_ceil(6), (shift + bytes.len()) * 8 / 6);
                    text.get(from..to).unwrap_or_default().to_owned()
                }));
            }
        }
    }
    forms.into_iter().map(|form| Zeroizing::new(form.into_bytes())).collect()
}

/// The text without long pieces of base64: tokens that somebody echoes, keys, binary values.
pub(super) fn without_base64(text: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_base64) {
        let (before, run) = rest.split_at(start);
        let (run, behind) = run.split_at(run.find(|c| !is_base64(c)).unwrap_or(run.len()));
        out.push_str(before);
        // Not a line of dashes, a thumbprint, nor most paths.
        let has = |kind: fn(&u8) -> bool| run.as_bytes().iter().any(kind);
        let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
        if run.len() >= LONGEST_RUN && mixed {
            out.push_str(&format!("[{} characters of base64]", run.len()));
        } else {
            out.push_str(run);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn knowing(secrets: &[&str]) -> Secrets {
        let mut known = Secrets::default();
        secrets.iter().for_each(|secret| known.hide(secret));
        known
    }

    #[test]
    fn every_form_is_found() {
        let secret = "pä&<w_x0041_>\"";
        let known = knowing(&[secret, "ab", "päx", "password", "password2"]);
        let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let shown = known.scrub(&format!(
            "clear {secret} short ab both password2 text p\u{e4}&amp;&lt;w_x0041_&gt;\" attribute p\u{e4}&amp;&lt;w_x0041_&gt;&quot; hex {} {}",
            hex(secret.as_bytes()),
            hex(&utf16).to_lowercase(),
        ));
        assert_eq!(shown, "clear *** short *** both *** text *** attribute *** hex *** ***");
        assert_eq!(knowing(&[""]).scrub("nothing"), "nothing");
    }

    proptest! {
        #[test]
        fn no_alignment_hides_a_secret(
            before in proptest::collection::vec(any::<u8>(), 0..6),
            secret in "[a-zA-Z0-9!äß€]{6,20}",
            after in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for bytes in [secret.as_bytes(), &utf16] {
                let text = STANDARD.encode([&before, bytes, &after].concat());
                let shown = knowing(&[&secret]).scrub(&text);
                prop_assert!(shown.contains(MASK), "{text} is shown as {shown}");
                prop_assert!(shown.len() < before.len() * 2 + after.len() * 2 + 16, "{shown}");
            }
        }

        #[test]
        fn what_holds_no_secret_stays(text in "[a-m <&\"é]{0,200}") {
            prop_assert_eq!(knowing(&["zyxwv", "öööö"]).scrub(&text), text);
        }
    }

    #[test]
    fn long_base64_is_not_shown() {
        let token = STANDARD.encode([7u8, 200, 13].repeat(40));
        assert_eq!(without_base64(&format!("<b>{token}</b>")), "<b>[160 characters of base64]</b>");
        let paths = format!("/a/long/path/{} {} ABC123abc", "x".repeat(80), "-".repeat(100));
        assert_eq!(without_base64(&paths), paths);
    }
}
