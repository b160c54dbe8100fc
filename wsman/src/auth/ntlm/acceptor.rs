//! The server's side.

use crate::auth::{Acceptor, AcceptorStep, AccountStore, AuthError, BindingPolicy, Mechanism, Scheme};

/// The names that a server gives itself in its CHALLENGE_MESSAGE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerNames {
    /// MsvAvNbComputerName.
    pub netbios_computer: String,
    /// MsvAvNbDomainName.
    pub netbios_domain: String,
    /// MsvAvDnsComputerName.
    pub dns_computer: String,
    /// MsvAvDnsDomainName.
    pub dns_domain: String,
}

/// Verifies one NTLMv2 sign-in.
pub struct NtlmAcceptor {
    scheme: Scheme,
}

impl NtlmAcceptor {
    /// One sign-in on one connection, with a random challenge. `now` is the time as FILETIME.
    #[must_use]
    pub fn new(names: &ServerNames, server_challenge: [u8; 8], now: u64) -> Self {
        let _ = (names, server_challenge, now);
        Self { scheme: Scheme::Negotiate }
    }

    /// One sign-in with a CHALLENGE_MESSAGE that is already there.
    ///
    /// # Errors
    /// It is not a CHALLENGE_MESSAGE.
    pub fn from_challenge(challenge: Vec<u8>) -> Result<Self, AuthError> {
        let _ = challenge;
        Ok(Self { scheme: Scheme::Negotiate })
    }

    /// What is asked of the client's channel binding; [`BindingPolicy::Ignore`] unless set.
    #[must_use]
    pub fn with_binding_policy(self, policy: BindingPolicy) -> Self {
        let _ = policy;
        self
    }

    /// The HTTP scheme that carries the tokens: `Negotiate` unless set.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }
}

impl Acceptor for NtlmAcceptor {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Ntlm
    }

    fn step(&mut self, _input: &[u8], _accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        Err(AuthError::Unexpected("NTLM"))
    }
}
