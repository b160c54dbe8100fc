//! The server's side, `[MS-NLMP] 3.2.5`. It verifies everything that the client signed.

use secrecy::zeroize::Zeroizing;
use subtle::ConstantTimeEq;

use super::{
    av_pair::{AvPairs, id},
    crypto::{self, Direction, Key},
    flags,
    message::{Authenticate, Challenge, Negotiate, NtResponse},
    protection::NtlmProtection,
};
use crate::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, BindingPolicy, Mechanism, Scheme, Secret,
    SecurityContext, UserName,
};

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

/// Verifies one NTLMv2 sign-in: NTProofStr, MIC, channel binding and target name.
pub struct NtlmAcceptor {
    challenge: Offer,
    binding: BindingPolicy,
    targets: Vec<String>,
    scheme: Scheme,
    state: State,
}

/// The challenge to send: made here, or given.
enum Offer {
    Fresh(Challenge),
    Given { server_challenge: [u8; 8], bytes: Vec<u8> },
}

enum State {
    Start,
    Challenged { negotiate: Vec<u8>, challenge: Vec<u8>, server_challenge: [u8; 8] },
    Done,
}

impl NtlmAcceptor {
    /// One sign-in on one connection. `server_challenge` is random, `now` the time as FILETIME (100 ns
    /// since 1601).
    #[must_use]
    pub fn new(names: &ServerNames, server_challenge: [u8; 8], now: u64) -> Self {
        let mut target_info = AvPairs::default();
        target_info.set_text(id::NB_DOMAIN_NAME, &names.netbios_domain);
        target_info.set_text(id::NB_COMPUTER_NAME, &names.netbios_computer);
        target_info.set_text(id::DNS_DOMAIN_NAME, &names.dns_domain);
        target_info.set_text(id::DNS_COMPUTER_NAME, &names.dns_computer);
        target_info.set(id::TIMESTAMP, now.to_le_bytes().to_vec());
        let flags = flags::CLIENT | flags::TARGET_TYPE_DOMAIN;
        let target_name = names.netbios_domain.clone();
        Self::with_offer(Offer::Fresh(Challenge { flags, server_challenge, target_name, target_info }))
    }

    /// One sign-in with a CHALLENGE_MESSAGE that is already there.
    ///
    /// # Errors
    /// It is not a CHALLENGE_MESSAGE.
    pub fn from_challenge(bytes: Vec<u8>) -> Result<Self, AuthError> {
        let server_challenge = Challenge::parse(&bytes)?.server_challenge;
        Ok(Self::with_offer(Offer::Given { server_challenge, bytes }))
    }

    fn with_offer(challenge: Offer) -> Self {
        Self {
            challenge,
            binding: BindingPolicy::Ignore,
            targets: Vec::new(),
            scheme: Scheme::Negotiate,
            state: State::Start,
        }
    }

    /// What is asked of the client's channel binding; [`BindingPolicy::Ignore`] unless set.
    #[must_use]
    pub fn with_binding_policy(mut self, policy: BindingPolicy) -> Self {
        self.binding = policy;
        self
    }

    /// The service names of which the client must mean one; none are checked unless set.
    #[must_use]
    pub fn with_targets(mut self, spns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.targets = spns.into_iter().map(Into::into).collect();
        self
    }

