//! The exchanges with a KDC: its replies changed, and, under the right key, what is sealed in them.

use wsman::auth::kerberos::asn1::{
    EncKdcRepPart, EncryptedData, KdcRep, KdcReq, Message, PaData, from_der, to_der,
};
use wsman::auth::kerberos::kdc::{
    AsExchange, AsRequest, Entropy, Exchange, KeytabKey, Now, Proof, Purpose, Step, TgsExchange, TgsRequest,
};
use wsman::auth::kerberos::{EncryptionType, Key, Principal, ServiceTicket, TicketFlags, usage};

use super::kerberos::{client, enc_kdc_rep_part, error, etype_info2, key, octets, raw, ticket};
use super::{Shape, Target};

const NOW: Now = Now { seconds: 1_700_000_000, microseconds: 5 };
/// More requests than one sign-in can need.
const MAX_STEPS: usize = 64;

fn entropy() -> Entropy {
    Entropy::new(&[0x21; Entropy::LENGTH])
}

fn granting() -> Principal {
    Principal::ticket_granting("A.TEST", "A.TEST")
}

fn service() -> Principal {
    Principal::service("HTTP", "a.test", "A.TEST")
}

fn as_exchange() -> Option<AsExchange> {
    let proof = Proof::Keys(vec![KeytabKey { kvno: 1, key: key(1)? }]);
    AsExchange::new(AsRequest {
        clients: vec![client()],
        proof,
        etypes: EncryptionType::STRONG.to_vec(),
        forwardable: true,
        offset: 0,
    })
    .ok()
}

fn tgs_exchange() -> Option<TgsExchange> {
    let tgt = ServiceTicket {
        client: client(),
        server: granting(),
        ticket: ticket(&granting())?.to_message().ok()?,
        key: key(2)?,
        flags: TicketFlags(0x40E0_0000),
        auth_time: NOW.seconds,
        start_time: NOW.seconds,
        end_time: NOW.seconds + 36_000,
        renew_till: None,
    };
    let etypes = EncryptionType::STRONG.to_vec();
    Some(TgsExchange::new(TgsRequest { tgt, purpose: Purpose::Service(service()), etypes, offset: 0 }))
}

/// Gives every request the same reply, until the exchange ends.
fn answer(exchange: &mut dyn Exchange, reply: &[u8]) -> bool {
    let Ok(Step::Ask(_)) = exchange.begin(NOW, &entropy()) else { return false };
    let mut steps = 0;
    loop {
        match exchange.answer(reply, NOW, &entropy()) {
            Ok(Step::Ask(_)) => steps += 1,
            Ok(Step::Done(_)) => return true,
            // The first reply led somewhere.
            Err(_) => return steps > 0,
        }
        assert!(steps < MAX_STEPS, "an exchange without end");
    }
}

/// The nonce of the first request.
fn nonce(exchange: &mut dyn Exchange) -> Option<u32> {
    let Ok(Step::Ask(ask)) = exchange.begin(NOW, &entropy()) else { return None };
    Some(KdcReq::from_message(&ask.request).ok()?.body.nonce)
}

/// A reply with this part sealed in it.
fn reply(message_type: i32, server: &Principal, part: &[u8], key: &Key, usage: u32) -> Option<Vec<u8>> {
    let reply = KdcRep {
        version: 5,
        message_type,
        pa_data: None,
        client_realm: "A.TEST".into(),
        client: (&client()).into(),
        ticket: raw(&ticket(server)?)?,
        encrypted: EncryptedData::seal(key, usage, part, &[6; 16]).ok()?,
    };
    let mut bytes = reply.to_message().ok()?;
    // [APPLICATION 11] or [APPLICATION 13].
    *bytes.first_mut()? = 0x60 | u8::try_from(message_type).ok()?;
    Some(bytes)
}

fn as_reply(part: &[u8]) -> Option<Vec<u8>> {
    reply(11, &granting(), part, &key(1)?, usage::AS_REP)
}

fn tgs_reply(part: &[u8]) -> Option<Vec<u8>> {
    reply(13, &service(), part, &key(0x21)?, usage::TGS_REP_SUBKEY)
}

fn errors() -> Option<Vec<Vec<u8>>> {
    let list = vec![
        PaData { data_type: 2, value: octets(&[])? },
        PaData { data_type: 19, value: octets(&to_der("ETYPE-INFO2", &etype_info2()?).ok()?)? },
        PaData { data_type: 133, value: octets(b"cookie")? },
    ];
    let data = octets(&to_der("METHOD-DATA", &list).ok()?)?;
    let needed = error(25, Some(data))?.to_message().ok()?;
    let large = error(52, None)?.to_message().ok()?;
    Some(vec![needed, large])
}

pub(super) fn targets() -> Vec<Target> {
    let part = |exchange: Option<Box<dyn Exchange>>, server: Principal| -> Option<Vec<u8>> {
        let part: EncKdcRepPart = enc_kdc_rep_part(&server, nonce(exchange?.as_mut())?)?;
        part.to_message().ok()
    };
    let as_part = part(as_exchange().map(|exchange| Box::new(exchange) as _), granting());
    let tgs_part = part(tgs_exchange().map(|exchange| Box::new(exchange) as _), service());
    let as_replies = errors().into_iter().flatten().chain(as_part.as_deref().and_then(as_reply)).collect();
    let tgs_replies = tgs_part.as_deref().and_then(tgs_reply).into_iter().collect();
    vec![
        Target::new("kdc-as-reply", Shape::Der, as_replies, |input| {
            as_exchange().is_some_and(|mut exchange| answer(&mut exchange, input))
        }),
        Target::new("kdc-as-sealed", Shape::Der, as_part.into_iter().collect(), |input| {
            let reply = as_reply(input).unwrap_or_default();
            as_exchange().is_some_and(|mut exchange| answer(&mut exchange, &reply))
        }),
        Target::new("kdc-tgs-reply", Shape::Der, tgs_replies, |input| {
            tgs_exchange().is_some_and(|mut exchange| answer(&mut exchange, input))
        }),
        Target::new("kdc-tgs-sealed", Shape::Der, tgs_part.into_iter().collect(), |input| {
            let reply = tgs_reply(input).unwrap_or_default();
            tgs_exchange().is_some_and(|mut exchange| answer(&mut exchange, &reply))
        }),
        Target::new("kdc-method-data", Shape::Der, method_data().into_iter().collect(), |input| {
            let known = from_der::<Vec<PaData>>("METHOD-DATA", input).is_ok();
            let error = octets(input).and_then(|data| error(25, Some(data))?.to_message().ok());
            let exchange = as_exchange();
            exchange.is_some_and(|mut exchange| answer(&mut exchange, &error.unwrap_or_default())) && known
        }),
    ]
}

fn method_data() -> Option<Vec<u8>> {
    let list = vec![
        PaData { data_type: 2, value: octets(&[])? },
        PaData { data_type: 19, value: octets(&to_der("ETYPE-INFO2", &etype_info2()?).ok()?)? },
    ];
    to_der("METHOD-DATA", &list).ok()
}
