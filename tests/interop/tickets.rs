//! Our Kerberos client against the KDC of MIT Kerberos.

#![allow(unused_imports)]
use std::sync::Arc;

use wsman::auth::kerberos::{
    CredentialCache, EncryptionType, KerberosError, Keytab, ServiceTicket, TicketFlags,
};
use wsman::auth::{Credentials, Secret, UserName};
use wsman::client::{Delegation, Kerberos, KerberosSettings, Krb5ConfSource};

use crate::kdc::{Kdc, Options, PASSWORD, USER};

const SPN: &str = "HTTP/ex01.contoso.test";

/// Nothing from the environment: the KDC is named.
fn settings(kdc: &Kdc) -> KerberosSettings {
    KerberosSettings {
        kdc: vec![kdc.address()],
        realm: Some(kdc.realm().to_owned()),
        krb5_conf: Krb5ConfSource::Text("[libdefaults]\ndns_lookup_kdc = false\n".into()),
        ..KerberosSettings::default()
    }
}

fn anna() -> Credentials {
    Credentials::new(USER, PASSWORD)
}

#[tokio::test]
async fn a_password_gets_a_ticket_that_the_service_can_read() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let kerberos = Kerberos::new(settings(&kdc));
    let ticket = kerberos.service_ticket(&anna(), SPN).await.unwrap();
    assert_eq!(ticket.client.to_string(), "anna@CONTOSO.TEST");
    assert_eq!(ticket.server.to_string(), "HTTP/ex01.contoso.test@CONTOSO.TEST");
    assert_eq!(ticket.key.etype(), EncryptionType::Aes256Sha1);
}
