//! The client's side, `[MS-NLMP] 3.1.5`.

use std::fmt;

use secrecy::zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    av_pair::{AvPairs, MIC_PRESENT, id},
    crypto::{self, Direction},
    flags,
    message::{Authenticate, Challenge, Negotiate},
    protection::NtlmProtection,
};
use crate::auth::{
    AuthError, ChannelBinding, Credentials, Initiator, Mechanism, Scheme, SecurityContext, Step,
};
use crate::wiped::wiped_by_parts;

/// Random bytes for one sign-in; never used twice.
#[derive(Clone)]
pub struct Entropy {
    /// ClientChallenge.
    pub client_challenge: [u8; 8],
    /// ExportedSessionKey: the key that signs and seals.
    pub exported_session_key: [u8; 16],
}

impl Drop for Entropy {
    fn drop(&mut self) {
        self.exported_session_key.zeroize();
    }
}

impl ZeroizeOnDrop for Entropy {}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(***)")
    }
}

/// Signs in with NTLMv2.
///
/// ```
/// use wsman::auth::{Credentials, Initiator, Step, ntlm::{Entropy, NtlmInitiator}};
/// let entropy = Entropy { client_challenge: [1; 8], exported_session_key: [2; 16] }; // random in earnest
/// let mut ntlm = NtlmInitiator::new(Credentials::new("CONTOSO\\anna", "s3cret"), entropy, 133_000_000_000_000_000)
///     .with_target("HTTP/ex01.contoso.com");
/// let Step::Continue(negotiate) = ntlm.step(None)? else { unreachable!() };
/// assert!(negotiate.starts_with(b"NTLMSSP\0"));
/// # Ok::<(), wsman::auth::AuthError>(())
/// ```
pub struct NtlmInitiator {
    credentials: Credentials,
    entropy: Entropy,
    now: u64,
    target: String,
    binding: Option<ChannelBinding>,
    scheme: Scheme,
    state: State,
}

enum State {
    Start,
    /// With the NEGOTIATE_MESSAGE: the MIC covers it.
    Negotiating(Vec<u8>),
    Done,
}

wiped_by_parts!(NtlmInitiator: Credentials, Entropy);

impl NtlmInitiator {
    /// One sign-in on one connection. `now` is the time as FILETIME (100 ns since 1601).
    #[must_use]
    pub fn new(credentials: Credentials, entropy: Entropy, now: u64) -> Self {
        Self {
            credentials,
            entropy,
            now,
            target: String::new(),
            binding: None,
            scheme: Scheme::Negotiate,
            state: State::Start,
        }
    }

    /// The service's name, such as `HTTP/ex01.contoso.com`, sent as MsvAvTargetName.
    #[must_use]
    pub fn with_target(mut self, spn: impl Into<String>) -> Self {
        self.target = spn.into();
        self
    }

    /// Binds the sign-in to a TLS connection.
    #[must_use]
    pub fn with_channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.binding = Some(binding);
        self
    }

    /// The HTTP scheme that carries the tokens: `Negotiate` unless set.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The answer to a challenge, `[MS-NLMP] 3.1.5.1.2`.
    fn answer(&self, negotiate: &[u8], challenge_bytes: &[u8]) -> Result<Vec<u8>, AuthError> {
        let challenge = Challenge::parse(challenge_bytes)?;
        if !flags::suffice(challenge.flags) {
            return Err(AuthError::TooWeak("the server's NTLM challenge lacks 128-bit signing and sealing"));
        }
        let user = &self.credentials.user;
        let timestamp = challenge.target_info.timestamp()?;
        let av_pairs = self.av_pairs(&challenge.target_info)?.to_bytes()?;
        let random = &self.entropy.client_challenge;

        let ntowf = crypto::ntowf_v2(&self.credentials.secret, user)?;
        let temp = crypto::client_challenge(timestamp.unwrap_or(self.now), random, &av_pairs);
        let proof = crypto::nt_proof(&ntowf, &challenge.server_challenge, &temp);
        let key_exchange_key = crypto::session_base_key(&ntowf, &proof);
        let exported = &self.entropy.exported_session_key;
        let lm_response = match timestamp {
            Some(_) => vec![0; 24],
            None => crypto::lm_v2_response(&ntowf, &challenge.server_challenge, random),
        };
        let message = Authenticate {
            flags: challenge.flags & flags::CLIENT,
            user: user.clone(),
            workstation: String::new(),
            lm_response,
            nt_response: [proof.as_slice(), &temp].concat(),
            encrypted_session_key: crypto::rc4_key(&key_exchange_key, exported).to_vec(),
        };
        let mut bytes = message.to_bytes()?;
        let mic = crypto::mic(exported, [negotiate, challenge_bytes, &bytes]);
        Authenticate::write_mic(&mut bytes, &mic);
        Ok(bytes)
    }

    /// The server's pairs with ours. The MIC is always announced: no server refuses one.
    fn av_pairs(&self, server: &AvPairs) -> Result<AvPairs, AuthError> {
        let mut pairs = server.clone();
        pairs.set(id::FLAGS, (server.flags()? | MIC_PRESENT).to_le_bytes().to_vec());
        let binding = self.binding.as_ref().map_or([0; 16], ChannelBinding::md5);
        pairs.set(id::CHANNEL_BINDINGS, binding.to_vec());
        pairs.set_text(id::TARGET_NAME, &self.target);
        Ok(pairs)
    }
}

impl Initiator for NtlmInitiator {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn mechanism(&self) -> Mechanism {
        Mechanism::Ntlm
    }

    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        match (std::mem::replace(&mut self.state, State::Done), input) {
            (State::Start, None) => {
                if self.credentials.user.user.is_empty() {
                    return Err(AuthError::Caller("NTLM needs a user name"));
                }
                let negotiate = Negotiate { flags: flags::CLIENT }.to_bytes();
                self.state = State::Negotiating(negotiate.clone());
                Ok(Step::Continue(negotiate))
            }
            (State::Negotiating(negotiate), Some(challenge)) => {
                let token = self.answer(&negotiate, challenge)?;
                let protection =
                    NtlmProtection::new(&self.entropy.exported_session_key, Direction::ToServer, true);
                let context = SecurityContext::new(Mechanism::Ntlm, self.scheme, Box::new(protection));
                Ok(Step::Established { token: Some(token), context })
            }
            (State::Negotiating(_), None) => Err(AuthError::Unexpected("no CHALLENGE_MESSAGE came")),
            (State::Start, Some(_)) => Err(AuthError::Caller("NTLM begins without a token")),
            (State::Done, _) => Err(AuthError::Unexpected("the NTLM sign-in is already over")),
        }
    }
}
