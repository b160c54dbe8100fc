//! What can be wrong with a document.

/// The peer's XML is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("XML at byte {offset}: {kind}")]
pub struct XmlError {
    /// Where, in bytes of the document as UTF-8
    pub offset: usize,
    /// What
    pub kind: XmlErrorKind,
}

impl XmlError {
    pub(crate) fn new(offset: usize, kind: XmlErrorKind) -> Self {
        Self { offset, kind }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlErrorKind {
    /// Not well-formed
    #[error("not well-formed: {0}")]
    Malformed(String),
    /// The document ended early
    #[error("the document ends too early")]
    Truncated,
    /// There is no root element
    #[error("there is no root element")]
    Empty,
    /// Something follows the root element
    #[error("something follows the root element")]
    Trailing,
    /// A DTD, which is never read
    #[error("a document type declaration is not accepted")]
    Dtd,
    /// An entity other than the predefined five
    #[error("the entity is not declared")]
    UndeclaredEntity,
    /// A prefix without a namespace
    #[error("the namespace prefix is not declared")]
    UnboundPrefix,
    /// A character that XML does not allow
    #[error("a character that XML does not allow")]
    Character,
    /// Not UTF-8, nor UTF-16 with a mark
    #[error("the text is not in the encoding it claims, or in one that is not read")]
    Encoding,
    /// Over a limit of [`super::Limits`]
    #[error("over the limit of {0}")]
    Limit(&'static str),
}
