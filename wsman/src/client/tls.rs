//! TLS: whom to trust, and the certificate that was shown, for the channel binding.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use super::error::Error;

/// How the server's certificate is judged. Without anything set: by the operating system's trust store.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Certificates of authorities in PEM; only these are trusted then.
    pub ca_pem: Option<Vec<u8>>,
    /// The one certificate that is accepted, whoever issued it.
    pub pin: Option<CertificatePin>,
    /// Accept any certificate. The handshake is verified all the same: the server must hold its key.
    pub danger_skip_tls_verification: bool,
}

/// A certificate that is known in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificatePin {
    /// SHA-256 over the certificate
    Sha256([u8; 32]),
}

impl CertificatePin {
    /// Reads a SHA-256 fingerprint (hex, with or without colons), or takes the first certificate of a PEM text.
    ///
    /// ```
    /// use wsman::client::CertificatePin;
    /// let pin = CertificatePin::parse(&"ab:".repeat(32)[..95]).unwrap();
    /// assert_eq!(pin, CertificatePin::Sha256([0xab; 32]));
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.contains("-----BEGIN") {
            let certificate = CertificateDer::from_pem_slice(text.as_bytes())
                .map_err(|_| Error::Configuration("the pinned certificate is not PEM".into()))?;
            return Ok(Self::Sha256(Sha256::digest(&certificate).into()));
        }
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .unwrap_or_default();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        match (digits.len(), <[u8; 32]>::try_from(bytes)) {
            (64, Ok(hash)) => Ok(Self::Sha256(hash)),
            _ => Err(Error::Configuration(
                "a certificate is pinned by 64 hex digits (SHA-256) or by PEM".into(),
            )),
        }
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
    if let Some(CertificatePin::Sha256(hash)) = &options.pin {
        return Ok(Arc::new(Chosen { accept: Accept::Pin(*hash), algorithms: schemes() }));
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
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::Configuration(format!("the CA file cannot be used: {error}")))?;
    Ok(Arc::new(Listed { chains: verifier, known }))
}

/// The TLS configuration of one connection. No resumption: a resumed session shows no certificate to bind to.
pub(crate) fn config(verifier: Arc<dyn ServerCertVerifier>, leaf: Leaf) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Configuration(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Capturing { verifier, leaf }))
        .with_no_client_auth();
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
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
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

/// Chains to the certificates of a CA file. A server may also show one of these itself: self-signed certificates often
/// say that they are an authority, which no chain may end with. Its name must fit all the same.
#[derive(Debug)]
struct Listed {
    chains: Arc<WebPkiServerVerifier>,
    known: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Listed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let result =
            self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        // Expiry, a wrong name and a broken signature have kinds of their own and stay refused.
        let is_other = matches!(&result, Err(rustls::Error::InvalidCertificate(CertificateError::Other(_))));
        if !is_other || !self.known.iter().any(|known| known == end_entity) {
            return result;
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Accepts by the caller's word instead of a chain; who shows the certificate must still hold its key.
#[derive(Debug)]
struct Chosen {
    accept: Accept,
    algorithms: rustls::crypto::WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Accept {
    Any,
    Pin([u8; 32]),
}

impl ServerCertVerifier for Chosen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.accept {
            Accept::Pin(hash) if Sha256::digest(end_entity)[..] != hash[..] => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Accept::Pin(_) | Accept::Any => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
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
}
