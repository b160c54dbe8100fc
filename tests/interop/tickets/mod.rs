//! Our Kerberos client against the KDC of MIT Kerberos, and against that of Samba.

mod accounts;
mod caches;
mod realms;
mod refusals;
mod roads;
mod samba;
mod sharing;

use std::path::Path;
use std::sync::Arc;

use wsman::auth::kerberos::{CredentialCache, Keytab, ServiceTicket};
use wsman::auth::{Credentials, Secret, UserName};
use wsman::client::{Kerberos, KerberosSettings, Krb5ConfSource};

use crate::kdc::{Kdc, PASSWORD, USER};

const SPN: &str = "HTTP/ex01.contoso.test";

/// Nothing from the environment: the KDC is named.
fn settings(kdc: &Kdc) -> KerberosSettings {
    KerberosSettings {
        kdc: vec![kdc.address()],
        realm: Some(kdc.realm().to_owned()),
        krb5_conf: no_dns(),
        ..KerberosSettings::default()
    }
}

fn no_dns() -> Krb5ConfSource {
    Krb5ConfSource::Text("[libdefaults]\ndns_lookup_kdc = false\n".into())
}

fn kerberos(kdc: &Kdc) -> Kerberos {
    Kerberos::new(settings(kdc))
}

fn anna() -> Credentials {
    Credentials::new(USER, PASSWORD)
}

fn with_keytab(user: &str, file: &Path) -> Credentials {
    let keytab = Keytab::parse(&std::fs::read(file).unwrap()).unwrap();
    Credentials { user: UserName::parse(user), secret: Secret::Keytab(Arc::new(keytab)) }
}

fn with_cache(file: &Path) -> Credentials {
    let cache = CredentialCache::parse(&std::fs::read(file).unwrap()).unwrap();
    Credentials { user: UserName::parse(""), secret: Secret::TicketCache(Arc::new(cache)) }
}

/// MIT's own tools read the ticket, and decrypt it with the service's key.
fn assert_good(kdc: &Kdc, ticket: &ServiceTicket, keytab: &Path) {
    let file = kdc.file("ours.ccache");
    let cache = CredentialCache::new(ticket.client.clone(), None, vec![ticket.clone()]);
    std::fs::write(&file, &*cache.to_bytes()).unwrap();
    let mut kvno = kdc.tool("kvno");
    let output =
        kvno.arg("-c").arg(&file).arg("-k").arg(keytab).arg(ticket.server.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("keytab entry valid"), "{said}");
}
