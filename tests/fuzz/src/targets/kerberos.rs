//! The messages of RFC 4120.

use der::asn1::OctetString;
use wsman::auth::kerberos::asn1::{
    ApRep, ApReq, Authenticator, Checksum, EncApRepPart, EncKdcRepPart, EncKrbCredPart, EncTicketPart,
    EncryptedData, EncryptionKey, EtypeInfo2Entry, HostAddress, KdcRep, KdcReq, KdcReqBody, KerberosTime,
    KrbCred, KrbCredInfo, KrbError, LastReqEntry, Message, PaData, PaEncTsEnc, Ticket, TransitedEncoding,
    TypedValue, flags, from_der, to_der,
};
use wsman::auth::kerberos::{EncryptionType, KerberosError, Key, Principal};

use super::{Shape, Target, stable};

pub(super) fn key(fill: u8) -> Option<Key> {
    Key::new(EncryptionType::Aes256Sha1, [fill; 32]).ok()
}

pub(super) fn client() -> Principal {
    Principal::user("änna", "A.TEST")
}

pub(super) fn time() -> KerberosTime {
    KerberosTime::from_seconds(1_700_000_000)
}

pub(super) fn octets(bytes: &[u8]) -> Option<OctetString> {
    OctetString::new(bytes).ok()
}

fn encrypted() -> Option<EncryptedData> {
    EncryptedData::seal(&key(1)?, 2, b"secret", &[3; 16]).ok()
}

fn session_key() -> Option<EncryptionKey> {
    EncryptionKey::try_from(&key(2)?).ok()
}

/// A ticket for a service.
pub(super) fn ticket(server: &Principal) -> Option<Ticket> {
    Some(Ticket {
        version: 5,
        realm: server.realm.as_str().into(),
        server: server.into(),
        encrypted: encrypted()?,
    })
}

pub(super) fn raw(ticket: &Ticket) -> Option<der::asn1::Any> {
    from_der("Ticket", &ticket.to_message().ok()?).ok()
}

fn addresses() -> Option<Vec<HostAddress>> {
    Some(vec![HostAddress { address_type: 2, address: octets(&[127, 0, 0, 1])? }])
}

fn typed() -> Option<Vec<TypedValue>> {
    Some(vec![TypedValue { data_type: 1, value: octets(&[0x30, 0])? }])
}

/// What a KDC seals for the client.
pub(super) fn enc_kdc_rep_part(server: &Principal, nonce: u32) -> Option<EncKdcRepPart> {
    Some(EncKdcRepPart {
        key: session_key()?,
        last_req: vec![LastReqEntry { entry_type: 0, value: time() }],
        nonce: nonce.into(),
        key_expiration: Some(time()),
        flags: flags(0x40E0_0000),
        auth_time: time(),
        start_time: Some(time()),
        end_time: KerberosTime::from_seconds(1_700_036_000),
        renew_till: Some(KerberosTime::from_seconds(1_700_600_000)),
        server_realm: server.realm.as_str().into(),
        server: server.into(),
        client_addresses: None,
        encrypted_pa_data: None,
    })
}

