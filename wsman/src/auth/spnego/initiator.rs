//! The client's side, RFC 4178 section 3.2 and `[MS-SPNG] 3.1`.

use super::{
    real_mic, sign,
    token::{MechType, NegState, NegTokenInit, NegTokenResp},
    verify,
};
use crate::auth::{AuthError, Initiator, Mechanism, Scheme, SecurityContext, Step};

/// Offers mechanisms in the order of preference; the first one's token goes along with the offer.
pub struct SpnegoInitiator {
    offers: Vec<Box<dyn Initiator>>,
    state: State,
}

enum State {
    Start,
    Negotiating(Negotiation),
    Done,
}

/// What is known once the offer is out.
struct Negotiation {
    mech_list: Vec<u8>,
    /// Which offer is being tried.
    current: usize,
    /// Whether the peer has named its choice.
    chosen: bool,
    /// The peer asked for a mechListMIC.
    mic_requested: bool,
    mic_sent: bool,
    mic_verified: bool,
    /// There when the mechanism is through.
    context: Option<SecurityContext>,
}

impl SpnegoInitiator {
    /// One sign-in on one connection.
    #[must_use]
    pub fn new(offers: Vec<Box<dyn Initiator>>) -> Self {
        Self { offers, state: State::Start }
    }

    fn begin(&mut self) -> Result<Step, AuthError> {
        let mech_types = self.offers.iter().flat_map(|offer| MechType::of(offer.mechanism())).collect();
        let first = self.offers.first_mut().ok_or(AuthError::Caller("SPNEGO needs a mechanism to offer"))?;
        let (mech_token, context) = match first.step(None)? {
            Step::Continue(token) => (Some(token), None),
            Step::Established { token, context } => (token, Some(context)),
        };
        let offer = NegTokenInit::new(mech_types, mech_token)?;
        let token = offer.to_bytes()?;
        self.state = State::Negotiating(Negotiation {
            mech_list: offer.mech_list,
            current: 0,
            chosen: false,
            mic_requested: false,
            mic_sent: false,
            mic_verified: false,
            context,
        });
        Ok(Step::Continue(token))
    }

    fn answer(&mut self, mut negotiation: Negotiation, reply: &NegTokenResp) -> Result<Step, AuthError> {
        match reply.state {
            Some(NegState::Reject) => return Err(self.reason(&negotiation, reply)),
            Some(NegState::RequestMic) => negotiation.mic_requested = true,
            Some(NegState::AcceptCompleted | NegState::AcceptIncomplete) | None => {}
        }
        let reselected = self.choose(&mut negotiation, reply.supported_mech.as_ref())?;
        let response_token = self.advance(&mut negotiation, reply, reselected)?;

        let Some(context) = &mut negotiation.context else {
            let token = continuation(response_token, None)?;
            self.state = State::Negotiating(negotiation);
            return Ok(Step::Continue(token));
        };
        if let Some(mic) = real_mic(reply) {
            verify(context, &negotiation.mech_list, mic)?;
            negotiation.mic_verified = true;
        }
        // Whatever the peer says, nothing is complete while it lacks a token of ours.
        let completed = reply.state == Some(NegState::AcceptCompleted) && response_token.is_none();
        let wanted = context.protection().wants_mech_list_mic()
            || negotiation.current != 0
            || negotiation.mic_requested
            || negotiation.mic_verified;
        let mic = match wanted && !negotiation.mic_sent && !completed {
            true => sign(context, &negotiation.mech_list)?,
            false => None,
        };
        negotiation.mic_sent |= mic.is_some();

        if completed || negotiation.mic_verified {
            let token = if completed { None } else { Some(last_word(response_token, mic)?) };
            return negotiation.finish(token);
        }
        let token = continuation(response_token, mic)?;
        self.state = State::Negotiating(negotiation);
        Ok(Step::Continue(token))
    }

    /// Why the peer rejects: a KRB-ERROR may come along.
    fn reason(&mut self, negotiation: &Negotiation, reply: &NegTokenResp) -> AuthError {
        let mechanism = self.offers.get_mut(negotiation.current);
        let told = mechanism.zip(reply.response_token.as_deref().filter(|_| negotiation.context.is_none()));
        match told.map(|(mechanism, token)| mechanism.step(Some(token))) {
            Some(Err(reason @ AuthError::Kerberos(_))) => reason,
            _ => AuthError::Rejected,
        }
    }

