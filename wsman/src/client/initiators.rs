//! Which mechanisms a sign-in is tried with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::config::Authentication;
use super::error::{Error, SignInError};
use super::target::Target;
use crate::auth::credssp::{CredSspInitiator, FIRST_VERSION};
use crate::auth::kerberos::{KerberosError, KerberosInitiator};
use crate::auth::ntlm::{Entropy, NtlmInitiator};
use crate::auth::spnego::SpnegoInitiator;
use crate::auth::{AuthError, ChannelBinding, Initiator, Scheme, Secret};

/// 100 ns from 1601 to 1970, [MS-DTYP] 2.3.3.
const FILETIME_OF_UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// Makes what signs in under a scheme. For Kerberos this asks the KDC, or takes a ticket that is there.
pub(super) async fn initiator(
    target: &Target,
    certificate: Option<&[u8]>,
    scheme: Scheme,
) -> Result<Box<dyn Initiator>, Error> {
    let binding = certificate.map(ChannelBinding::from_certificate).transpose().map_err(SignInError::from)?;
    Ok(match (target.config.authentication, scheme) {
        (_, Scheme::Ntlm) => Box::new(ntlm(target, binding)?.with_scheme(scheme)),
        (_, Scheme::Kerberos) => Box::new(kerberos(target, binding, scheme).await?),
        (Authentication::Ntlm, _) => Box::new(ntlm(target, binding)?),
        (Authentication::Kerberos, _) => {
            Box::new(SpnegoInitiator::new(vec![Box::new(kerberos(target, binding, scheme).await?)]))
        }
        (Authentication::Negotiate, _) => Box::new(SpnegoInitiator::new(offers(target, binding).await?)),
        (Authentication::CredSsp, _) => {
            let inner = SpnegoInitiator::new(offers(target, None).await?);
            credssp(target, Box::new(inner))?
        }
        // These have no tokens: they are proved with each request.
        (Authentication::Basic | Authentication::Certificate, _) => {
            return Err(Error::Configuration("Basic and certificate sign-in have no tokens".into()));
        }
    })
}

/// Kerberos first; NTLM where it may be used. Without Kerberos the reason is kept for whoever asks.
async fn offers(target: &Target, binding: Option<ChannelBinding>) -> Result<Vec<Box<dyn Initiator>>, Error> {
    let mut offers: Vec<Box<dyn Initiator>> = Vec::new();
    let ntlm_is_possible = target.config.allow_ntlm
        && matches!(target.config.credentials.secret, Secret::Password(_) | Secret::NtHash(_));
    // Where it failed a moment ago it would fail again, after the same time-outs.
    if !ntlm_is_possible || !target.kerberos_failed_lately() {
        match kerberos(target, binding.clone(), Scheme::Negotiate).await {
            Ok(initiator) => {
                target.note_kerberos_failure(None);
                offers.push(Box::new(initiator));
            }
            Err(Error::SignIn(SignInError::Mechanism(AuthError::Kerberos(reason)))) if ntlm_is_possible => {
                tracing::debug!(%reason, "no Kerberos, so NTLM");
                target.note_kerberos_failure(Some(reason));
            }
            Err(error) => return Err(error),
        }
    }
    if ntlm_is_possible {
        offers.push(Box::new(ntlm(target, binding)?));
    }
    Ok(offers)
}

async fn kerberos(
    target: &Target,
    binding: Option<ChannelBinding>,
    scheme: Scheme,
) -> Result<KerberosInitiator, Error> {
    let config = &target.config;
    let failed = |error: KerberosError| SignInError::from(AuthError::from(error));
    let spn = config.service_name(&target.url);
    let ticket = config.kerberos.service_ticket(&config.credentials, &spn).await.map_err(failed)?;
    let forwarded = config.kerberos.forwarded_ticket(&config.credentials, &ticket).await.map_err(failed)?;
    let now = config.kerberos.now();
    let now = Duration::from_secs(now.seconds) + Duration::from_micros(u64::from(now.microseconds));
    // Asked once before anything depends on it: without random numbers there is no sign-in.
    random(&mut [0; 1])?;
    let random = Box::new(|bytes: &mut [u8]| {
        let _ = getrandom::fill(bytes);
    });
    let mut initiator = KerberosInitiator::new(ticket, now, random).with_scheme(scheme);
    if let Some(binding) = binding {
        initiator = initiator.with_channel_binding(binding);
    }
    if let Some(forwarded) = forwarded {
        initiator = initiator.with_delegation(forwarded);
    }
    Ok(initiator)
}

fn ntlm(target: &Target, binding: Option<ChannelBinding>) -> Result<NtlmInitiator, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_nanos() / 100).unwrap_or_default() + FILETIME_OF_UNIX_EPOCH;
    let mut entropy = Entropy { client_challenge: [0; 8], exported_session_key: [0; 16] };
    random(&mut entropy.client_challenge)?;
    random(&mut entropy.exported_session_key)?;
    let name = target.config.service_name(&target.url);
    let ntlm = NtlmInitiator::new(target.config.credentials.clone(), entropy, now).with_target(name);
    Ok(match binding {
        Some(binding) => ntlm.with_channel_binding(binding),
        None => ntlm,
    })
}

/// CredSSP around what would sign in under `Negotiate`, without a channel binding.
fn credssp(target: &Target, inner: Box<dyn Initiator>) -> Result<Box<dyn Initiator>, Error> {
    let mut nonce = [0; 32];
    random(&mut nonce)?;
    let mut credssp =
        CredSspInitiator::new(inner, &target.config.credentials, nonce).map_err(SignInError::from)?;
    if target.config.danger_old_credssp {
        credssp = credssp.with_least_version(FIRST_VERSION);
    }
    Ok(Box::new(credssp))
}

/// Cryptographic random bytes of the system.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| Error::Configuration("the system gives no random numbers".into()))
}
