//! Signing in with a certificate, from the configuration file to the lab.

use mailwright::lab::{Endpoint, Running, Seed, ServeOptions, serve};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    OtherNameValue, SanType,
};

use crate::cli::{Place, Ran};

/// `szOID_NT_PRINCIPAL_NAME`
const USER_PRINCIPAL_NAME: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

pub fn issue(issuer: &CertifiedIssuer<'_, KeyPair>, place: &Place, upn: &str) {
    let mut parameters = CertificateParams::default();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters.subject_alt_names =
        vec![SanType::OtherName((USER_PRINCIPAL_NAME.to_vec(), OtherNameValue::Utf8String(upn.to_owned())))];
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.signed_by(&key, issuer).unwrap();
    place.write("client.pem", &certificate.pem());
    place.write("client.key", &key.serialize_pem());
}

fn invoke(place: &Place) -> Ran {
    place.run(&["invoke", "Get-Mailbox", "Identity=Administrator", "--output", "jsonl"])
}

async fn lab(issuer: &CertifiedIssuer<'_, KeyPair>) -> Running {
    let options = ServeOptions { client_ca: Some(issuer.pem().into_bytes()), ..ServeOptions::default() };
    serve(Seed::sample().unwrap(), options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_and_no_password() {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let lab = lab(&issuer).await;
    let place = Place::new();
    place.write("ca.pem", lab.ca_pem());
    let server = lab.url(Endpoint::PowerShell, true);
    let text = format!(
        "[connections.corp]\ninfrastructure = \"on-premises\"\nserver = \"{server}\"\nauthentication = \"certificate\"\n\
         [connections.corp.tls]\nca_file = \"ca.pem\"\nclient_certificate = \"client.pem\"\nclient_key = \"client.key\"\n"
    );
    place.write("mailwright.toml", &text);

    issue(&issuer, &place, "svc-idm@contoso.com");
    let (ran, place) = tokio::task::spawn_blocking(move || (invoke(&place), place)).await.unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("Administrator"), "{ran:?}");

    issue(&issuer, &place, "nobody@contoso.com");
    let ran = tokio::task::spawn_blocking(move || invoke(&place)).await.unwrap();
    ran.refuses(3, &["refused the client certificate", "mapped to an account"]);
    lab.shutdown().await.unwrap();
}
