//! The two sides of a sign-in against each other, with tickets made here.

use std::sync::Arc;
use std::time::Duration;

use der::asn1::OctetString;
use proptest::prelude::*;

use super::asn1::{
    EncTicketPart, EncryptedData, EncryptionKey, KerberosString, KerberosTime, Message, PrincipalName,
    Ticket, TransitedEncoding, flags,
};
use super::{
    EncryptionType, KerberosAcceptor, KerberosError, KerberosInitiator, Key, Principal, Random, Service,
    ServiceKey, ServiceTicket, TicketFlags, usage,
};
use crate::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, BindingPolicy, ChannelBinding, Initiator, Secret,
    SecurityContext, Step, UserName,
};

const NOW: u64 = 1_800_000_000;
pub(in crate::auth) const ALL: [EncryptionType; 5] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha2,
    EncryptionType::Aes256Sha2,
    EncryptionType::Rc4,
];

struct Nobody;

impl AccountStore for Nobody {
    fn secret(&self, _: &UserName) -> Option<Secret> {
        None
    }
}

pub(super) fn counter() -> Random {
    let mut next = 0u8;
    Box::new(move |bytes| {
        bytes.fill_with(|| {
            next = next.wrapping_add(77);
            next
        });
    })
}

pub(super) fn key(etype: EncryptionType, byte: u8) -> Key {
    Key::new(etype, vec![byte; etype.key_length()]).unwrap()
}

pub(in crate::auth) fn service(etype: EncryptionType) -> Arc<Service> {
    let principal = Principal::service("HTTP", "ex01.contoso.com", "CONTOSO.COM");
    let keys = [9, 7].map(|byte| ServiceKey {
        principal: principal.clone(),
        version: u32::from(byte),
        key: key(etype, byte),
    });
    Arc::new(Service::new(keys.to_vec()).with_rc4())
}

fn ticket(etype: EncryptionType, service_key: u8) -> ServiceTicket {
    let client = Principal::user("анна", "CONTOSO.COM");
    let server = Principal::service("HTTP", "ex01.contoso.com", "CONTOSO.COM");
    let session = key(etype, 3);
    let inside = EncTicketPart {
        flags: flags(TicketFlags::PRE_AUTHENT.0),
        key: EncryptionKey::try_from(&session).unwrap(),
        client_realm: KerberosString(client.realm.clone()),
        client: PrincipalName::from(&client),
        transited: TransitedEncoding { encoding_type: 1, contents: OctetString::new(Vec::new()).unwrap() },
        auth_time: KerberosTime::from_seconds(NOW - 60),
        start_time: None,
        end_time: KerberosTime::from_seconds(NOW + 36_000),
        renew_till: None,
        client_addresses: None,
        authorization_data: None,
    };
    let plain = inside.to_message().unwrap();
    let encrypted = EncryptedData::seal(&key(etype, service_key), usage::TICKET, &plain, &[5; 16]).unwrap();
    let message = Ticket {
        version: 5,
        realm: KerberosString(server.realm.clone()),
        server: PrincipalName::from(&server),
        encrypted,
    };
    ServiceTicket {
        client,
        server,
        ticket: message.to_message().unwrap(),
        key: session,
        flags: TicketFlags::PRE_AUTHENT,
        auth_time: NOW - 60,
        start_time: NOW - 60,
        end_time: NOW + 36_000,
        renew_till: None,
    }
}

pub(in crate::auth) fn initiator(etype: EncryptionType) -> KerberosInitiator {
    KerberosInitiator::new(ticket(etype, 7), Duration::new(NOW, 123_456_000), counter())
}

pub(in crate::auth) fn acceptor(service: &Arc<Service>) -> KerberosAcceptor {
    KerberosAcceptor::new(service.clone(), Duration::from_secs(NOW + 200), counter())
}

fn first(initiator: &mut KerberosInitiator) -> Vec<u8> {
    match initiator.step(None).unwrap() {
        Step::Continue(token) => token,
        step => panic!("{step:?}"),
    }
}

fn sign_in(etype: EncryptionType) -> (SecurityContext, SecurityContext) {
    let (mut client, mut server) = (initiator(etype), acceptor(&service(etype)));
    let token = first(&mut client);
    let AcceptorStep::Established { token, context: theirs, user } = server.step(&token, &Nobody).unwrap()
    else {
        panic!("not established")
    };
    assert_eq!(user.user, "анна@CONTOSO.COM");
    let Step::Established { token: None, context: ours } = client.step(token.as_deref()).unwrap() else {
        panic!("not established")
    };
    (ours, theirs)
}

