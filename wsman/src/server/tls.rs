//! The server's certificate, made at its start.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::config::ServerConfig;
use super::listen::ServerError;
use crate::auth::ChannelBinding;

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
