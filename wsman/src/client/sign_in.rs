//! Signing in on a connection, with requests that have no body.

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use tracing::debug;

use super::config::Authentication;
use super::error::{Error, SignInError};
use super::http::{HttpAnswer, HttpConnection, HttpRequest};
use super::initiators::initiator;
use super::target::Target;
use crate::auth::kerberos::KerberosError;
use crate::auth::{AuthError, Initiator, Scheme, SecurityContext, Step, http};

/// A header line that fills most of what HTTP.sys takes of all of them, 16 KiB unless it is told otherwise.
const LONG_HEADER: usize = 15_000;
/// Most legs of a sign-in; NTLM takes two, CredSSP five or six.
const MAX_LEGS: usize = 16;

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

/// Under the scheme that fits, and under another one where the server offers only that.
async fn negotiate(
    connection: &HttpConnection,
    target: &Target,
    certificate: Option<&[u8]>,
) -> Result<SecurityContext, Error> {
    let mut scheme = Scheme::Negotiate;
    let mut has_new_ticket = false;
    let mut refused_before = None;
    loop {
        let initiator = match (initiator(target, certificate, scheme).await, refused_before.take()) {
            // There is no other ticket: what was wrong with the first one says more.
            (Err(_), Some(refused)) => return Err(Error::SignIn(refused)),
            (initiator, _) => initiator?,
        };
        match exchange(connection, target, initiator).await {
            Err(Error::SignIn(refused)) => match another_scheme(target, scheme, &refused) {
                Some(other) => scheme = other,
                None if has_new_ticket || !is_about_ticket(&refused) => {
                    return Err(target.with_kerberos_failure(refused).into());
                }
                None => {
                    has_new_ticket = true;
                    let spn = target.config.service_name(&target.url);
                    target.config.kerberos.forget(&target.config.credentials, &spn).await;
                    refused_before = Some(refused);
                }
            },
            result => return result,
        }
    }
}

/// The key of the service may have changed since the ticket was got.
fn is_about_ticket(refused: &SignInError) -> bool {
    use KerberosError::{TicketTime, WrongServiceKey};
    matches!(refused, SignInError::Mechanism(AuthError::Kerberos(WrongServiceKey(_) | TicketTime(_))))
}

/// The scheme to try where the server does not offer `Negotiate`: Kerberos or NTLM without SPNEGO around them.
fn another_scheme(target: &Target, tried: Scheme, refused: &SignInError) -> Option<Scheme> {
    let SignInError::NotOffered { offered, .. } = refused else { return None };
    if tried != Scheme::Negotiate {
        return None;
    }
    let is_offered = |scheme| offered.split(", ").any(|name| Scheme::parse(name) == Some(scheme));
    let (kerberos, ntlm) = match target.config.authentication {
        Authentication::Kerberos => (true, false),
        Authentication::Negotiate => (target.kerberos_failure().is_none(), target.config.allow_ntlm),
        Authentication::Ntlm => (false, true),
        Authentication::CredSsp | Authentication::Basic | Authentication::Certificate => (false, false),
    };
    [(Scheme::Kerberos, kerberos), (Scheme::Ntlm, ntlm)]
        .into_iter()
        .find_map(|(scheme, fits)| (fits && is_offered(scheme)).then_some(scheme))
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
                target.note_mechanism(context.mechanism());
                return Ok(context);
            }
            Step::Established { token: Some(token), context } => (token, Some(context)),
            Step::Continue(token) => (token, None),
        };
        let answer = post(connection, target, Some((scheme, &token))).await?;
        let reply = token_of(&answer, scheme)?;
        let length = http::header_value(scheme, &token).len();
        if length > LONG_HEADER && matches!(answer.status.as_u16(), 400 | 413 | 431) {
            return Err(SignInError::TokenTooLarge { status: answer.status.as_u16(), length }.into());
        }
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
                target.note_mechanism(context.mechanism());
                return Ok(context);
            }
            (_, None) => accept(&answer)?,
        }
        step = initiator.step(reply.as_deref()).map_err(SignInError::from)?;
    }
    Err(Error::Protocol("the sign-in does not come to an end".into()))
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
        clear: None,
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
