//! The certificate that a client shows.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::zeroize::Zeroize as _;

use crate::client::error::Error;

/// A client's certificate with its key, for [`super::TlsOptions::client_identity`].
#[derive(Clone)]
pub struct ClientIdentity(pub(super) Arc<CertifiedKey>);

impl ClientIdentity {
    /// From PEM: the client's certificate first, then those of the authorities between it and a root; and its key as
    /// PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) or SEC1 (RFC 5915), not encrypted. Both may be the same text.
    ///
    /// # Errors
    /// They cannot be read, or the key is not that of the certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, Error> {
        let refuse = |why: String| Error::Configuration(why);
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| refuse("the client certificate is not PEM".into()))?;
        if chain.is_empty() {
            return Err(refuse("there is no certificate in the PEM of the client certificate".into()));
        }
        let mut key = PrivateKeyDer::from_pem_slice(key).map_err(|error| refuse(no_key(key, &error)))?;
        let identity = CertifiedKey::from_der(chain, key.clone_key(), &super::provider());
        key.zeroize();
        identity.map(|identity| Self(Arc::new(identity))).map_err(|error| {
            refuse(match error {
                rustls::Error::InconsistentKeys(_) => {
                    "the client key is not the key of the client certificate, which must be the first in its file".into()
                }
                other => format!("the client certificate cannot be used: {other}"),
            })
        })
    }

    /// The client's certificate, in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        self.0.cert.first().map(AsRef::as_ref).unwrap_or_default()
    }
}

fn no_key(text: &[u8], error: &pem::Error) -> String {
    let text = String::from_utf8_lossy(text);
    if text.contains("ENCRYPTED") {
        return "the client key is encrypted; write it without a passphrase into a file that only its owner may read: \
                openssl pkey -in KEY -out PLAIN"
            .into();
    }
    match error {
        pem::Error::NoItemsFound => "there is no private key in the PEM of the client key".into(),
        _ => "the client key is not PEM".into(),
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(***)")
    }
}
