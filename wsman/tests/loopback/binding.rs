//! Kerberos and NTLM bound to TLS, and somebody with another certificate in between.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error as TlsError, SignatureScheme};
use tokio::net::{TcpListener, TcpStream};
use wsman::auth::{Mechanism, Scheme};
use wsman::client::{
    Authentication, Blame, CertificatePin, ConnectionConfig, Error, PoolOptions, RunspacePool,
};
use wsman::server::ServerIdentity;

use crate::certificates::servers;
use crate::lab::{Running, echo, output};

/// Whoever the other side is: the relay verifies nothing.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Ends TLS with its own certificate, and begins another one to the server.
async fn between(server: SocketAddr, shown: &ServerIdentity) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let acceptor = crate::tls::acceptor(shown);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            tokio::spawn(async move {
                let mut client = acceptor.accept(stream).await.ok()?;
                let name = ServerName::try_from("localhost").ok()?;
                let mut server =
                    connector.connect(name, TcpStream::connect(server).await.ok()?).await.ok()?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()
            });
        }
    });
    address
}

/// Trusts this certificate and no other.
fn pinned(config: &ConnectionConfig, identity: &ServerIdentity) -> ConnectionConfig {
    let pem = std::str::from_utf8(&identity.certificate_pem).unwrap();
    let mut config = config.clone();
    config.tls.ca_pem = None;
    config.tls.pin = Some(CertificatePin::parse(pem).unwrap());
    config
}

/// The ways to sign in that are bound, at a server that offers only its scheme.
const WAYS: [(Scheme, Authentication, Mechanism); 3] = [
    (Scheme::Negotiate, Authentication::Kerberos, Mechanism::Kerberos),
    (Scheme::Kerberos, Authentication::Kerberos, Mechanism::Kerberos),
    (Scheme::Negotiate, Authentication::Ntlm, Mechanism::Ntlm),
];

fn signing_in(lab: &Running, authentication: Authentication) -> ConnectionConfig {
    match authentication {
        Authentication::Kerberos => crate::kerberos::config(lab, true),
        other => ConnectionConfig { authentication: other, ..lab.config(true) },
    }
}

/// F25, F26, F28: SHA-256, SHA-384, SHA-512 and RSASSA-PSS. The right binding is taken; none, and that of another
/// certificate, which the client trusts just as well, are refused before anything runs.
#[tokio::test(flavor = "multi_thread")]
async fn f25_f26_f28_kerberos_is_bound_to_every_kind_of_certificate_and_to_no_other() {
    let all = servers();
    for (index, (kind, identity)) in all.iter().enumerate() {
        let (_, other) = &all[(index + 1) % all.len()];
        for (scheme, authentication, mechanism) in WAYS {
            let lab = crate::kerberos::lab_with(&[scheme], Some(identity.clone())).await;
            let config = signing_in(&lab, authentication);
            let good = pinned(&config, identity);
            let pool = RunspacePool::open(good.clone(), PoolOptions::default()).await;
            let pool = pool.unwrap_or_else(|error| panic!("{kind} {scheme:?}: {error}"));
            assert_eq!(output(&pool, echo(1)).await.len(), 1);
            assert_eq!(pool.signed_in().mechanism, Some(mechanism));
            pool.close().await.unwrap();
            let commands = lab.seen.commands();

            let missing = ConnectionConfig { danger_skip_channel_binding: true, ..good };
            let address = lab.server.addresses().iter().find(|(_, secure)| *secure).unwrap().0;
            let relay = between(address, other).await;
            let url = config.url.replace(&address.port().to_string(), &relay.port().to_string());
            let wrong = ConnectionConfig { url, ..pinned(&config, other) };
            for config in [missing, wrong] {
                let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
                assert!(matches!(error, Error::SignIn(_)), "{kind} {scheme:?}: {error:?}");
                assert_eq!(error.blame(), Blame::Authentication, "{kind} {scheme:?}: {error:?}");
            }
            assert_eq!((lab.seen.commands(), lab.server.shell_count()), (commands, 0));
        }
    }
}

/// The relay itself is no reason to be refused: a server that does not ask for the binding takes what comes without one.
#[tokio::test(flavor = "multi_thread")]
async fn f32_behind_an_inspecting_proxy_the_switch_helps_where_the_server_is_not_strict() {
    let all = servers();
    let lab = Running::start_with(|config| config.identity = Some(all[0].1.clone())).await;
    let address = lab.server.addresses().iter().find(|(_, secure)| *secure).unwrap().0;
    let relay = between(address, &all[1].1).await;
    let mut config = pinned(&lab.config(true), &all[1].1);
    config.url = config.url.replace(&address.port().to_string(), &relay.port().to_string());
    let error = RunspacePool::open(config.clone(), PoolOptions::default()).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Authentication, "{error:?}");
    config.danger_skip_channel_binding = true;
    let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
    assert_eq!(output(&pool, echo(1)).await.len(), 1);
    lab.finish(pool).await;
}