/// What both sides say when the service refuses: its own reason, and what the client makes of the KRB-ERROR.
fn refused(client: &mut KerberosInitiator, server: &mut KerberosAcceptor) -> KerberosError {
    let (told, reason) = both_refused(client, server);
    assert_eq!(std::mem::discriminant(&told), std::mem::discriminant(&reason), "{told} {reason}");
    reason
}

/// The same, where the client may know better.
fn both_refused(
    client: &mut KerberosInitiator,
    server: &mut KerberosAcceptor,
) -> (KerberosError, KerberosError) {
    let token = first(client);
    match server.step(&token, &Nobody).unwrap() {
        AcceptorStep::Refused { token, reason: AuthError::Kerberos(reason) } => {
            let AuthError::Kerberos(told) = client.step(Some(&token)).unwrap_err() else {
                panic!("another error")
            };
            (told, reason)
        }
        other => panic!("{other:?}"),
    }
}

fn takes(server: &mut KerberosAcceptor, token: &[u8]) -> bool {
    matches!(server.step(token, &Nobody), Ok(AcceptorStep::Established { .. }))
}

#[test]
fn both_sides_seal_and_unseal_with_every_encryption_type() {
    for etype in ALL {
        let (mut ours, mut theirs) = sign_in(etype);
        for round in 0..3 {
            let request = format!("request {round} äöü {}", "x".repeat(round * 7));
            let sealed = ours.seal(request.as_bytes()).unwrap();
            assert_eq!(sealed.data.len(), request.len(), "{etype}: the data is as long as the message");
            assert_eq!(theirs.unseal(&sealed.header, &sealed.data).unwrap(), request.as_bytes());
            let sealed = theirs.seal(b"answer").unwrap();
            assert_eq!(ours.unseal(&sealed.header, &sealed.data).unwrap(), b"answer");
        }
        // A list signed in between, as SPNEGO does.
        let mic = ours.protection_mut().sign_mech_list(b"list").unwrap();
        theirs.protection_mut().verify_mech_list(b"list", &mic).unwrap();
        let mic = theirs.protection_mut().sign_mech_list(b"list").unwrap();
        assert!(ours.protection_mut().verify_mech_list(b"another", &mic).is_err(), "{etype}");
        let sealed = ours.seal(b"after").unwrap();
        assert_eq!(theirs.unseal(&sealed.header, &sealed.data).unwrap(), b"after");
    }
}

/// The header lengths of WinRM: token header, header copy, checksum, confounder.
#[test]
fn header_lengths_are_those_of_windows() {
    for (etype, length) in [
        (EncryptionType::Aes128Sha1, 60),
        (EncryptionType::Aes256Sha1, 60),
        (EncryptionType::Aes128Sha2, 64),
        (EncryptionType::Aes256Sha2, 72),
        (EncryptionType::Rc4, 45),
    ] {
        let (mut ours, _) = sign_in(etype);
        let sealed = ours.seal(b"x").unwrap();
        assert_eq!(sealed.header.len(), length, "{etype}");
        if etype != EncryptionType::Rc4 {
            let rrc = [0, u8::try_from(16 + etype.checksum_length()).unwrap()];
            assert_eq!(sealed.header[..8], [5, 4, 6, 0xFF, 0, 0, rrc[0], rrc[1]], "{etype}");
        }
    }
}

#[test]
fn f11_no_message_is_taken_twice_or_changed() {
    for etype in ALL {
        let (mut ours, mut theirs) = sign_in(etype);
        let sealed = ours.seal(b"once").unwrap();
        theirs.unseal(&sealed.header, &sealed.data).unwrap();
        assert_eq!(theirs.unseal(&sealed.header, &sealed.data), Err(AuthError::BadSeal), "{etype}");
        let next = ours.seal(b"next").unwrap();
        assert_eq!(
            theirs.unseal(&next.header, &next.data),
            Err(AuthError::BadSeal),
            "{etype}: the context is over"
        );

        let (mut ours, _) = sign_in(etype);
        let own = ours.seal(b"to the other side").unwrap();
        assert_eq!(ours.unseal(&own.header, &own.data), Err(AuthError::BadSeal), "{etype}: reflected");
    }
}

