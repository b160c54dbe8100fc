//! `vault:mount/path#field`

use std::fmt;
use std::str::FromStr;

/// What `vault:` names: a secret and one of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VaultPath {
    segments: Vec<String>,
    field: String,
}

const FORM: &str = "vault: needs mount/path#field";

impl FromStr for VaultPath {
    type Err = &'static str;

    /// The first segment is the mount, or its beginning: the server knows how far it goes.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (path, field) = text.rsplit_once('#').ok_or(FORM)?;
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let is_bad = |segment: &String| {
            segment.is_empty() || segment == "." || segment == ".." || segment.chars().any(char::is_control)
        };
        if segments.len() < 2 || field.is_empty() || field.chars().any(char::is_control) {
            return Err(FORM);
        }
        if segments.iter().any(is_bad) {
            return Err("vault: has an empty or a dotted part in its path");
        }
        Ok(Self { segments, field: field.to_owned() })
    }
}

impl fmt::Display for VaultPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.segments.join("/"), self.field)
    }
}

impl VaultPath {
    /// Mount and path, by their parts.
    pub(super) fn segments(&self) -> &[String] {
        &self.segments
    }

    pub(super) fn field(&self) -> &str {
        &self.field
    }
}
