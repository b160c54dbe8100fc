//! SPNEGO: its tokens, and both machines with the peer's token changed.

use wsman::auth::spnego::token::{InitialToken, NegTokenInit, NegTokenResp};
use wsman::auth::spnego::{SpnegoAcceptor, SpnegoInitiator};
use wsman::auth::{Acceptor, AcceptorStep, Initiator, Step};

use super::ntlm::{self, Accounts};
use super::{Shape, Target, stable};

fn initiator() -> SpnegoInitiator {
    SpnegoInitiator::new(vec![Box::new(ntlm::initiator())])
}

fn acceptor() -> SpnegoAcceptor {
    SpnegoAcceptor::new(vec![Box::new(ntlm::acceptor())])
}

/// The tokens of a sign-in: the client's and the server's, in turn.
fn exchange() -> Vec<Vec<u8>> {
    let (mut us, mut them) = (initiator(), acceptor());
    let mut tokens = Vec::new();
    let mut input = None;
    for _ in 0..4 {
        let token = match us.step(input.as_deref()) {
            Ok(Step::Continue(token)) => token,
            Ok(Step::Established { token: Some(token), .. }) => token,
            _ => break,
        };
        tokens.push(token.clone());
        let answer = match them.step(&token, &Accounts) {
            Ok(AcceptorStep::Continue(token)) => token,
            Ok(AcceptorStep::Established { token: Some(token), .. }) => token,
            _ => break,
        };
        tokens.push(answer.clone());
        input = Some(answer);
    }
    tokens
}

pub(super) fn targets() -> Vec<Target> {
    let tokens = exchange();
    let init: Vec<_> = tokens.iter().take(1).cloned().collect();
    let responses: Vec<_> = tokens.iter().skip(1).cloned().collect();
    let (challenge, authenticate) = (tokens.get(1).cloned(), tokens.get(2).cloned());
    let first = init.first().cloned().unwrap_or_default();
    vec![
        Target::new("spnego-init", Shape::Der, init.clone(), |input| match InitialToken::parse(input) {
            Ok(InitialToken::Spnego(token)) => {
                let bytes = NegTokenInit::to_bytes(&token);
                bytes.is_ok_and(|bytes| InitialToken::parse(&bytes).is_ok())
            }
            Ok(_) => true,
            Err(_) => false,
        }),
        Target::new("spnego-resp", Shape::Der, responses, |input| {
            stable(input, NegTokenResp::parse, NegTokenResp::to_bytes)
        }),
        Target::new("spnego-initiator", Shape::Der, challenge.into_iter().collect(), |input| {
            let mut us = initiator();
            us.step(None).is_ok() && us.step(Some(input)).is_ok()
        }),
        Target::new("spnego-acceptor-first", Shape::Der, init, |input| {
            acceptor().step(input, &Accounts).is_ok()
        }),
        Target::new("spnego-acceptor", Shape::Der, authenticate.into_iter().collect(), move |input| {
            let mut them = acceptor();
            them.step(&first, &Accounts).is_ok() && them.step(input, &Accounts).is_ok()
        }),
    ]
}
