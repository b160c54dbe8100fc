//! A KDC's work, done here: tickets for a service whose key is known.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use der::asn1::OctetString;
use wsman::auth::kerberos::asn1::{
    EncTicketPart, EncryptedData, EncryptionKey, KerberosString, KerberosTime, Message, PrincipalName,
    Ticket, TransitedEncoding, flags,
};
use wsman::auth::kerberos::{
    CredentialCache, EncryptionType, Key, Principal, Service, ServiceKey, ServiceTicket, TicketFlags, usage,
};
use wsman::auth::{Credentials, Secret, UserName};

pub const SPN: &str = "HTTP/ex01.contoso.com";
const REALM: &str = "CONTOSO.COM";

fn key(etype: EncryptionType, byte: u8) -> Key {
    Key::new(etype, vec![byte; etype.key_length()]).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A service with this key of this type.
pub fn service(etype: EncryptionType, byte: u8) -> Arc<Service> {
    let principal = Principal::service("HTTP", "ex01.contoso.com", REALM);
    Arc::new(Service::new(vec![ServiceKey { principal, version: 3, key: key(etype, byte) }]))
}

/// A ticket that lasts for so many seconds from now, with so many bytes of authorization data.
pub fn ticket(etype: EncryptionType, byte: u8, seconds: u64, weight: usize) -> ServiceTicket {
    let client = Principal::user("svc-idm", REALM);
    let server = Principal::service("HTTP", "ex01.contoso.com", REALM);
    let mut session = vec![0; etype.key_length()];
    getrandom::fill(&mut session).unwrap();
    let session = Key::new(etype, session).unwrap();
    let (start, end) = (now() - 3600, now() + seconds);
    let inside = EncTicketPart {
        flags: flags(TicketFlags::PRE_AUTHENT.0),
        key: EncryptionKey::try_from(&session).unwrap(),
        client_realm: KerberosString(REALM.into()),
        client: PrincipalName::from(&client),
        transited: TransitedEncoding {
            encoding_type: 1,
            contents: OctetString::new(vec![0; weight]).unwrap(),
        },
        auth_time: KerberosTime::from_seconds(start),
        start_time: Some(KerberosTime::from_seconds(start)),
        end_time: KerberosTime::from_seconds(end),
        renew_till: None,
        client_addresses: None,
        authorization_data: None,
    };
    let plain = inside.to_message().unwrap();
    let encrypted = EncryptedData::seal(&key(etype, byte), usage::TICKET, &plain, &[5; 16]).unwrap();
    let (realm, name) = (KerberosString(REALM.into()), PrincipalName::from(&server));
    let message = Ticket { version: 5, realm, server: name, encrypted };
    ServiceTicket {
        client,
        server,
        ticket: message.to_message().unwrap(),
        key: session,
        flags: TicketFlags::PRE_AUTHENT,
        auth_time: start,
        start_time: start,
        end_time: end,
        renew_till: None,
    }
}

/// Credentials that are this ticket.
pub fn credentials(ticket: ServiceTicket) -> Credentials {
    let cache = CredentialCache::new(ticket.client.clone(), None, vec![ticket]);
    Credentials { user: UserName::parse(""), secret: Secret::TicketCache(Arc::new(cache)) }
}
