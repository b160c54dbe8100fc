//! TSRequest, `[MS-CSSP] 2.2.1`.

use std::fmt;

use super::NtStatus;
use crate::auth::{
    AuthError,
    der::{self as tlv, AnyRef, Malformed, Tag},
};

/// Longest TSRequest that is read; a Kerberos ticket of the largest size fits.
const MAX_LENGTH: usize = 128 * 1024;
/// Most fields that are looked at.
const MAX_FIELDS: usize = 16;
/// Most tokens in one NegoData; one is usual.
const MAX_TOKENS: usize = 16;

/// The one message of the protocol; what is in it says at which point it is.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TsRequest {
    /// version: what the sender speaks.
    pub version: u32,
    /// negoTokens, `[MS-CSSP] 2.2.1.1`: the tokens of the inner sign-in.
    pub nego_tokens: Vec<Vec<u8>>,
    /// authInfo: sealed TSCredentials, `[MS-CSSP] 2.2.1.2`.
    pub auth_info: Option<Vec<u8>>,
    /// pubKeyAuth: the server's public key, or a hash over it, sealed.
    pub pub_key_auth: Option<Vec<u8>>,
    /// errorCode: why the server refuses (versions 3, 4 and 6).
    pub error_code: Option<NtStatus>,
    /// clientNonce (from version 5 on).
    pub client_nonce: Option<Vec<u8>>,
}

impl TsRequest {
    /// A request of our version, with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self { version: super::VERSION, ..Self::default() }
    }

    /// Reads a request. Fields that are not known are passed over.
    ///
    /// # Errors
    /// [`AuthError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        if bytes.len() > MAX_LENGTH {
            return Err(AuthError::malformed("TSRequest", "too long"));
        }
        Self::read(bytes).map_err(Malformed::of("TSRequest"))
    }

    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let fields = tlv::list(tlv::content(tlv::only(bytes)?, Tag::Sequence)?, MAX_FIELDS)?;
        let mut request = Self::default();
        let mut has_version = false;
        for field in fields {
            let Tag::ContextSpecific { constructed: true, number } = field.header().tag() else {
                return Err(Malformed);
            };
            match number.value() {
                0 => {
                    request.version = u32::try_from(integer(field)?).map_err(|_| Malformed)?;
                    has_version = true;
                }
                1 => request.nego_tokens = tokens(field)?,
                2 => request.auth_info = Some(octets(field)?),
                3 => request.pub_key_auth = Some(octets(field)?),
                4 => request.error_code = Some(status(integer(field)?)?),
                5 => request.client_nonce = Some(octets(field)?),
                _ => {}
            }
        }
        if has_version { Ok(request) } else { Err(Malformed) }
    }

    /// The request in DER.
    ///
    /// # Errors
    /// It is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AuthError> {
        let mut fields = write_integer(0, i64::from(self.version))?;
        if !self.nego_tokens.is_empty() {
            let mut list = Vec::new();
            for token in &self.nego_tokens {
                list.extend(tlv::write(Tag::Sequence, &write_octets(0, token)?)?);
            }
            fields.extend(tlv::write(tlv::context(1), &tlv::write(Tag::Sequence, &list)?)?);
        }
        for (number, content) in [(2, &self.auth_info), (3, &self.pub_key_auth)] {
            fields
                .extend(content.as_deref().map_or(Ok(Vec::new()), |content| write_octets(number, content))?);
        }
        if let Some(NtStatus(code)) = self.error_code {
            // An NTSTATUS is a signed number of 32 bits: all errors are negative.
            fields.extend(write_integer(4, i64::from(code.cast_signed()))?);
        }
        if let Some(nonce) = &self.client_nonce {
            fields.extend(write_octets(5, nonce)?);
        }
        tlv::write(Tag::Sequence, &fields)
    }

    /// The token of the inner sign-in, `[MS-CSSP] 2.2.1.1`; some peers send an empty one for none.
    #[must_use]
    pub fn nego_token(&self) -> Option<&[u8]> {
        self.nego_tokens.first().map(Vec::as_slice).filter(|token| !token.is_empty())
    }
}

/// Tokens stay out of logs.
impl fmt::Debug for TsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsRequest")
            .field("version", &self.version)
            .field("error_code", &self.error_code)
            .finish_non_exhaustive()
    }
}

