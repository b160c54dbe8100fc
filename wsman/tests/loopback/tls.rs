//! Whom the client trusts, and what it says when it does not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{HandshakeKind, ProtocolVersion, SupportedProtocolVersion};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wsman::auth::Credentials;
use wsman::client::{
    Blame, CertificatePin, ClientIdentity, ConnectionConfig, Error, PoolOptions, RunspacePool, TlsOptions,
    TlsProblem,
};

use wsman::server::ServerIdentity;

use crate::lab::{PASSWORD, Running, USER, echo, output};

const BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

struct Certificate {
    pem: String,
    der: Vec<u8>,
    key: KeyPair,
}

fn certificate(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let mut parameters =
        CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
    change(&mut parameters);
    let made = parameters.self_signed(&key).unwrap();
    Certificate { pem: made.pem(), der: made.der().to_vec(), key }
}

fn localhost() -> Certificate {
    certificate(&["localhost"], |_| ())
}

#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// How the handshakes went.
type Handshakes = Arc<Mutex<Vec<(Option<ProtocolVersion>, Option<HandshakeKind>)>>>;

/// Shows a certificate and signs with a key, which may be another's. Answers everything with a 404.
async fn serve(
    shown: &Certificate,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> (SocketAddr, Handshakes) {
    let provider = rustls::crypto::ring::default_provider();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = provider.key_provider.load_private_key(der).unwrap();
    let certified = CertifiedKey::new(vec![shown.der.clone().into()], signer);
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Fixed(Arc::new(certified))));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Handshakes::default();
    let noted = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let session = stream.get_ref().1;
            noted.lock().unwrap().push((session.protocol_version(), session.handshake_kind()));
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await;
            let _ = stream.shutdown().await;
        }
    });
    (address, seen)
}

/// Answers the first bytes with these and closes.
async fn answer(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            // Closed only when the client has closed: it must read what was sent.
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    address
}

async fn attempt(scheme: &str, address: SocketAddr, tls: TlsOptions) -> Error {
    let url = format!("{scheme}://localhost:{}/PowerShell/", address.port());
    let mut config = ConnectionConfig::new(url, Credentials::new(USER, PASSWORD));
    config.tls = tls;
    RunspacePool::open(config, PoolOptions::default()).await.unwrap_err()
}

fn trusting(certificate: &Certificate) -> TlsOptions {
    TlsOptions { ca_pem: Some(certificate.pem.clone().into_bytes()), ..TlsOptions::default() }
}

fn pinned(text: &str) -> TlsOptions {
    TlsOptions { pin: Some(CertificatePin::parse(text).unwrap()), ..TlsOptions::default() }
}

fn unverified() -> TlsOptions {
    TlsOptions { danger_skip_tls_verification: true, ..TlsOptions::default() }
}

