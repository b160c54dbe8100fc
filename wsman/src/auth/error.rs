//! What can go wrong while signing in, sealing and unsealing.

/// A sign-in or a sealed message that failed. No variant carries a secret or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The peer sent bytes that are not a token of the protocol.
    #[error("the peer sent a malformed {what}: {why}")]
    Malformed {
        /// Which structure.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The peer sent a good token at the wrong time.
    #[error("the peer sent an unexpected token: {0}")]
    Unexpected(&'static str),
    /// The peer offers only what is too weak to be accepted.
    #[error("the peer offers too little protection: {0}")]
    TooWeak(&'static str),
    /// No mechanism in common.
    #[error("no common sign-in mechanism: the peer offers {offered}")]
    NoCommonMechanism {
        /// What the peer named.
        offered: String,
    },
    /// The peer refused the sign-in.
    #[error("the peer refused the sign-in")]
    Rejected,
    /// User name or password are not those of an account.
    #[error("unknown user name or wrong password")]
    LogonFailed,
    /// A message integrity code does not fit: the exchange was changed on its way.
    #[error("the {0} does not fit: the sign-in was changed on its way")]
    BadIntegrity(&'static str),
    /// The channel binding is absent or that of another TLS connection.
    #[error("the channel binding is absent or belongs to another TLS connection")]
    BadChannelBinding,
    /// The client means another service.
    #[error("the sign-in was made for another service")]
    BadTarget,
    /// A sealed message that this context did not seal, or one out of order.
    #[error("a sealed message cannot be verified")]
    BadSeal,
    /// The TLS inside CredSSP failed.
    #[error("the TLS inside CredSSP failed: {0}")]
    Tls(String),
    /// The peer speaks a version of CredSSP that is older than asked for.
    #[error(
        "the peer speaks CredSSP version {version}, and at least {least} is asked for: older versions can be \
         intercepted (CVE-2018-0886); install the updates of May 2018 there, or allow old versions explicitly"
    )]
    OldCredSsp {
        /// The peer's version.
        version: u32,
        /// The least that is asked for.
        least: u32,
    },
    /// The public key of the TLS inside CredSSP is not the peer's.
    #[error(
        "the TLS inside CredSSP does not end at the server that took the sign-in: the connection is intercepted; \
         the password was not sent"
    )]
    BadPublicKey,
    /// The server said why it refused.
    #[error("the server refused the sign-in: {0}")]
    NtStatus(super::credssp::NtStatus),
    /// The sign-in went well and the logon with the delegated password did not.
    #[error(
        "the server took the sign-in and then refused the delegated password: the account may lack the right to sign \
         in at this server, or delegation is off (Enable-WSManCredSSP -Role Server)"
    )]
    DelegationRefused,
    /// The certificate of the TLS connection cannot be read.
    #[error("the server's certificate cannot be read for the channel binding: {0}")]
    Certificate(&'static str),
    /// Kerberos: at which step, and what to do.
    #[error("{0}{cure}", cure = .0.cure())]
    Kerberos(#[from] super::kerberos::KerberosError),
    /// The caller's input cannot be sent.
    #[error("{0}")]
    Caller(&'static str),
}

impl AuthError {
    /// Whether the other side broke the protocol, rather than refused or was refused.
    #[must_use]
    pub fn is_peer_fault(&self) -> bool {
        matches!(
            self,
            Self::Malformed { .. }
                | Self::Unexpected(_)
                | Self::BadIntegrity(_)
                | Self::BadPublicKey
                | Self::BadSeal
                | Self::TooWeak(_)
        )
    }

    /// A malformed structure.
    pub(crate) fn malformed(what: &'static str, why: &'static str) -> Self {
        Self::Malformed { what, why }
    }
}
