//! Signing in on a connection, with requests that have no body.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use tracing::debug;

use super::config::Authentication;
use super::error::{Error, SignInError};
use super::http::{HttpAnswer, HttpConnection, HttpRequest};
use super::target::Target;
use crate::auth::credssp::{CredSspInitiator, FIRST_VERSION};
use crate::auth::ntlm::{Entropy, NtlmInitiator};
use crate::auth::spnego::SpnegoInitiator;
use crate::auth::{ChannelBinding, Initiator, Scheme, SecurityContext, Step, http};

/// Most legs of a sign-in; NTLM takes two, CredSSP five or six.
const MAX_LEGS: usize = 16;
/// 100 ns from 1601 to 1970, [MS-DTYP] 2.3.3.
const FILETIME_OF_UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// Signs in and returns what seals from here on.
pub(crate) async fn sign_in(connection: &HttpConnection, target: &Target) -> Result<SecurityContext, Error> {
    // CredSSP binds to the TLS inside it.
    let is_bound = target.config.authentication != Authentication::CredSsp;
    if !is_bound || !target.is_tls() || target.config.danger_skip_channel_binding {
        return negotiate(connection, target, None).await;
    }
    // The binding needs the certificate, which comes with the connection, which comes with the first request. The
    // certificate of the last connection spares the request that would only fetch it.
    let certificate = match target.certificate() {
        Some(certificate) => certificate,
        None => {
            post(connection, target, None).await?;
            let certificate = connection.certificate();
            target.note_certificate(certificate.clone());
            certificate.ok_or_else(|| Error::Protocol("TLS without a certificate".into()))?
        }
    };
    let result = negotiate(connection, target, Some(&certificate)).await;
    match connection.certificate() {
        // Another server of a farm: the sign-in was bound to the wrong certificate.
        Some(shown) if shown != certificate => {
            target.note_certificate(Some(shown));
            Err(Error::Lost {
                reason: "the server changed its certificate".into(),
                sent: false,
                answered: false,
            })
        }
        _ => result,
    }
}

/// Under `Negotiate`; where the server knows that scheme only by its old name, under `NTLM`.
async fn negotiate(
    connection: &HttpConnection,
    target: &Target,
    certificate: Option<&[u8]>,
) -> Result<SecurityContext, Error> {
    match exchange(connection, target, initiator(target, certificate, Scheme::Negotiate)?).await {
        Err(Error::SignIn(SignInError::NotOffered { offered, .. }))
            if target.config.authentication != Authentication::CredSsp
                && offered.split(", ").any(|name| Scheme::parse(name) == Some(Scheme::Ntlm)) =>
        {
            exchange(connection, target, initiator(target, certificate, Scheme::Ntlm)?).await
        }
        result => result,
    }
}

async fn exchange(
    connection: &HttpConnection,
    target: &Target,
    mut initiator: Box<dyn Initiator>,
) -> Result<SecurityContext, Error> {
    let scheme = initiator.scheme();
    let mut step = initiator.step(None).map_err(SignInError::from)?;
    for _ in 0..MAX_LEGS {
        let (token, context) = match step {
            Step::Established { token: None, context } => {
                debug!(mechanism = ?context.mechanism(), %scheme, "signed in");
                return Ok(context);
            }
            Step::Established { token: Some(token), context } => (token, Some(context)),
            Step::Continue(token) => (token, None),
        };
        let answer = post(connection, target, Some((scheme, &token))).await?;
        let reply = token_of(&answer, scheme)?;
        match (answer.status, context) {
            (StatusCode::UNAUTHORIZED, None) if reply.is_some() => {}
            (StatusCode::UNAUTHORIZED, _) => {
                let refusal = match (refusal(&answer, scheme), initiator.explain_refusal()) {
                    (SignInError::Refused, Some(reason)) => SignInError::Mechanism(reason),
                    (refusal, _) => refusal,
                };
                return Err(refusal.into());
            }
            (_, Some(context)) => {
                accept(&answer)?;
                return Ok(context);
            }
            (_, None) => accept(&answer)?,
        }
        step = initiator.step(reply.as_deref()).map_err(SignInError::from)?;
    }
    Err(Error::Protocol("the sign-in does not come to an end".into()))
}

