//! Both sides against each other, in every order that F12-like traps come in.

use proptest::prelude::*;

use super::{
    token::{InitialToken, MechType, NegState, NegTokenInit, NegTokenResp},
    *,
};
use crate::auth::{
    Acceptor, AcceptorStep, AccountStore, Credentials, Initiator, Mechanism, Scheme, Secret, Step, UserName,
    ntlm::{Entropy, NtlmAcceptor, NtlmInitiator, ServerNames},
};

struct Accounts;

impl AccountStore for Accounts {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        (user.user == "User").then(|| Secret::password("Password"))
    }
}

fn ntlm_initiator() -> Box<dyn Initiator> {
    let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
    Box::new(NtlmInitiator::new(Credentials::new("Domain\\User", "Password"), entropy, 1))
}

fn ntlm_acceptor() -> Box<dyn Acceptor> {
    let name = || "LAB".to_owned();
    let names = ServerNames {
        netbios_computer: name(),
        netbios_domain: name(),
        dns_computer: name(),
        dns_domain: name(),
    };
    Box::new(NtlmAcceptor::new(&names, [1; 8], 1))
}

/// A Kerberos that the peer does not have.
struct Unwanted;

impl Initiator for Unwanted {
    fn scheme(&self) -> Scheme {
        Scheme::Negotiate
    }
    fn mechanism(&self) -> Mechanism {
        Mechanism::Kerberos
    }
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        assert_eq!(input, None);
        Ok(Step::Continue(b"AP-REQ".to_vec()))
    }
}

fn begin(us: &mut SpnegoInitiator) -> Vec<u8> {
    let Step::Continue(token) = us.step(None).unwrap() else { panic!() };
    token
}

fn reply(us: &mut SpnegoInitiator, token: &[u8]) -> Vec<u8> {
    let Step::Continue(token) = us.step(Some(token)).unwrap() else { panic!() };
    token
}

fn ask(them: &mut SpnegoAcceptor, token: &[u8]) -> Vec<u8> {
    let AcceptorStep::Continue(token) = them.step(token, &Accounts).unwrap() else { panic!() };
    token
}

/// Messages go both ways; the first in each direction has sequence number 1, [MS-SPNG] 3.3.5.1.
fn talk(us: &mut SecurityContext, them: &mut SecurityContext, first: u8) {
    for sequence in first..first + 3 {
        let sealed = us.seal(b"request").unwrap();
        assert_eq!(sealed.header[12], sequence);
        assert_eq!(them.unseal(&sealed.header, &sealed.data).unwrap(), b"request");
        let sealed = them.seal(b"response").unwrap();
        assert_eq!(sealed.header[12], sequence);
        assert_eq!(us.unseal(&sealed.header, &sealed.data).unwrap(), b"response");
    }
}

fn established(step: AcceptorStep) -> (Option<Vec<u8>>, SecurityContext) {
    let AcceptorStep::Established { token, context, user } = step else { panic!("{step:?}") };
    assert_eq!(user, UserName::new("Domain", "User"));
    (token, context)
}

#[test]
fn f12_a_ntlm_first_in_the_list() {
    let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
    let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
    let offer = begin(&mut us);
    let challenge = ask(&mut them, &offer);
    let parsed = NegTokenResp::parse(&challenge).unwrap();
    assert_eq!(
        (parsed.state, parsed.supported_mech),
        (Some(NegState::AcceptIncomplete), Some(MechType::Ntlm))
    );
    let authenticate = reply(&mut us, &challenge);
    let (token, mut theirs) = established(them.step(&authenticate, &Accounts).unwrap());
    let Step::Established { token: None, mut context } = us.step(token.as_deref()).unwrap() else { panic!() };
    talk(&mut context, &mut theirs, 1);
}

