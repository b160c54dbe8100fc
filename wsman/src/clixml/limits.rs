//! What a peer may make us hold.

/// Bounds on one document; going over one is an error that names it. The depth is not among them: 49, as the real
/// reader has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document
    pub document: usize,
    /// Values in all; each takes about 50 bytes beside its text
    pub values: usize,
    /// Bytes of one property's name
    pub name: usize,
    /// Attributes of one element
    pub attributes: usize,
}

impl Default for Limits {
    /// The real client takes messages of 200 MB.
    fn default() -> Self {
        Self { document: 200 << 20, values: 8_000_000, name: 2 << 20, attributes: 64 }
    }
}