#[track_caller]
fn problem(error: Error) -> TlsProblem {
    assert_eq!(error.blame(), Blame::Transport);
    assert!(!error.may_have_run());
    match error {
        Error::Tls { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// The server got past the handshake.
#[track_caller]
fn trusted(error: &Error) {
    assert!(matches!(error, Error::Http { status: 404, .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_judged_and_the_cure_is_named() {
    let good = localhost();
    let (address, _) = serve(&good, &good.key, &BOTH).await;
    trusted(&attempt("https", address, trusting(&good)).await);
    trusted(&attempt("https", address, unverified()).await);

    let unknown = problem(attempt("https", address, trusting(&localhost())).await);
    assert_eq!(unknown, TlsProblem::UnknownIssuer);
    assert!(unknown.to_string().contains("CA file") && unknown.to_string().contains("pin"));

    let old = certificate(&["localhost"], |it| it.not_after = rcgen::date_time_ymd(2020, 1, 2));
    let (address, _) = serve(&old, &old.key, &BOTH).await;
    let expired = problem(attempt("https", address, trusting(&old)).await);
    assert!(matches!(expired, TlsProblem::Expired { ago: Some(ago) } if ago > 86_400 * 365), "{expired:?}");
    assert!(expired.to_string().contains("days ago: renew it"), "{expired}");
    trusted(&attempt("https", address, pinned(&old.pem)).await);

    let early = certificate(&["localhost"], |it| it.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let (address, _) = serve(&early, &early.key, &BOTH).await;
    assert_eq!(problem(attempt("https", address, trusting(&early)).await), TlsProblem::NotYetValid);

    let other = certificate(&["ex01.contoso.com", "*.mail.contoso.com"], |_| ());
    let (address, _) = serve(&other, &other.key, &BOTH).await;
    let named = problem(attempt("https", address, trusting(&other)).await);
    let names = vec!["ex01.contoso.com".to_owned(), "*.mail.contoso.com".to_owned()];
    assert_eq!(named, TlsProblem::WrongName { wanted: "localhost".into(), names });
    assert!(named.to_string().contains("but for ex01.contoso.com, *.mail.contoso.com"), "{named}");
    trusted(&attempt("https", address, pinned(&other.pem)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anything_set_the_system_decides() {
    let unknown = localhost();
    let (address, _) = serve(&unknown, &unknown.key, &BOTH).await;
    let error = attempt("https", address, TlsOptions::default()).await;
    match &error {
        Error::Tls { .. } => {}
        // A machine without any certificate of an authority.
        Error::Configuration(text) => assert!(text.contains("system's trusted certificates"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_takes_its_certificate_or_key_and_no_other() {
    let (ours, theirs) = (localhost(), localhost());
    let hash = |bytes: &[u8]| Sha256::digest(bytes);
    let forms = |it: &Certificate| {
        let fingerprint: Vec<_> = hash(&it.der).iter().map(|byte| format!("{byte:02X}")).collect();
        let spki = it.key.subject_public_key_info();
        [
            it.pem.clone(),
            fingerprint.join(":"),
            format!("sha256:{}", fingerprint.concat().to_lowercase()),
            it.key.public_key_pem(),
            format!("pin-sha256:{}", base64::engine::general_purpose::STANDARD.encode(hash(&spki))),
        ]
    };
    let (address, _) = serve(&ours, &ours.key, &BOTH).await;
    for pin in forms(&ours) {
        trusted(&attempt("https", address, pinned(&pin)).await);
    }
    for pin in forms(&theirs) {
        let error = problem(attempt("https", address, pinned(&pin)).await);
        let shown: String = hash(&ours.der).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(error, TlsProblem::OtherCertificate { shown: shown.clone() });
        assert!(error.to_string().contains(&shown) && error.to_string().contains("somebody is in between"));
        // Not even where verification is off: a pin is a pin.
        let both = TlsOptions { danger_skip_tls_verification: true, ..pinned(&pin) };
        assert!(matches!(attempt("https", address, both).await, Error::Tls { .. }));
    }
}

/// A relay can show anybody's certificate, but cannot sign with its key.
#[tokio::test(flavor = "multi_thread")]
async fn f31_the_handshake_signature_is_verified_whatever_is_skipped() {
    let (shown, own) = (localhost(), localhost());
    for version in BOTH {
        let (address, _) = serve(&shown, &own.key, &[version]).await;
        let by_key = pinned(&shown.key.public_key_pem());
        for tls in [unverified(), pinned(&shown.pem), by_key, trusting(&shown)] {
            let error = problem(attempt("https", address, tls).await);
            assert_eq!(error, TlsProblem::BadSignature);
            assert!(error.to_string().contains("does not hold the key"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f34_a_server_of_the_old_days_is_named() {
    // Alerts of TLS 1.0: handshake_failure, protocol_version; and a ServerHello of TLS 1.0 with a CBC suite and RSA.
    let hello: &[u8] = &[
        22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
        19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0, 0, 47, 0,
    ];
    for bytes in [&[21, 3, 1, 0, 2, 2, 40], &[21, 3, 1, 0, 2, 2, 70], hello, &[]] {
        let error = attempt("https", answer(bytes).await, unverified()).await;
        let text = error.to_string();
        assert!(matches!(problem(error), TlsProblem::OldServer(_)), "{text}");
        assert!(text.contains("2012 R2") && text.contains("TLS 1.0") && text.contains("CBC"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_where_tls_was_meant_and_the_other_way_round() {
    let http = answer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let error = attempt("https", http, unverified()).await;
    assert!(error.to_string().contains("is it plain http"), "{error}");
    assert_eq!(problem(error), TlsProblem::NotTls);

    let good = localhost();
    let https = answer(&[21, 3, 3, 0, 2, 2, 10]).await;
    let error = attempt("http", https, trusting(&good)).await;
    assert!(matches!(&error, Error::Connect { reason, .. } if reason.contains("is it https")), "{error:?}");
}

/// A resumed session shows no certificate to bind to, and no client's certificate (see also F30).
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_is_a_full_handshake() {
    let good = localhost();
    for version in BOTH {
        let (address, handshakes) = serve(&good, &good.key, &[version]).await;
        for _ in 0..2 {
            trusted(&attempt("https", address, trusting(&good)).await);
        }
        let seen = handshakes.lock().unwrap();
        let full = |kind: Option<HandshakeKind>| {
            matches!(kind, Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest))
        };
        assert!(seen.len() >= 2 && seen.iter().all(|(_, kind)| full(*kind)), "{seen:?}");
    }
}

/// F25, F26, F27: the binding is sent always, and made with the hash of the certificate's own signature.
#[tokio::test(flavor = "multi_thread")]
async fn f25_f26_f27_a_strict_server_takes_the_binding_of_every_kind_of_certificate() {
    for (kind, identity) in crate::certificates::servers() {
        let pem = identity.certificate_pem.clone();
        let lab = Running::start_with(|config| {
            config.identity = Some(identity);
            config.require_channel_binding = true;
        })
        .await;
        let mut config = lab.config(true);
        config.tls.ca_pem = None;
        config.tls.pin = Some(CertificatePin::parse(std::str::from_utf8(&pem).unwrap()).unwrap());
        let pool = RunspacePool::open(config.clone(), PoolOptions::default()).await;
        let pool = pool.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(output(&pool, echo(1)).await.len(), 1);
        pool.close().await.unwrap();
        // F32: one explicit switch, and then a strict server says no.
        config.danger_skip_channel_binding = true;
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        assert_eq!(error.blame(), Blame::Authentication, "{kind}: {error:?}");
    }
}

/// The handshakes of a client that shows a certificate, at a server that has both versions.
pub async fn handshakes_with(
    identity: ClientIdentity,
) -> Vec<(Option<ProtocolVersion>, Option<HandshakeKind>)> {
    let good = localhost();
    let (address, handshakes) = serve(&good, &good.key, &BOTH).await;
    for _ in 0..2 {
        let tls = TlsOptions { client_identity: Some(identity.clone()), ..trusting(&good) };
        trusted(&attempt("https", address, tls).await);
    }
    handshakes.lock().unwrap().clone()
}

/// TLS with a certificate of these tests.
pub fn acceptor(identity: &ServerIdentity) -> tokio_rustls::TlsAcceptor {
    let certificates = CertificateDer::pem_slice_iter(&identity.certificate_pem);
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose_secret()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    Arc::new(config).into()
}