    /// The HTTP scheme that carries the tokens: `Negotiate` unless set.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    fn challenge(&mut self, negotiate: &[u8]) -> Result<Vec<u8>, AuthError> {
        let asked = Negotiate::parse(negotiate)?.flags;
        if !flags::suffice(asked) {
            return Err(AuthError::TooWeak("the client does not ask for 128-bit signing and sealing"));
        }
        let (server_challenge, challenge) = match &self.challenge {
            Offer::Given { server_challenge, bytes } => (*server_challenge, bytes.clone()),
            Offer::Fresh(challenge) => (challenge.server_challenge, challenge.to_bytes()?),
        };
        let negotiate = negotiate.to_vec();
        self.state = State::Challenged { negotiate, challenge: challenge.clone(), server_challenge };
        Ok(challenge)
    }

    /// `[MS-NLMP] 3.2.5.1.2`: the user and the session.
    fn verify(
        &self,
        (negotiate, challenge): (&[u8], &[u8]),
        server_challenge: &[u8; 8],
        token: &[u8],
        accounts: &dyn AccountStore,
    ) -> Result<(UserName, NtlmProtection), AuthError> {
        let message = Authenticate::parse(token)?;
        if message.flags & flags::ANONYMOUS != 0 || message.user.user.is_empty() {
            return Err(AuthError::TooWeak("an anonymous sign-in"));
        }
        if !flags::suffice(message.flags) {
            return Err(AuthError::TooWeak("the client took back 128-bit signing and sealing"));
        }
        let response = NtResponse::parse(&message.nt_response)?;

        let key_exchange_key = key_exchange_key(&message.user, &response, server_challenge, accounts)?;
        let encrypted = message
            .encrypted_session_key
            .as_slice()
            .try_into()
            .map_err(|_| AuthError::malformed("AUTHENTICATE_MESSAGE", "session key is not 16 bytes"))?;
        let exported = crypto::rc4_key(&key_exchange_key, encrypted);
        let mic = response.has_mic()?;
        if mic {
            verify_mic(&exported, negotiate, challenge, token)?;
        }
        self.verify_binding(&response.av_pairs)?;
        self.verify_target(&response.av_pairs)?;
        Ok((message.user, NtlmProtection::new(&exported, Direction::ToClient, mic)))
    }

    fn verify_binding(&self, pairs: &AvPairs) -> Result<(), AuthError> {
        let sent = pairs.get(id::CHANNEL_BINDINGS).filter(|hash| *hash != [0; 16]);
        match (&self.binding, sent) {
            (BindingPolicy::Ignore, _) | (BindingPolicy::WhenPresent(_), None) => Ok(()),
            (BindingPolicy::WhenPresent(binding) | BindingPolicy::Require(binding), Some(hash))
                if bool::from(binding.md5().as_slice().ct_eq(hash)) =>
            {
                Ok(())
            }
            _ => Err(AuthError::BadChannelBinding),
        }
    }

    fn verify_target(&self, pairs: &AvPairs) -> Result<(), AuthError> {
        let sent = pairs.text(id::TARGET_NAME).unwrap_or_default();
        if self.targets.is_empty() || self.targets.iter().any(|target| target.eq_ignore_ascii_case(&sent)) {
            return Ok(());
        }
        Err(AuthError::BadTarget)
    }
}

impl Acceptor for NtlmAcceptor {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Ntlm
    }

    fn step(&mut self, input: &[u8], accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Start => self.challenge(input).map(AcceptorStep::Continue),
            State::Challenged { negotiate, challenge, server_challenge } => {
                let (user, protection) =
                    self.verify((&negotiate, &challenge), &server_challenge, input, accounts)?;
                let context = SecurityContext::new(Mechanism::Ntlm, self.scheme, Box::new(protection));
                Ok(AcceptorStep::Established { token: None, context, user })
            }
            State::Done => Err(AuthError::Unexpected("the NTLM sign-in is already over")),
        }
    }
}

/// Verifies NTProofStr. An unknown user costs as much time as a wrong password.
fn key_exchange_key(
    user: &UserName,
    response: &NtResponse,
    server_challenge: &[u8; 8],
    accounts: &dyn AccountStore,
) -> Result<Key, AuthError> {
    let usable = |secret: &Secret| matches!(secret, Secret::Password(_) | Secret::NtHash(_));
    let secret = accounts.secret(user).filter(usable);
    let known = secret.is_some();
    let ntowf = crypto::ntowf_v2(&secret.unwrap_or_else(|| Secret::password("")), user)?;
    let proof = Zeroizing::new(crypto::nt_proof(&ntowf, server_challenge, &response.client_challenge));
    if bool::from(proof.ct_eq(&response.proof)) && known {
        return Ok(crypto::session_base_key(&ntowf, &proof));
    }
    Err(AuthError::LogonFailed)
}

fn verify_mic(
    exported: &[u8; 16],
    negotiate: &[u8],
    challenge: &[u8],
    token: &[u8],
) -> Result<(), AuthError> {
    let mut without = token.to_vec();
    let sent = Authenticate::take_mic(&mut without).ok_or(AuthError::BadIntegrity("MIC"))?;
    let mic = crypto::mic(exported, [negotiate, challenge, &without]);
    if bool::from(mic.ct_eq(&sent)) { Ok(()) } else { Err(AuthError::BadIntegrity("MIC")) }
}