/// A message of each kind, in bytes.
fn seeds() -> Option<Vec<Vec<u8>>> {
    let service = Principal::service("HTTP", "a.test", "A.TEST");
    let ticket = ticket(&service)?;
    let pa_data = Some(vec![PaData { data_type: 2, value: octets(&[1, 2, 3])? }]);
    let body = KdcReqBody {
        options: flags(0x5081_0000),
        client: Some((&client()).into()),
        realm: "A.TEST".into(),
        server: Some((&service).into()),
        from: Some(time()),
        till: time(),
        renew_till: Some(time()),
        nonce: 7,
        etypes: vec![18, 17, 20, 19],
        addresses: addresses(),
        authorization_data: Some(encrypted()?),
        additional_tickets: Some(vec![raw(&ticket)?]),
    };
    let info = KrbCredInfo {
        key: session_key()?,
        client_realm: Some("A.TEST".into()),
        client: Some((&client()).into()),
        flags: Some(flags(0x6000_0000)),
        auth_time: Some(time()),
        start_time: Some(time()),
        end_time: Some(time()),
        renew_till: Some(time()),
        server_realm: Some("A.TEST".into()),
        server: Some((&service).into()),
        client_addresses: addresses(),
    };
    let messages = [
        ticket.to_message(),
        KdcReq { version: 5, message_type: KdcReq::TGS, pa_data: pa_data.clone(), body }.to_request(),
        KdcRep {
            version: 5,
            message_type: 11,
            pa_data,
            client_realm: "A.TEST".into(),
            client: (&client()).into(),
            ticket: raw(&ticket)?,
            encrypted: encrypted()?,
        }
        .to_message(),
        enc_kdc_rep_part(&service, 7)?.to_message(),
        EncTicketPart {
            flags: flags(0x40E0_0000),
            key: session_key()?,
            client_realm: "A.TEST".into(),
            client: (&client()).into(),
            transited: TransitedEncoding { encoding_type: 1, contents: octets(b"B.TEST")? },
            auth_time: time(),
            start_time: Some(time()),
            end_time: time(),
            renew_till: Some(time()),
            client_addresses: addresses(),
            authorization_data: typed(),
        }
        .to_message(),
        ApReq {
            version: 5,
            message_type: 14,
            options: flags(0x2000_0000),
            ticket: raw(&ticket)?,
            authenticator: encrypted()?,
        }
        .to_message(),
        Authenticator {
            version: 5,
            client_realm: "A.TEST".into(),
            client: (&client()).into(),
            checksum: Some(Checksum { checksum_type: 0x8003, checksum: octets(&[0; 24])? }),
            microseconds: 999_999,
            time: time(),
            subkey: Some(session_key()?),
            sequence_number: Some(-5),
            authorization_data: typed(),
        }
        .to_message(),
        ApRep { version: 5, message_type: 15, encrypted: encrypted()? }.to_message(),
        EncApRepPart {
            time: time(),
            microseconds: 1,
            subkey: Some(session_key()?),
            sequence_number: Some(0x8000_0000),
        }
        .to_message(),
        error(25, None)?.to_message(),
        KrbCred { version: 5, message_type: 22, tickets: vec![raw(&ticket)?], encrypted: encrypted()? }
            .to_message(),
        EncKrbCredPart {
            ticket_info: vec![info],
            nonce: Some(1),
            timestamp: Some(time()),
            microseconds: Some(2),
            sender_address: addresses()?.pop(),
            recipient_address: addresses()?.pop(),
        }
        .to_message(),
        to_der("PA-ENC-TS-ENC", &PaEncTsEnc { timestamp: time(), microseconds: Some(3) }),
        to_der("ETYPE-INFO2", &etype_info2()?),
    ];
    messages.into_iter().map(Result::ok).collect()
}

pub(super) fn etype_info2() -> Option<Vec<EtypeInfo2Entry>> {
    Some(vec![EtypeInfo2Entry {
        etype: 18,
        salt: Some("A.TESTänna".into()),
        parameters: Some(octets(&[0, 0, 0, 9])?),
    }])
}

/// A KRB-ERROR of the KDC of A.TEST.
pub(super) fn error(code: i32, data: Option<OctetString>) -> Option<KrbError> {
    Some(KrbError {
        version: 5,
        message_type: 30,
        client_time: Some(time()),
        client_microseconds: Some(1),
        server_time: time(),
        server_microseconds: 2,
        code,
        client_realm: Some("A.TEST".into()),
        client: Some((&client()).into()),
        realm: "A.TEST".into(),
        server: (&Principal::ticket_granting("A.TEST", "A.TEST")).into(),
        text: Some("NEEDED_PREAUTH".into()),
        data,
    })
}

fn message<M: Message + PartialEq + std::fmt::Debug>(input: &[u8]) -> bool {
    stable(input, M::from_message, M::to_message)
}

fn structure<T>(input: &[u8]) -> bool
where
    T: for<'a> der::Decode<'a, Error = der::Error> + der::Encode + PartialEq + std::fmt::Debug,
{
    stable(input, |input| from_der::<T>("", input), |value| to_der("", value))
}

pub(super) fn targets() -> Vec<Target> {
    let names = vec![b"HTTP/a\\/b.test@A.TEST".to_vec(), "änna@A.TEST".as_bytes().to_vec()];
    vec![
        Target::new("kerberos-messages", Shape::Der, seeds().unwrap_or_default(), |input| {
            // Whatever comes may be read as anything.
            let read = [
                message::<Ticket>,
                message::<KdcReq>,
                message::<KdcRep>,
                message::<EncKdcRepPart>,
                message::<EncTicketPart>,
                message::<ApReq>,
                message::<Authenticator>,
                message::<ApRep>,
                message::<EncApRepPart>,
                message::<KrbError>,
                message::<KrbCred>,
                message::<EncKrbCredPart>,
                structure::<PaEncTsEnc>,
                structure::<Vec<EtypeInfo2Entry>>,
                structure::<Vec<PaData>>,
            ];
            read.iter().filter(|read| read(input)).count() > 0
        }),
        Target::new("kerberos-name", Shape::Text(&["@", "/", "\\", "\\n", "ä"]), names, |input| {
            let text = String::from_utf8_lossy(input);
            let parse = |bytes: &[u8]| Principal::parse(&String::from_utf8_lossy(bytes));
            stable(text.as_bytes(), parse, |name| Ok::<_, KerberosError>(name.to_string()))
        }),
    ]
}
