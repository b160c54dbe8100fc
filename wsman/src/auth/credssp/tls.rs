//! TLS in memory, `[MS-CSSP] 3.1.5`: tokens in, tokens out. At most TLS 1.2, as Windows does it, where no tickets come
//! between the messages; no resumption, which servers refuse.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::{self, cipher_suite};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS12;
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Connection, DigitallySignedStruct, ServerConfig,
    ServerConnection, SignatureScheme,
};

use super::binding::subject_public_key;
use crate::auth::AuthError;

/// Most clear text of one TLS record, RFC 5246 section 6.2.1.
pub(super) const MAX_RECORD: usize = 16384;

const NO_CIPHER_SUITE: &str = "client and server have no cipher suite in common, and ECDHE with AES-GCM is needed; \
    Windows Server 2012 R2 and older do not have it for RSA certificates";
const NO_VERSION: &str = "TLS 1.2 is needed; Windows Server 2008 R2 and older speak only TLS 1.0 unless TLS 1.2 is \
    switched on there";

/// A server's certificate inside CredSSP.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    public_key: Vec<u8>,
}

impl Identity {
    /// A certificate in DER and its key in PKCS#8. Clients that follow Windows expect RSA.
    ///
    /// # Errors
    /// [`AuthError::Tls`] when they cannot be used, or not together.
    pub fn new(certificate: Vec<u8>, pkcs8: Vec<u8>) -> Result<Self, AuthError> {
        let public_key = subject_public_key(&certificate)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS12])
            .map_err(failure)?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate)], key)
            .map_err(failure)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { config: Arc::new(config), public_key })
    }

    /// SubjectPublicKey.
    pub(super) fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// One side of the TLS connection inside.
pub(super) struct Channel(Connection);

impl Channel {
    pub(super) fn client() -> Result<Self, AuthError> {
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS12])
            .map_err(failure)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(KeyOnly(algorithms)))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        // The name is not sent and not compared.
        let name = ServerName::try_from("credssp").map_err(|_| AuthError::Caller("no name for TLS"))?;
        Ok(Self(ClientConnection::new(Arc::new(config), name).map_err(failure)?.into()))
    }

    pub(super) fn server(identity: &Identity) -> Result<Self, AuthError> {
        Ok(Self(ServerConnection::new(identity.config.clone()).map_err(failure)?.into()))
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// The server's SubjectPublicKey, as the client saw it.
    pub(super) fn server_public_key(&self) -> Result<Vec<u8>, AuthError> {
        let leaf = self.0.peer_certificates().and_then(<[_]>::first);
        subject_public_key(leaf.ok_or(AuthError::Unexpected("TLS without a certificate"))?)
    }

    /// Takes all the bytes of a token and returns the clear text in them, which is never longer than the token.
    pub(super) fn receive(&mut self, mut token: &[u8]) -> Result<Vec<u8>, AuthError> {
        let mut clear = Vec::new();
        while !token.is_empty() {
            let taken = self.0.read_tls(&mut token).map_err(|error| AuthError::Tls(error.to_string()))?;
            if taken == 0 {
                return Err(AuthError::Tls("the peer has closed it".into()));
            }
            self.0.process_new_packets().map_err(failure)?;
            self.drain(&mut clear);
        }
        Ok(clear)
    }

    fn drain(&mut self, clear: &mut Vec<u8>) {
        let mut buffer = [0; 4096];
        let mut reader = self.0.reader();
        // Both the end and "nothing more yet" end the loop.
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            clear.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    }

    /// What is to be sent: handshake messages, alerts.
    pub(super) fn output(&mut self) -> Result<Vec<u8>, AuthError> {
        let mut bytes = Vec::new();
        while self.0.wants_write() {
            self.0.write_tls(&mut bytes).map_err(|error| AuthError::Tls(error.to_string()))?;
        }
        Ok(bytes)
    }

    /// The TLS records of a message.
    pub(super) fn seal(&mut self, clear: &[u8]) -> Result<Vec<u8>, AuthError> {
        let mut bytes = Vec::new();
        for chunk in clear.chunks(MAX_RECORD) {
            self.0.writer().write_all(chunk).map_err(|error| AuthError::Tls(error.to_string()))?;
            bytes.extend(self.output()?);
        }
        Ok(bytes)
    }
}

/// The cipher suites of `[MS-CSSP]` peers that rustls has. All are AES-GCM, which makes the length of a record known.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ],
        ..ring::default_provider()
    })
}

/// Names the alert, and the cure where there is one.
fn failure(error: rustls::Error) -> AuthError {
    use rustls::Error;
    let cure = match &error {
        Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity) => {
            NO_CIPHER_SUITE
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion) => NO_VERSION,
        Error::PeerIncompatible(reason) => match reason {
            rustls::PeerIncompatible::NoCipherSuitesInCommon => NO_CIPHER_SUITE,
            rustls::PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13
            | rustls::PeerIncompatible::Tls12NotOffered
            | rustls::PeerIncompatible::Tls12NotOfferedOrEnabled => NO_VERSION,
            _ => "",
        },
        _ => "",
    };
    let what = match &error {
        Error::AlertReceived(alert) => format!("the peer sent alert {} ({alert:?})", u8::from(*alert)),
        other => other.to_string(),
    };
    AuthError::Tls(if cure.is_empty() { what } else { format!("{what}: {cure}") })
}

/// Why a server refuses in the middle of the handshake without a word.
pub(super) fn silent_refusal() -> AuthError {
    AuthError::Tls(format!(
        "the server ended the handshake without an alert (its event log has one from Schannel); perhaps \
         {NO_CIPHER_SUITE}; or {NO_VERSION}"
    ))
}

/// Whoever shows a certificate must hold its key; who that is the inner sign-in finds out.
#[derive(Debug)]
struct KeyOnly(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for KeyOnly {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
