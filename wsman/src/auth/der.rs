//! Reading and writing DER without a schema: SPNEGO tokens and certificates need little of it.

use der::{Decode, Encode, SliceReader};
pub(super) use der::{Tag, TagNumber, asn1::AnyRef};

use super::AuthError;

/// A DER error belongs to the structure that the caller reads.
#[derive(Debug)]
pub(super) struct Malformed;

impl Malformed {
    pub(super) fn of(what: &'static str) -> impl Fn(Self) -> AuthError {
        move |_| AuthError::malformed(what, "not the DER that is expected")
    }
}

/// One value and nothing behind it.
pub(super) fn only(bytes: &[u8]) -> Result<AnyRef<'_>, Malformed> {
    AnyRef::from_der(bytes).map_err(|_| Malformed)
}

/// The first value, and what stands behind it.
pub(super) fn first(bytes: &[u8]) -> Result<(AnyRef<'_>, &[u8]), Malformed> {
    AnyRef::from_der_partial(bytes).map_err(|_| Malformed)
}

/// The values that stand one behind the other; at most `limit`.
pub(super) fn list(bytes: &[u8], limit: usize) -> Result<Vec<AnyRef<'_>>, Malformed> {
    let mut reader = SliceReader::new(bytes).map_err(|_| Malformed)?;
    let mut values = Vec::new();
    while !der::Reader::is_finished(&reader) {
        if values.len() == limit {
            return Err(Malformed);
        }
        values.push(AnyRef::decode(&mut reader).map_err(|_| Malformed)?);
    }
    Ok(values)
}

/// The content of a value that must have this tag.
pub(super) fn content(value: AnyRef<'_>, tag: Tag) -> Result<&[u8], Malformed> {
    if value.header().tag() == tag { Ok(value.value()) } else { Err(Malformed) }
}

/// The one value inside an explicit tag.
pub(super) fn inner(value: AnyRef<'_>, tag: Tag) -> Result<&[u8], Malformed> {
    content(only(value.value())?, tag)
}

/// `[number]`, constructed.
pub(super) fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// Tag, length and content.
pub(super) fn write(tag: Tag, content: &[u8]) -> Result<Vec<u8>, AuthError> {
    AnyRef::new(tag, content)
        .and_then(|value| value.to_der())
        .map_err(|_| AuthError::Caller("a token is too long to be written"))
}
