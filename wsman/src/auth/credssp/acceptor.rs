//! The server's side, `[MS-CSSP] 3.1.5`.

use secrecy::zeroize::Zeroizing;

use super::{
    FIRST_SAFE_VERSION, Identity, NtStatus, TsPasswordCreds, TsRequest, binding, common_version,
    has_error_code, protection::TlsProtection, tls::Channel,
};
use crate::auth::{Acceptor, AcceptorStep, AccountStore, AuthError, Mechanism, Scheme, SecurityContext};

/// Length of clientNonce, `[MS-CSSP] 2.2.1`.
const NONCE: usize = 32;

/// Takes a sign-in with another mechanism inside TLS, and then the password.
pub struct CredSspAcceptor {
    inner: Box<dyn Acceptor>,
    identity: Identity,
    least: u32,
    state: State,
}

enum State {
    Start,
    Handshake(Channel),
    /// The inner sign-in is under way.
    Negotiating(Channel),
    /// It is through; the client's proof of our key is still to come.
    AwaitingKey(Channel, SecurityContext),
    /// The keys are the same on both sides.
    AwaitingCredentials(Channel, SecurityContext),
    Done,
}

impl CredSspAcceptor {
    /// One sign-in on one connection with a mechanism of any kind inside, without channel binding.
    #[must_use]
    pub fn new(inner: Box<dyn Acceptor>, identity: Identity) -> Self {
        Self { inner, identity, least: FIRST_SAFE_VERSION, state: State::Start }
    }

    /// The least version that the client must speak, 5 unless set.
    #[must_use]
    pub fn with_least_version(mut self, version: u32) -> Self {
        self.least = version;
        self
    }

    fn handshake(&mut self, mut channel: Channel, token: &[u8]) -> Result<AcceptorStep, AuthError> {
        let received = channel.receive(token);
        let reply = channel.output()?;
        match received {
            Ok(clear) if clear.is_empty() && !reply.is_empty() => {
                self.state = if channel.is_handshaking() {
                    State::Handshake(channel)
                } else {
                    State::Negotiating(channel)
                };
                Ok(AcceptorStep::Continue(reply))
            }
            Ok(_) => Err(AuthError::Unexpected("a message in the middle of the TLS handshake")),
            // The alert, for the client to name.
            Err(reason) if !reply.is_empty() => Ok(AcceptorStep::Refused { token: reply, reason }),
            Err(reason) => Err(reason),
        }
    }

    /// Answers a request; where the version has an errorCode the client learns why it is refused.
    fn answer(
        &mut self,
        mut channel: Channel,
        token: &[u8],
        advance: impl FnOnce(&mut Self, &TsRequest, u32) -> Result<Answer, AuthError>,
    ) -> Result<AcceptorStep, AuthError> {
        let request = TsRequest::parse(&channel.receive(token)?)?;
        let version = common_version(request.version, self.least)?;
        match advance(self, &request, version) {
            Ok(Answer::Reply(reply, next)) => {
                let sealed = channel.seal(&reply.to_bytes()?)?;
                self.state = match next {
                    Next::Negotiating => State::Negotiating(channel),
                    Next::AwaitingKey(context) => State::AwaitingKey(channel, context),
                    Next::AwaitingCredentials(context) => State::AwaitingCredentials(channel, context),
                };
                Ok(AcceptorStep::Continue(sealed))
            }
            Ok(Answer::Credentials(mechanism, delegated)) => {
                let protection = Box::new(TlsProtection::new(channel));
                let context = SecurityContext::new(mechanism, Scheme::CredSsp, protection);
                Ok(AcceptorStep::Established { token: None, context, user: delegated.user.clone() })
            }
            Err(reason) if has_error_code(version) => {
                let reply = TsRequest { error_code: Some(NtStatus::of(&reason)), ..TsRequest::new() };
                Ok(AcceptorStep::Refused { token: channel.seal(&reply.to_bytes()?)?, reason })
            }
            Err(reason) => Err(reason),
        }
    }

