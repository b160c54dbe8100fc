//! Whom to trust.

use super::*;

#[test]
fn pins_in_every_form() {
    let hex = "0123456789abcdef".repeat(4);
    let pin = CertificatePin::parse(&hex).unwrap();
    assert_eq!(CertificatePin::parse(&hex.to_uppercase()).unwrap(), pin);
    for bad in ["", "ab", &hex[..63], &format!("{hex}0"), &hex.replace('0', "x")] {
        assert!(matches!(CertificatePin::parse(bad), Err(Error::Configuration(_))), "{bad}");
    }
}

#[test]
fn a_ca_file_without_certificates_is_refused() {
    let options = TlsOptions { ca_pem: Some(b"nothing".to_vec()), ..TlsOptions::default() };
    assert!(matches!(verifier(&options), Err(Error::Configuration(_))));
}

#[cfg(feature = "server")]
#[test]
fn a_listed_certificate_may_be_that_of_an_authority_but_not_of_another_host() {
    let made = |name: &str| {
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
    };
    let (listed, other) = (made("ex01"), made("ex01"));
    let options = TlsOptions { ca_pem: Some(listed.pem().into_bytes()), ..TlsOptions::default() };
    let verifier = verifier(&options).unwrap();
    let judge = |certificate: &rcgen::Certificate, name: &'static str| {
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(certificate.der(), &[], &name, &[], UnixTime::now())
    };
    assert!(judge(&listed, "ex01").is_ok());
    assert!(judge(&listed, "ex02").is_err());
    assert!(judge(&other, "ex01").is_err());
}
