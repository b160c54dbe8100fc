//! The exchange with a service: both machines with the peer's token changed, and, under the right key, what is sealed in
//! that token.

use std::sync::Arc;
use std::time::Duration;

use wsman::auth::kerberos::asn1::{
    ApRep, ApReq, Authenticator, Checksum, EncApRepPart, EncTicketPart, EncryptedData, EncryptionKey,
    KerberosTime, Message, Ticket, TransitedEncoding, flags,
};
use wsman::auth::kerberos::{
    EncryptionType, KerberosAcceptor, KerberosError, KerberosInitiator, Key, Principal, Random, Service,
    ServiceKey, ServiceTicket, TicketFlags, usage,
};
use wsman::auth::{Acceptor, AcceptorStep, AuthError, Initiator, SecurityContext, Step};

use super::kerberos::{client, octets, raw};
use super::ntlm::Accounts;
use super::{Shape, Target};

/// What contexts are made with.
pub(super) const AES: EncryptionType = EncryptionType::Aes256Sha1;
pub(super) const RC4: EncryptionType = EncryptionType::Rc4;
const ALL: [EncryptionType; 3] = [AES, EncryptionType::Aes128Sha2, RC4];

const NOW: u64 = 1_700_000_000;
/// mutual-required, RFC 4120 5.5.1.
const MUTUAL_REQUIRED: u32 = 1 << 29;

/// The same for every execution.
fn random() -> Random {
    let mut next = 0u8;
    Box::new(move |bytes| {
        bytes.fill_with(|| {
            next = next.wrapping_add(77);
            next
        });
    })
}

fn key(etype: EncryptionType, fill: u8) -> Option<Key> {
    Key::new(etype, vec![fill; etype.key_length()]).ok()
}

pub(super) fn session_key(etype: EncryptionType) -> Option<Key> {
    key(etype, 3)
}

/// The key of the acceptor's that [`established`] is made with.
pub(super) fn acceptor_key(etype: EncryptionType) -> Option<Key> {
    key(etype, 9)
}

fn service() -> Principal {
    Principal::service("HTTP", "a.test", "A.TEST")
}

fn ticket_part(etype: EncryptionType) -> Option<Vec<u8>> {
    let part = EncTicketPart {
        flags: flags(TicketFlags::PRE_AUTHENT.0),
        key: EncryptionKey::try_from(&session_key(etype)?).ok()?,
        client_realm: "A.TEST".into(),
        client: (&client()).into(),
        transited: TransitedEncoding { encoding_type: 1, contents: octets(b"B.TEST")? },
        auth_time: KerberosTime::from_seconds(NOW - 60),
        start_time: Some(KerberosTime::from_seconds(NOW - 60)),
        end_time: KerberosTime::from_seconds(NOW + 36_000),
        renew_till: None,
        client_addresses: None,
        authorization_data: None,
    };
    part.to_message().ok()
}

/// A ticket with this inside.
fn ticket(etype: EncryptionType, part: &[u8]) -> Option<Ticket> {
    let encrypted = EncryptedData::seal(&key(etype, 7)?, usage::TICKET, part, &[5; 16]).ok()?;
    Some(Ticket { version: 5, realm: "A.TEST".into(), server: (&service()).into(), encrypted })
}

fn service_ticket(etype: EncryptionType) -> Option<ServiceTicket> {
    Some(ServiceTicket {
        client: client(),
        server: service(),
        ticket: ticket(etype, &ticket_part(etype)?)?.to_message().ok()?,
        key: session_key(etype)?,
        flags: TicketFlags::PRE_AUTHENT,
        auth_time: NOW - 60,
        start_time: NOW - 60,
        end_time: NOW + 36_000,
        renew_till: None,
    })
}

pub(super) fn initiator(etype: EncryptionType) -> Option<KerberosInitiator> {
    Some(KerberosInitiator::new(service_ticket(etype)?, Duration::from_secs(NOW), random()))
}

