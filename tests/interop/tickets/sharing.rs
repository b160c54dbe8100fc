//! One exchange for many, and no longer than it lasts.

use std::time::Duration;

use tokio::task::JoinSet;
use wsman::auth::Credentials;
use wsman::auth::kerberos::{KerberosError, TicketFlags};
use wsman::client::{Delegation, Kerberos, KerberosSettings};

use super::{SPN, anna, kerberos, settings};
use crate::kdc::{Kdc, Options, USER};

/// F21: fifty connections at once, and then some: one AS exchange, one TGS exchange.
#[tokio::test]
async fn f21_one_exchange_for_any_number_of_connections() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    kdc.add_service("HTTP/ex02.contoso.test");
    let kerberos = kerberos(&kdc);
    let mut all = JoinSet::new();
    for _ in 0..50 {
        let kerberos = kerberos.clone();
        all.spawn(async move { kerberos.service_ticket(&anna(), SPN).await.unwrap() });
    }
    let tickets = all.join_all().await;
    assert!(tickets.iter().all(|ticket| *ticket == tickets[0]));
    kerberos.service_ticket(&anna(), SPN).await.unwrap();
    assert_eq!(kdc.logged(&["AS_REQ", "ISSUE"]), 1, "{}", kdc.log());
    assert_eq!(kdc.logged(&["TGS_REQ", "ISSUE"]), 1, "{}", kdc.log());
    kerberos.service_ticket(&anna(), "HTTP/ex02.contoso.test").await.unwrap();
    assert_eq!(kdc.logged(&["AS_REQ", "ISSUE"]), 1, "{}", kdc.log());
    assert_eq!(kdc.logged(&["TGS_REQ", "ISSUE"]), 2, "{}", kdc.log());
    // A service that changed its key: the next ticket is another one.
    kerberos.forget(&anna(), SPN).await;
    assert_ne!(kerberos.service_ticket(&anna(), SPN).await.unwrap(), tickets[0]);
}

/// Many connections with a wrong password are one wrong try: accounts get locked.
#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let kerberos = kerberos(&kdc);
    let mut all = JoinSet::new();
    for _ in 0..20 {
        let kerberos = kerberos.clone();
        all.spawn(async move { kerberos.service_ticket(&Credentials::new(USER, "wrong"), SPN).await });
    }
    for result in all.join_all().await {
        assert_eq!(result, Err(KerberosError::WrongPassword("anna@CONTOSO.TEST".into())));
    }
    assert_eq!(kdc.logged(&["AS_REQ", "PREAUTH_FAILED"]), 1, "{}", kdc.log());
    // The right one shares nothing with it.
    kerberos.service_ticket(&anna(), SPN).await.unwrap();
}

/// Tickets of three seconds: what has ended is got anew.
#[tokio::test]
async fn a_ticket_that_ends_is_replaced() {
    let options = Options { realm_lines: vec!["max_life = 3s".into()], ..Options::default() };
    let Some(kdc) = Kdc::with(&["CONTOSO.TEST"], &options) else { return };
    kdc.admin(kdc.realm(), &[&format!("addprinc -randkey -requires_preauth {SPN}")]);
    let kerberos = kerberos(&kdc);
    let first = kerberos.service_ticket(&anna(), SPN).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let second = kerberos.service_ticket(&anna(), SPN).await.unwrap();
    assert!(second.end_time > first.end_time);
    assert_eq!(kdc.logged(&["AS_REQ", "ISSUE"]), 2, "{}", kdc.log());
}

/// The KDC got new keys and takes no ticket of before.
#[tokio::test]
async fn a_ticket_granting_ticket_that_the_kdc_forgot_is_replaced() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    kdc.add_service("HTTP/ex02.contoso.test");
    let kerberos = kerberos(&kdc);
    kerberos.service_ticket(&anna(), SPN).await.unwrap();
    kdc.admin(kdc.realm(), &["cpw -randkey krbtgt/CONTOSO.TEST"]);
    kerberos.service_ticket(&anna(), "HTTP/ex02.contoso.test").await.unwrap();
    assert_eq!(kdc.logged(&["AS_REQ", "ISSUE"]), 2, "{}", kdc.log());
}

/// F20: forwardable and forwarded only where delegation is asked for, and the KDC's word is heard.
#[tokio::test]
async fn f20_delegation_only_when_asked_for() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    kdc.add_service_in(kdc.realm(), "HTTP/trusted.contoso.test", "+ok_as_delegate");
    kdc.add_user("sensitive", "sensitive", "-allow_forwardable");
    for (delegate, plain, trusted) in [
        (Delegation::Never, false, false),
        (Delegation::IfTrusted, false, true),
        (Delegation::Always, true, true),
    ] {
        let kerberos = Kerberos::new(KerberosSettings { delegate, ..settings(&kdc) });
        for (spn, expected) in [(SPN, plain), ("HTTP/trusted.contoso.test", trusted)] {
            let service = kerberos.service_ticket(&anna(), spn).await.unwrap();
            let forwarded = kerberos.forwarded_ticket(&anna(), &service).await.unwrap();
            assert_eq!(forwarded.is_some(), expected, "{delegate:?} {spn}");
            if let Some(ticket) = forwarded {
                assert!(ticket.server.is_ticket_granting());
                assert!(ticket.flags.contains(TicketFlags::FORWARDED));
                assert!(ticket.flags.contains(TicketFlags::FORWARDABLE));
            }
        }
    }
    let kerberos = Kerberos::new(KerberosSettings { delegate: Delegation::Always, ..settings(&kdc) });
    let sensitive = Credentials::new("sensitive", "sensitive");
    let service = kerberos.service_ticket(&sensitive, SPN).await.unwrap();
    let refused = kerberos.forwarded_ticket(&sensitive, &service).await.unwrap_err();
    assert!(matches!(refused, KerberosError::NotForwardable(_)), "{refused}");
}
