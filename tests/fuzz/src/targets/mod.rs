//! What is fuzzed, and with which seeds.

mod credssp;
mod files;
mod http;
mod kdc;
mod kerberos;
mod ntlm;
mod service;
mod spnego;
mod spnego_kerberos;
mod wrap;

use std::fmt::Debug;

/// How inputs are built, for mutations along their structure.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Fields and lengths
    Bytes,
    /// Tag, length, value
    Der,
    /// Lines, with these words in them
    Text(&'static [&'static str]),
}

/// Reads an input; whether it was accepted.
pub type Read = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A decoder, or a machine that reads with one.
pub struct Target {
    /// Its name
    pub name: &'static str,
    /// What is mutated
    pub seeds: Vec<Vec<u8>>,
    /// How the seeds are built
    pub shape: Shape,
    /// Reads an input; panics where something is wrong
    pub run: Read,
}

impl Target {
    fn new(
        name: &'static str,
        shape: Shape,
        seeds: Vec<Vec<u8>>,
        run: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name, seeds, shape, run: Box::new(run) }
    }
}

/// All of them.
#[must_use]
pub fn targets() -> Vec<Target> {
    [
        ntlm::targets(),
        spnego::targets(),
        kerberos::targets(),
        kdc::targets(),
        service::targets(),
        wrap::targets(),
        spnego_kerberos::targets(),
        credssp::targets(),
        files::targets(),
        http::targets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What was read and can be written is read again as the same; whether it was read at all.
fn stable<T: PartialEq + Debug, B: AsRef<[u8]>, E, F>(
    input: &[u8],
    parse: impl Fn(&[u8]) -> Result<T, E>,
    write: impl Fn(&T) -> Result<B, F>,
) -> bool {
    let Ok(value) = parse(input) else { return false };
    if let Ok(bytes) = write(&value) {
        assert_eq!(parse(bytes.as_ref()).ok(), Some(value), "written differently than read");
    }
    true
}
