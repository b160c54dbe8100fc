//! Kerberos inside SPNEGO: when the choice is signed, and by whom.

use super::{
    token::{InitialToken, MechType, NegState, NegTokenInit, NegTokenResp},
    *,
};
use crate::auth::kerberos::EncryptionType;
use crate::auth::kerberos::exchange_tests::{ALL, acceptor, initiator, service};
use crate::auth::ntlm::{Entropy, NtlmInitiator};
use crate::auth::{
    Acceptor, AcceptorStep, AccountStore, Credentials, Initiator, Mechanism, Secret, Step, UserName,
};

struct Nobody;

impl AccountStore for Nobody {
    fn secret(&self, _: &UserName) -> Option<Secret> {
        None
    }
}

fn ntlm() -> Box<dyn Initiator> {
    let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
    Box::new(NtlmInitiator::new(Credentials::new("Domain\\User", "Password"), entropy, 1))
}

fn client(etype: EncryptionType, ntlm_first: bool) -> SpnegoInitiator {
    let kerberos = Box::new(initiator(etype));
    SpnegoInitiator::new(if ntlm_first { vec![ntlm(), kerberos] } else { vec![kerberos, ntlm()] })
}

fn server(etype: EncryptionType) -> SpnegoAcceptor {
    SpnegoAcceptor::new(vec![Box::new(acceptor(&service(etype)))])
}

/// A sign-in with every token changed on its way, and the tokens.
fn run(
    us: &mut SpnegoInitiator,
    them: &mut dyn Acceptor,
    mut change: impl FnMut(bool, &mut NegTokenResp),
) -> Result<(SecurityContext, SecurityContext, Vec<NegTokenResp>), AuthError> {
    let (mut ours, mut theirs, mut tokens) = (None, None, Vec::new());
    let mut altered = |from_us, token: Vec<u8>| match NegTokenResp::parse(&token) {
        Ok(mut reply) => {
            change(from_us, &mut reply);
            tokens.push(reply.clone());
            reply.to_bytes().unwrap()
        }
        Err(_) => token,
    };
    let mut input = None;
    while ours.is_none() || theirs.is_none() {
        let token = match us.step(input.as_deref())? {
            Step::Continue(token) => Some(token),
            Step::Established { token, context } => {
                ours = Some(context);
                token
            }
        };
        let Some(token) = token else { break };
        match them.step(&altered(true, token), &Nobody)? {
            AcceptorStep::Continue(token) => input = Some(altered(false, token)),
            AcceptorStep::Established { token, context, .. } => {
                theirs = Some(context);
                input = token.map(|token| altered(false, token));
            }
            AcceptorStep::Refused { reason, .. } => return Err(reason),
        }
    }
    Ok((ours.unwrap(), theirs.unwrap(), tokens))
}

fn talk(ours: &mut SecurityContext, theirs: &mut SecurityContext) {
    for _ in 0..3 {
        let sealed = ours.seal(b"request").unwrap();
        assert_eq!(theirs.unseal(&sealed.header, &sealed.data).unwrap(), b"request");
        let sealed = theirs.seal(b"response").unwrap();
        assert_eq!(ours.unseal(&sealed.header, &sealed.data).unwrap(), b"response");
    }
}

/// One leg each, and no MIC, where both sides prefer Kerberos; request-mic, and a MIC of each side, where the client
/// would rather have something else.
#[test]
fn f12_b_kerberos_needs_a_mic_only_as_a_second_choice() {
    for etype in ALL {
        for second in [false, true] {
            let (mut us, mut them) = (client(etype, second), server(etype));
            let (mut ours, mut theirs, tokens) = run(&mut us, &mut them, |_, _| ()).unwrap();
            assert_eq!(ours.mechanism(), Mechanism::Kerberos);
            let mics = tokens.iter().filter(|token| token.mech_list_mic.is_some()).count();
            let states: Vec<_> = tokens.iter().filter_map(|token| token.state).collect();
            if second {
                assert_eq!((states[0], mics), (NegState::RequestMic, 2), "{etype} {tokens:?}");
            } else {
                assert_eq!((states, mics), (vec![NegState::AcceptCompleted], 0), "{etype} {tokens:?}");
            }
            talk(&mut ours, &mut theirs);
        }
    }
}

/// Cut out, changed, or a copy of the token (F12 d): a second choice is not taken without a MIC that fits.
#[test]
fn f12_d_a_second_choice_stands_and_falls_with_its_mic() {
    type Change = fn(&mut NegTokenResp);
    let changes: [Change; 3] = [
        |token| token.mech_list_mic = None,
        |token| token.mech_list_mic.iter_mut().flatten().for_each(|byte| *byte ^= 1),
        |token| token.mech_list_mic = token.mech_list_mic.as_ref().and(token.response_token.clone()),
    ];
    for etype in ALL {
        for change in changes {
            for victim in [true, false] {
                let changed = run(&mut client(etype, true), &mut server(etype), |from_us, token| {
                    if from_us == victim && token.mech_list_mic.is_some() {
                        change(token);
                        token.state = Some(NegState::AcceptCompleted);
                    }
                });
                let error = changed.map(|_| ()).unwrap_err();
                assert!(
                    matches!(error, AuthError::BadIntegrity("mechListMIC")),
                    "{etype} {victim} {error:?}"
                );
            }
        }
    }
}

/// F12 e: the list that is signed is the one that was sent, name by name as it stood there.
#[test]
fn f12_e_another_list_than_the_one_sent_is_noticed() {
    let etype = EncryptionType::Aes256Sha1;
    let lists = [
        vec![MechType::Ntlm, MechType::Kerberos, MechType::MsKerberos],
        vec![MechType::Ntlm, MechType::MsKerberos, MechType::Kerberos],
        vec![MechType::Ntlm, MechType::Kerberos],
        vec![MechType::Other("1.2.3".into()), MechType::Ntlm, MechType::Kerberos, MechType::MsKerberos],
    ];
    for (index, list) in lists.into_iter().enumerate() {
        struct Forger(SpnegoAcceptor, Option<Vec<u8>>);
        impl Acceptor for Forger {
            fn mechanism(&self) -> Mechanism {
                self.0.mechanism()
            }
            fn step(&mut self, input: &[u8], accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
                self.0.step(&self.1.take().unwrap_or_else(|| input.to_vec()), accounts)
            }
        }
        let InitialToken::Spnego(offer) = InitialToken::parse(&first(&mut client(etype, true))).unwrap()
        else {
            panic!()
        };
        let forged = NegTokenInit::new(list, offer.mech_token).unwrap().to_bytes().unwrap();
        let mut them = Forger(server(etype), Some(forged));
        let result = run(&mut client(etype, true), &mut them, |_, _| ());
        assert_eq!(result.is_ok(), index == 0, "{index}");
    }
}

fn first(us: &mut SpnegoInitiator) -> Vec<u8> {
    let Step::Continue(token) = us.step(None).unwrap() else { panic!() };
    token
}

/// A service that lost its key: its KRB-ERROR comes inside a reject (F5), and is what the client tells.
#[test]
fn f5_the_reason_of_a_reject_is_told() {
    let [one, other] = [EncryptionType::Aes256Sha1, EncryptionType::Aes128Sha1];
    let mut us = client(one, false);
    let mut them = server(other);
    let AcceptorStep::Refused { token, .. } = them.step(&first(&mut us), &Nobody).unwrap() else { panic!() };
    assert!(matches!(us.step(Some(&token)), Err(AuthError::Kerberos(_))));
}
