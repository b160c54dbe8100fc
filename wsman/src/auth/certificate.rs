//! What a client's certificate says of its holder.

use der::asn1::ObjectIdentifier;

use super::der::{self as tlv, Malformed, Tag};

/// `szOID_NT_PRINCIPAL_NAME`, [MS-WCCE] 2.2.2.7.5 and [MS-PKCA] 3.1.5.2.1.1.
const USER_PRINCIPAL_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// Most fields, extensions or names that are looked through.
const LIMIT: usize = 256;

/// The user principal name in the subject's alternative names (RFC 5280 4.2.1.6, `otherName`), such as
/// `svc-idm@contoso.com`; `None` where there is none.
#[must_use]
pub fn user_principal_name(certificate: &[u8]) -> Option<String> {
    find(certificate).ok().flatten()
}

fn find(certificate: &[u8]) -> Result<Option<String>, Malformed> {
    let parts = tlv::list(tlv::content(tlv::only(certificate)?, Tag::Sequence)?, 3)?;
    let body = tlv::content(*parts.first().ok_or(Malformed)?, Tag::Sequence)?;
    let fields = tlv::list(body, LIMIT)?;
    let Some(extensions) = fields.into_iter().find(|field| field.header().tag() == tlv::context(3)) else {
        return Ok(None);
    };
    for extension in tlv::list(tlv::inner(extensions, Tag::Sequence)?, LIMIT)? {
        let parts = tlv::list(tlv::content(extension, Tag::Sequence)?, 3)?;
        let (Some(id), Some(value)) = (parts.first(), parts.last()) else { return Err(Malformed) };
        if oid(*id)? == SUBJECT_ALT_NAME {
            return in_names(tlv::content(*value, Tag::OctetString)?);
        }
    }
    Ok(None)
}

fn in_names(value: &[u8]) -> Result<Option<String>, Malformed> {
    for name in tlv::list(tlv::content(tlv::only(value)?, Tag::Sequence)?, LIMIT)? {
        if name.header().tag() != tlv::context(0) {
            continue;
        }
        let [id, value] = tlv::list(name.value(), 2)?[..] else { return Err(Malformed) };
        if oid(id)? == USER_PRINCIPAL_NAME && value.header().tag() == tlv::context(0) {
            let text = tlv::inner(value, Tag::Utf8String)?;
            return Ok(std::str::from_utf8(text).ok().map(str::to_owned));
        }
    }
    Ok(None)
}

fn oid(value: tlv::AnyRef<'_>) -> Result<ObjectIdentifier, Malformed> {
    let bytes = tlv::content(value, Tag::ObjectIdentifier)?;
    ObjectIdentifier::from_bytes(bytes).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made by openssl with `subjectAltName=email:x@y.z,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:svc-idm@contoso.com`.
    const WITH_UPN: &[u8] = include_bytes!("testdata/client-upn.der");

    #[test]
    fn the_user_principal_name_is_found() {
        assert_eq!(user_principal_name(WITH_UPN).as_deref(), Some("svc-idm@contoso.com"));
        assert_eq!(user_principal_name(include_bytes!("testdata/ec-sha256.der")), None);
        assert_eq!(user_principal_name(b""), None);
    }

    proptest! {
        #[test]
        fn any_mutation_is_read_without_panic(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = WITH_UPN.to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = user_principal_name(&bytes);
            prop_assert_eq!(user_principal_name(&WITH_UPN[..cut.index(WITH_UPN.len())]), None);
        }
    }
}
