//! Tickets of `kinit`.

use std::process::Command;

use wsman::auth::kerberos::{CredentialCache, KerberosError, TicketFlags};
use wsman::client::{Kerberos, KerberosSettings};

use super::{SPN, assert_good, kerberos, settings, with_cache};
use crate::kdc::{Kdc, PASSWORD, USER};

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_ticket_granting_ticket_of_kinit() {
    let Some(kdc) = Kdc::start() else { return };
    let keytab = kdc.add_service(SPN);
    let cache = kdc.kinit(USER, PASSWORD, &[]);
    let ticket = kerberos(&kdc).service_ticket(&with_cache(&cache), SPN).await.unwrap();
    assert_good(&kdc, &ticket, &keytab);
    assert_eq!(kdc.logged(&["AS_REQ", "ISSUE"]), 1, "only that of kinit: {}", kdc.log());
}

/// F7, F8: a service ticket in the cache is found whatever the case of its service and realm.
#[tokio::test]
async fn f7_f8_the_service_ticket_in_the_cache() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let file = kdc.kinit(USER, PASSWORD, &[]);
    succeeds(kdc.tool("kvno").arg("-c").arg(&file).arg(SPN));
    let before = kdc.log();
    for spn in [SPN, "http/EX01.contoso.test", "HTTP/ex01.contoso.test@contoso.test"] {
        let settings = KerberosSettings { realm: Some("contoso.test".into()), ..settings(&kdc) };
        let ticket = Kerberos::new(settings).service_ticket(&with_cache(&file), spn).await.unwrap();
        assert!(ticket.server.is_same(&format_spn(SPN)), "{spn}");
    }
    assert_eq!(kdc.log(), before, "the KDC was asked");
}

fn format_spn(spn: &str) -> wsman::auth::kerberos::Principal {
    wsman::auth::kerberos::Principal::parse(&format!("{spn}@CONTOSO.TEST")).unwrap()
}

/// F9: `FILE:` is a path, and what is no file is named as such.
#[tokio::test]
async fn f9_kinds_of_ticket_caches() {
    assert_eq!(CredentialCache::file_name("FILE:/tmp/krb5cc_0").unwrap(), "/tmp/krb5cc_0");
    for other in ["DIR:/tmp/tickets", "KCM:1000", "KEYRING:persistent:0", "MEMORY:x"] {
        let refused = CredentialCache::file_name(other).unwrap_err();
        assert!(matches!(refused, KerberosError::CacheType(_)), "{refused}");
    }
}

/// Twenty seconds of four minutes are left: it is renewed, for there is no password to get a new one.
#[tokio::test]
async fn a_ticket_granting_ticket_that_is_about_to_end_is_renewed() {
    let Some(kdc) = Kdc::start() else { return };
    let keytab = kdc.add_service(SPN);
    let cache = kdc.kinit(USER, PASSWORD, &["-l", "4m", "-r", "1h"]);
    let late = Kerberos::new(KerberosSettings { clock_correction: 220, ..settings(&kdc) });
    let ticket = late.service_ticket(&with_cache(&cache), SPN).await.unwrap();
    assert_good(&kdc, &ticket, &keytab);
    let renewed = kdc.logged(&["TGS_REQ", "ISSUE", "krbtgt/CONTOSO.TEST@CONTOSO.TEST"]);
    assert_eq!(renewed, 1, "{}", kdc.log());
}

#[tokio::test]
async fn a_ticket_granting_ticket_that_has_ended_says_so() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let cache = kdc.kinit(USER, PASSWORD, &["-l", "4m"]);
    let late = Kerberos::new(KerberosSettings { clock_correction: 3600, ..settings(&kdc) });
    let refused = late.service_ticket(&with_cache(&cache), SPN).await.unwrap_err();
    assert!(matches!(refused, KerberosError::NoTicket(_)), "{refused}");
    assert!(refused.hint().unwrap().contains("kinit"), "{refused}");
}

/// `kinit -f` and a cache with a forwardable ticket serve delegation as a password does.
#[tokio::test]
async fn a_forwardable_cache_can_be_delegated() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let delegating =
        Kerberos::new(KerberosSettings { delegate: wsman::client::Delegation::Always, ..settings(&kdc) });
    let credentials = with_cache(&kdc.kinit(USER, PASSWORD, &["-f"]));
    let service = delegating.service_ticket(&credentials, SPN).await.unwrap();
    let forwarded = delegating.forwarded_ticket(&credentials, &service).await.unwrap().unwrap();
    assert!(forwarded.flags.contains(TicketFlags::FORWARDED));
    let credentials = with_cache(&kdc.kinit(USER, PASSWORD, &["-F"]));
    let service = delegating.service_ticket(&credentials, SPN).await.unwrap();
    let refused = delegating.forwarded_ticket(&credentials, &service).await.unwrap_err();
    assert!(matches!(refused, KerberosError::NotForwardable(_)), "{refused}");
}
