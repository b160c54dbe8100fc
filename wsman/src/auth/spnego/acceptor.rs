//! The server's side, RFC 4178 section 3.2 and `[MS-SPNG] 3.2`.

use super::{
    real_mic, sign,
    token::{InitialToken, MechType, NegState, NegTokenInit, NegTokenResp},
    verify,
};
use crate::auth::{Acceptor, AcceptorStep, AccountStore, AuthError, Mechanism, SecurityContext, UserName};

/// Takes SPNEGO, or the bare tokens of a mechanism, and lets a mechanism verify.
pub struct SpnegoAcceptor {
    mechanisms: Vec<Box<dyn Acceptor>>,
    state: State,
}

enum State {
    Start,
    /// The client speaks a mechanism without SPNEGO.
    Bare(usize),
    Negotiating(Negotiation),
    /// Only the client's mechListMIC is missing.
    AwaitingMic {
        mech_list: Vec<u8>,
        context: SecurityContext,
        user: UserName,
    },
    Done,
}

struct Negotiation {
    mech_list: Vec<u8>,
    current: usize,
    /// Whether it is what the client liked best; else its choice must be protected.
    preferred: bool,
    /// To be named in the first reply.
    supported_mech: Option<MechType>,
}

impl SpnegoAcceptor {
    /// One sign-in on one connection with any of these mechanisms.
    #[must_use]
    pub fn new(mechanisms: Vec<Box<dyn Acceptor>>) -> Self {
        Self { mechanisms, state: State::Start }
    }

    fn begin(&mut self, input: &[u8], accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        match InitialToken::parse(input)? {
            InitialToken::Spnego(offer) => self.choose(offer, accounts),
            InitialToken::Bare(mechanism) => {
                let index = self
                    .position(mechanism)
                    .ok_or_else(|| AuthError::NoCommonMechanism { offered: format!("{mechanism:?}") })?;
                self.bare(index, input, accounts)
            }
        }
    }

    fn bare(
        &mut self,
        index: usize,
        input: &[u8],
        accounts: &dyn AccountStore,
    ) -> Result<AcceptorStep, AuthError> {
        let step = self.step_mechanism(index, input, accounts)?;
        if let AcceptorStep::Continue(_) = step {
            self.state = State::Bare(index);
        }
        Ok(step)
    }

    /// The client's first choice that is also ours.
    fn choose(
        &mut self,
        offer: NegTokenInit,
        accounts: &dyn AccountStore,
    ) -> Result<AcceptorStep, AuthError> {
        let ours = |name: &MechType| name.mechanism().and_then(|mechanism| self.position(mechanism));
        let choice = offer.mech_types.iter().find_map(|name| Some((name.clone(), ours(name)?)));
        let Some((name, current)) = choice else {
            let names: Vec<String> = offer.mech_types.iter().map(MechType::to_string).collect();
            return Err(AuthError::NoCommonMechanism { offered: names.join(", ") });
        };
        let preferred = offer.mech_types.first() == Some(&name);
        let negotiation =
            Negotiation { mech_list: offer.mech_list, current, preferred, supported_mech: Some(name) };
        // The token that came along is for the client's preference.
        match offer.mech_token.filter(|_| preferred) {
            Some(token) => self.advance(negotiation, &token, None, accounts),
            None => self.ask(negotiation, None),
        }
    }

    fn position(&self, mechanism: Mechanism) -> Option<usize> {
        self.mechanisms.iter().position(|ours| ours.mechanism() == mechanism)
    }

    fn step_mechanism(
        &mut self,
        index: usize,
        input: &[u8],
        accounts: &dyn AccountStore,
    ) -> Result<AcceptorStep, AuthError> {
        let mechanism =
            self.mechanisms.get_mut(index).ok_or(AuthError::Caller("SPNEGO needs a mechanism"))?;
        mechanism.step(input, accounts)
    }

