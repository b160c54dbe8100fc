//! The files of the repository.

use std::path::{Path, PathBuf};

/// The top of the repository.
pub fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One source file.
pub struct Source {
    /// Its path below the top, with `/`
    pub path: String,
    /// Its text
    pub text: String,
}

impl Source {
    /// The lines outside `#[cfg(test)]` modules at the end of a file, numbered from 1, without comments.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        // A module of tests in a file of its own is one line, and code goes on behind it.
        let lines: Vec<&str> = self.text.lines().collect();
        let end = lines.windows(3).position(|three| {
            three[0].trim() == "#[cfg(test)]"
                && three[1..].iter().any(|line| line.trim_end().ends_with("mod tests {"))
        });
        self.text
            .lines()
            .enumerate()
            .take(end.unwrap_or(usize::MAX))
            .map(|(at, line)| (at + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether the file holds only tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz" | "testdata"))
            || name.ends_with("tests.rs")
            || name.contains("_tests")
            || name.contains("_properties")
            || name.contains("_rules")
    }
}

/// Every Rust file below a folder of the repository.
pub fn rust_files(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&top().join(folder), &mut found);
    found.sort();
    let sources: Vec<Source> = found
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source {
            path: path.strip_prefix(top()).unwrap().to_string_lossy().replace('\\', "/"),
            text: std::fs::read_to_string(&path).unwrap(),
        })
        .collect();
    assert!(!sources.is_empty(), "no Rust files below {folder}");
    sources
}

/// Every file below a folder.
pub fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}