    fn negotiate(
        &mut self,
        request: &TsRequest,
        version: u32,
        accounts: &dyn AccountStore,
    ) -> Result<Answer, AuthError> {
        let token = request.nego_token().ok_or(AuthError::Unexpected("a TSRequest without a token"))?;
        let reply = |token: Option<Vec<u8>>| TsRequest {
            nego_tokens: token.into_iter().collect(),
            ..TsRequest::new()
        };
        match self.inner.step(token, accounts)? {
            AcceptorStep::Refused { reason, .. } => Err(reason),
            AcceptorStep::Continue(_) if request.pub_key_auth.is_some() => {
                Err(AuthError::Unexpected("pubKeyAuth before the end of the inner sign-in"))
            }
            AcceptorStep::Continue(token) => Ok(Answer::Reply(reply(Some(token)), Next::Negotiating)),
            AcceptorStep::Established { token, context, .. } if request.pub_key_auth.is_none() => {
                Ok(Answer::Reply(reply(token), Next::AwaitingKey(context)))
            }
            AcceptorStep::Established { token, context, .. } => {
                self.confirm(request, version, reply(token), context)
            }
        }
    }

    /// The client's proof of our key, and ours.
    fn confirm(
        &self,
        request: &TsRequest,
        version: u32,
        mut reply: TsRequest,
        mut context: SecurityContext,
    ) -> Result<Answer, AuthError> {
        let shown = request.pub_key_auth.as_deref().ok_or(AuthError::Unexpected("no pubKeyAuth came"))?;
        let nonce = match (&request.client_nonce, version) {
            (Some(nonce), FIRST_SAFE_VERSION..) if nonce.len() == NONCE => nonce.as_slice(),
            (_, FIRST_SAFE_VERSION..) => {
                return Err(AuthError::malformed("TSRequest", "no clientNonce of 32 bytes"));
            }
            _ => &[],
        };
        let key = self.identity.public_key();
        binding::verify(&context.unwrap_token(shown)?, &binding::client_value(version, nonce, key))?;
        reply.pub_key_auth = Some(context.wrap_token(&binding::server_value(version, nonce, key))?);
        Ok(Answer::Reply(reply, Next::AwaitingCredentials(context)))
    }
}

/// What a request leads to.
enum Answer {
    Reply(TsRequest, Next),
    Credentials(Mechanism, TsPasswordCreds),
}

enum Next {
    Negotiating,
    AwaitingKey(SecurityContext),
    AwaitingCredentials(SecurityContext),
}

impl Acceptor for CredSspAcceptor {
    /// The one inside.
    fn mechanism(&self) -> Mechanism {
        self.inner.mechanism()
    }

    /// The user is the one whose password came, as on Windows: that is who acts.
    fn step(&mut self, input: &[u8], accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Start => self.handshake(Channel::server(&self.identity)?, input),
            State::Handshake(channel) => self.handshake(channel, input),
            State::Negotiating(channel) => self
                .answer(channel, input, |this, request, version| this.negotiate(request, version, accounts)),
            State::AwaitingKey(channel, context) => self.answer(channel, input, |this, request, version| {
                this.confirm(request, version, TsRequest::new(), context)
            }),
            State::AwaitingCredentials(channel, context) => {
                self.answer(channel, input, |_, request, _| credentials(request, context, accounts))
            }
            State::Done => Err(AuthError::Unexpected("the CredSSP sign-in is already over")),
        }
    }
}

/// The password that came, when it is the account's.
fn credentials(
    request: &TsRequest,
    mut context: SecurityContext,
    accounts: &dyn AccountStore,
) -> Result<Answer, AuthError> {
    let sealed = request.auth_info.as_deref().ok_or(AuthError::Unexpected("no authInfo came"))?;
    let bytes = Zeroizing::new(context.unwrap_token(sealed)?);
    let delegated = TsPasswordCreds::parse(&bytes)?;
    let secret = accounts.secret(&delegated.user).ok_or(AuthError::LogonFailed)?;
    if !delegated.fits(&secret) {
        return Err(AuthError::LogonFailed);
    }
    Ok(Answer::Credentials(context.mechanism(), delegated))
}
