//! The log of `mailwright lab`.

use std::path::Path;

use serde_json::Value as Json;

/// Its entries so far. The last line may be under way: the lab goes on while it is read.
pub fn log_entries(file: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(file).unwrap();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}