    /// Takes note of the peer's choice; whether it is another than the one whose token was sent.
    fn choose(&self, negotiation: &mut Negotiation, choice: Option<&MechType>) -> Result<bool, AuthError> {
        let Some(choice) = choice else { return Ok(false) };
        let index = self
            .offers
            .iter()
            .position(|offer| Some(offer.mechanism()) == choice.mechanism())
            .ok_or_else(|| AuthError::NoCommonMechanism { offered: choice.to_string() })?;
        let reselected = index != negotiation.current;
        if reselected && negotiation.chosen {
            return Err(AuthError::Unexpected("another mechanism chosen in the middle of the sign-in"));
        }
        if reselected {
            negotiation.context = None;
        }
        negotiation.current = index;
        negotiation.chosen = true;
        Ok(reselected)
    }

    /// Hands the mechanism its token, and takes the one it wants to send.
    fn advance(
        &mut self,
        negotiation: &mut Negotiation,
        reply: &NegTokenResp,
        reselected: bool,
    ) -> Result<Option<Vec<u8>>, AuthError> {
        let input = match (&reply.response_token, reselected) {
            (Some(_), true) => {
                return Err(AuthError::Unexpected("a token for a mechanism that was not begun"));
            }
            (Some(_), false) if negotiation.context.is_some() => {
                return Err(AuthError::Unexpected("a token for a mechanism that is through"));
            }
            (None, false) if negotiation.context.is_some() => return Ok(None),
            (token, _) => token.as_deref(),
        };
        // `current` is 0 or was found by position: only an empty list has none.
        let Some(mechanism) = self.offers.get_mut(negotiation.current) else {
            return Err(AuthError::Caller("SPNEGO needs a mechanism to offer"));
        };
        match mechanism.step(input)? {
            Step::Continue(token) => Ok(Some(token)),
            Step::Established { token, context } => {
                negotiation.context = Some(context);
                Ok(token)
            }
        }
    }
}

impl Negotiation {
    /// The end. A choice against our preference must have been protected by a MIC, RFC 4178 section 5;
    /// otherwise old servers may leave it out.
    fn finish(self, token: Option<Vec<u8>>) -> Result<Step, AuthError> {
        if self.current != 0 && !self.mic_verified {
            return Err(AuthError::BadIntegrity("mechListMIC"));
        }
        let context =
            self.context.ok_or(AuthError::Unexpected("accepted before the mechanism was through"))?;
        Ok(Step::Established { token, context })
    }
}

impl Initiator for SpnegoInitiator {
    fn scheme(&self) -> Scheme {
        Scheme::Negotiate
    }

    /// The chosen mechanism; before the peer's choice the preferred one.
    fn mechanism(&self) -> Mechanism {
        let current = if let State::Negotiating(negotiation) = &self.state { negotiation.current } else { 0 };
        self.offers.get(current).map_or(Mechanism::Ntlm, |offer| offer.mechanism())
    }

    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        match (std::mem::replace(&mut self.state, State::Done), input) {
            (State::Start, None) => self.begin(),
            (State::Start, Some(_)) => Err(AuthError::Caller("SPNEGO begins without a token")),
            (State::Negotiating(negotiation), Some(token)) => {
                self.answer(negotiation, &NegTokenResp::parse(token)?)
            }
            (State::Negotiating(negotiation), None) => {
                let accepted =
                    NegTokenResp { state: Some(NegState::AcceptCompleted), ..NegTokenResp::default() };
                self.answer(negotiation, &accepted)
            }
            (State::Done, _) => Err(AuthError::Unexpected("the SPNEGO negotiation is already over")),
        }
    }

    fn early_context(&mut self) -> Option<&mut SecurityContext> {
        match &mut self.state {
            State::Negotiating(negotiation) => negotiation.context.as_mut(),
            State::Start | State::Done => None,
        }
    }
}

/// A token after which the peer has something to say.
fn continuation(
    response_token: Option<Vec<u8>>,
    mech_list_mic: Option<Vec<u8>>,
) -> Result<Vec<u8>, AuthError> {
    let state = Some(NegState::AcceptIncomplete);
    NegTokenResp { state, supported_mech: None, response_token, mech_list_mic }.to_bytes()
}

/// The last token, when the peer did not say that it was complete.
fn last_word(response_token: Option<Vec<u8>>, mech_list_mic: Option<Vec<u8>>) -> Result<Vec<u8>, AuthError> {
    let state = Some(NegState::AcceptCompleted);
    NegTokenResp { state, supported_mech: None, response_token, mech_list_mic }.to_bytes()
}
