//! Sizes of files, and what must not stand in them.

use crate::source::rust_files;

#[test]
fn files_are_small() {
    let sources: Vec<_> = rust_files("src").into_iter().chain(rust_files("wsman/src")).collect();
    let mut sizes: Vec<usize> = sources.iter().map(|source| source.text.lines().count()).collect();
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(median <= 200, "the median is {median} lines");
    let everywhere = sources.into_iter().chain(rust_files("tests")).chain(rust_files("wsman/tests"));
    for source in everywhere {
        let lines = source.text.lines().count();
        assert!(lines <= 900, "{} has {lines} lines", source.path);
    }
}

#[test]
fn no_shortcuts() {
    let mut wrong = Vec::new();
    let sources: Vec<_> = rust_files("src").into_iter().chain(rust_files("wsman/src")).collect();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.code() {
            let excused =
                lines[number.saturating_sub(5)..number].iter().any(|line| line.contains("INVARIANT:"));
            let panics =
                [".unwrap()", ".expect(", "panic!(", "unreachable!("].iter().any(|word| line.contains(word));
            if panics && !excused {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
            if ["todo!(", "unimplemented!(", "dbg!(", "unsafe "].iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "these need another way, or an INVARIANT: comment:\n{}", wrong.join("\n"));
}

#[test]
fn no_test_is_switched_off() {
    let attribute = format!("#[{}", "ignore");
    let everywhere = ["src", "tests", "wsman/src", "wsman/tests"].into_iter().flat_map(rust_files);
    for source in everywhere {
        let off = source.text.lines().any(|line| line.trim_start().starts_with(&attribute));
        assert!(!off, "{} switches a test off", source.path);
    }
}
