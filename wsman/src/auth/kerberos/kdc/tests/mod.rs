//! KDCs that are right, wrong, hostile, or mad.

mod toy;

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use toy::{NOW, PASSWORD, REALM, Says, account_key, anna, entropy, error, error_at, key, wants_timestamp};

use super::super::asn1::{Checksum, KdcReq, Message};
use super::super::{EncryptionType, KerberosError, NameType, Principal, ServiceTicket, TicketFlags, usage};
use super::*;

/// The AS exchange up to the request with the time stamp.
fn with_timestamp() -> (AsExchange, Ask) {
    let mut exchange = anna();
    exchange.begin(NOW, &entropy()).unwrap();
    let step = exchange.answer(&wants_timestamp(&[18]), NOW, &entropy()).unwrap();
    let Step::Ask(ask) = step else { panic!("{step:?}") };
    (exchange, ask)
}

fn tgt() -> ServiceTicket {
    let (mut exchange, ask) = with_timestamp();
    done(exchange.answer(&Says::granting(&ask).write(), NOW, &entropy())).ticket
}

fn http() -> TgsExchange {
    let service = Principal::service("HTTP", "ex01.contoso.com", "");
    TgsExchange::new(TgsRequest {
        tgt: tgt(),
        purpose: Purpose::Service(service),
        etypes: EncryptionType::STRONG.to_vec(),
        offset: 0,
    })
}

