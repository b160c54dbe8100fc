//! What is taken, and what it is called when it is put away. Pure.

use std::path::Path;

/// What a receipt is called beside its file.
pub const RECEIPT: &str = ".receipt.json";
/// What the rows that failed are called beside their file, but for the ending.
pub const FAILURES: &str = ".failures";

/// What a file that was dropped holds, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A flow: CSV or JSON Lines
    Flow,
    /// Provisioning orders
    Orders,
}

/// What a file holds; nothing for what is left alone: hidden files, other endings (`.tmp`, `.part`), names
/// with control characters, and what stands beside a file that was put away.
pub fn kind(name: &str) -> Option<Kind> {
    let lower = name.to_ascii_lowercase();
    let ours = lower.ends_with(RECEIPT) || lower.contains(&format!("{FAILURES}."));
    // A name that steers a terminal or begins a line of its own has no good in mind.
    if lower.starts_with(['.', '~']) || lower.contains(char::is_control) || ours {
        return None;
    }
    match Path::new(&lower).extension()?.to_str()? {
        "csv" | "jsonl" => Some(Kind::Flow),
        "json" => Some(Kind::Orders),
        _ => None,
    }
}

/// The first of `joiners.csv`, `joiners-2.csv`, `joiners-3.csv`, ... that nobody has.
pub fn vacant(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let path = Path::new(name);
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = (part(path.file_stem()), part(path.extension()));
    let numbered = |number: u64| match (number, ending.as_str()) {
        (1, _) => name.to_owned(),
        (_, "") => format!("{stem}-{number}"),
        _ => format!("{stem}-{number}.{ending}"),
    };
    // INVARIANT: a folder has fewer files than there are numbers, so the search ends at a name.
    (1..).map(numbered).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flows_and_orders_are_taken() {
        for name in ["joiners.csv", "JOINERS.CSV", "a.b.jsonl"] {
            assert_eq!(kind(name), Some(Kind::Flow), "{name}");
        }
        assert_eq!(kind("orders.json"), Some(Kind::Orders));
        for name in [
            ".joiners.csv",
            "~joiners.csv",
            "joiners.csv.tmp",
            "joiners.csv.part",
            "joiners.csv.filepart",
            "joiners",
            "joiners.txt",
            "join\ners.csv",
            "joiners.csv.receipt.json",
            "joiners.csv.failures.csv",
        ] {
            assert_eq!(kind(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let taken = ["a.csv", "a-2.csv", "b", ".csv"];
        let vacant = |name: &str| vacant(name, |name| taken.contains(&name));
        assert_eq!(vacant("c.csv"), "c.csv");
        assert_eq!(vacant("a.csv"), "a-3.csv");
        assert_eq!(vacant("b"), "b-2");
    }
}
