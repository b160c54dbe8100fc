//! Signing in with a certificate, and the certificates of servers.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use sha2::{Digest as _, Sha256};
use wsman::auth::{Credentials, Secret, UserName};
use wsman::client::{
    Authentication, Blame, ClientIdentity, ConnectionConfig, Error, PoolOptions, RunspacePool, SignInError,
    TlsProblem,
};
use wsman::server::{ClientCertificates, ServerIdentity};

use crate::lab::{Running, USER, echo, output};

/// Certificates of servers by key and signature.
pub fn servers() -> Vec<(&'static str, ServerIdentity)> {
    macro_rules! identity {
        ($name:literal) => {{
            let key = include_bytes!(concat!("certificates/", $name, ".key")).to_vec();
            let certificate_pem = include_bytes!(concat!("certificates/", $name, ".pem")).to_vec();
            ($name, ServerIdentity { certificate_pem, key_pem: Arc::new(key.into()) })
        }};
    }
    vec![
        identity!("ec-sha256"),
        identity!("ec-sha384"),
        identity!("rsa-sha512"),
        identity!("pss-sha256"),
        identity!("pss-sha384"),
    ]
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key in PEM, and the fingerprint.
    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String, [u8; 32]) {
        let mut parameters = CertificateParams::default();
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let made = parameters.signed_by(&key, &self.0).unwrap();
        (made.pem(), key.serialize_pem(), Sha256::digest(made.der()).into())
    }
}

async fn lab(authority: &Authority, accounts: Vec<([u8; 32], UserName)>) -> Running {
    let ca_pem = authority.0.pem().into_bytes();
    Running::start_with(|config| config.client_certificates = Some(ClientCertificates { ca_pem, accounts }))
        .await
}

fn config(lab: &Running, certificate: &str, key: &str) -> ConnectionConfig {
    let mut config = lab.config(true);
    config.authentication = Authentication::Certificate;
    config.credentials = Credentials { user: UserName::new("", ""), secret: Secret::None };
    config.tls.client_identity =
        Some(ClientIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap());
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_signs_in() {
    let authority = Authority::new();
    let (certificate, key, hash) = authority.issue(|_| ());
    let lab = lab(&authority, vec![(hash, UserName::parse(USER))]).await;
    let pool = RunspacePool::open(config(&lab, &certificate, &key), PoolOptions::default()).await.unwrap();
    assert_eq!(output(&pool, echo(42)).await.len(), 1);
    {
        let exchanges = lab.seen.exchanges.lock().unwrap();
        assert!(exchanges.iter().all(|it| it.status == 200 && !it.sealed), "no request without its sign-in");
        assert!(exchanges.iter().all(|it| it.user.as_ref().is_some_and(|user| user.to_string() == USER)));
    }
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_nobodys_or_not_trusted_are_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (certificate, key, hash) = authority.issue(|_| ());
    let lab =
        lab(&authority, vec![([7; 32], UserName::parse(USER)), (hash, UserName::new("CONTOSO", "gone"))])
            .await;

    // Mapped to an account that is not there; not mapped at all.
    let (unmapped, unmapped_key, _) = authority.issue(|_| ());
    for (certificate, key) in [(&certificate, &key), (&unmapped, &unmapped_key)] {
        let error =
            RunspacePool::open(config(&lab, certificate, key), PoolOptions::default()).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(SignInError::CertificateRefused)), "{error:?}");
        assert!(error.to_string().contains("mapped") && error.blame() == Blame::Authentication);
    }
    // Issued by somebody else; expired.
    let (foreign, foreign_key, _) = other.issue(|_| ());
    let (expired, expired_key, _) = authority.issue(|it| it.not_after = rcgen::date_time_ymd(2020, 1, 2));
    for (certificate, key) in [(&foreign, &foreign_key), (&expired, &expired_key)] {
        let error =
            RunspacePool::open(config(&lab, certificate, key), PoolOptions::default()).await.unwrap_err();
        assert!(matches!(&error, Error::Tls { reason: TlsProblem::ClientCertificate(_), .. }), "{error:?}");
        assert!(error.to_string().contains("client authentication"), "{error}");
    }
    assert_eq!((lab.seen.commands(), lab.server.shell_count()), (0, 0));
}

/// F29: Windows asks for the certificate after the handshake in TLS 1.3, which ends in a reset; so TLS 1.2 it is. F30: and
/// never a resumed session.
#[tokio::test(flavor = "multi_thread")]
async fn f29_f30_a_client_certificate_goes_in_full_handshakes_of_tls_1_2() {
    let (certificate, key, _) = Authority::new().issue(|_| ());
    let identity = ClientIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let seen = crate::tls::handshakes_with(identity).await;
    assert!(seen.len() >= 2, "{seen:?}");
    for (version, kind) in seen {
        assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_2));
        assert_eq!(kind, Some(rustls::HandshakeKind::Full));
    }
}

#[test]
fn keys_in_every_form_and_what_is_none() {
    // One key in the three forms of openssl.
    for key in [
        include_bytes!("certificates/rsa-sha512.key").as_slice(),
        include_bytes!("certificates/rsa-sha512.pkcs1.key").as_slice(),
    ] {
        ClientIdentity::from_pem(include_bytes!("certificates/rsa-sha512.pem"), key).unwrap();
    }
    let sec1 = include_bytes!("certificates/ec-sha256.sec1.key");
    let certificate = include_bytes!("certificates/ec-sha256.pem");
    let identity = ClientIdentity::from_pem(certificate, sec1).unwrap();
    assert!(!format!("{identity:?}").contains('['));
    let both = [certificate.as_slice(), sec1].concat();
    ClientIdentity::from_pem(&both, &both).unwrap();

    let refused = |certificate: &[u8], key: &[u8]| match ClientIdentity::from_pem(certificate, key) {
        Err(Error::Configuration(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(refused(b"", sec1).contains("no certificate"));
    assert!(refused(certificate, b"").contains("no private key"));
    assert!(refused(certificate, include_bytes!("certificates/ec-sha384.key")).contains("not the key"));
    let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(refused(certificate, encrypted).contains("openssl pkey"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_https_or_a_certificate_nothing_is_tried() {
    let lab = Running::start().await;
    for tls in [false, true] {
        let config = ConnectionConfig { authentication: Authentication::Certificate, ..lab.config(tls) };
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        assert_eq!(error.blame(), Blame::Caller, "{error:?}");
    }
    assert!(lab.seen.exchanges.lock().unwrap().is_empty());
}
