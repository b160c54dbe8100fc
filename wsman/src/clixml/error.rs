//! What can be wrong with CLIXML.

use crate::xml::XmlErrorKind;

/// The peer's CLIXML is not what it should be. Never carries content, which may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CLIXML at byte {offset}: {kind}")]
pub struct DecodeError {
    /// About where, in bytes of the text
    pub offset: usize,
    /// What
    pub kind: DecodeErrorKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Not XML as it should be
    #[error("{0}")]
    Xml(XmlErrorKind),
    /// An element where it may not stand
    #[error("the element {0:?} may not stand here")]
    UnexpectedElement(String),
    /// An element is missing
    #[error("an element {0:?} should stand here")]
    MissingElement(&'static str),
    /// Text between elements
    #[error("text where elements should stand")]
    UnexpectedText,
    /// An attribute is missing
    #[error("the attribute {0:?} is missing")]
    MissingAttribute(&'static str),
    /// A note property without a name
    #[error("a property without a name")]
    EmptyName,
    /// The text of a primitive
    #[error("the text of an element {0:?} is not of its type")]
    Content(&'static str),
    /// A `Ref` without its `Obj`
    #[error("a reference to an object that does not come before it")]
    DanglingRef,
    /// A `TNRef` without its `TN`
    #[error("a reference to type names that do not come before it")]
    DanglingTypeRef,
    /// An entry of a dictionary that is not a key and a value
    #[error("an entry of a dictionary that is not a key and a value")]
    DictionaryEntry,
    /// `Objs` of a version that is not 1.x
    #[error("a document of a version that is not 1.x")]
    Version,
    /// More than 49 objects inside each other, or more than 200 along references
    #[error("nested too deeply")]
    TooDeep,
    /// Over a limit of [`super::Limits`]
    #[error("over the limit of {0}")]
    Limit(&'static str),
}

impl From<XmlErrorKind> for DecodeErrorKind {
    fn from(kind: XmlErrorKind) -> Self {
        Self::Xml(kind)
    }
}

/// Why a value cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The reader takes 49 objects inside each other
    #[error("the value is nested too deeply for PowerShell to read")]
    TooDeep,
    /// A clear SecureString without a session key
    #[error("a SecureString cannot be written without a session key")]
    NoSessionKey,
    /// The cipher failed
    #[error("a SecureString could not be encrypted")]
    Cipher,
    /// A [`super::Value::Cycle`] to an object that is not around it
    #[error("a cycle to an object that is not around it")]
    DanglingCycle,
    /// A dictionary with a null key, or an object around null or a reference
    #[error("the value has a shape that PowerShell cannot read")]
    Shape,
}