#[track_caller]
fn asked(step: Result<Step, KerberosError>) -> Ask {
    match step {
        Ok(Step::Ask(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn done(step: Result<Step, KerberosError>) -> Granted {
    match step {
        Ok(Step::Done(granted)) => *granted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_right_kdc() {
    let tgt = tgt();
    assert_eq!(tgt.server, Principal::ticket_granting(REALM, REALM));
    let mut exchange = http();
    let ask = asked(exchange.begin(NOW, &entropy()));
    let server = Principal::service("HTTP", "ex01.contoso.com", REALM);
    let granted = done(exchange.answer(&Says::serving(&ask, server.clone()).write(), NOW, &entropy()));
    assert_eq!((granted.ticket.server, granted.offset), (server, 0));
}

#[test]
fn the_salt_is_never_guessed_and_the_password_not_sent() {
    let (_, ask) = with_timestamp();
    let request = KdcReq::from_message(&ask.request).unwrap();
    let list = request.pa_data.unwrap();
    let stamp = list.iter().find(|one| one.data_type == padata::ENC_TIMESTAMP).unwrap();
    let sealed: super::super::asn1::EncryptedData =
        super::super::asn1::from_der("EncryptedData", stamp.value.as_bytes()).unwrap();
    sealed.open(&account_key(EncryptionType::Aes256Sha1), usage::PA_ENC_TIMESTAMP).unwrap();
    assert!(!ask.request.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
}

#[test]
fn a_reply_that_does_not_belong_to_the_request() {
    let changes: [fn(&mut Says); 8] = [
        |says| says.nonce += 1,
        |says| says.server = Principal::service("HTTP", "evil.contoso.com", REALM),
        |says| says.ticket_server = Principal::ticket_granting("EVIL.COM", REALM),
        |says| (says.server, says.ticket_server) = (says.client.clone(), says.client.clone()),
        |says| says.session = (23, vec![1; 16]),
        |says| says.session = (18, vec![1; 16]),
        |says| says.end_time = NOW.seconds - 1,
        |says| says.message_type = 13,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let (mut exchange, ask) = with_timestamp();
        let mut says = Says::granting(&ask);
        change(&mut says);
        let refused = exchange.answer(&says.write(), NOW, &entropy());
        assert!(refused.is_err(), "change {place}");
    }
}

#[test]
fn a_reply_under_another_key_proves_nothing() {
    for (under, usage) in [
        (key(EncryptionType::Aes256Sha1, 1), usage::AS_REP),
        (account_key(EncryptionType::Aes256Sha1), usage::TGS_REP_SESSION_KEY),
        (account_key(EncryptionType::Rc4), usage::AS_REP),
    ] {
        let (mut exchange, ask) = with_timestamp();
        let reply = Says { under, usage, ..Says::granting(&ask) }.write();
        exchange.answer(&reply, NOW, &entropy()).unwrap_err();
    }
}

/// RFC 6806 11: somebody changed the request, such as the encryption types in it.
#[test]
fn a_request_that_was_changed_on_its_way() {
    const ENC_PA_REP: u32 = 1 << 16;
    let key = account_key(EncryptionType::Aes256Sha1);
    let sum = |bytes: &[u8]| Checksum {
        checksum_type: 16,
        checksum: octets(key.checksum(usage::AS_REQ_CHECKSUM, bytes)).unwrap(),
    };
    let (mut exchange, ask) = with_timestamp();
    let right = Says { flags: ENC_PA_REP, sum: Some(sum(&ask.request)), ..Says::granting(&ask) };
    done(exchange.answer(&right.write(), NOW, &entropy()));
    for wrong in [None, Some(sum(b"another request"))] {
        let (mut exchange, ask) = with_timestamp();
        let says = Says { flags: ENC_PA_REP, sum: wrong, ..Says::granting(&ask) };
        let refused = exchange.answer(&says.write(), NOW, &entropy()).unwrap_err();
        assert_eq!(refused, KerberosError::Mismatch("the request was changed on its way"));
    }
}

/// F15, and no downgrade: whoever offers only what is weak gets no proof.
#[test]
fn f15_weak_encryption_is_not_talked_into() {
    for offered in [vec![23], vec![1, 3, 16], vec![-128, 24]] {
        let mut exchange = anna();
        let ask = asked(exchange.begin(NOW, &entropy()));
        let request = KdcReq::from_message(&ask.request).unwrap();
        assert_eq!(request.body.etypes, [18, 17, 20, 19]);
        let refused = exchange.answer(&wants_timestamp(&offered), NOW, &entropy()).unwrap_err();
        assert!(matches!(refused, KerberosError::NoCommonEncryption { .. }), "{refused}");
    }
}

/// F24: one retry with the KDC's time, and no more; the error has both times.
#[test]
fn f24_one_retry_with_the_time_of_the_kdc() {
    let there = NOW.seconds + 600;
    let skew = || error_at(ErrorCode::SKEW, None, there, None);
    let (mut exchange, _) = with_timestamp();
    let ask = asked(exchange.answer(&skew(), NOW, &entropy()));
    let reply = Says { start_time: there, ..Says::granting(&ask) };
    let granted = done(exchange.answer(&reply.write(), NOW, &entropy()));
    assert_eq!(granted.offset, 600);

    let (mut exchange, _) = with_timestamp();
    asked(exchange.answer(&skew(), NOW, &entropy()));
    let refused = exchange.answer(&skew(), NOW, &entropy()).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("2023-11-14T22:13:20Z") && text.contains("2023-11-14T22:23:20Z"), "{text}");

    let mut exchange = http();
    asked(exchange.begin(NOW, &entropy()));
    asked(exchange.answer(&skew(), NOW, &entropy()));
    assert_eq!(exchange.offset(), 600);
    assert!(exchange.answer(&skew(), NOW, &entropy()).is_err());
    // The error was somebody else's: the KDC itself has another time.
    for (start_time, is_right) in [(there, true), (NOW.seconds, false)] {
        let mut exchange = http();
        asked(exchange.begin(NOW, &entropy()));
        let ask = asked(exchange.answer(&skew(), NOW, &entropy()));
        let server = Principal::service("HTTP", "ex01.contoso.com", REALM);
        let reply = Says { start_time, ..Says::serving(&ask, server) }.write();
        assert_eq!(exchange.answer(&reply, NOW, &entropy()).is_ok(), is_right);
    }
}

#[test]
fn what_is_too_big_is_asked_for_once_more_over_tcp() {
    let big = error(ErrorCode::RESPONSE_TOO_BIG, None);
    let (mut exchange, before) = with_timestamp();
    let ask = asked(exchange.answer(&big, NOW, &entropy()));
    assert_eq!(ask, Ask { stream: true, ..before });
    assert!(exchange.answer(&big, NOW, &entropy()).is_err());
    let mut exchange = http();
    let before = asked(exchange.begin(NOW, &entropy()));
    let ask = asked(exchange.answer(&big, NOW, &entropy()));
    assert_eq!(ask, Ask { stream: true, ..before });
    assert!(exchange.answer(&big, NOW, &entropy()).is_err());
}

#[test]
fn a_client_is_sent_on_to_its_realm_but_not_for_ever() {
    let wrong_realm = |realm: &str| error_at(ErrorCode::WRONG_REALM, None, NOW.seconds, Some(realm));
    let mut exchange = anna();
    exchange.begin(NOW, &entropy()).unwrap();
    assert_eq!(
        asked(exchange.answer(&wrong_realm("EU.CONTOSO.COM"), NOW, &entropy())).realm,
        "EU.CONTOSO.COM"
    );
    let end = (0..100).find_map(|round: u32| {
        exchange.answer(&wrong_realm(&format!("R{round}.COM")), NOW, &entropy()).err()
    });
    assert!(matches!(end, Some(KerberosError::TooManyReferrals(_))), "{end:?}");
    let mut exchange = anna();
    exchange.begin(NOW, &entropy()).unwrap();
    assert!(exchange.answer(&wrong_realm(REALM), NOW, &entropy()).is_err(), "to itself");
}

#[test]
fn a_service_is_followed_through_realms_but_not_for_ever() {
    let mut exchange = http();
    let mut ask = asked(exchange.begin(NOW, &entropy()));
    let end = (0..100).find_map(|round: u32| {
        let next = Principal::ticket_granting(format!("R{round}.COM"), ask.realm.clone());
        match exchange.answer(&Says::serving(&ask, next).write(), NOW, &entropy()) {
            Ok(step) => {
                ask = asked(Ok(step));
                assert_eq!(ask.realm, format!("R{round}.COM"));
                None
            }
            Err(error) => Some(error),
        }
    });
    assert!(matches!(end, Some(KerberosError::TooManyReferrals(_))), "{end:?}");
    let mut exchange = http();
    let ask = asked(exchange.begin(NOW, &entropy()));
    let itself = Principal::ticket_granting(REALM, REALM);
    assert!(exchange.answer(&Says::serving(&ask, itself).write(), NOW, &entropy()).is_err(), "to itself");
}

#[test]
fn a_ticket_for_somebody_else_or_something_else() {
    let server = || Principal::service("HTTP", "ex01.contoso.com", REALM);
    let changes: [fn(&mut Says); 5] = [
        |says| says.nonce += 1,
        |says| says.client = Principal::user("eve", REALM),
        |says| says.ticket_server = Principal::service("HTTP", "evil.contoso.com", REALM),
        |says| says.session = (23, vec![1; 16]),
        |says| says.usage = usage::TGS_REP_SESSION_KEY,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut exchange = http();
        let ask = asked(exchange.begin(NOW, &entropy()));
        let mut says = Says::serving(&ask, server());
        change(&mut says);
        assert!(exchange.answer(&says.write(), NOW, &entropy()).is_err(), "change {place}");
    }
    // Renewing and forwarding give the ticket-granting ticket and nothing else.
    for purpose in [Purpose::Renew, Purpose::Forward] {
        let etypes = EncryptionType::STRONG.to_vec();
        let mut exchange = TgsExchange::new(TgsRequest { tgt: tgt(), purpose, etypes, offset: 0 });
        let ask = asked(exchange.begin(NOW, &entropy()));
        assert!(exchange.answer(&Says::serving(&ask, server()).write(), NOW, &entropy()).is_err());
    }
}

/// The next name is tried where the KDC does not know the first, and only then.
#[test]
fn a_user_principal_name_is_tried_as_both() {
    let exchange = || {
        let upn = Principal::enterprise("anna@contoso.com", REALM);
        AsExchange::new(AsRequest {
            clients: vec![Principal::user("anna", REALM), upn],
            proof: Proof::Password(PASSWORD.into()),
            etypes: EncryptionType::STRONG.to_vec(),
            forwardable: false,
            offset: 0,
        })
        .unwrap()
    };
    let mut unknown = exchange();
    unknown.begin(NOW, &entropy()).unwrap();
    let ask = asked(unknown.answer(&error(ErrorCode::CLIENT_UNKNOWN, None), NOW, &entropy()));
    let name = KdcReq::from_message(&ask.request).unwrap().body.client.unwrap();
    assert_eq!(name.name_type, NameType::Enterprise.number());
    let refused = unknown.answer(&error(ErrorCode::CLIENT_UNKNOWN, None), NOW, &entropy());
    assert!(matches!(refused, Err(KerberosError::UnknownClient { .. })));
    let mut revoked = exchange();
    revoked.begin(NOW, &entropy()).unwrap();
    let refused = revoked.answer(&error(ErrorCode::CLIENT_REVOKED, None), NOW, &entropy());
    assert!(matches!(refused, Err(KerberosError::Revoked { .. })));
}

/// KERB-EXT-ERROR, [MS-KILE] 2.2.1: 12 bytes with an NTSTATUS, inside KERB-ERROR-DATA.
#[test]
fn active_directory_says_why_an_account_is_revoked() {
    for (status, expected) in
        [(0xC000_0072_u32, "disabled"), (0xC000_0234, "locked out"), (0xC000_0193, "expired")]
    {
        let mut data = vec![0x30, 0x15, 0xA1, 3, 2, 1, 3, 0xA2, 0x0E, 4, 12];
        data.extend(status.to_le_bytes());
        data.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        let mut exchange = anna();
        exchange.begin(NOW, &entropy()).unwrap();
        let refused =
            exchange.answer(&error(ErrorCode::CLIENT_REVOKED, Some(data)), NOW, &entropy()).unwrap_err();
        let KerberosError::Revoked { why, .. } = refused else { panic!("{refused}") };
        assert_eq!(why, expected);
    }
}

#[test]
fn what_a_kdc_says_is_shown_without_control_characters() {
    let mut exchange = anna();
    exchange.begin(NOW, &entropy()).unwrap();
    let refused = exchange.answer(&error(ErrorCode::POLICY, None), NOW, &entropy()).unwrap_err();
    assert_eq!(refused.to_string(), "Kerberos error 12 (KDC_ERR_POLICY): what the toy says[31m");
}

#[test]
fn a_second_demand_for_proof_and_an_answer_without_a_question_end_it() {
    let (mut exchange, _) = with_timestamp();
    assert!(exchange.answer(&wants_timestamp(&[18]), NOW, &entropy()).is_err());
    let mut exchange = anna();
    assert!(exchange.answer(&wants_timestamp(&[18]), NOW, &entropy()).is_err());
}

#[test]
fn delegation_needs_a_ticket_that_says_so() {
    let mut exchange = http();
    let ask = asked(exchange.begin(NOW, &entropy()));
    let options = super::super::asn1::bits(&KdcReq::from_message(&ask.request).unwrap().body.options);
    assert_eq!(options & option::FORWARDABLE, 0);
    assert!(!tgt().flags.contains(TicketFlags::FORWARDABLE));
}

proptest! {
    #[test]
    fn any_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (mut exchange, _) = with_timestamp();
        prop_assert!(exchange.answer(&bytes, NOW, &entropy()).is_err());
        let mut exchange = http();
        exchange.begin(NOW, &entropy()).unwrap();
        prop_assert!(exchange.answer(&bytes, NOW, &entropy()).is_err());
    }

    /// Whatever is changed in a reply, what it grants is what the KDC sealed.
    #[test]
    fn a_changed_reply_grants_nothing_else(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (mut exchange, ask) = with_timestamp();
        let mut reply = Says::granting(&ask).write();
        let place = place.index(reply.len());
        reply[place] = byte;
        if let Ok(Step::Done(granted)) = exchange.answer(&reply, NOW, &entropy()) {
            prop_assert_eq!(granted.ticket.key.expose_bytes(), &[7; 32]);
            prop_assert_eq!(granted.ticket.server, Principal::ticket_granting(REALM, REALM));
        }
    }
}