    /// Sends a reply and waits for the client.
    fn ask(
        &mut self,
        mut negotiation: Negotiation,
        token: Option<Vec<u8>>,
    ) -> Result<AcceptorStep, AuthError> {
        let supported_mech = negotiation.supported_mech.take();
        let first = supported_mech.is_some();
        let state =
            if first && !negotiation.preferred { NegState::RequestMic } else { NegState::AcceptIncomplete };
        self.state = State::Negotiating(negotiation);
        let reply =
            NegTokenResp { state: Some(state), supported_mech, response_token: token, mech_list_mic: None };
        Ok(AcceptorStep::Continue(reply.to_bytes()?))
    }

    fn advance(
        &mut self,
        negotiation: Negotiation,
        token: &[u8],
        mic: Option<&[u8]>,
        accounts: &dyn AccountStore,
    ) -> Result<AcceptorStep, AuthError> {
        match self.step_mechanism(negotiation.current, token, accounts)? {
            AcceptorStep::Continue(token) => self.ask(negotiation, Some(token)),
            AcceptorStep::Established { token, context, user } => {
                self.complete(negotiation, token, mic, context, user)
            }
            AcceptorStep::Refused { token, reason } => {
                let state = Some(NegState::Reject);
                let reply = NegTokenResp { state, response_token: Some(token), ..NegTokenResp::default() }
                    .to_bytes()?;
                Ok(AcceptorStep::Refused { token: reply, reason })
            }
        }
    }

    /// The mechanism is through; the mechListMICs may not be.
    fn complete(
        &mut self,
        mut negotiation: Negotiation,
        response_token: Option<Vec<u8>>,
        mic: Option<&[u8]>,
        mut context: SecurityContext,
        user: UserName,
    ) -> Result<AcceptorStep, AuthError> {
        let wanted = !negotiation.preferred || context.protection().wants_mech_list_mic();
        let mech_list = negotiation.mech_list;
        if let Some(mic) = mic {
            verify(&mut context, &mech_list, mic)?;
        }
        let mech_list_mic = if wanted || mic.is_some() { sign(&mut context, &mech_list)? } else { None };
        let complete = mic.is_some() || !wanted;
        let state = if complete { NegState::AcceptCompleted } else { NegState::AcceptIncomplete };
        let supported_mech = negotiation.supported_mech.take();
        let reply =
            NegTokenResp { state: Some(state), supported_mech, response_token, mech_list_mic }.to_bytes()?;
        if complete {
            return Ok(AcceptorStep::Established { token: Some(reply), context, user });
        }
        self.state = State::AwaitingMic { mech_list, context, user };
        Ok(AcceptorStep::Continue(reply))
    }
}

impl Acceptor for SpnegoAcceptor {
    /// The chosen mechanism; before the choice the first.
    fn mechanism(&self) -> Mechanism {
        let current = match &self.state {
            State::Bare(index) => *index,
            State::Negotiating(negotiation) => negotiation.current,
            State::Start | State::AwaitingMic { .. } | State::Done => 0,
        };
        self.mechanisms.get(current).map_or(Mechanism::Ntlm, |mechanism| mechanism.mechanism())
    }

    fn step(&mut self, input: &[u8], accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Start => self.begin(input, accounts),
            State::Bare(index) => self.bare(index, input, accounts),
            State::Negotiating(negotiation) => {
                let reply = NegTokenResp::parse(input)?;
                let mic = real_mic(&reply);
                match &reply.response_token {
                    _ if reply.state == Some(NegState::Reject) => Err(AuthError::Rejected),
                    Some(token) => self.advance(negotiation, token, mic, accounts),
                    None => Err(AuthError::Unexpected("a NegTokenResp without a token")),
                }
            }
            State::AwaitingMic { mech_list, mut context, user } => {
                let reply = NegTokenResp::parse(input)?;
                let mic = reply.mech_list_mic.as_deref().ok_or(AuthError::BadIntegrity("mechListMIC"))?;
                verify(&mut context, &mech_list, mic)?;
                let state = Some(NegState::AcceptCompleted);
                let token = NegTokenResp { state, ..NegTokenResp::default() }.to_bytes()?;
                Ok(AcceptorStep::Established { token: Some(token), context, user })
            }
            State::Done => Err(AuthError::Unexpected("the SPNEGO negotiation is already over")),
        }
    }
}
