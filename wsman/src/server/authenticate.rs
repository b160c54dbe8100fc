//! Who is at the other end of a connection.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::config::ServerConfig;
use super::service::Service;
use crate::auth::credssp::{self, CredSspAcceptor};
use crate::auth::kerberos::KerberosAcceptor;
use crate::auth::ntlm::NtlmAcceptor;
use crate::auth::spnego::SpnegoAcceptor;
use crate::auth::{
    Acceptor, AcceptorStep, BindingPolicy, ChannelBinding, Mechanism, Scheme, Secret, SecurityContext,
    UserName, basic, http,
};

/// 100 ns from 1601 to 1970, [MS-DTYP] 2.3.3.
const FILETIME_OF_UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// The scheme of a sign-in by certificate, [DSP0226] C.3.
const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";

/// The sign-in of one connection.
pub(super) enum SignIn {
    /// Nobody yet
    Anonymous,
    /// In the middle
    Begun(Box<dyn Acceptor>),
    /// Done
    Done(SignedIn),
}

/// A signed-in connection.
pub(super) struct SignedIn {
    pub(super) user: UserName,
    pub(super) mechanism: Option<Mechanism>,
    /// Seals where there is no TLS
    pub(super) context: Option<SecurityContext>,
}

/// What a request's `Authorization` header leads to.
pub(super) enum Verdict {
    /// Go on; the header for the answer, if any
    Accepted(Option<String>),
    /// HTTP status 401 with these headers
    Challenge(Vec<String>),
}

/// What acceptors need to know.
pub(super) struct Policy<'a> {
    pub(super) config: &'a ServerConfig,
    pub(super) service: &'a dyn Service,
    /// The binding of the TLS connection; `None` without TLS
    pub(super) binding: Option<&'a ChannelBinding>,
    /// Whom the certificate that the client showed stands for
    pub(super) certified: Option<&'a UserName>,
    /// The certificate inside CredSSP; there for whoever begins with it
    pub(super) credssp: Option<&'a credssp::Identity>,
}

impl SignIn {
    /// Who is signed in.
    pub(super) fn user(&self) -> Option<&UserName> {
        match self {
            Self::Done(signed_in) => Some(&signed_in.user),
            Self::Anonymous | Self::Begun(_) => None,
        }
    }

    /// Takes a request's `Authorization` header.
    pub(super) fn authorize(&mut self, header: Option<&str>, policy: &Policy<'_>) -> Verdict {
        let Some(header) = header else {
            return if matches!(self, Self::Done(_)) { Verdict::Accepted(None) } else { self.refuse(policy) };
        };
        if header == MUTUAL {
            return match policy.certified_account() {
                Some(user) => {
                    *self = Self::Done(SignedIn { user, mechanism: None, context: None });
                    Verdict::Accepted(None)
                }
                None => self.refuse(policy),
            };
        }
        let Ok(challenge) = http::authorization(header) else { return self.refuse(policy) };
        match challenge.scheme {
            Some(Scheme::Basic) if policy.basic_is_allowed() => {
                match challenge.token68.as_deref().and_then(|token| check_basic(token, policy)) {
                    Some(user) => {
                        *self = Self::Done(SignedIn { user, mechanism: None, context: None });
                        Verdict::Accepted(None)
                    }
                    None => self.refuse(policy),
                }
            }
            Some(scheme) if policy.config.schemes.contains(&scheme) => match challenge.token() {
                Ok(Some(token)) => self.step(scheme, &token, policy),
                _ => self.refuse(policy),
            },
            _ => self.refuse(policy),
        }
    }

    /// Forgets who it was and names the schemes.
    pub(super) fn refuse(&mut self, policy: &Policy<'_>) -> Verdict {
        *self = Self::Anonymous;
        let mut headers: Vec<_> =
            policy.config.schemes.iter().map(|scheme| scheme.as_str().to_owned()).collect();
        if policy.basic_is_allowed() {
            headers.push("Basic realm=\"WSMAN\"".to_owned());
        }
        Verdict::Challenge(headers)
    }