/// NegoData: a SEQUENCE OF SEQUENCE with one token each.
fn tokens(field: AnyRef<'_>) -> Result<Vec<Vec<u8>>, Malformed> {
    let items = tlv::list(tlv::inner(field, Tag::Sequence)?, MAX_TOKENS)?;
    items.into_iter().map(|item| octets(tlv::only(tlv::content(item, Tag::Sequence)?)?)).collect()
}

pub(super) fn octets(field: AnyRef<'_>) -> Result<Vec<u8>, Malformed> {
    Ok(tlv::inner(field, Tag::OctetString)?.to_vec())
}

/// INTEGER of at most 40 bits: an unsigned 32-bit number may have a zero in front.
pub(super) fn integer(field: AnyRef<'_>) -> Result<i64, Malformed> {
    let bytes = tlv::inner(field, Tag::Integer)?;
    let (Some(first), 1..=5) = (bytes.first(), bytes.len()) else { return Err(Malformed) };
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(bytes.iter().fold(start, |number, byte| number << 8 | i64::from(*byte)))
}

/// Peers write it with and without a sign.
fn status(number: i64) -> Result<NtStatus, Malformed> {
    let unsigned = u32::try_from(number).or_else(|_| i32::try_from(number).map(i32::cast_unsigned));
    unsigned.map(NtStatus).map_err(|_| Malformed)
}

pub(super) fn write_octets(number: u32, content: &[u8]) -> Result<Vec<u8>, AuthError> {
    tlv::write(tlv::context(number), &tlv::write(Tag::OctetString, content)?)
}

/// The shortest form, X.690 8.3.
pub(super) fn write_integer(number: u32, value: i64) -> Result<Vec<u8>, AuthError> {
    let bytes = value.to_be_bytes();
    let is_padding = |pair: &[u8]| {
        matches!(pair, [0, next] if next & 0x80 == 0) || matches!(pair, [0xFF, next] if next & 0x80 != 0)
    };
    let skip = bytes.windows(2).take_while(|pair| is_padding(pair)).count();
    tlv::write(tlv::context(number), &tlv::write(Tag::Integer, bytes.get(skip..).unwrap_or(&bytes))?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_request() -> impl Strategy<Value = TsRequest> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
        let option = || proptest::option::of(bytes());
        (
            any::<u32>(),
            proptest::collection::vec(bytes(), 0..4),
            option(),
            option(),
            proptest::option::of(any::<u32>().prop_map(NtStatus)),
            option(),
        )
            .prop_map(|(version, nego_tokens, auth_info, pub_key_auth, error_code, client_nonce)| {
                TsRequest { version, nego_tokens, auth_info, pub_key_auth, error_code, client_nonce }
            })
    }

    #[test]
    fn an_error_code_is_read_with_and_without_a_sign() {
        // SEQUENCE { [0] 6, [4] STATUS_LOGON_FAILURE }
        let signed = [0x30, 0x0D, 0xA0, 3, 2, 1, 6, 0xA4, 6, 2, 4, 0xC0, 0, 0, 0x6D];
        let unsigned = [0x30, 0x0E, 0xA0, 3, 2, 1, 6, 0xA4, 7, 2, 5, 0, 0xC0, 0, 0, 0x6D];
        for bytes in [&signed[..], &unsigned[..]] {
            let request = TsRequest::parse(bytes).unwrap();
            assert_eq!((request.version, request.error_code), (6, Some(NtStatus::LOGON_FAILURE)));
        }
        let written = TsRequest { error_code: Some(NtStatus::LOGON_FAILURE), ..TsRequest::new() };
        assert_eq!(written.to_bytes().unwrap(), signed);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let without_version = [0x30, 5, 0xA4, 3, 2, 1, 1];
        let negative_version = [0x30, 5, 0xA0, 3, 2, 1, 0xFF];
        let empty_integer = [0x30, 4, 0xA0, 2, 2, 0];
        for bad in [&[][..], b"0", &without_version, &negative_version, &empty_integer, &[0x30, 0x80, 0, 0]] {
            assert!(matches!(TsRequest::parse(bad), Err(AuthError::Malformed { .. })), "{bad:?}");
        }
        assert!(TsRequest::parse(&vec![0x30; MAX_LENGTH + 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_request_comes_back(request in any_request()) {
            let bytes = request.to_bytes().unwrap();
            prop_assert_eq!(TsRequest::parse(&bytes).unwrap(), request);
        }

        #[test]
        fn any_mutation_is_read_without_panic(
            request in any_request(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = request.to_bytes().unwrap();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len() + 1));
            let _ = TsRequest::parse(&bytes);
        }
    }
}
