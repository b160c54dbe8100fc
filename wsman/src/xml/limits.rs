//! What a peer may make us hold.

/// Bounds on a document; going over one is an error that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document
    pub document: usize,
    /// Elements inside each other
    pub depth: usize,
    /// Elements in all
    pub elements: usize,
    /// Bytes of text directly inside one element
    pub text: usize,
    /// Attributes and namespace declarations of one element
    pub attributes: usize,
    /// Bytes of one attribute's value
    pub attribute: usize,
    /// Bytes of a name
    pub name: usize,
}

impl Default for Limits {
    /// Wide enough for an envelope of 16 MiB, far above what `MaxEnvelopeSizekb` allows in practice.
    fn default() -> Self {
        Self {
            document: 16 << 20,
            depth: 64,
            elements: 100_000,
            text: 16 << 20,
            attributes: 64,
            attribute: 64 << 10,
            name: 1024,
        }
    }
}
