//! The server's certificates: that of its TLS, made at its start, and that inside CredSSP.

use std::net::SocketAddr;
use std::sync::Arc;

use rsa::pkcs8::EncodePrivateKey as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::ExposeSecret as _;

use super::config::{ServerConfig, ServerIdentity};
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
        let (chain, key, pem) = match &config.identity {
            Some(given) => given_identity(given)?,
            None => made_identity(config, addresses)?,
        };
        let leaf = chain.first().ok_or_else(|| failed("there is none in the PEM".into()))?;
        let binding = ChannelBinding::from_certificate(leaf).map_err(|error| failed(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?;
        let builder = match &config.client_certificates {
            Some(clients) => builder.with_client_cert_verifier(clients.verifier(provider)?),
            None => builder.with_no_client_auth(),
        };
        let tls = builder.with_single_cert(chain, key).map_err(|error| failed(error.to_string()))?;
        Ok(Self { tls: Arc::new(tls), pem, binding })
    }
}

type Parts = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String);

fn given_identity(given: &ServerIdentity) -> Result<Parts, ServerError> {
    let failed = |what: String| ServerError::Certificate(what);
    let chain = CertificateDer::pem_slice_iter(&given.certificate_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| failed("the certificate is not PEM".into()))?;
    let key = PrivateKeyDer::from_pem_slice(given.key_pem.expose_secret())
        .map_err(|_| failed("its key is not PEM".into()))?;
    Ok((chain, key, String::from_utf8_lossy(&given.certificate_pem).into_owned()))
}

/// Self-signed, for every name and address of the server.
fn made_identity(config: &ServerConfig, addresses: &[SocketAddr]) -> Result<Parts, ServerError> {
    let failed = |what: String| ServerError::Certificate(what);
    let mut names = vec!["localhost".to_owned()];
    names.extend([&config.names.dns_computer, &config.names.netbios_computer].into_iter().cloned());
    names.extend(addresses.iter().map(|address| address.ip().to_string()));
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(error.to_string()))?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    Ok((vec![certificate], key, made.cert.pem()))
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
