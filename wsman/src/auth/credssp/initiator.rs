//! The client's side, `[MS-CSSP] 3.1.5`.

use super::{
    FIRST_SAFE_VERSION, TsPasswordCreds, TsRequest, binding, common_version,
    protection::TlsProtection,
    tls::{self, Channel},
};
use crate::auth::{AuthError, Credentials, Initiator, Mechanism, Scheme, SecurityContext, Step};
use crate::wiped::wiped_by_parts;

/// Signs in with another mechanism inside TLS, and then hands the password to the server.
///
/// ```
/// use wsman::auth::{Credentials, Initiator, Step, credssp::CredSspInitiator};
/// use wsman::auth::{ntlm::{Entropy, NtlmInitiator}, spnego::SpnegoInitiator};
/// let credentials = Credentials::new("CONTOSO\\anna", "s3cret");
/// let entropy = Entropy { client_challenge: [1; 8], exported_session_key: [2; 16] }; // random in earnest
/// let ntlm = NtlmInitiator::new(credentials.clone(), entropy, 133_000_000_000_000_000);
/// let inner = SpnegoInitiator::new(vec![Box::new(ntlm)]);
/// let mut credssp = CredSspInitiator::new(Box::new(inner), &credentials, [3; 32])?; // random in earnest
/// let Step::Continue(hello) = credssp.step(None)? else { unreachable!() };
/// assert_eq!(hello[0], 22); // a TLS handshake
/// # Ok::<(), wsman::auth::AuthError>(())
/// ```
pub struct CredSspInitiator {
    inner: Box<dyn Initiator>,
    delegated: TsPasswordCreds,
    nonce: [u8; 32],
    least: u32,
    state: State,
}

enum State {
    Start,
    Handshake(Channel),
    /// The inner sign-in is under way.
    Negotiating(Channel),
    /// Our proof of the server's key is out.
    AwaitingKey(Proof),
    /// The password is out.
    AwaitingVerdict(Channel, Mechanism),
    Done,
}

struct Proof {
    channel: Channel,
    /// There unless the inner sign-in waits for its last word.
    context: Option<SecurityContext>,
    /// What the server must show.
    expected: Vec<u8>,
}

wiped_by_parts!(CredSspInitiator: TsPasswordCreds);

impl CredSspInitiator {
    /// One sign-in on one connection with a mechanism of any kind inside, without channel binding. `nonce` is random
    /// and never used twice.
    ///
    /// # Errors
    /// [`AuthError::Caller`] when the credentials hold no password.
    pub fn new(
        inner: Box<dyn Initiator>,
        credentials: &Credentials,
        nonce: [u8; 32],
    ) -> Result<Self, AuthError> {
        let delegated = TsPasswordCreds::from_credentials(credentials)?;
        Ok(Self { inner, delegated, nonce, least: FIRST_SAFE_VERSION, state: State::Start })
    }

    /// The least version that the server must speak, 5 unless set. Below it whoever is in the middle can sign in with
    /// the client's proof (CVE-2018-0886).
    #[must_use]
    pub fn with_least_version(mut self, version: u32) -> Self {
        self.least = version;
        self
    }

    fn begin(&mut self) -> Result<Step, AuthError> {
        let mut channel = Channel::client()?;
        let hello = channel.output()?;
        self.state = State::Handshake(channel);
        Ok(Step::Continue(hello))
    }

    fn handshake(&mut self, mut channel: Channel, token: &[u8]) -> Result<Step, AuthError> {
        if !channel.receive(token)?.is_empty() {
            return Err(AuthError::Unexpected("a message before the client's"));
        }
        let reply = channel.output()?;
        if channel.is_handshaking() || !reply.is_empty() {
            if reply.is_empty() {
                return Err(AuthError::Tls("the server's part of the handshake is incomplete".into()));
            }
            self.state = State::Handshake(channel);
            return Ok(Step::Continue(reply));
        }
        match self.inner.step(None)? {
            Step::Continue(token) => self.send_nego_token(channel, token),
            Step::Established { .. } => {
                Err(AuthError::Caller("inside CredSSP the server must answer the sign-in"))
            }
        }
    }

    fn send_nego_token(&mut self, mut channel: Channel, token: Vec<u8>) -> Result<Step, AuthError> {
        let request = TsRequest { nego_tokens: vec![token], ..TsRequest::new() };
        let sealed = channel.seal(&request.to_bytes()?)?;
        self.state = State::Negotiating(channel);
        Ok(Step::Continue(sealed))
    }

