//! Without the feature `age`: encrypted files are known when they are seen, and not opened.

use std::path::Path;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::Reason;

/// Whether these bytes are an age file.
pub(crate) fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

pub(super) fn value(_: &Path, _: &str) -> Result<SecretString, Reason> {
    Err(not_built_in())
}

pub(crate) fn decrypt(_: &[u8]) -> Result<Zeroizing<String>, Reason> {
    Err(not_built_in())
}

fn not_built_in() -> Reason {
    Reason::from("this program was built without the feature `age`").hint("build it with --features age")
}
