//! An established sign-in: message protection for one connection.

use super::{AuthError, Mechanism, Scheme};

/// One sealed message: the mechanism's header (signature) and the encrypted data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Signature or token header; its length differs between mechanisms and is sent along.
    pub header: Vec<u8>,
    /// The encrypted message.
    pub data: Vec<u8>,
}

/// What a mechanism does for an established connection. State is kept per direction.
pub trait Protection: Send {
    /// Encrypts and signs the next message to the peer.
    ///
    /// # Errors
    /// The context cannot carry this message.
    fn seal(&mut self, message: &[u8]) -> Result<Sealed, AuthError>;

    /// Decrypts and verifies the next message from the peer.
    ///
    /// # Errors
    /// [`AuthError::BadSeal`]; the context is of no further use.
    fn unseal(&mut self, header: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError>;

    /// Signs the SPNEGO mechanism list (mechListMIC). NTLM starts its cipher stream to the peer anew
    /// afterwards, `[MS-SPNG] 3.3.5.1`; the sequence number goes on.
    ///
    /// # Errors
    /// The context cannot sign.
    fn sign_mech_list(&mut self, list: &[u8]) -> Result<Vec<u8>, AuthError>;

    /// Verifies the peer's mechListMIC; see [`Protection::sign_mech_list`].
    ///
    /// # Errors
    /// [`AuthError::BadIntegrity`].
    fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> Result<(), AuthError>;

    /// Whether the mechanism itself asks SPNEGO for a mechListMIC, `[MS-SPNG] 3.1.5.2`.
    fn wants_mech_list_mic(&self) -> bool {
        false
    }

    /// How many bytes of `rest` are the encrypted data of one message, given its header and the length that
    /// a `multipart/encrypted` part announces. Most mechanisms do not change the length; CredSSP reads it
    /// from its TLS records, whose first bytes are the header.
    fn data_length(&self, header: &[u8], plain_length: usize, rest: &[u8]) -> Option<usize> {
        let _ = (header, rest);
        Some(plain_length)
    }

    /// How many bytes of padding stand at the end of an unsealed SOAP message, where the peer counts them in `Length`
    /// (RC4, RFC 4757 7.3).
    fn padding(&self, message: &[u8]) -> usize {
        let _ = message;
        0
    }

    /// Decrypts and verifies the next message where header and data came as one token (GSS_Unwrap, RFC 2743
    /// section 2.3.4). A signature of 16 bytes stands in front, unless a mechanism knows better.
    ///
    /// # Errors
    /// As [`Protection::unseal`].
    fn unwrap_token(&mut self, token: &[u8]) -> Result<Vec<u8>, AuthError> {
        let (header, data) = token.split_at_checked(16).ok_or(AuthError::BadSeal)?;
        self.unseal(header, data)
    }

    /// The largest message that may be sealed at once, where there is a limit (CredSSP: 16384).
    fn chunk_size(&self) -> Option<usize> {
        None
    }
}

/// An established security context of one connection.
pub struct SecurityContext {
    protection: Box<dyn Protection>,
    mechanism: Mechanism,
    scheme: Scheme,
}

impl SecurityContext {
    /// A context over a mechanism's protection.
    #[must_use]
    pub fn new(mechanism: Mechanism, scheme: Scheme, protection: Box<dyn Protection>) -> Self {
        Self { protection, mechanism, scheme }
    }

    /// The mechanism that proved the identity.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Seals the next message to the peer.
    ///
    /// # Errors
    /// The mechanism cannot carry it.
    pub fn seal(&mut self, message: &[u8]) -> Result<Sealed, AuthError> {
        self.protection.seal(message)
    }

    /// Unseals the next message from the peer.
    ///
    /// # Errors
    /// [`AuthError::BadSeal`] when it is not that; the connection must then be given up.
    pub fn unseal(&mut self, header: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.protection.unseal(header, data)
    }

    /// Seals the next message to the peer; header and data are one token (GSS_Wrap).
    ///
    /// # Errors
    /// As [`SecurityContext::seal`].
    #[cfg(any(feature = "client", feature = "server"))]
    pub(crate) fn wrap_token(&mut self, message: &[u8]) -> Result<Vec<u8>, AuthError> {
        let Sealed { mut header, data } = self.protection.seal(message)?;
        header.extend(data);
        Ok(header)
    }

    /// Unseals the next message from the peer, which came as one token (GSS_Unwrap).
    ///
    /// # Errors
    /// As [`SecurityContext::unseal`].
    #[cfg(any(feature = "client", feature = "server"))]
    pub(crate) fn unwrap_token(&mut self, token: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.protection.unwrap_token(token)
    }

    /// The `protocol` of a `multipart/encrypted` body: it goes by the HTTP scheme, not by the mechanism.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.scheme {
            Scheme::Kerberos => "application/HTTP-Kerberos-session-encrypted",
            Scheme::CredSsp => "application/HTTP-CredSSP-session-encrypted",
            Scheme::Basic | Scheme::Negotiate | Scheme::Ntlm => "application/HTTP-SPNEGO-session-encrypted",
        }
    }

    /// The largest message that may be sealed at once, where there is a limit.
    #[must_use]
    pub fn chunk_size(&self) -> Option<usize> {
        self.protection.chunk_size()
    }

    /// The mechanism's own functions, for what is wrapped around it.
    pub(crate) fn protection(&self) -> &dyn Protection {
        self.protection.as_ref()
    }

    /// The mechanism's own functions, for what is wrapped around it.
    pub(crate) fn protection_mut(&mut self) -> &mut dyn Protection {
        self.protection.as_mut()
    }
}

impl std::fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecurityContext")
            .field("mechanism", &self.mechanism)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
