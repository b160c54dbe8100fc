//! Services in other realms.

use wsman::auth::kerberos::KerberosError;
use wsman::client::{Kerberos, KerberosSettings};

use super::{anna, assert_good, settings};
use crate::kdc::{Kdc, Options};

const BOTH: [&str; 2] = ["CONTOSO.TEST", "FABRIKAM.TEST"];
const FOREIGN: &str = "HTTP/ex01.fabrikam.test";

fn with_both(kdc: &Kdc) -> KerberosSettings {
    let conf = format!(
        "[libdefaults]\ndns_lookup_kdc = false\n[realms]\nFABRIKAM.TEST = {{\n kdc = {}\n}}\n",
        kdc.address_of(BOTH[1])
    );
    KerberosSettings { krb5_conf: wsman::client::Krb5ConfSource::Text(conf), ..settings(kdc) }
}

#[tokio::test]
async fn the_kdc_refers_to_the_realm_of_the_service() {
    let options =
        Options { trust: true, domain_realm: vec![(".fabrikam.test", BOTH[1])], ..Options::default() };
    let Some(kdc) = Kdc::with(&BOTH, &options) else { return };
    let keytab = kdc.add_service_in(BOTH[1], FOREIGN, "");
    let ticket = Kerberos::new(with_both(&kdc)).service_ticket(&anna(), FOREIGN).await.unwrap();
    assert_eq!(ticket.server.to_string(), format!("{FOREIGN}@FABRIKAM.TEST"));
    assert_eq!(ticket.client.to_string(), "anna@CONTOSO.TEST");
    assert_good(&kdc, &ticket, &keytab);
}

/// The KDC does not know where the service is; the settings do, and name its KDC.
#[tokio::test]
async fn a_service_realm_with_a_kdc_of_its_own() {
    let options = Options { trust: true, ..Options::default() };
    let Some(kdc) = Kdc::with(&BOTH, &options) else { return };
    let keytab = kdc.add_service_in(BOTH[1], FOREIGN, "");
    let ours = settings(&kdc);
    let refused = Kerberos::new(ours.clone()).service_ticket(&anna(), FOREIGN).await.unwrap_err();
    assert!(matches!(refused, KerberosError::UnknownService { .. }), "{refused}");
    let settings = KerberosSettings {
        service_realm: Some("fabrikam.test".into()),
        service_kdc: vec![kdc.address_of(BOTH[1])],
        ..ours
    };
    let ticket = Kerberos::new(settings).service_ticket(&anna(), FOREIGN).await.unwrap();
    assert_good(&kdc, &ticket, &keytab);
    // Or with the realm in the SPN.
    let spn = format!("{FOREIGN}@FABRIKAM.TEST");
    let ticket = Kerberos::new(with_both(&kdc)).service_ticket(&anna(), &spn).await.unwrap();
    assert_eq!(ticket.server.to_string(), spn);
}

#[tokio::test]
async fn no_trust_is_said_so() {
    let Some(kdc) = Kdc::with(&BOTH, &Options::default()) else { return };
    kdc.add_service_in(BOTH[1], FOREIGN, "");
    let settings = KerberosSettings { service_realm: Some(BOTH[1].into()), ..with_both(&kdc) };
    let refused = Kerberos::new(settings).service_ticket(&anna(), FOREIGN).await.unwrap_err();
    let unknown = KerberosError::UnknownService {
        principal: "krbtgt/FABRIKAM.TEST@CONTOSO.TEST".into(),
        realm: "CONTOSO.TEST".into(),
    };
    assert_eq!(refused, unknown);
}

/// From a child over its parent to the other child.
#[tokio::test]
async fn a_way_over_a_realm_between() {
    const REALMS: [&str; 3] = ["EAST.CONTOSO.TEST", "CONTOSO.TEST", "WEST.CONTOSO.TEST"];
    let trusts = vec![(REALMS[0], REALMS[1]), (REALMS[1], REALMS[2])];
    let Some(kdc) = Kdc::with(&REALMS, &Options { trusts, ..Options::default() }) else { return };
    let spn = "HTTP/ex01.west.contoso.test";
    let keytab = kdc.add_service_in(REALMS[2], spn, "");
    let settings = KerberosSettings {
        krb5_conf: wsman::client::Krb5ConfSource::Path(kdc.krb5_conf()),
        service_realm: Some(REALMS[2].into()),
        ..KerberosSettings::default()
    };
    let ticket = Kerberos::new(settings).service_ticket(&anna(), spn).await.unwrap();
    assert_eq!(ticket.client.realm, REALMS[0]);
    assert_good(&kdc, &ticket, &keytab);
}
