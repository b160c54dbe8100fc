//! Clients that sign in with a certificate: whose is taken, and for whom it stands.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use sha2::{Digest as _, Sha256};

use super::config::ClientCertificates;
use super::listen::ServerError;
use crate::auth::{UserName, user_principal_name};

impl ClientCertificates {
    /// A client may show a certificate or none; one that it shows must be issued by a known authority.
    pub(super) fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, ServerError> {
        let failed = |what: String| ServerError::Certificate(format!("the authorities of clients: {what}"));
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&self.ca_pem) {
            let certificate = certificate.map_err(|_| failed("not PEM".into()))?;
            roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build()
            .map_err(|error| failed(error.to_string()))
    }

    /// The account that a certificate stands for.
    pub(super) fn account(&self, certificate: &[u8]) -> Option<UserName> {
        let hash: [u8; 32] = Sha256::digest(certificate).into();
        let mapped = self.accounts.iter().find(|(known, _)| *known == hash);
        match mapped {
            Some((_, user)) => Some(user.clone()),
            None => user_principal_name(certificate).map(|name| UserName::parse(&name)),
        }
    }
}