fn initiator(
    target: &Target,
    certificate: Option<&[u8]>,
    scheme: Scheme,
) -> Result<Box<dyn Initiator>, Error> {
    let name = target.config.service_name(&target.url);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_nanos() / 100).unwrap_or_default() + FILETIME_OF_UNIX_EPOCH;
    let mut entropy = Entropy { client_challenge: [0; 8], exported_session_key: [0; 16] };
    random(&mut entropy.client_challenge)?;
    random(&mut entropy.exported_session_key)?;
    let mut ntlm = NtlmInitiator::new(target.config.credentials.clone(), entropy, now).with_target(name);
    if let Some(certificate) = certificate {
        let binding = ChannelBinding::from_certificate(certificate).map_err(SignInError::from)?;
        ntlm = ntlm.with_channel_binding(binding);
    }
    Ok(match target.config.authentication {
        _ if scheme == Scheme::Ntlm => Box::new(ntlm.with_scheme(scheme)),
        Authentication::Ntlm => Box::new(ntlm),
        // Never NTLM where it is not allowed.
        Authentication::Negotiate if !target.config.allow_ntlm => return not_yet("Kerberos"),
        Authentication::Negotiate | Authentication::Basic => {
            Box::new(SpnegoInitiator::new(vec![Box::new(ntlm)]))
        }
        Authentication::Kerberos => return not_yet("Kerberos"),
        Authentication::CredSsp => {
            let inner = SpnegoInitiator::new(vec![Box::new(ntlm)]);
            credssp(target, Box::new(inner))?
        }
        // These have no tokens: they are proved with each request.
        Authentication::Certificate => return not_yet("certificate"),
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

fn not_yet(what: &str) -> Result<Box<dyn Initiator>, Error> {
    Err(Error::Configuration(format!("{what} sign-in is not built in")))
}

/// Cryptographic random bytes of the system.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| Error::Configuration("the system gives no random numbers".into()))
}

async fn post(
    connection: &HttpConnection,
    target: &Target,
    token: Option<(Scheme, &[u8])>,
) -> Result<HttpAnswer, Error> {
    let authorization = token.map(|(scheme, token)| {
        HeaderValue::from_str(&http::header_value(scheme, token)).map(|mut value| {
            value.set_sensitive(true);
            value
        })
    });
    let authorization =
        authorization.transpose().map_err(|_| Error::Configuration("a token cannot be sent".into()))?;
    let request = HttpRequest {
        authorization,
        content_type: Some("application/soap+xml;charset=UTF-8"),
        body: Vec::new(),
        what: "the sign-in",
        timeout: target.config.timeouts.sign_in,
    };
    // Nothing but a sign-in was under way: whatever becomes of it, nothing was carried out.
    connection.post(request).await.map_err(|error| match error {
        Error::Timeout { what, after, .. } => Error::Timeout { what, after, sent: false },
        Error::Lost { reason, .. } => Error::Lost { reason, sent: false, answered: false },
        other => other,
    })
}

fn token_of(answer: &HttpAnswer, scheme: Scheme) -> Result<Option<Vec<u8>>, Error> {
    let ours = answer.challenges.iter().find(|challenge| challenge.scheme == Some(scheme));
    Ok(ours.map(|challenge| challenge.token()).transpose().map_err(SignInError::from)?.flatten())
}

/// A status that is not 401 after the last token. The server may dislike a request without a body; it must not be one
/// that says that the address or the account is wrong.
fn accept(answer: &HttpAnswer) -> Result<(), Error> {
    match answer.status.as_u16() {
        status @ (300..=399 | 403 | 404 | 502..=504) => {
            Err(Error::Http { status, excerpt: super::error::body_excerpt(&answer.body) })
        }
        _ => Ok(()),
    }
}

fn refusal(answer: &HttpAnswer, scheme: Scheme) -> SignInError {
    let offered: Vec<&str> = answer.challenges.iter().map(|challenge| challenge.name.as_str()).collect();
    let known = answer.challenges.iter().any(|challenge| challenge.scheme == Some(scheme));
    if known || offered.is_empty() {
        return SignInError::Refused;
    }
    SignInError::NotOffered { wanted: scheme.as_str(), offered: offered.join(", ") }
}