    fn step(&mut self, scheme: Scheme, token: &[u8], policy: &Policy<'_>) -> Verdict {
        let mut acceptor = match std::mem::replace(self, Self::Anonymous) {
            Self::Begun(acceptor) => acceptor,
            Self::Anonymous | Self::Done(_) => match policy.acceptor(scheme) {
                Some(acceptor) => acceptor,
                None => return self.refuse(policy),
            },
        };
        match acceptor.step(token, &*policy.service.accounts()) {
            Ok(AcceptorStep::Continue(reply)) => {
                *self = Self::Begun(acceptor);
                Verdict::Challenge(vec![http::header_value(scheme, &reply)])
            }
            Ok(AcceptorStep::Established { token, context, user }) => {
                let mechanism = Some(context.mechanism());
                *self = Self::Done(SignedIn { user, mechanism, context: Some(context) });
                Verdict::Accepted(token.map(|token| http::header_value(scheme, &token)))
            }
            Ok(AcceptorStep::Refused { token, reason }) => {
                tracing::debug!(error = %reason, "sign-in refused");
                Verdict::Challenge(vec![http::header_value(scheme, &token)])
            }
            Err(error) => {
                tracing::debug!(%error, "sign-in refused");
                self.refuse(policy)
            }
        }
    }
}

impl Policy<'_> {
    /// The account that the client's certificate stands for, where there is such an account.
    fn certified_account(&self) -> Option<UserName> {
        let user = self.certified?;
        self.service.accounts().secret(user).map(|_| user.clone())
    }

    fn basic_is_allowed(&self) -> bool {
        self.config.allow_basic && self.binding.is_some()
    }

    fn acceptor(&self, scheme: Scheme) -> Option<Box<dyn Acceptor>> {
        match scheme {
            Scheme::Negotiate => Some(Box::new(self.spnego(scheme)?)),
            Scheme::Ntlm => Some(Box::new(self.ntlm(scheme)?)),
            Scheme::Kerberos => Some(Box::new(self.kerberos(scheme)?)),
            Scheme::CredSsp => {
                let inner = self.spnego(scheme)?;
                Some(Box::new(CredSspAcceptor::new(Box::new(inner), self.credssp?.clone())))
            }
            _ => None,
        }
    }

    /// Kerberos where the service has keys, and NTLM.
    fn spnego(&self, scheme: Scheme) -> Option<SpnegoAcceptor> {
        let kerberos = self.kerberos(scheme).map(|acceptor| Box::new(acceptor) as Box<dyn Acceptor>);
        let ntlm: Box<dyn Acceptor> = Box::new(self.ntlm(scheme)?);
        Some(SpnegoAcceptor::new(kerberos.into_iter().chain([ntlm]).collect()))
    }

    fn ntlm(&self, scheme: Scheme) -> Option<NtlmAcceptor> {
        let now = u64::try_from(since_1970().as_nanos() / 100).unwrap_or_default() + FILETIME_OF_UNIX_EPOCH;
        let mut challenge = [0; 8];
        getrandom::fill(&mut challenge).ok()?;
        let acceptor = NtlmAcceptor::new(&self.config.names, challenge, now);
        Some(acceptor.with_binding_policy(self.binding_policy(scheme)).with_scheme(scheme))
    }

    fn kerberos(&self, scheme: Scheme) -> Option<KerberosAcceptor> {
        // Asked once before anything depends on it: a system without random numbers takes no sign-in.
        getrandom::fill(&mut [0; 1]).ok()?;
        let random = Box::new(|bytes: &mut [u8]| {
            let _ = getrandom::fill(bytes);
        });
        let acceptor = KerberosAcceptor::new(self.config.kerberos.clone()?, since_1970(), random);
        Some(acceptor.with_binding_policy(self.binding_policy(scheme)).with_scheme(scheme))
    }

    fn binding_policy(&self, scheme: Scheme) -> BindingPolicy {
        match self.binding {
            // CredSSP binds to the TLS inside it.
            _ if scheme == Scheme::CredSsp => BindingPolicy::Ignore,
            None => BindingPolicy::Ignore,
            Some(binding) if self.config.require_channel_binding => BindingPolicy::Require(binding.clone()),
            Some(binding) => BindingPolicy::WhenPresent(binding.clone()),
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn check_basic(token: &str, policy: &Policy<'_>) -> Option<UserName> {
    let (user, password) = basic::decode(token).ok()?;
    match policy.service.accounts().secret(&user)? {
        Secret::Password(known) => {
            let same = known.expose_secret().as_bytes().ct_eq(password.expose_secret().as_bytes());
            bool::from(same).then_some(user)
        }
        _ => None,
    }
}
