//! A KDC that answers as a test wants it, right or wrong.

use der::asn1::{Any, OctetString};
use secrecy::SecretString;

use super::super::super::asn1::{
    self, Checksum, EncKdcRepPart, EncryptedData, EncryptionKey, EtypeInfo2Entry, KdcRep, KdcReq,
    KerberosTime, KrbError, LastReqEntry, Message, PaData, Ticket,
};
use super::super::super::{EncryptionType, Key, Principal, usage};
use super::super::{AsExchange, AsRequest, Ask, Entropy, ErrorCode, Now, Proof, octets, padata};

pub const NOW: Now = Now { seconds: 1_700_000_000, microseconds: 5 };
pub const REALM: &str = "CONTOSO.COM";
pub const PASSWORD: &str = "hunter2";

pub fn entropy() -> Entropy {
    Entropy::new(&[0x5A; Entropy::LENGTH])
}

pub fn key(etype: EncryptionType, byte: u8) -> Key {
    Key::new(etype, vec![byte; etype.key_length()]).unwrap()
}

/// The account's key, with a salt that nobody would guess.
pub fn account_key(etype: EncryptionType) -> Key {
    Key::from_password(etype, &SecretString::from(PASSWORD), b"salz", Some(&[0, 0, 0, 9])).unwrap()
}

pub fn anna() -> AsExchange {
    AsExchange::new(AsRequest {
        clients: vec![Principal::user("anna", REALM)],
        proof: Proof::Password(SecretString::from(PASSWORD)),
        etypes: EncryptionType::STRONG.to_vec(),
        forwardable: false,
        offset: 0,
    })
    .unwrap()
}

pub fn error(code: ErrorCode, data: Option<Vec<u8>>) -> Vec<u8> {
    error_at(code, data, NOW.seconds, None)
}

pub fn error_at(code: ErrorCode, data: Option<Vec<u8>>, seconds: u64, client_realm: Option<&str>) -> Vec<u8> {
    KrbError {
        version: 5,
        message_type: 30,
        client_time: None,
        client_microseconds: None,
        server_time: KerberosTime::from_seconds(seconds),
        server_microseconds: 0,
        code: code.0,
        client_realm: client_realm.map(Into::into),
        client: None,
        realm: REALM.into(),
        server: (&Principal::ticket_granting(REALM, REALM)).into(),
        text: Some("what the toy says\u{1b}[31m".into()),
        data: data.map(|data| OctetString::new(data).unwrap()),
    }
    .to_message()
    .unwrap()
}

/// ETYPE-INFO2 and the proof that is wanted.
pub fn wants_timestamp(etypes: &[i32]) -> Vec<u8> {
    let entry = |etype: &i32| EtypeInfo2Entry {
        etype: *etype,
        salt: Some("salz".into()),
        parameters: Some(OctetString::new([0, 0, 0, 9]).unwrap()),
    };
    let info: Vec<EtypeInfo2Entry> = etypes.iter().map(entry).collect();
    let info = octets(asn1::to_der("ETYPE-INFO2", &info).unwrap()).unwrap();
    let methods = vec![
        PaData { data_type: padata::ETYPE_INFO2, value: info },
        PaData { data_type: padata::ENC_TIMESTAMP, value: OctetString::new([]).unwrap() },
    ];
    error(ErrorCode::PREAUTH_REQUIRED, Some(asn1::to_der("METHOD-DATA", &methods).unwrap()))
}

/// What a reply says; a test changes what it wants.
pub struct Says {
    pub message_type: i32,
    pub client: Principal,
    pub server: Principal,
    pub ticket_server: Principal,
    pub nonce: i64,
    pub session: (i32, Vec<u8>),
    pub flags: u32,
    pub end_time: u64,
    pub start_time: u64,
    pub sum: Option<Checksum>,
    pub under: Key,
    pub usage: u32,
}

impl Says {
    /// The right reply to an AS-REQ.
    pub fn granting(ask: &Ask) -> Self {
        let request = KdcReq::from_message(&ask.request).unwrap();
        let server = Principal::ticket_granting(REALM, REALM);
        Self {
            message_type: 11,
            client: Principal::user("anna", REALM),
            ticket_server: server.clone(),
            server,
            nonce: request.body.nonce.into(),
            session: (18, vec![7; 32]),
            flags: 0,
            start_time: NOW.seconds,
            end_time: NOW.seconds + 36_000,
            sum: None,
            under: account_key(EncryptionType::Aes256Sha1),
            usage: usage::AS_REP,
        }
    }

    /// The right reply to a TGS-REQ under the subkey that comes of [`entropy`].
    pub fn serving(ask: &Ask, server: Principal) -> Self {
        Self {
            message_type: 13,
            ticket_server: server.clone(),
            server,
            under: key(EncryptionType::Aes256Sha1, 0x5A),
            usage: usage::TGS_REP_SUBKEY,
            ..Self::granting(ask)
        }
    }

    pub fn write(self) -> Vec<u8> {
        let sealed =
            |plain: &[u8], key: &Key, usage| EncryptedData::seal(key, usage, plain, &[1; 16]).unwrap();
        let ticket = Ticket {
            version: 5,
            realm: self.ticket_server.realm.as_str().into(),
            server: (&self.ticket_server).into(),
            encrypted: sealed(b"for the service only", &key(EncryptionType::Aes256Sha1, 9), usage::TICKET),
        };
        let part = EncKdcRepPart {
            key: EncryptionKey {
                key_type: self.session.0,
                key_value: OctetString::new(self.session.1.as_slice()).unwrap(),
            },
            last_req: vec![LastReqEntry { entry_type: 0, value: KerberosTime::from_seconds(0) }],
            nonce: self.nonce,
            key_expiration: None,
            flags: asn1::flags(self.flags),
            auth_time: KerberosTime::from_seconds(self.start_time),
            start_time: Some(KerberosTime::from_seconds(self.start_time)),
            end_time: KerberosTime::from_seconds(self.end_time),
            renew_till: None,
            server_realm: self.server.realm.as_str().into(),
            server: (&self.server).into(),
            client_addresses: None,
            encrypted_pa_data: self.sum.map(|sum| {
                let value = octets(asn1::to_der("Checksum", &sum).unwrap()).unwrap();
                vec![PaData { data_type: padata::REQ_ENC_PA_REP, value }]
            }),
        };
        let plain = part.to_message().unwrap();
        let ticket: Any = asn1::from_der("Ticket", &ticket.to_message().unwrap()).unwrap();
        let reply = KdcRep {
            version: 5,
            message_type: self.message_type,
            pa_data: None,
            client_realm: self.client.realm.as_str().into(),
            client: (&self.client).into(),
            ticket,
            encrypted: sealed(&plain, &self.under, self.usage),
        };
        let mut bytes = reply.to_message().unwrap();
        // [APPLICATION 11] or 13: the fields are the same.
        bytes[0] = 0x60 | u8::try_from(self.message_type).unwrap();
        bytes
    }
}
