//! SPNEGO with Kerberos in it, as the first choice and, signed, as the second.

use wsman::auth::spnego::token::NegTokenResp;
use wsman::auth::spnego::{SpnegoAcceptor, SpnegoInitiator};
use wsman::auth::{Acceptor, AcceptorStep, Initiator, Step};

use super::ntlm::{self, Accounts};
use super::service::{self, AES};
use super::{Shape, Target};

fn initiator(kerberos_first: bool) -> Option<SpnegoInitiator> {
    let mut offers: Vec<Box<dyn Initiator>> =
        vec![Box::new(service::initiator(AES)?), Box::new(ntlm::initiator())];
    if !kerberos_first {
        offers.reverse();
    }
    Some(SpnegoInitiator::new(offers))
}

fn acceptor() -> SpnegoAcceptor {
    SpnegoAcceptor::new(vec![Box::new(service::acceptor())])
}

/// The tokens of a sign-in: the client's and the server's, in turn.
fn exchange(kerberos_first: bool) -> Option<Vec<Vec<u8>>> {
    let (mut us, mut them) = (initiator(kerberos_first)?, acceptor());
    let (mut tokens, mut input) = (Vec::new(), None);
    for _ in 0..4 {
        let (token, established) = match us.step(input.as_deref()).ok()? {
            Step::Continue(token) => (Some(token), false),
            Step::Established { token, .. } => (token, true),
            _ => return None,
        };
        let Some(token) = token else { break };
        tokens.push(token.clone());
        let answer = match them.step(&token, &Accounts).ok()? {
            AcceptorStep::Continue(token) => Some(token),
            AcceptorStep::Established { token, .. } => token,
            _ => return None,
        };
        // Nobody waits for the last one.
        tokens.extend(answer.clone().filter(|_| !established));
        input = answer.filter(|_| !established);
        if input.is_none() {
            break;
        }
    }
    Some(tokens)
}

/// Every second token from this one on.
fn of(tokens: &[Vec<u8>], from: usize) -> impl Iterator<Item = Vec<u8>> {
    tokens.iter().skip(from).step_by(2).cloned()
}

/// The client after so many of the server's tokens, and then this one.
fn client_takes(kerberos_first: bool, before: &[Vec<u8>], input: &[u8]) -> bool {
    let Some(mut us) = initiator(kerberos_first) else { return false };
    let mut ready = us.step(None).is_ok();
    for token in before {
        ready = ready && us.step(Some(token)).is_ok();
    }
    match us.step(Some(input)) {
        Ok(Step::Established { .. }) => ready && (kerberos_first || is_signed(input)),
        Ok(_) => ready,
        Err(_) => false,
    }
}

/// The second choice is not taken without a MIC.
fn is_signed(input: &[u8]) -> bool {
    let signed = NegTokenResp::parse(input).is_ok_and(|reply| reply.mech_list_mic.is_some());
    assert!(signed, "an unsigned choice was taken");
    signed
}

/// The server after so many of the client's tokens, and then this one.
fn server_takes(before: &[Vec<u8>], input: &[u8]) -> bool {
    let mut them = acceptor();
    let ready = before.iter().all(|token| them.step(token, &Accounts).is_ok());
    match them.step(input, &Accounts) {
        Ok(AcceptorStep::Established { user, .. }) => {
            assert_eq!(user.user, super::kerberos::client().to_string());
            ready && (before.is_empty() || is_signed(input))
        }
        Ok(AcceptorStep::Continue(_)) => ready,
        _ => false,
    }
}

pub(super) fn targets() -> Vec<Target> {
    let first = exchange(true).unwrap_or_default();
    let second = exchange(false).unwrap_or_default();
    let offers = first.first().into_iter().chain(second.first()).cloned().collect();
    let from_server: Vec<_> = of(&first, 1).chain(of(&second, 1)).collect();
    let from_client: Vec<_> = of(&second, 2).collect();
    let (choices, asked): (Vec<_>, Vec<_>) = (of(&second, 1).collect(), of(&second, 0).collect());
    vec![
        Target::new("spnego-kerberos-initiator", Shape::Der, from_server, move |input| {
            client_takes(true, &[], input)
                | (0..choices.len()).any(|count| client_takes(false, &choices[..count], input))
        }),
        Target::new("spnego-kerberos-first", Shape::Der, offers, |input| server_takes(&[], input)),
        Target::new("spnego-kerberos-acceptor", Shape::Der, from_client, move |input| {
            (1..asked.len()).any(|count| server_takes(&asked[..count], input))
        }),
    ]
}