#[test]
fn a_sign_in_is_taken_once_within_its_time() {
    let etype = EncryptionType::Aes256Sha1;
    let service = service(etype);
    let token = first(&mut initiator(etype));
    acceptor(&service).step(&token, &Nobody).unwrap();
    let AcceptorStep::Refused { reason, .. } = acceptor(&service).step(&token, &Nobody).unwrap() else {
        panic!("taken twice")
    };
    assert_eq!(reason, AuthError::Kerberos(KerberosError::Replay));

    for (offset, fits) in [(299, true), (301, false)] {
        let mut late =
            KerberosAcceptor::new(self::service(etype), Duration::from_secs(NOW + offset), counter());
        assert_eq!(takes(&mut late, &token), fits, "{offset}");
    }
    let mut late = KerberosAcceptor::new(self::service(etype), Duration::from_secs(NOW + 600), counter());
    assert!(matches!(refused(&mut initiator(etype), &mut late), KerberosError::Skew { .. }));
    // By our clock, which is the KDC's, the ticket holds: theirs is wrong.
    for seconds in [NOW + 36_301, NOW - 36_301] {
        let mut other = KerberosAcceptor::new(self::service(etype), Duration::from_secs(seconds), counter());
        let (told, reason) = both_refused(&mut initiator(etype), &mut other);
        assert!(matches!(told, KerberosError::TicketClock { .. }), "{told}");
        assert!(told.hint().unwrap().contains("NTP"), "{told}");
        assert!(matches!(reason, KerberosError::TicketTime(_)), "{reason}");
    }
    let old = Duration::from_secs(NOW + 36_301);
    let mut late = KerberosInitiator::new(ticket(etype, 7), old, counter());
    let error = refused(&mut late, &mut KerberosAcceptor::new(self::service(etype), old, counter()));
    assert!(matches!(error, KerberosError::TicketTime(_)), "{error}");
}

#[test]
fn f5_a_ticket_for_another_key_says_so() {
    let etype = EncryptionType::Aes256Sha1;
    let mut client = KerberosInitiator::new(ticket(etype, 1), Duration::from_secs(NOW), counter());
    let error = refused(&mut client, &mut acceptor(&service(etype)));
    assert!(matches!(error, KerberosError::WrongServiceKey(_)), "{error}");
    assert!(error.hint().unwrap().contains("setspn"));
}

#[test]
fn channel_bindings_are_compared() {
    let etype = EncryptionType::Aes256Sha1;
    let one = ChannelBinding::from_application_data(b"tls-server-end-point:one".to_vec());
    let other = ChannelBinding::from_application_data(b"tls-server-end-point:other".to_vec());
    let policies =
        [BindingPolicy::Ignore, BindingPolicy::WhenPresent(one.clone()), BindingPolicy::Require(one.clone())];
    for (sent, fits) in
        [(None, [true, true, false]), (Some(&one), [true, true, true]), (Some(&other), [true, false, false])]
    {
        for (policy, fits) in policies.iter().zip(fits) {
            let mut client = initiator(etype);
            if let Some(binding) = sent {
                client = client.with_channel_binding(binding.clone());
            }
            let mut server = acceptor(&service(etype)).with_binding_policy(policy.clone());
            let token = first(&mut client);
            assert_eq!(takes(&mut server, &token), fits, "{policy:?} {sent:?}");
        }
    }
}

#[test]
fn the_service_must_prove_itself() {
    let etype = EncryptionType::Aes256Sha1;
    let mut client = initiator(etype);
    first(&mut client);
    assert!(client.step(None).is_err(), "a success without AP-REP");
    // The answer to another sign-in.
    let mut other = KerberosInitiator::new(ticket(etype, 7), Duration::from_secs(NOW + 1), counter());
    let token = first(&mut other);
    let AcceptorStep::Established { token, .. } = acceptor(&service(etype)).step(&token, &Nobody).unwrap()
    else {
        panic!("not established")
    };
    let mut client = initiator(etype);
    first(&mut client);
    let error = client.step(token.as_deref()).unwrap_err();
    assert!(matches!(error, AuthError::Kerberos(KerberosError::Mismatch(_))), "{error}");
}

proptest! {
    #[test]
    fn nothing_makes_either_side_panic(token in proptest::collection::vec(any::<u8>(), 0..300)) {
        let etype = EncryptionType::Aes256Sha1;
        prop_assert!(acceptor(&service(etype)).step(&token, &Nobody).is_err());
        let mut client = initiator(etype);
        first(&mut client);
        prop_assert!(client.step(Some(&token)).is_err());
        let (mut ours, _) = sign_in(etype);
        let (header, data) = token.split_at(token.len() / 2);
        prop_assert!(ours.unseal(header, data).is_err());
    }

    #[test]
    fn a_changed_token_is_refused(which in 0..ALL.len(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let etype = ALL[which];
        let mut token = first(&mut initiator(etype));
        let at = at.index(token.len());
        token[at] ^= 1 << bit;
        // What a ticket says outside its encrypted part proves nothing and is not looked at.
        if let Ok(AcceptorStep::Established { user, .. }) = acceptor(&service(etype)).step(&token, &Nobody) {
            prop_assert_eq!(user.user, "анна@CONTOSO.COM");
        }
    }
}
