//! NTLM: its messages, and both machines with the peer's message changed.

use wsman::auth::ntlm::message::{Authenticate, Challenge, Negotiate, NtResponse};
use wsman::auth::ntlm::{Entropy, NtlmAcceptor, NtlmInitiator, ServerNames, av_pair::AvPairs, flags};
use wsman::auth::{Acceptor, AcceptorStep, AccountStore, Credentials, Initiator, Secret, Step, UserName};

use super::{Shape, Target, stable};

/// `Domain\User` with `Password`, and nobody else.
pub(super) struct Accounts;

impl AccountStore for Accounts {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        (user.user == "User").then(|| Secret::password("Password"))
    }
}

pub(super) fn initiator() -> NtlmInitiator {
    let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
    NtlmInitiator::new(Credentials::new("Domain\\User", "Password"), entropy, 1)
}

pub(super) fn acceptor() -> NtlmAcceptor {
    let names = ServerNames {
        netbios_computer: "EX01".into(),
        netbios_domain: "LAB".into(),
        dns_computer: "ex01.lab.test".into(),
        dns_domain: "lab.test".into(),
    };
    NtlmAcceptor::new(&names, [1; 8], 133_000_000_000_000_000)
}

/// The three messages of a sign-in.
fn exchange() -> Option<[Vec<u8>; 3]> {
    let (mut us, mut them) = (initiator(), acceptor());
    let Step::Continue(negotiate) = us.step(None).ok()? else { return None };
    let AcceptorStep::Continue(challenge) = them.step(&negotiate, &Accounts).ok()? else { return None };
    let Step::Established { token, .. } = us.step(Some(&challenge)).ok()? else { return None };
    Some([negotiate, challenge, token?])
}

pub(super) fn targets() -> Vec<Target> {
    let messages = exchange().unwrap_or_default();
    let [negotiate, challenge, authenticate] = messages.clone();
    let client = Negotiate { flags: flags::CLIENT }.to_bytes();
    let (from_client, for_acceptor) = (negotiate.clone(), vec![authenticate.clone()]);
    let pairs = Challenge::parse(&challenge).and_then(|message| message.target_info.to_bytes());
    vec![
        Target::new("ntlm-negotiate", Shape::Bytes, vec![negotiate, client], |input| {
            stable(input, Negotiate::parse, |message| Ok::<_, ()>(message.to_bytes()))
        }),
        Target::new("ntlm-challenge", Shape::Bytes, vec![challenge.clone()], |input| {
            stable(input, Challenge::parse, Challenge::to_bytes)
        }),
        Target::new("ntlm-authenticate", Shape::Bytes, vec![authenticate], |input| {
            if let Ok(message) = Authenticate::parse(input)
                && let Ok(response) = NtResponse::parse(&message.nt_response)
            {
                let _ = response.has_mic();
            }
            stable(input, Authenticate::parse, Authenticate::to_bytes)
        }),
        Target::new("ntlm-av-pairs", Shape::Bytes, pairs.into_iter().collect(), |input| {
            stable(input, AvPairs::parse, AvPairs::to_bytes)
        }),
        Target::new("ntlm-initiator", Shape::Bytes, vec![challenge], |input| {
            let mut us = initiator();
            us.step(None).is_ok() && us.step(Some(input)).is_ok()
        }),
        Target::new("ntlm-acceptor", Shape::Bytes, for_acceptor, move |input| {
            let mut them = acceptor();
            them.step(&from_client, &Accounts).is_ok() && them.step(input, &Accounts).is_ok()
        }),
    ]
}
