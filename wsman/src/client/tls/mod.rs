//! TLS: whom to trust, and the certificate that was shown, for the channel binding.

mod identity;
mod pin;
mod problem;
#[cfg(test)]
mod tests;
mod verify;

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

pub use identity::ClientIdentity;
pub use pin::CertificatePin;
pub use problem::TlsProblem;

use super::error::Error;
use verify::{Accept, Chosen, Listed};

/// How the server's certificate is judged. Without anything set: by the operating system's trust store.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Certificates of authorities in PEM; only these are trusted then.
    pub ca_pem: Option<Vec<u8>>,
    /// With `ca_pem`: those that the operating system trusts as well.
    pub system_too: bool,
    /// The one certificate that is accepted, whoever issued it.
    pub pin: Option<CertificatePin>,
    /// The certificate that this side shows. With it TLS 1.2 is the highest version: servers ask for a certificate after
    /// the handshake in TLS 1.3, which is not built in here.
    pub client_identity: Option<ClientIdentity>,
    /// Accept any certificate. The handshake is verified all the same: the server must hold its key.
    pub danger_skip_tls_verification: bool,
}

impl TlsOptions {
    /// For other https connections of the same program, which then judge certificates as this library does.
    ///
    /// # Errors
    /// [`Error::Configuration`] where what is set cannot be used.
    pub fn client_config(&self) -> Result<ClientConfig, Error> {
        config(verifier(self)?, Leaf::default(), self.client_identity.as_ref())
    }

    /// Whether anybody could be at the other end.
    pub(crate) fn is_unverified(&self) -> bool {
        self.danger_skip_tls_verification && self.pin.is_none()
    }
}

/// The certificate that the server of one connection showed, in DER.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf(Arc<Mutex<Option<Vec<u8>>>>);

impl Leaf {
    pub(crate) fn get(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, certificate: &[u8]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate.to_vec());
    }
}

/// Builds what judges certificates; once per target, as it may read the system's store.
pub(crate) fn verifier(options: &TlsOptions) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let provider = provider();
    let schemes = || provider.signature_verification_algorithms;
    if let Some(pin) = &options.pin {
        return Ok(Arc::new(Chosen { accept: Accept::Pin(pin.clone()), algorithms: schemes() }));
    }
    if options.danger_skip_tls_verification {
        return Ok(Arc::new(Chosen { accept: Accept::Any, algorithms: schemes() }));
    }
    let Some(pem) = &options.ca_pem else {
        let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
            Error::Configuration(format!("the system's trusted certificates cannot be read: {error}"))
        })?;
        return Ok(Arc::new(verifier));
    };
    let mut roots = RootCertStore::empty();
    let mut known = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| Error::Configuration("the CA file is not PEM".into()))?;
        known.push(certificate.clone());
        roots.add(certificate).map_err(|error| {
            Error::Configuration(format!("a certificate of the CA file cannot be used: {error}"))
        })?;
    }
    if options.system_too {
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(known.clone(), provider)
            .map_err(|error| Error::Configuration(format!("the CA file cannot be used: {error}")))?;
        return Ok(Arc::new(Listed { chains: Arc::new(verifier), known }));
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::Configuration(format!("the CA file cannot be used: {error}")))?;
    Ok(Arc::new(Listed { chains: verifier, known }))
}

/// The TLS configuration of one connection. No resumption: a resumed session shows no certificate to bind to, and
/// servers do not take a client's certificate from one.
pub(crate) fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    leaf: Leaf,
    identity: Option<&ClientIdentity>,
) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider());
    let versions = match identity {
        Some(_) => builder.with_protocol_versions(&[&rustls::version::TLS12]),
        None => builder.with_safe_default_protocol_versions(),
    };
    let builder = versions
        .map_err(|error| Error::Configuration(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Capturing { verifier, leaf }));
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.0.clone())))
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// For connections without TLS, as the HTTP library wants a configuration in any case: it trusts nobody.
pub(crate) fn none() -> Result<ClientConfig, Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Configuration(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Notes the certificate and leaves the judgement to another.
#[derive(Debug)]
struct Capturing {
    verifier: Arc<dyn ServerCertVerifier>,
    leaf: Leaf,
}

impl ServerCertVerifier for Capturing {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| match error {
                // An authority that has the name of a known one and another key.
                rustls::Error::InvalidCertificate(CertificateError::BadSignature) => {
                    CertificateError::UnknownIssuer.into()
                }
                other => other,
            })?;
        self.leaf.set(end_entity);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