/// Remembers no sign-in of before.
pub(super) fn acceptor() -> KerberosAcceptor {
    let keys = ALL
        .iter()
        .filter_map(|etype| Some(ServiceKey { principal: service(), version: 3, key: key(*etype, 7)? }));
    let service = Service::new(keys.collect()).with_rc4();
    KerberosAcceptor::new(Arc::new(service), Duration::from_secs(NOW + 100), random())
}

fn authenticator(subkey: EncryptionType, delegation: &[u8]) -> Option<Vec<u8>> {
    // Length of Bnd, Bnd, and the flags for MUTUAL, REPLAY, SEQUENCE, CONF, INTEG, and DELEG.
    let mut gss = [16u32.to_le_bytes().as_slice(), &[0; 16], &[0x3E, 0, 0, 0]].concat();
    if !delegation.is_empty() {
        *gss.get_mut(20)? |= 1;
        gss.extend([1, 0]);
        gss.extend(u16::try_from(delegation.len()).ok()?.to_le_bytes());
        gss.extend(delegation);
    }
    let subkey = key(subkey, 4)?;
    let authenticator = Authenticator {
        version: 5,
        client_realm: "A.TEST".into(),
        client: (&client()).into(),
        checksum: Some(Checksum { checksum_type: 0x8003, checksum: octets(&gss)? }),
        microseconds: 0,
        time: KerberosTime::from_seconds(NOW),
        subkey: Some(EncryptionKey::try_from(&subkey).ok()?),
        sequence_number: Some(7),
        authorization_data: None,
    };
    authenticator.to_message().ok()
}

/// An AP-REQ with these two parts sealed in it.
fn request(etype: EncryptionType, ticket_part: &[u8], authenticator: &[u8]) -> Option<Vec<u8>> {
    let session = session_key(etype)?;
    let sealed = EncryptedData::seal(&session, usage::AP_REQ_AUTHENTICATOR, authenticator, &[6; 16]).ok()?;
    let request = ApReq {
        version: 5,
        message_type: 14,
        options: flags(MUTUAL_REQUIRED),
        ticket: raw(&ticket(etype, ticket_part)?)?,
        authenticator: sealed,
    };
    request.to_message().ok()
}

fn reply_part(subkey: Option<Key>) -> Option<Vec<u8>> {
    let part = EncApRepPart {
        time: KerberosTime::from_seconds(NOW),
        microseconds: 0,
        subkey: subkey.as_ref().map(EncryptionKey::try_from).transpose().ok()?,
        sequence_number: Some(0),
    };
    part.to_message().ok()
}

/// An AP-REP with this part sealed in it.
fn reply(etype: EncryptionType, part: &[u8]) -> Option<Vec<u8>> {
    let encrypted = EncryptedData::seal(&session_key(etype)?, usage::AP_REP, part, &[6; 16]).ok()?;
    ApRep { version: 5, message_type: 15, encrypted }.to_message().ok()
}

/// The token with which a sign-in begins.
fn first(initiator: &mut dyn Initiator) -> Option<Vec<u8>> {
    match initiator.step(None).ok()? {
        Step::Continue(token) => Some(token),
        _ => None,
    }
}

/// The two sides of a context.
pub(super) fn established(etype: EncryptionType) -> Option<(SecurityContext, SecurityContext)> {
    let (mut us, mut them) = (initiator(etype)?, acceptor());
    let AcceptorStep::Established { token, context: theirs, .. } =
        them.step(&first(&mut us)?, &Accounts).ok()?
    else {
        return None;
    };
    let Step::Established { context, .. } = us.step(token.as_deref()).ok()? else { return None };
    Some((context, theirs))
}

/// The initiator's side of a context whose key is [`acceptor_key`], and whose peer counts from 0.
pub(super) fn answered(etype: EncryptionType) -> Option<SecurityContext> {
    let mut us = initiator(etype)?;
    first(&mut us)?;
    let reply = reply(etype, &reply_part(acceptor_key(etype))?)?;
    match us.step(Some(&reply)).ok()? {
        Step::Established { context, .. } => Some(context),
        _ => None,
    }
}

