//! The client's side.

use crate::auth::{AuthError, Initiator, Mechanism, Scheme, Step};

/// Offers mechanisms in the order of preference; the first one's token goes along with the offer.
pub struct SpnegoInitiator {
    offers: Vec<Box<dyn Initiator>>,
}

impl SpnegoInitiator {
    /// One sign-in on one connection.
    #[must_use]
    pub fn new(offers: Vec<Box<dyn Initiator>>) -> Self {
        Self { offers }
    }
}

impl Initiator for SpnegoInitiator {
    fn scheme(&self) -> Scheme {
        Scheme::Negotiate
    }

    fn mechanism(&self) -> Mechanism {
        self.offers.first().map_or(Mechanism::Ntlm, |offer| offer.mechanism())
    }

    fn step(&mut self, _input: Option<&[u8]>) -> Result<Step, AuthError> {
        Err(AuthError::Unexpected("SPNEGO"))
    }
}
