//! The TLS inside.

use std::io::Read as _;
use std::sync::Arc;

use proptest::prelude::*;
use rustls::crypto::ring::{self, cipher_suite};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConfig, ServerConnection};

use super::*;

/// A server of the TLS library with other settings than ours.
fn server(
    suites: Vec<rustls::SupportedCipherSuite>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConnection {
    let made = rcgen::generate_simple_self_signed(vec!["ex01".to_owned()]).unwrap();
    let provider = rustls::crypto::CryptoProvider { cipher_suites: suites, ..ring::default_provider() };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    ServerConnection::new(Arc::new(config)).unwrap()
}

fn client(suites: Vec<rustls::SupportedCipherSuite>) -> ClientConnection {
    let provider = rustls::crypto::CryptoProvider { cipher_suites: suites, ..ring::default_provider() };
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("ex01").unwrap()).unwrap()
}

/// The first token of our client, answered by this server.
fn answered_by(mut server: ServerConnection) -> Result<Step, AuthError> {
    let mut client = initiator();
    let Ok(Step::Continue(hello)) = client.step(None) else { panic!() };
    server.read_tls(&mut hello.as_slice()).unwrap();
    let _ = server.process_new_packets();
    let mut answer = Vec::new();
    server.write_tls(&mut answer).unwrap();
    client.step(Some(&answer))
}

fn tls_failure<T: std::fmt::Debug>(result: Result<T, AuthError>) -> String {
    match result {
        Err(AuthError::Tls(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn f33_no_common_cipher_suite_names_the_alert_and_the_suites() {
    let other = vec![cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256];
    let text = tls_failure(answered_by(server(other.clone(), &[&TLS12])));
    assert!(text.contains("alert 40 (HandshakeFailure)") && text.contains("ECDHE with AES-GCM"), "{text}");

    // The other way round the server names it, and sends the alert.
    let mut hello = Vec::new();
    let mut connection = client(other);
    connection.write_tls(&mut hello).unwrap();
    let Ok(AcceptorStep::Refused { token, reason }) = acceptor().step(&hello, &Accounts) else { panic!() };
    assert!(tls_failure::<()>(Err(reason)).contains("ECDHE with AES-GCM"));
    connection.read_tls(&mut token.as_slice()).unwrap();
    let received = connection.process_new_packets().unwrap_err();
    assert!(matches!(received, rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)));
}

#[test]
fn f33_a_server_that_says_nothing_is_explained() {
    let mut client = initiator();
    let _ = client.step(None).unwrap();
    let text = tls_failure::<()>(Err(client.explain_refusal().unwrap()));
    assert!(text.contains("Schannel") && text.contains("2012 R2"), "{text}");
}

#[test]
fn f34_old_tls_is_named_with_its_cure() {
    let mut client = initiator();
    let _ = client.step(None).unwrap();
    // A fatal alert, protocol_version, RFC 5246 section 7.2.
    let text = tls_failure(client.step(Some(&[21, 3, 1, 0, 2, 2, 70])));
    assert!(text.contains("alert 70 (ProtocolVersion)") && text.contains("TLS 1.2 is needed"), "{text}");
}

#[test]
fn f36_a_broken_handshake_tells_its_own_error() {
    // The signature of the ServerKeyExchange is the last but one thing in the flight.
    let mut legs = 0;
    let ended = run(&mut initiator(), &mut acceptor(), |way, mut token| {
        legs += usize::from(way == Way::ToClient);
        if legs == 1 && way == Way::ToClient {
            let at = token.len() - 30;
            token[at] ^= 1;
        }
        token
    });
    let text = tls_failure(ended.client);
    assert!(text.to_lowercase().contains("signature"), "{text}");
}

#[test]
fn f36_a_token_of_many_reads_is_taken_whole() {
    // A chain of certificates that no single read of the TLS library takes.
    let chain: Vec<CertificateDer<'static>> = (0..40)
        .map(|number| {
            let names = (0..40).map(|name| format!("host-{number}-{name}.contoso.com")).collect::<Vec<_>>();
            rcgen::generate_simple_self_signed(names).unwrap().cert.der().clone()
        })
        .collect();
    let made = rcgen::generate_simple_self_signed(vec!["ex01".to_owned()]).unwrap();
    let chain: Vec<_> = std::iter::once(made.cert.der().clone()).chain(chain).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    let mut client = Channel::client().unwrap();
    let mut longest = 0;
    while client.is_handshaking() || server.is_handshaking() {
        let token = client.output().unwrap();
        let mut rest = token.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut token = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut token).unwrap();
        }
        longest = longest.max(token.len());
        client.receive(&token).unwrap();
    }
    assert!(longest > 40_000, "{longest}");
    let message = vec![b'x'; 60_000];
    let mut sealed = client.seal(&message).unwrap();
    sealed.truncate(sealed.len());
    let mut clear = Vec::new();
    let mut rest = sealed.as_slice();
    while !rest.is_empty() {
        server.read_tls(&mut rest).unwrap();
        server.process_new_packets().unwrap();
        let _ = server.reader().read_to_end(&mut clear);
    }
    assert_eq!(clear, message);
}

#[test]
fn f38_tls_1_3_is_not_spoken() {
    let suites = ring::default_provider().cipher_suites;
    let text = tls_failure(answered_by(server(suites.clone(), &[&TLS13])));
    assert!(text.contains("TLS 1.2 is needed"), "{text}");
    // A server with both takes 1.2.
    let mut both = server(suites, &[&TLS12, &TLS13]);
    let mut client = Channel::client().unwrap();
    both.read_tls(&mut client.output().unwrap().as_slice()).unwrap();
    both.process_new_packets().unwrap();
    assert_eq!(both.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2));
}