    fn negotiate(&mut self, mut channel: Channel, token: &[u8]) -> Result<Step, AuthError> {
        let reply = read(&mut channel, token)?;
        let version = common_version(reply.version, self.least)?;
        match self.inner.step(reply.nego_token())? {
            Step::Continue(token) if self.inner.early_context().is_none() => {
                self.send_nego_token(channel, token)
            }
            Step::Continue(token) => self.prove(channel, version, Some(token), None),
            Step::Established { token, context } => self.prove(channel, version, token, Some(context)),
        }
    }

    /// Shows the server's public key, as we saw it, under the key of the inner sign-in. Its last token goes along.
    fn prove(
        &mut self,
        mut channel: Channel,
        version: u32,
        token: Option<Vec<u8>>,
        mut context: Option<SecurityContext>,
    ) -> Result<Step, AuthError> {
        let public_key = channel.server_public_key()?;
        let value = binding::client_value(version, &self.nonce, &public_key);
        let sealing = match &mut context {
            Some(context) => context,
            None => {
                self.inner.early_context().ok_or(AuthError::Caller("the inner sign-in has no key yet"))?
            }
        };
        let request = TsRequest {
            nego_tokens: token.into_iter().collect(),
            pub_key_auth: Some(sealing.wrap_token(&value)?),
            client_nonce: (version >= FIRST_SAFE_VERSION).then(|| self.nonce.to_vec()),
            ..TsRequest::new()
        };
        let sealed = channel.seal(&request.to_bytes()?)?;
        let expected = binding::server_value(version, &self.nonce, &public_key);
        self.state = State::AwaitingKey(Proof { channel, context, expected });
        Ok(Step::Continue(sealed))
    }

    /// Only behind the server's proof of its key comes the password.
    fn delegate(&mut self, proof: Proof, token: &[u8]) -> Result<Step, AuthError> {
        let Proof { mut channel, context, expected } = proof;
        let reply = read(&mut channel, token)?;
        let mut context = match context {
            Some(context) => context,
            // With or without a last token of SPNEGO; a word of ours behind it has no place any more.
            None => match self.inner.step(reply.nego_token())? {
                Step::Established { context, .. } => context,
                Step::Continue(_) => {
                    return Err(AuthError::Unexpected("the inner sign-in goes on behind the public key"));
                }
            },
        };
        let shown = reply.pub_key_auth.ok_or(AuthError::Unexpected("an answer without pubKeyAuth"))?;
        let shown = context.unwrap_token(&shown).map_err(|_| AuthError::BadPublicKey)?;
        binding::verify(&shown, &expected)?;
        let auth_info = context.wrap_token(&self.delegated.to_bytes()?)?;
        let request = TsRequest { auth_info: Some(auth_info), ..TsRequest::new() };
        let sealed = channel.seal(&request.to_bytes()?)?;
        self.state = State::AwaitingVerdict(channel, context.mechanism());
        Ok(Step::Continue(sealed))
    }
}

impl Initiator for CredSspInitiator {
    fn scheme(&self) -> Scheme {
        Scheme::CredSsp
    }

    /// The one inside.
    fn mechanism(&self) -> Mechanism {
        self.inner.mechanism()
    }

    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        match (std::mem::replace(&mut self.state, State::Done), input) {
            (State::Start, None) => self.begin(),
            (State::Start, Some(_)) => Err(AuthError::Caller("CredSSP begins without a token")),
            (State::Handshake(channel), Some(token)) => self.handshake(channel, token),
            (State::Negotiating(channel), Some(token)) => self.negotiate(channel, token),
            (State::AwaitingKey(proof), Some(token)) => self.delegate(proof, token),
            (State::AwaitingVerdict(mut channel, mechanism), token) => {
                if let Some(token) = token {
                    read(&mut channel, token)?;
                }
                let protection = Box::new(TlsProtection::new(channel));
                let context = SecurityContext::new(mechanism, Scheme::CredSsp, protection);
                Ok(Step::Established { token: None, context })
            }
            (State::Done, _) => Err(AuthError::Unexpected("the CredSSP sign-in is already over")),
            (_, None) => Err(AuthError::Unexpected("accepted in the middle of CredSSP")),
        }
    }

    fn explain_refusal(&self) -> Option<AuthError> {
        match &self.state {
            State::Handshake(_) => Some(tls::silent_refusal()),
            State::AwaitingVerdict(..) => Some(AuthError::DelegationRefused),
            State::Start | State::Negotiating(_) | State::AwaitingKey(_) | State::Done => None,
        }
    }
}

/// The server's next request; its errorCode is an error.
fn read(channel: &mut Channel, token: &[u8]) -> Result<TsRequest, AuthError> {
    let request = TsRequest::parse(&channel.receive(token)?)?;
    match request.error_code {
        Some(status) if status.0 != 0 => Err(AuthError::NtStatus(status)),
        _ => Ok(request),
    }
}
