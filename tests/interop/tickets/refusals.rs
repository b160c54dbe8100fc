//! What the KDC refuses, and what we say then.

use wsman::auth::Credentials;
use wsman::auth::kerberos::KerberosError;
use wsman::client::{Kerberos, KerberosSettings};

use super::{SPN, anna, kerberos, settings};
use crate::kdc::{Kdc, Options, PASSWORD, USER};

async fn refusal(kdc: &Kdc, user: &str, password: &str) -> KerberosError {
    let refused = kerberos(kdc).service_ticket(&Credentials::new(user, password), SPN).await.unwrap_err();
    assert!(refused.hint().is_some(), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains(password));
    refused
}

#[tokio::test]
async fn accounts_that_may_not_sign_in() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    kdc.add_user("stale", "stale-1", "-pwexpire yesterday");
    kdc.add_user("locked", "locked-1", "-allow_tix");
    kdc.add_user("gone", "gone-1", "-expire yesterday");
    kdc.add_user("rc4", "rc4-1", "-e arcfour-hmac:normal");
    let account = |name: &str| format!("{name}@CONTOSO.TEST");
    assert_eq!(refusal(&kdc, USER, "wrong-1").await, KerberosError::WrongPassword(account(USER)));
    assert_eq!(refusal(&kdc, "stale", "stale-1").await, KerberosError::PasswordExpired(account("stale")));
    for name in ["locked", "gone"] {
        let refused = refusal(&kdc, name, &format!("{name}-1")).await;
        assert!(
            matches!(&refused, KerberosError::Revoked { account: of, .. } if *of == account(name)),
            "{refused}"
        );
    }
    let unknown = KerberosError::UnknownClient { principal: account("nobody"), realm: "CONTOSO.TEST".into() };
    assert_eq!(refusal(&kdc, "nobody", "nobody-1").await, unknown);
    let refused = refusal(&kdc, "rc4", "rc4-1").await;
    assert!(matches!(refused, KerberosError::NoCommonEncryption { .. }), "{refused}");
    let refused = refusal(&kdc, "anna@elsewhere.test", "elsewhere-1").await;
    assert!(matches!(refused, KerberosError::UnknownClient { .. }), "{refused}");
}

/// F1, F4: the class of the SPN differs from site to site; the next one is tried only where the KDC knows no other.
#[tokio::test]
async fn f1_f4_a_service_under_another_class() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service("host/dc1.contoso.test");
    kdc.add_service("WSMAN/ex02.contoso.test");
    let kerberos = kerberos(&kdc);
    let server =
        async |spn: &str| kerberos.service_ticket(&anna(), spn).await.map(|ticket| ticket.server.to_string());
    assert_eq!(server("HTTP/dc1.contoso.test").await.unwrap(), "host/dc1.contoso.test@CONTOSO.TEST");
    assert_eq!(server("HTTP/ex02.contoso.test").await.unwrap(), "WSMAN/ex02.contoso.test@CONTOSO.TEST");
    let strict = Kerberos::new(KerberosSettings { fallback_classes: Vec::new(), ..settings(&kdc) });
    let refused = strict.service_ticket(&anna(), "HTTP/dc1.contoso.test").await.unwrap_err();
    let unknown = KerberosError::UnknownService {
        principal: "HTTP/dc1.contoso.test@CONTOSO.TEST".into(),
        realm: "CONTOSO.TEST".into(),
    };
    assert_eq!(refused, unknown);
}

/// F2, F3: under an alias or an old name the KDC knows no SPN; the error names it and the cure.
#[tokio::test]
async fn f2_f3_an_unknown_spn_is_named() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let refused = kerberos(&kdc).service_ticket(&anna(), "HTTP/alias.contoso.test").await.unwrap_err();
    assert!(refused.to_string().contains("HTTP/alias.contoso.test"), "{refused}");
    assert!(refused.hint().unwrap().contains("setspn"), "{refused}");
    let refused = kerberos(&kdc).service_ticket(&anna(), "HTTP/10.1.2.3").await.unwrap_err();
    assert_eq!(refused, KerberosError::AddressAsHost("10.1.2.3".into()));
}

/// F24: ten minutes, in both directions, with and without pre-authentication.
#[tokio::test]
async fn f24_a_clock_that_is_wrong() {
    let Some(kdc) = Kdc::start() else { return };
    let keytab = kdc.add_service(SPN);
    kdc.add_user("free", "free", "-requires_preauth");
    for clock_correction in [600, -600] {
        for credentials in [anna(), Credentials::new("free", "free")] {
            let wrong = Kerberos::new(KerberosSettings { clock_correction, ..settings(&kdc) });
            let ticket = wrong.service_ticket(&credentials, SPN).await.unwrap();
            super::assert_good(&kdc, &ticket, &keytab);
            let offset = wrong.clock_offset();
            assert!((offset + clock_correction).abs() < 60, "{offset}");
            let difference = wrong.now().seconds.abs_diff(Kerberos::default().now().seconds);
            assert!(difference < 60, "{difference}");
        }
    }
    assert!(kdc.logged(&["AS_REQ", "Clock skew"]) >= 2, "{}", kdc.log());
}

/// The KDC's clock is wrong, and that of the service follows it.
#[tokio::test]
async fn f24_a_kdc_whose_clock_is_wrong() {
    if !crate::kdc::can_fake_time() {
        return crate::say("SKIPPED: no test with another clock in the KDC: install faketime");
    }
    let options = Options { ahead: Some(900), ..Options::default() };
    let Some(kdc) = Kdc::with(&["CONTOSO.TEST"], &options) else { return };
    kdc.admin(kdc.realm(), &[&format!("addprinc -randkey -requires_preauth {SPN}")]);
    let kerberos = kerberos(&kdc);
    kerberos.service_ticket(&Credentials::new(USER, PASSWORD), SPN).await.unwrap();
    assert!((kerberos.clock_offset() - 900).abs() < 60, "{}", kerberos.clock_offset());
}
