//! What is wrong with a TLS connection, in words that name the cure.

use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};

use super::pin::OtherKey;

/// Why there is no trusted TLS connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsProblem {
    /// Nobody who is trusted has issued the certificate.
    #[error(
        "its certificate was issued by an authority that is not trusted: name that authority's certificate as CA file, or pin the server's own certificate"
    )]
    UnknownIssuer,
    /// The certificate's time is over.
    #[error("its certificate has expired{}: renew it on the server, or pin it until then", .ago.map(days_ago).unwrap_or_default())]
    Expired {
        /// Seconds since then
        ago: Option<u64>,
    },
    /// The certificate's time has not begun.
    #[error("its certificate is not valid yet: compare the clocks of both machines")]
    NotYetValid,
    /// The certificate is that of another host.
    #[error(
        "its certificate is not for `{wanted}`{}: connect by a name that it holds, or pin it",
        presented(.names)
    )]
    WrongName {
        /// The host that was connected to
        wanted: String,
        /// The names in the certificate
        names: Vec<String>,
    },
    /// Another certificate or key than the pinned one.
    #[error(
        "it shows another certificate than the one that is pinned (this one has the SHA-256 fingerprint {shown}): if the server's certificate was renewed, pin the new one; if not, somebody is in between"
    )]
    OtherCertificate {
        /// SHA-256 of the certificate that was shown, in hex
        shown: String,
    },
    /// The certificate was revoked.
    #[error("its certificate was revoked")]
    Revoked,
    /// The certificate cannot be used for servers, or not at all.
    #[error("its certificate cannot be used: {0}; pin it if it cannot be replaced")]
    BadCertificate(String),
    /// The server does not hold the key of the certificate that it shows.
    #[error("it does not hold the key of the certificate that it shows: somebody may be in between")]
    BadSignature,
    /// No version or cipher in common.
    #[error(
        "there is no version and cipher in common ({0}); needed is TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20-Poly1305. \
         Servers of the time of Windows Server 2012 R2 and before may offer only TLS 1.0, CBC or RSA key exchange: enable TLS 1.2 and these \
         ciphers there, or use sealed http"
    )]
    OldServer(String),
    /// The server is not content with the client's certificate.
    #[error(
        "it refused the client's certificate ({0}): it must be valid, for client authentication, and issued by an authority that the \
         server trusts"
    )]
    ClientCertificate(String),
    /// Something else than TLS came.
    #[error(
        "it does not speak TLS on this port: is it plain http (WinRM has http on 5985 and https on 5986)?"
    )]
    NotTls,
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl TlsProblem {
    /// What rustls says, in our words.
    pub(crate) fn of(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidCertificate(error) => Self::of_certificate(error),
            TlsError::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::InvalidEmptyPayload
                | InvalidMessage::MessageTooLarge,
            ) => Self::NotTls,
            TlsError::AlertReceived(alert) => Self::of_alert(*alert),
            TlsError::PeerIncompatible(what) => Self::OldServer(format!("{what:?}")),
            other => Self::Other(other.to_string()),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired => Self::Expired { ago: None },
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired { ago: time.as_secs().checked_sub(not_after.as_secs()) }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName => Self::WrongName { wanted: String::new(), names: Vec::new() },
            CertificateError::NotValidForNameContext { expected, presented } => Self::WrongName {
                wanted: expected.to_str().into_owned(),
                names: presented.iter().map(|name| plain(name)).collect(),
            },
            CertificateError::Revoked => Self::Revoked,
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::Other(other) => match other.0.downcast_ref::<OtherKey>() {
                Some(other) => Self::OtherCertificate { shown: hex(&other.shown) },
                None if other.to_string().contains("CaUsedAsEndEntity") => {
                    Self::BadCertificate("it is the certificate of an authority and not of a server".into())
                }
                None => Self::BadCertificate(other.to_string()),
            },
            other => Self::BadCertificate(other.to_string()),
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        use AlertDescription as Alert;
        let name = format!("{alert:?}");
        match alert {
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
                Self::OldServer(name)
            }
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError
            | Alert::CertificateRequired => Self::ClientCertificate(name),
            _ => Self::Other(format!("the server ended it with the alert {name}")),
        }
    }
}

/// webpki's `DnsName("ex01")` and `IpAddress(127.0.0.1)`.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}

fn presented(names: &[String]) -> String {
    match names {
        [] => " and names no host at all".into(),
        names => format!(" but for {}", names.iter().take(20).cloned().collect::<Vec<_>>().join(", ")),
    }
}

fn days_ago(seconds: u64) -> String {
    match seconds / 86_400 {
        0 => " today".into(),
        1 => " a day ago".into(),
        days => format!(" {days} days ago"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
