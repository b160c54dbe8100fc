//! mechListMIC with Kerberos: the client prefers something that the server does not have, so the choice must be signed,
//! RFC 4178 5.

use wsman::auth::kerberos::EncryptionType;
use wsman::auth::ntlm::{Entropy, NtlmInitiator};
use wsman::auth::spnego::token::{InitialToken, MechType, NegState, NegTokenInit, NegTokenResp};
use wsman::auth::spnego::{SpnegoAcceptor, SpnegoInitiator};
use wsman::auth::{Acceptor, AcceptorStep, AuthError, Credentials, Initiator, Mechanism, Step};
use wsman::client::Delegation;

use super::{ETYPES, Nobody, Place, bytes, initiate, talk};
use crate::say;

/// MIT does not speak it.
fn ntlm() -> Box<dyn Initiator> {
    let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
    Box::new(NtlmInitiator::new(Credentials::new("CONTOSO\\anna", "none"), entropy, 1))
}

async fn ours(place: &Place) -> SpnegoInitiator {
    SpnegoInitiator::new(vec![ntlm(), Box::new(place.initiator(Delegation::Never).await)])
}

/// F12 b, c, e: MIT asks for our MIC and sends its own.
#[tokio::test]
async fn f12_b_c_e_our_list_signed_for_mit() {
    for etype in ETYPES {
        let Some(place) = Place::new(etype) else { return };
        let mut theirs = place.their_acceptor(None);
        let mut ours = ours(&place).await;
        let (mut context, answer) = initiate(&mut ours, &mut theirs).unwrap();
        assert_eq!(context.mechanism(), Mechanism::Kerberos);
        assert_eq!((&answer["complete"], &answer["initiator"]), (&true.into(), &"anna@CONTOSO.TEST".into()));
        talk(&mut context, &mut theirs);
        say(&format!("interop: our mechListMIC, MIT GSSAPI acceptor, {etype}: pass"));
    }
}

/// What a relay changes on the way from MIT.
async fn changed(place: &Place, change: impl Fn(&mut NegTokenResp)) -> Result<(), AuthError> {
    let mut theirs = place.their_acceptor(None);
    let mut ours = ours(place).await;
    let mut input = None;
    for _ in 0..5 {
        let token = match ours.step(input.as_deref())? {
            Step::Continue(token) => token,
            Step::Established { .. } => return Ok(()),
            other => panic!("{other:?}"),
        };
        let answer = theirs.step(Some(&token));
        let mut reply = NegTokenResp::parse(&bytes(&answer, "token").unwrap()).unwrap();
        change(&mut reply);
        input = Some(reply.to_bytes().unwrap());
    }
    panic!("no end")
}

/// A MIC that is missing, changed, or of somebody who takes the mechanism that we like less without saying so.
#[tokio::test]
async fn f12_our_second_choice_needs_the_mic_of_mit() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    changed(&place, |_| ()).await.unwrap();
    let missing = changed(&place, |reply| {
        reply.state =
            reply.state.map(|_| NegState::AcceptCompleted).filter(|_| reply.mech_list_mic.is_some());
        reply.mech_list_mic = None;
    });
    let wrong = changed(&place, |reply| {
        if let Some(byte) = reply.mech_list_mic.as_mut().and_then(|mic| mic.last_mut()) {
            *byte ^= 1;
        }
    });
    // F12 d: a copy of the token counts for nothing, and here something must count.
    let copied = changed(&place, |reply| {
        if reply.mech_list_mic.is_some() {
            reply.state = Some(NegState::AcceptCompleted);
            reply.mech_list_mic = reply.response_token.clone();
        }
    });
    for result in [missing.await, wrong.await, copied.await] {
        assert_eq!(result, Err(AuthError::BadIntegrity("mechListMIC")));
    }
}

/// Somebody in between puts NTLM in front of MIT's offer: our acceptor, which has no NTLM, then wants a MIC, and no MIC
/// is over that list.
#[tokio::test]
async fn f12_an_offer_of_mit_that_was_changed_on_its_way_is_refused() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    let mut theirs = place.their_initiator("spnego", None);
    let mut ours = SpnegoAcceptor::new(vec![Box::new(place.acceptor())]);
    let offer = bytes(&theirs.step(None), "token").unwrap();
    let InitialToken::Spnego(offer) = InitialToken::parse(&offer).unwrap() else { panic!() };
    let forged = [vec![MechType::Ntlm], offer.mech_types].concat();
    let mut token = NegTokenInit::new(forged, offer.mech_token).unwrap().to_bytes().unwrap();
    let refused = loop {
        match ours.step(&token, &Nobody) {
            Ok(AcceptorStep::Continue(reply)) => {
                let answer = theirs.step(Some(&reply));
                let Some(reply) = bytes(&answer, "token") else { break answer["error"].to_string() };
                assert_ne!(answer["complete"], true, "{answer}");
                token = reply;
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error.to_string(),
        }
    };
    say(&format!("interop: a changed offer of MIT is refused: {refused}"));
}
