//! The commented example that `mailwright init` writes.

use std::io::{self, Write as _};
use std::path::Path;

/// The example: valid as it stands, every other key as a comment.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Writes the example; a file that is there is never overwritten.
pub fn write_template(file: &Path) -> io::Result<()> {
    let mut target = std::fs::OpenOptions::new().write(true).create_new(true).open(file)?;
    target.write_all(TEMPLATE.as_bytes())
}