#[test]
fn the_server_chooses_ntlm_instead_of_kerberos() {
    let mut us = SpnegoInitiator::new(vec![Box::new(Unwanted), ntlm_initiator()]);
    let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
    let offer = begin(&mut us);
    let InitialToken::Spnego(init) = InitialToken::parse(&offer).unwrap() else { panic!() };
    assert_eq!(init.mech_types, [MechType::Kerberos, MechType::MsKerberos, MechType::Ntlm]);
    let choice = ask(&mut them, &offer);
    let parsed = NegTokenResp::parse(&choice).unwrap();
    assert_eq!((parsed.state, parsed.response_token), (Some(NegState::RequestMic), None));
    let negotiate = reply(&mut us, &choice);
    assert_eq!(us.mechanism(), Mechanism::Ntlm);
    let challenge = ask(&mut them, &negotiate);
    let authenticate = reply(&mut us, &challenge);
    let (token, mut theirs) = established(them.step(&authenticate, &Accounts).unwrap());
    // Without the server's MIC the choice could have been somebody else's.
    let unprotected =
        NegTokenResp { mech_list_mic: None, ..NegTokenResp::parse(&token.clone().unwrap()).unwrap() };
    let mut context = {
        let Step::Established { token: None, context } = us.step(token.as_deref()).unwrap() else { panic!() };
        context
    };
    talk(&mut context, &mut theirs, 1);
    assert_eq!(replay_without_mic(&unprotected.to_bytes().unwrap()), AuthError::BadIntegrity("mechListMIC"));
}

/// The same sign-in with another last token.
fn replay_without_mic(last: &[u8]) -> AuthError {
    let mut us = SpnegoInitiator::new(vec![Box::new(Unwanted), ntlm_initiator()]);
    let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
    let choice = ask(&mut them, &begin(&mut us));
    let challenge = ask(&mut them, &reply(&mut us, &choice));
    reply(&mut us, &challenge);
    us.step(Some(last)).unwrap_err()
}

#[test]
fn a_mechanism_list_that_was_changed_on_its_way_is_noticed() {
    let mut us = SpnegoInitiator::new(vec![Box::new(Unwanted), ntlm_initiator()]);
    let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
    begin(&mut us);
    // Somebody in the middle takes Kerberos out of the offer.
    let forged = NegTokenInit::new(vec![MechType::Ntlm], None).unwrap().to_bytes().unwrap();
    let choice = ask(&mut them, &forged);
    let challenge = ask(&mut them, &reply(&mut us, &choice));
    let authenticate = reply(&mut us, &challenge);
    let refused = them.step(&authenticate, &Accounts).unwrap_err();
    assert_eq!(refused, AuthError::BadIntegrity("mechListMIC"));
}

#[test]
fn f12_b_a_client_that_waits_with_its_mic_is_asked_for_it() {
    let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
    let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
    let challenge = ask(&mut them, &begin(&mut us));
    let whole = NegTokenResp::parse(&reply(&mut us, &challenge)).unwrap();
    let without = NegTokenResp { mech_list_mic: None, ..whole.clone() }.to_bytes().unwrap();
    let asked = ask(&mut them, &without);
    let parsed = NegTokenResp::parse(&asked).unwrap();
    assert_eq!(parsed.state, Some(NegState::AcceptIncomplete));
    let Step::Established { mut context, .. } = us.step(Some(&asked)).unwrap() else { panic!() };
    let only_mic = NegTokenResp { response_token: None, ..whole }.to_bytes().unwrap();
    let (_, mut theirs) = established(them.step(&only_mic, &Accounts).unwrap());
    talk(&mut context, &mut theirs, 1);
}

#[test]
fn f12_d_old_servers_send_no_mic_or_a_copy_of_the_token() {
    for copied in [false, true] {
        let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
        let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
        let mut challenge = NegTokenResp::parse(&ask(&mut them, &begin(&mut us))).unwrap();
        if copied {
            challenge.mech_list_mic = challenge.response_token.clone();
        }
        reply(&mut us, &challenge.to_bytes().unwrap());
        assert!(matches!(us.step(None), Ok(Step::Established { token: None, .. })));
    }
}

/// What is signed are the bytes of `SEQUENCE OF MechType`, without the `[0]` around them, RFC 4178 5.
#[test]
fn f12_e_the_list_is_signed_bare() {
    let list = b"\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
    let tagged = [b"\xa0\x0e", list.as_slice()].concat();
    for (signed, fits) in [(list.as_slice(), true), (&tagged, false)] {
        let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
        let InitialToken::Spnego(offer) = InitialToken::parse(&begin(&mut us)).unwrap() else { panic!() };
        // The server's mechanism without its SPNEGO.
        let mut them = ntlm_acceptor();
        let AcceptorStep::Continue(challenge) = them.step(&offer.mech_token.unwrap(), &Accounts).unwrap()
        else {
            panic!()
        };
        let challenge = NegTokenResp {
            state: Some(NegState::AcceptIncomplete),
            supported_mech: Some(MechType::Ntlm),
            response_token: Some(challenge),
            mech_list_mic: None,
        };
        let last = NegTokenResp::parse(&reply(&mut us, &challenge.to_bytes().unwrap())).unwrap();
        let (_, mut theirs) = established(them.step(&last.response_token.unwrap(), &Accounts).unwrap());
        let verified = theirs.protection_mut().verify_mech_list(signed, &last.mech_list_mic.unwrap());
        assert_eq!(verified.is_ok(), fits);
    }
}

