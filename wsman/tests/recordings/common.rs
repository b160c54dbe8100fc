#![allow(dead_code)]
//! Finding recordings and counting agreement.

use std::path::{Path, PathBuf};

/// The folder named by `WSMAN_RECORDINGS`, or `None` after a loud word.
pub fn root() -> Option<PathBuf> {
    match std::env::var_os("WSMAN_RECORDINGS") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => {
            println!("SKIPPED: WSMAN_RECORDINGS is not set: no recording of a real peer was compared");
            None
        }
    }
}

/// Files in `folder` below the root whose names end in `suffix`, sorted; a missing folder has none.
pub fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let Some(root) = root() else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        println!("SKIPPED: {folder}: not among the recordings");
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && path.to_string_lossy().ends_with(suffix))
        .collect();
    found.sort();
    found
}

/// One file below the root, if it is there.
pub fn file(place: &str) -> Option<PathBuf> {
    let path = root()?.join(place);
    if path.is_file() {
        return Some(path);
    }
    println!("SKIPPED: {place}: not among the recordings");
    None
}

/// The lines of a JSON Lines file.
pub fn json_lines(path: &Path) -> Vec<serde_json::Value> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let mut reader = serde_json::Deserializer::from_str(line);
            // Trees of deep objects nest further than the default limit.
            reader.disable_recursion_limit();
            serde::Deserialize::deserialize(&mut reader).unwrap()
        })
        .collect()
}

/// Counts cases of one file and prints `FILE: n of m agree`.
pub struct Tally {
    file: String,
    total: usize,
    /// Cases that disagree, with what was seen.
    failures: Vec<(String, String)>,
    /// Deviations that SPEC.md lists with their reason: counted apart.
    deviations: usize,
}

impl Tally {
    pub fn new(path: &Path) -> Self {
        let file = match root() {
            Some(root) => path.strip_prefix(&root).unwrap_or(path).display().to_string(),
            None => path.display().to_string(),
        };
        Self { file, total: 0, failures: Vec::new(), deviations: 0 }
    }

    /// Counts one case.
    pub fn case(&mut self, name: &str, result: Result<(), String>) {
        self.total += 1;
        if let Err(why) = result {
            self.failures.push((name.to_owned(), why));
        }
    }

    /// Counts a case where we differ on purpose; `reason` stands in SPEC.md.
    pub fn deviation(&mut self, name: &str, reason: &str) {
        self.total += 1;
        self.deviations += 1;
        println!("{}: {name}: differs on purpose: {reason}", self.file);
    }

    /// Prints the line and fails the test when a case disagrees.
    pub fn finish(self) {
        let agree = self.total - self.failures.len() - self.deviations;
        for (name, why) in self.failures.iter().take(40) {
            println!("{}: {name}: {why}", self.file);
        }
        println!("{}: {agree} of {} agree", self.file, self.total);
        assert!(self.failures.is_empty(), "{}: {} cases disagree", self.file, self.failures.len());
    }
}