#[test]
fn f30_no_session_is_resumed() {
    #[derive(Debug)]
    struct Anybody;
    impl rustls::client::danger::ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            ring::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
    // A client that would.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let config = Arc::new(config);
    for _ in 0..2 {
        let name = ServerName::try_from("ex01").unwrap();
        let mut client = ClientConnection::new(config.clone(), name).unwrap();
        let mut server = Channel::server(&SERVER).unwrap();
        while client.is_handshaking() {
            let mut token = Vec::new();
            client.write_tls(&mut token).unwrap();
            server.receive(&token).unwrap();
            client.read_tls(&mut server.output().unwrap().as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
    }
    // And our client offers nothing to resume: no session id behind version and random.
    let hello = Channel::client().unwrap().output().unwrap();
    assert_eq!(hello[5 + 4 + 2 + 32], 0);
}

/// The version in front of a record, which TLS does not protect in the handshake.
fn is_record_version(token: &[u8], at: usize) -> bool {
    let mut start = 0;
    while start + 5 <= at {
        let end = start + 5 + usize::from(u16::from_be_bytes([token[start + 3], token[start + 4]]));
        if end > at {
            break;
        }
        start = end;
    }
    (start + 1..start + 3).contains(&at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No change of a token goes through, and none makes a panic.
    #[test]
    fn any_change_of_any_token_ends_the_sign_in(
        leg in 0usize..9,
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut count = 0;
        let ended = run(&mut initiator(), &mut acceptor(), |_, mut token| {
            if count == leg {
                match cut {
                    Some(cut) => token.truncate(cut.index(token.len())),
                    None => {
                        let at = at.index(token.len());
                        let skip = if is_record_version(&token, at) { 2 } else { 0 };
                        token[at + skip] ^= flip;
                    }
                }
            }
            count += 1;
            token
        });
        prop_assert!(count > leg);
        prop_assert!(ended.client.is_err() && ended.server.is_err(), "{:?}", ended);
    }

    #[test]
    fn any_bytes_end_the_sign_in(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        let mut client = initiator();
        let _ = client.step(None).unwrap();
        let through = matches!(client.step(Some(&bytes)), Ok(Step::Established { .. }));
        prop_assert!(!through);
        let through = matches!(acceptor().step(&bytes, &Accounts), Ok(AcceptorStep::Established { .. }));
        prop_assert!(!through);
    }
}