#[test]
fn nothing_is_complete_before_the_proof_is_sent() {
    let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
    let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
    let mut challenge = NegTokenResp::parse(&ask(&mut them, &begin(&mut us))).unwrap();
    challenge.state = Some(NegState::AcceptCompleted);
    let authenticate = reply(&mut us, &challenge.to_bytes().unwrap());
    established(them.step(&authenticate, &Accounts).unwrap());
}

#[test]
fn raw_ntlm_is_answered_raw() {
    let mut us = ntlm_initiator();
    let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
    let Step::Continue(negotiate) = us.step(None).unwrap() else { panic!() };
    let challenge = ask(&mut them, &negotiate);
    assert!(challenge.starts_with(b"NTLMSSP\0"));
    let Step::Established { token: Some(token), mut context } = us.step(Some(&challenge)).unwrap() else {
        panic!()
    };
    let (token, mut theirs) = established(them.step(&token, &Accounts).unwrap());
    assert_eq!(token, None);
    talk(&mut context, &mut theirs, 0);
}

#[test]
fn what_cannot_be_agreed_is_named() {
    let offer = NegTokenInit::new(vec![MechType::Kerberos, MechType::Other("1.2.3".into())], None).unwrap();
    let refused = SpnegoAcceptor::new(vec![ntlm_acceptor()]).step(&offer.to_bytes().unwrap(), &Accounts);
    let AuthError::NoCommonMechanism { offered } = refused.unwrap_err() else { panic!() };
    assert_eq!(offered, "Kerberos, 1.2.3");

    let reject =
        NegTokenResp { state: Some(NegState::Reject), ..NegTokenResp::default() }.to_bytes().unwrap();
    let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
    begin(&mut us);
    assert_eq!(us.step(Some(&reject)).unwrap_err(), AuthError::Rejected);
    // Accepted before anything was proved.
    let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
    begin(&mut us);
    assert!(us.step(None).is_err());
}

/// The hint that Windows servers send ahead, `[MS-SPNG] 2.2.1`: `[3]` is no MIC there.
#[test]
fn hints_are_passed_over() {
    let hints = b"\x60\x48\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x3e\x30\x3c\xa0\x0e\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\
        \xa3\x2a\x30\x28\xa0\x26\x1b\x24not_defined_in_RFC4178@please_ignore";
    let InitialToken::Spnego(token) = InitialToken::parse(hints).unwrap() else { panic!() };
    assert_eq!((token.mech_types, token.mech_list_mic), (vec![MechType::Ntlm], None));
}

proptest! {
    #[test]
    fn tokens_round_trip(
        response in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
        mic in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        names in proptest::collection::vec(prop_oneof![
            Just(MechType::Ntlm), Just(MechType::Kerberos), Just(MechType::MsKerberos),
            Just(MechType::Other("1.3.6.1.4.1.311.2.2.30".into())),
        ], 0..6),
    ) {
        let token = NegTokenResp {
            state: Some(NegState::RequestMic),
            supported_mech: names.first().cloned(),
            response_token: response.clone(),
            mech_list_mic: mic.clone(),
        };
        prop_assert_eq!(NegTokenResp::parse(&token.to_bytes().unwrap()).unwrap(), token);
        let mut token = NegTokenInit::new(names, response).unwrap();
        token.mech_list_mic = mic;
        prop_assert_eq!(InitialToken::parse(&token.to_bytes().unwrap()).unwrap(), InitialToken::Spnego(token));
    }

    #[test]
    fn any_mutated_token_is_read_without_panic(
        first in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut us = SpnegoInitiator::new(vec![ntlm_initiator()]);
        let mut them = SpnegoAcceptor::new(vec![ntlm_acceptor()]);
        let offer = begin(&mut us);
        let challenge = ask(&mut them, &offer);
        let mut token = if first { offer } else { challenge };
        for (at, byte) in changes {
            let at = at.index(token.len());
            token[at] = byte;
        }
        if let Some(cut) = cut {
            token.truncate(cut.index(token.len()));
        }
        let _ = InitialToken::parse(&token);
        let _ = us.step(Some(&token));
        let _ = them.step(&token, &Accounts);
        let _ = SpnegoAcceptor::new(vec![ntlm_acceptor()]).step(&token, &Accounts);
    }
}
