//! The server's certificates: that of its TLS, made at its start, and that inside CredSSP.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use rsa::pkcs8::EncodePrivateKey as _;

use super::config::ServerConfig;
use super::listen::ServerError;
use crate::auth::{ChannelBinding, credssp};
use crate::psrp::session_key::Rng;

/// As long as the key that Windows makes for CredSSP.
const RSA_BITS: usize = 2048;

/// A self-signed certificate and the TLS configuration with it.
pub(super) struct Identity {
    pub(super) tls: Arc<rustls::ServerConfig>,
    pub(super) pem: String,
    pub(super) binding: ChannelBinding,
}

impl Identity {
    pub(super) fn make(config: &ServerConfig, addresses: &[SocketAddr]) -> Result<Self, ServerError> {
        let failed = |what: String| ServerError::Certificate(what);
        let mut names = vec!["localhost".to_owned()];
        names.extend([&config.names.dns_computer, &config.names.netbios_computer].into_iter().cloned());
        names.extend(addresses.iter().map(|address| address.ip().to_string()));
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(error.to_string()))?;
        let certificate = made.cert.der().clone();
        let binding =
            ChannelBinding::from_certificate(&certificate).map_err(|error| failed(error.to_string()))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| failed(error.to_string()))?
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .map_err(|error| failed(error.to_string()))?;
        Ok(Self { tls: Arc::new(tls), pem: made.cert.pem(), binding })
    }
}

/// A self-signed certificate with an RSA key, as Windows makes one for CredSSP: clients expect no other kind.
pub(super) fn credssp_identity(name: &str) -> Result<credssp::Identity, ServerError> {
    let failed = |what: String| ServerError::Certificate(what);
    // The search for primes would never end without random numbers.
    let mut drawn = getrandom::fill(&mut [0; 32]);
    drawn.map_err(|error| failed(error.to_string()))?;
    let mut fill = |bytes: &mut [u8]| {
        if drawn.is_ok() {
            drawn = getrandom::fill(bytes);
        }
    };
    let key = rsa::RsaPrivateKey::new(&mut Rng(&mut fill), RSA_BITS);
    drawn.map_err(|error| failed(error.to_string()))?;
    let key = key.map_err(|error| failed(error.to_string()))?;
    let pkcs8 = key.to_pkcs8_der().map_err(|error| failed(error.to_string()))?;
    let pair =
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.as_bytes().into(), &rcgen::PKCS_RSA_SHA256)
            .map_err(|error| failed(error.to_string()))?;
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, format!("CREDSSP-{name}"));
    let certificate = parameters.self_signed(&pair).map_err(|error| failed(error.to_string()))?;
    credssp::Identity::new(certificate.der().to_vec(), pkcs8.as_bytes().to_vec())
        .map_err(|error| failed(error.to_string()))
}
