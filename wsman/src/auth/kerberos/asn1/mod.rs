//! The messages of RFC 4120 in DER, field for field.
//!
//! Names are UTF-8 in GeneralString, as Active Directory and MIT Kerberos have it: accounts are named in any script.

mod ap;
mod basic;
mod cred;
mod kdc;

pub use ap::{ApRep, ApReq, Authenticator, EncApRepPart, KrbError};
pub use basic::{
    Checksum, EncryptedData, EncryptionKey, HostAddress, KerberosFlags, KerberosString, KerberosTime, PaData,
    PrincipalName, TypedValue, bits, flags,
};
pub use cred::{EncKrbCredPart, KrbCred, KrbCredInfo};
pub use kdc::{
    EncKdcRepPart, EncTicketPart, EtypeInfo2Entry, KdcRep, KdcReq, KdcReqBody, LastReqEntry, PaEncTsEnc,
    Ticket, TransitedEncoding,
};

use der::asn1::AnyRef;
use der::{Decode, Encode, Tag, TagNumber};

use super::KerberosError;

/// Larger messages are not read.
const MAX_MESSAGE: usize = 1 << 20;

/// A message with an APPLICATION tag of its own, RFC 4120 5.10.
pub trait Message: Sized + Encode + for<'a> Decode<'a, Error = der::Error> {
    /// The number of the tag
    const NUMBER: u32;
    /// Its name, for errors
    const NAME: &'static str;

    /// Other numbers that are taken for this one.
    const ALSO: &'static [u32] = &[];

    /// Reads a message and nothing behind it.
    ///
    /// # Errors
    /// [`KerberosError::Malformed`].
    fn from_message(bytes: &[u8]) -> Result<Self, KerberosError> {
        let malformed = |why| KerberosError::Malformed { what: Self::NAME, why };
        if bytes.len() > MAX_MESSAGE {
            return Err(malformed("it is too large"));
        }
        let outer = AnyRef::from_der(bytes).map_err(|_| malformed("it is not DER"))?;
        let tag = der::Tagged::tag(&outer);
        let known = std::iter::once(&Self::NUMBER).chain(Self::ALSO);
        if !known.into_iter().any(|number| tag == application(*number)) {
            return Err(malformed("it has another tag"));
        }
        Self::from_der(outer.value()).map_err(|_| malformed("a field is missing or wrong"))
    }

    /// Writes it.
    ///
    /// # Errors
    /// A field that cannot be written.
    fn to_message(&self) -> Result<Vec<u8>, KerberosError> {
        let malformed = |_| KerberosError::Malformed { what: Self::NAME, why: "it cannot be written" };
        let inner = self.to_der().map_err(malformed)?;
        AnyRef::new(application(Self::NUMBER), &inner).and_then(|outer| outer.to_der()).map_err(malformed)
    }
}

/// The number of the APPLICATION tag that a message begins with.
#[must_use]
pub fn message_number(bytes: &[u8]) -> Option<u32> {
    match AnyRef::from_der(bytes).ok().map(|value| der::Tagged::tag(&value))? {
        Tag::Application { constructed: true, number } => Some(number.value()),
        _ => None,
    }
}

/// Reads a structure without a tag of its own, such as ETYPE-INFO2.
///
/// # Errors
/// [`KerberosError::Malformed`].
pub fn from_der<T: for<'a> Decode<'a, Error = der::Error>>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, KerberosError> {
    T::from_der(bytes)
        .map_err(|_| KerberosError::Malformed { what, why: "it is not the DER that is expected" })
}

/// Writes a structure without a tag of its own.
///
/// # Errors
/// A field that cannot be written.
pub fn to_der<T: Encode>(what: &'static str, value: &T) -> Result<Vec<u8>, KerberosError> {
    value.to_der().map_err(|_| KerberosError::Malformed { what, why: "it cannot be written" })
}

fn application(number: u32) -> Tag {
    Tag::Application { constructed: true, number: TagNumber(number) }
}
