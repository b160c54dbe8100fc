//! Contexts with every encryption type, and what is refused.

use serde_json::Value as Json;
use wsman::auth::kerberos::{EncryptionType, KerberosAcceptor, KerberosError};
use wsman::auth::spnego::{SpnegoAcceptor, SpnegoInitiator};
use wsman::auth::{Acceptor, AcceptorStep, AuthError, Initiator, Step, UserName};
use wsman::client::Delegation;

use super::{ETYPES, Nobody, Place, SPN, accept, bytes, initiate, now, random, talk};
use crate::say;

/// F10, F11, F14, F16: what we send is taken, and what we get is understood, with every encryption type, and for more
/// than one message.
#[tokio::test]
async fn f10_f11_f14_f16_our_initiator_and_their_acceptor() {
    for etype in ETYPES {
        let Some(place) = Place::new(etype) else { return };
        for spnego in [false, true] {
            let mut theirs = place.their_acceptor(None);
            let mut ours: Box<dyn Initiator> = Box::new(place.initiator(Delegation::Never).await);
            if spnego {
                ours = Box::new(SpnegoInitiator::new(vec![ours]));
            }
            let (mut context, answer) = initiate(&mut *ours, &mut theirs).unwrap();
            assert_eq!(answer["initiator"], "anna@CONTOSO.TEST");
            assert_eq!(answer["delegated"], Json::Null);
            talk(&mut context, &mut theirs);
            say(&format!("interop: our initiator, MIT GSSAPI acceptor, {etype}, SPNEGO {spnego}: pass"));
        }
    }
}

#[tokio::test]
async fn f10_f11_f14_f16_their_initiator_and_our_acceptor() {
    for etype in ETYPES {
        let Some(place) = Place::new(etype) else { return };
        for mech in ["kerberos", "spnego"] {
            let mut theirs = place.their_initiator(mech, None);
            let mut ours = SpnegoAcceptor::new(vec![Box::new(place.acceptor())]);
            let (mut context, user) = accept(&mut ours, &mut theirs).unwrap();
            assert_eq!(user, UserName::parse("anna@CONTOSO.TEST"));
            talk(&mut context, &mut theirs);
            say(&format!("interop: MIT GSSAPI initiator, our acceptor, {etype}, {mech}: pass"));
        }
    }
}

/// F20: the ticket that is handed over is one that MIT can use, and only there where it was asked for.
#[tokio::test]
async fn f20_a_delegated_ticket_arrives() {
    for etype in ETYPES {
        let Some(place) = Place::new(etype) else { return };
        let mut theirs = place.their_acceptor(None);
        let mut ours = place.initiator(Delegation::Always).await;
        let (mut context, answer) = initiate(&mut ours, &mut theirs).unwrap();
        assert_eq!(answer["delegated"], "anna@CONTOSO.TEST", "{etype}");
        talk(&mut context, &mut theirs);
    }
}

/// F5, F24: the words of MIT's acceptor for a key that it does not have, and of ours for MIT's initiator.
#[tokio::test]
async fn f5_each_side_tells_the_other_what_is_wrong() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    // The service gets a new key, and its keytab stays the old one: kvno and key differ.
    let old = Place { keytab: place.kdc.file("old.keytab"), kdc: place.kdc };
    std::fs::copy(&place.keytab, &old.keytab).unwrap();
    old.kdc
        .admin(old.kdc.realm(), &[&format!("cpw -randkey -e {}:normal {SPN}", EncryptionType::Aes256Sha1)]);
    let mut ours = old.initiator(Delegation::Never).await;
    let mut theirs = old.their_acceptor(None);
    let Step::Continue(token) = ours.step(None).unwrap() else { panic!() };
    let answer = theirs.step(Some(&token));
    assert!(answer["error"].is_string(), "{answer}");
    if let Some(token) = bytes(&answer, "token") {
        let error = ours.step(Some(&token)).unwrap_err();
        assert!(matches!(error, AuthError::Kerberos(KerberosError::WrongServiceKey(_))), "{error}");
        say(&format!("interop: our initiator, refused by MIT's acceptor: {error}"));
    }
    for mech in ["kerberos", "spnego"] {
        let mut theirs = old.their_initiator(mech, None);
        let mut acceptor = SpnegoAcceptor::new(vec![Box::new(old.acceptor())]);
        let error = accept(&mut acceptor, &mut theirs).unwrap_err();
        assert!(matches!(error, AuthError::Kerberos(KerberosError::WrongServiceKey(_))), "{error}");
    }
}

/// The same token a second time, at another acceptor of the same service.
#[tokio::test]
async fn a_replay_is_refused() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    let token = bytes(&place.their_initiator("kerberos", None).step(None), "token").unwrap();
    let service = place.service();
    let mut once = KerberosAcceptor::new(service.clone(), now(), random());
    assert!(matches!(once.step(&token, &Nobody), Ok(AcceptorStep::Established { .. })));
    let mut again = KerberosAcceptor::new(service, now(), random());
    let step = again.step(&token, &Nobody).unwrap();
    let AcceptorStep::Refused { reason, .. } = step else { panic!("{step:?}") };
    assert_eq!(reason, AuthError::Kerberos(KerberosError::Replay));
}
