//! What a certificate says of itself, RFC 5280 section 4.1: enough to tell why it is refused, never to trust it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader as _, SliceReader, Tag, TagNumber};
use sha2::{Digest as _, Sha256};

/// Names of a certificate that are kept.
const MAX_NAMES: usize = 100;
/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `id-ce-subjectAltName`, 2.5.29.17.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1D, 0x11];

/// A certificate that a server showed. What cannot be read is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownCertificate {
    /// SHA-256 over it
    pub sha256: [u8; 32],
    /// Common name of its subject
    pub subject: Option<String>,
    /// Common name of its issuer
    pub issuer: Option<String>,
    /// Whether subject and issuer are the same
    pub is_self_issued: bool,
    /// Hosts and addresses that it is made out for
    pub names: Vec<String>,
    /// From when it is valid
    pub not_before: Option<SystemTime>,
    /// Until when
    pub not_after: Option<SystemTime>,
}

impl ShownCertificate {
    /// Reads what can be read.
    pub(super) fn read(der: &[u8]) -> Self {
        let mut read = Self { sha256: Sha256::digest(der).into(), ..Self::default() };
        let _ = read.fill(der);
        read
    }

    fn fill(&mut self, der: &[u8]) -> Result<(), der::Error> {
        let certificate = AnyRef::from_der(der)?;
        let signed = AnyRef::from_der_partial(certificate.value())?.0;
        let mut fields = SliceReader::new(signed.value())?;
        let mut field = AnyRef::decode(&mut fields)?;
        if field.header().tag() == context(0) {
            field = AnyRef::decode(&mut fields)?;
        }
        // `field` is the serial number; behind it the signature algorithm.
        let _ = (field, AnyRef::decode(&mut fields)?);
        let (issuer, validity, subject) =
            (AnyRef::decode(&mut fields)?, AnyRef::decode(&mut fields)?, AnyRef::decode(&mut fields)?);
        self.is_self_issued = issuer.value() == subject.value();
        self.issuer = common_name(issuer.value());
        self.subject = common_name(subject.value());
        let mut times = SliceReader::new(validity.value())?;
        self.not_before = time(AnyRef::decode(&mut times)?);
        self.not_after = time(AnyRef::decode(&mut times)?);
        while !fields.is_finished() {
            let field = AnyRef::decode(&mut fields)?;
            if field.header().tag() == context(3) {
                self.names = alternative_names(AnyRef::from_der(field.value())?.value())?;
            }
        }
        Ok(())
    }
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

fn common_name(name: &[u8]) -> Option<String> {
    let mut sets = SliceReader::new(name).ok()?;
    while !sets.is_finished() {
        let set = AnyRef::decode(&mut sets).ok()?;
        let attribute = AnyRef::from_der_partial(set.value()).ok()?.0;
        let mut parts = SliceReader::new(attribute.value()).ok()?;
        let kind = AnyRef::decode(&mut parts).ok()?;
        let value = AnyRef::decode(&mut parts).ok()?;
        if kind.value() == COMMON_NAME {
            return Some(shown(value.value()));
        }
    }
    None
}

fn time(value: AnyRef<'_>) -> Option<SystemTime> {
    let since: Duration = match value.header().tag() {
        Tag::UtcTime => value.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        Tag::GeneralizedTime => value.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
        _ => return None,
    };
    UNIX_EPOCH.checked_add(since)
}

fn alternative_names(extensions: &[u8]) -> Result<Vec<String>, der::Error> {
    let mut names = Vec::new();
    let mut list = SliceReader::new(extensions)?;
    while !list.is_finished() {
        let extension = AnyRef::decode(&mut list)?;
        let mut parts = SliceReader::new(extension.value())?;
        if AnyRef::decode(&mut parts)?.value() != ALTERNATIVE_NAMES {
            continue;
        }
        let mut value = AnyRef::decode(&mut parts)?;
        if value.header().tag() == Tag::Boolean {
            value = AnyRef::decode(&mut parts)?;
        }
        let mut general = SliceReader::new(AnyRef::from_der(value.value())?.value())?;
        while !general.is_finished() && names.len() < MAX_NAMES {
            let name = AnyRef::decode(&mut general)?;
            match name.header().tag() {
                Tag::ContextSpecific { number: TagNumber(2), .. } => names.push(shown(name.value())),
                Tag::ContextSpecific { number: TagNumber(7), .. } => names.extend(address(name.value())),
                _ => {}
            }
        }
    }
    Ok(names)
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).to_string())
}

/// A name as text, without characters that would play tricks on a terminal.
fn shown(bytes: &[u8]) -> String {
    super::super::error::body_excerpt(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "server")]
    #[test]
    fn a_certificate_tells_its_names_and_its_end() {
        let mut parameters =
            rcgen::CertificateParams::new(vec!["ex01.contoso.com".into(), "127.0.0.1".into()]).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "ex01");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2051, 1, 2);
        let made = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let read = ShownCertificate::read(made.der());
        assert_eq!(read.names, ["ex01.contoso.com", "127.0.0.1"]);
        assert_eq!(read.subject.as_deref(), Some("ex01"));
        assert!(read.is_self_issued);
        let seconds = |time: Option<SystemTime>| time.unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(seconds(read.not_before), 1_577_836_800);
        assert_eq!(seconds(read.not_after), 2_556_230_400);
        for cut in 0..made.der().len() {
            let _ = ShownCertificate::read(&made.der()[..cut]);
        }
    }
}
