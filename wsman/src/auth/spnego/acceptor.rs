//! The server's side.

use crate::auth::{Acceptor, AcceptorStep, AccountStore, AuthError, Mechanism};

/// Takes SPNEGO, or the bare tokens of a mechanism, and lets a mechanism verify.
pub struct SpnegoAcceptor {
    mechanisms: Vec<Box<dyn Acceptor>>,
}

impl SpnegoAcceptor {
    /// One sign-in on one connection with any of these mechanisms.
    #[must_use]
    pub fn new(mechanisms: Vec<Box<dyn Acceptor>>) -> Self {
        Self { mechanisms }
    }
}

impl Acceptor for SpnegoAcceptor {
    fn mechanism(&self) -> Mechanism {
        self.mechanisms.first().map_or(Mechanism::Ntlm, |mechanism| mechanism.mechanism())
    }

    fn step(&mut self, _input: &[u8], _accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        Err(AuthError::Unexpected("SPNEGO"))
    }
}
