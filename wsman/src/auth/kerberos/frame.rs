//! The frame around the tokens of a sign-in, RFC 4121 4.1 and RFC 2743 3.1.

use der::asn1::ObjectIdentifier;

use super::KerberosError;
use crate::auth::AuthError;
use crate::auth::der::{self as tlv, Tag, TagNumber};

const KERBEROS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113554.1.2.2");
const MS_KERBEROS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.48018.1.2.2");

/// TOK_ID, RFC 4121 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenId {
    ApReq,
    ApRep,
    KrbError,
}

impl TokenId {
    fn bytes(self) -> [u8; 2] {
        match self {
            Self::ApReq => [1, 0],
            Self::ApRep => [2, 0],
            Self::KrbError => [3, 0],
        }
    }
}

/// Puts a message into its frame.
pub(super) fn framed(id: TokenId, message: &[u8]) -> Result<Vec<u8>, AuthError> {
    let oid = tlv::write(Tag::ObjectIdentifier, KERBEROS.as_bytes())?;
    tlv::write(application_0(), &[oid.as_slice(), &id.bytes(), message].concat())
}

/// Takes a message out of its frame. Some acceptors leave the frame away.
pub(super) fn unframed(token: &[u8]) -> Result<(TokenId, &[u8]), KerberosError> {
    let malformed = |why| KerberosError::malformed("Kerberos token", why);
    match super::asn1::message_number(token) {
        Some(14) => return Ok((TokenId::ApReq, token)),
        Some(15) => return Ok((TokenId::ApRep, token)),
        Some(30) => return Ok((TokenId::KrbError, token)),
        _ => {}
    }
    let inner = tlv::only(token).and_then(|value| tlv::content(value, application_0()));
    let inner = inner.map_err(|_| malformed("it has no GSS-API frame"))?;
    let (oid, rest) = tlv::first(inner).map_err(|_| malformed("it names no mechanism"))?;
    let oid = tlv::content(oid, Tag::ObjectIdentifier).map_err(|_| malformed("it names no mechanism"))?;
    if oid != KERBEROS.as_bytes() && oid != MS_KERBEROS.as_bytes() {
        return Err(malformed("it belongs to another mechanism"));
    }
    let (id, message) = rest.split_first_chunk::<2>().ok_or(malformed("it is too short"))?;
    let id =
        [TokenId::ApReq, TokenId::ApRep, TokenId::KrbError].into_iter().find(|known| known.bytes() == *id);
    Ok((id.ok_or(malformed("its kind is not known"))?, message))
}

fn application_0() -> Tag {
    Tag::Application { constructed: true, number: TagNumber(0) }
}
