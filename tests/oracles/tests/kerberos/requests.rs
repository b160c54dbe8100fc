//! What really goes to a KDC: read by the other codecs, opened and verified with the other cryptography.

use kerberos_asn1::{self as theirs, Asn1Object};
use picky_krb::crypto::{ChecksumSuite, CipherSuite};
use picky_krb::messages as picky;
use secrecy::SecretString;
use wsman::auth::kerberos::asn1::{self, EtypeInfo2Entry, KerberosTime, KrbError, Message, PaData};
use wsman::auth::kerberos::kdc::{
    AsExchange, AsRequest, Entropy, Exchange, Now, Proof, Purpose, Step, TgsExchange, TgsRequest,
};
use wsman::auth::kerberos::{EncryptionType, Key, Principal, ServiceTicket, TicketFlags};

const NOW: Now = Now { seconds: 1_700_000_000, microseconds: 42 };
const REALM: &str = "CONTOSO.TEST";

fn entropy() -> Entropy {
    Entropy::new(&std::array::from_fn(|at| at as u8))
}

fn request(step: Step) -> Vec<u8> {
    let Step::Ask(ask) = step else { panic!("no request") };
    assert_eq!(ask.realm, REALM);
    ask.request
}

fn parse<T: Asn1Object>(bytes: &[u8]) -> T {
    let (rest, value) = T::parse(bytes).unwrap();
    assert!(rest.is_empty());
    value
}

fn again<T: serde::de::DeserializeOwned + serde::Serialize>(bytes: &[u8]) {
    let read: T = picky_asn1_der::from_bytes(bytes).unwrap();
    assert_eq!(picky_asn1_der::to_vec(&read).unwrap(), bytes);
}

fn granting() -> Principal {
    Principal::ticket_granting(REALM, REALM)
}

/// PREAUTH_REQUIRED with a salt and a count of the KDC's own.
fn required() -> Vec<u8> {
    let octets = |bytes: &[u8]| der::asn1::OctetString::new(bytes).unwrap();
    let info = vec![EtypeInfo2Entry {
        etype: 18,
        salt: Some("salt".into()),
        parameters: Some(octets(&4096u32.to_be_bytes())),
    }];
    let list = vec![
        PaData { data_type: 2, value: octets(&[]) },
        PaData { data_type: 19, value: octets(&asn1::to_der("ETYPE-INFO2", &info).unwrap()) },
    ];
    let error = KrbError {
        version: 5,
        message_type: 30,
        client_time: None,
        client_microseconds: None,
        server_time: KerberosTime::from_seconds(NOW.seconds),
        server_microseconds: 0,
        code: 25,
        client_realm: None,
        client: None,
        realm: REALM.into(),
        server: (&granting()).into(),
        text: None,
        data: Some(octets(&asn1::to_der("METHOD-DATA", &list).unwrap())),
    };
    error.to_message().unwrap()
}

#[test]
fn as_requests_without_and_with_a_proof() {
    let mut exchange = AsExchange::new(AsRequest {
        clients: vec![Principal::user("anna", REALM)],
        proof: Proof::Password(SecretString::from("Passw0rd")),
        etypes: EncryptionType::STRONG.to_vec(),
        forwardable: true,
        offset: 0,
    })
    .unwrap();
    let first = request(exchange.begin(NOW, &entropy()).unwrap());
    again::<picky::AsReq>(&first);
    let read: theirs::AsReq = parse(&first);
    assert_eq!((read.pvno, read.msg_type), (5, 10));
    assert_eq!(read.req_body.etypes, [18, 17, 20, 19]);
    assert_eq!(read.req_body.realm, REALM);
    assert_eq!(read.req_body.cname.unwrap().name_string, ["anna"]);
    assert_eq!(read.req_body.sname.unwrap().name_string, ["krbtgt", REALM]);
    // FORWARDABLE, RENEWABLE, CANONICALIZE: RFC 4120 5.4.1, RFC 6806 3.
    assert_eq!(read.req_body.kdc_options.flags, 0x4081_0000);

    let second = request(exchange.answer(&required(), NOW, &entropy()).unwrap());
    again::<picky::AsReq>(&second);
    let read: theirs::AsReq = parse(&second);
    let stamps: Vec<_> = read.padata.unwrap().into_iter().filter(|data| data.padata_type == 2).collect();
    let sealed: theirs::EncryptedData = parse(&stamps[0].padata_value);
    assert_eq!((stamps.len(), sealed.etype), (1, 18));
    let cipher = CipherSuite::Aes256CtsHmacSha196.cipher();
    let key = cipher.generate_key_from_password(b"Passw0rd", b"salt").unwrap();
    let stamp: theirs::PaEncTsEnc = parse(&cipher.decrypt(&key, 1, &sealed.cipher).unwrap());
    assert_eq!(u64::try_from(stamp.patimestamp.timestamp()).unwrap(), NOW.seconds);
    assert_eq!(stamp.pausec, Some(42));
}

#[test]
fn tgs_requests_carry_a_sealed_and_signed_proof() {
    let session = Key::new(EncryptionType::Aes128Sha1, [7; 16]).unwrap();
    let octets = |bytes: &[u8]| der::asn1::OctetString::new(bytes).unwrap();
    let ticket = asn1::Ticket {
        version: 5,
        realm: REALM.into(),
        server: (&granting()).into(),
        encrypted: asn1::EncryptedData { etype: 18, kvno: Some(1), cipher: octets(&[9; 99]) },
    };
    let tgt = ServiceTicket {
        client: Principal::user("anna", REALM),
        server: granting(),
        ticket: ticket.to_message().unwrap(),
        key: session.clone(),
        flags: TicketFlags(0),
        auth_time: NOW.seconds,
        start_time: NOW.seconds,
        end_time: NOW.seconds + 3600,
        renew_till: None,
    };
    let service = Principal::service("HTTP", "ex01.contoso.test", REALM);
    let etypes = EncryptionType::STRONG.to_vec();
    let mut exchange =
        TgsExchange::new(TgsRequest { tgt, purpose: Purpose::Service(service), etypes, offset: -7 });
    let bytes = request(exchange.begin(NOW, &entropy()).unwrap());
    again::<picky::TgsReq>(&bytes);
    let read: theirs::TgsReq = parse(&bytes);
    assert_eq!((read.pvno, read.msg_type), (5, 12));
    assert_eq!(read.req_body.sname.as_ref().unwrap().name_string, ["HTTP", "ex01.contoso.test"]);

    let proof = read.padata.unwrap().into_iter().find(|data| data.padata_type == 1).unwrap();
    again::<picky::ApReq>(&proof.padata_value);
    let proof: theirs::ApReq = parse(&proof.padata_value);
    assert_eq!(proof.ticket.enc_part.cipher, [9; 99]);
    let cipher = CipherSuite::Aes128CtsHmacSha196.cipher();
    let plain = cipher.decrypt(session.expose_bytes(), 7, &proof.authenticator.cipher).unwrap();
    again::<picky_krb::data_types::Authenticator>(&plain);
    let authenticator: theirs::Authenticator = parse(&plain);
    assert_eq!(authenticator.cname.name_string, ["anna"]);
    assert_eq!(u64::try_from(authenticator.ctime.timestamp()).unwrap(), NOW.seconds - 7);
    let signature = authenticator.cksum.unwrap();
    let hasher = ChecksumSuite::HmacSha196Aes128.hasher();
    let body = read.req_body.build();
    assert_eq!(signature.cksumtype, 15);
    assert_eq!(signature.checksum, hasher.checksum(session.expose_bytes(), 6, &body).unwrap());
}