/// Whether the acceptor takes it; and then the context can be worked with.
fn takes(token: &[u8]) -> bool {
    match acceptor().step(token, &Accounts) {
        Ok(AcceptorStep::Established { mut context, .. }) => {
            assert!(context.seal(b"message").is_ok());
            assert!(context.unseal(token, token).is_err());
            true
        }
        _ => false,
    }
}

/// Whether the initiator takes it, or a reason of the service from it.
fn believes(etype: EncryptionType, token: &[u8]) -> bool {
    let Some(mut us) = initiator(etype) else { return false };
    first(&mut us).is_some()
        && match us.step(Some(token)) {
            Ok(Step::Established { mut context, .. }) => {
                assert!(context.seal(b"message").is_ok());
                assert!(context.unseal(token, token).is_err());
                true
            }
            Ok(_) => false,
            Err(AuthError::Kerberos(reason)) => matches!(reason, KerberosError::WrongServiceKey(_)),
            Err(_) => false,
        }
}

/// Tokens of a service: its answer, and the KRB-ERROR for a ticket under another key.
fn answers() -> Vec<Vec<u8>> {
    let answer = |token: &[u8]| match acceptor().step(token, &Accounts).ok()? {
        AcceptorStep::Established { token, .. } => token,
        AcceptorStep::Refused { token, .. } => Some(token),
        _ => None,
    };
    let good = ALL.iter().filter_map(|etype| answer(&first(&mut initiator(*etype)?)?));
    let mut wrong = service_ticket(AES);
    if let Some(byte) = wrong.as_mut().and_then(|ticket| ticket.ticket.last_mut()) {
        *byte ^= 1;
    }
    let wrong = wrong.and_then(|ticket| {
        answer(&first(&mut KerberosInitiator::new(ticket, Duration::from_secs(NOW), random()))?)
    });
    good.chain(wrong).collect()
}

pub(super) fn targets() -> Vec<Target> {
    let requests = ALL.iter().filter_map(|etype| first(&mut initiator(*etype)?));
    let bare =
        request(AES, &ticket_part(AES).unwrap_or_default(), &authenticator(AES, b"").unwrap_or_default());
    let authenticators = [(AES, b"".as_slice()), (RC4, b""), (AES, b"a KRB-CRED")];
    let authenticators =
        authenticators.iter().filter_map(|(subkey, delegation)| authenticator(*subkey, delegation));
    let parts = [None, key(AES, 9), key(EncryptionType::Aes128Sha2, 9)];
    vec![
        Target::new("gss-ap-req", Shape::Der, requests.chain(bare).collect(), |input| {
            match acceptor().step(input, &Accounts) {
                Ok(AcceptorStep::Established { user, .. }) => {
                    // Nobody becomes somebody else by a changed token.
                    assert_eq!(user.user, client().to_string());
                    true
                }
                _ => false,
            }
        }),
        Target::new("gss-authenticator-sealed", Shape::Der, authenticators.collect(), |input| {
            let part = ticket_part(AES).unwrap_or_default();
            request(AES, &part, input).is_some_and(|token| takes(&token))
        }),
        Target::new("gss-ticket-sealed", Shape::Der, ticket_part(AES).into_iter().collect(), |input| {
            let inside = authenticator(AES, b"").unwrap_or_default();
            request(AES, input, &inside).is_some_and(|token| takes(&token))
        }),
        Target::new("gss-ap-rep", Shape::Der, answers(), |input| {
            ALL.iter().filter(|etype| believes(**etype, input)).count() > 0
        }),
        Target::new(
            "gss-ap-rep-sealed",
            Shape::Der,
            parts.into_iter().filter_map(reply_part).collect(),
            |input| reply(AES, input).is_some_and(|token| believes(AES, &token)),
        ),
    ]
}
