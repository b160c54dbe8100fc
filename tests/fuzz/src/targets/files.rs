//! The files of MIT Kerberos, and certificates.

use wsman::auth::ChannelBinding;
use wsman::auth::kerberos::{
    ConfFile, CredentialCache, EncryptionType, Include, KerberosError, Key, Keytab, KeytabEntry, Krb5Conf,
    Principal, ServiceTicket, TicketFlags,
};

use super::{Shape, Target, stable};

const KRB5_CONF: &str = "includedir /etc/krb5.conf.d\n# comment\n[libdefaults]\n default_realm = A.TEST\n \
    permitted_enctypes = aes -rc4\n clockskew = 1h5m\n default_ccache_name = \"FILE:/tmp/a\\\"b\"\n[realms]\n A.TEST = {\n \
    kdc = kdc.a.test:88\n sub = {\n x = y\n }\n }*\n[domain_realm]\n .a.test = A.TEST\n[capaths]\n A.TEST = {\n \
    B.TEST = .\n }\n";
const WORDS: &[&str] = &[
    "[realms]",
    "[libdefaults]",
    "[",
    "]",
    "{",
    "}",
    "}*",
    "=",
    " = {",
    "a = {",
    "include x",
    "includedir /y",
    "\"",
    "\\",
    "#",
    ";",
    "*",
    "kdc = ",
    "default_realm = ",
    "clockskew = ",
    "permitted_enctypes = ",
    "\u{feff}",
    "\r",
];

fn key(etype: EncryptionType) -> Option<Key> {
    Key::new(etype, vec![7; etype.key_length()]).ok()
}

fn keytab() -> Option<Vec<u8>> {
    let entry = |name: &str, kvno, etype| {
        let principal = Principal::parse(name).ok()?;
        Some(KeytabEntry { principal, kvno, timestamp: 1_700_000_000, key: key(etype)? })
    };
    let entries = vec![
        entry("HTTP/ex01.a.test@A.TEST", 3, EncryptionType::Aes256Sha1)?,
        entry("HTTP/ex01.a.test@A.TEST", 300, EncryptionType::Aes128Sha2)?,
        entry("anna@A.TEST", 1, EncryptionType::Rc4)?,
    ];
    Some(Keytab::new(entries).to_bytes().to_vec())
}

fn cache() -> Option<Vec<u8>> {
    let client = Principal::user("anna", "A.TEST");
    let ticket = |server: Principal, etype| {
        Some(ServiceTicket {
            client: client.clone(),
            server,
            ticket: vec![0x61; 60],
            key: key(etype)?,
            flags: TicketFlags(0x40E0_0000),
            auth_time: 1_700_000_000,
            start_time: 1_700_000_000,
            end_time: 1_700_036_000,
            renew_till: Some(1_700_600_000),
        })
    };
    let tickets = vec![
        ticket(Principal::ticket_granting("A.TEST", "A.TEST"), EncryptionType::Aes256Sha1)?,
        ticket(Principal::service("HTTP", "ex01.a.test", "A.TEST"), EncryptionType::Aes128Sha1)?,
    ];
    Some(CredentialCache::new(client.clone(), Some(-5), tickets).to_bytes().to_vec())
}

fn certificates() -> Vec<Vec<u8>> {
    [
        include_bytes!("../../../../wsman/src/auth/testdata/ec-sha384.der").as_slice(),
        include_bytes!("../../../../wsman/src/auth/testdata/pss-sha512.der"),
        include_bytes!("../../../../wsman/src/auth/testdata/rsa-sha1.der"),
    ]
    .map(<[u8]>::to_vec)
    .into()
}

fn read_conf(text: &str) -> Result<Krb5Conf, KerberosError> {
    let included =
        |_: &Include| Ok(vec![ConfFile { name: "included".into(), text: text.replace("include", "#") }]);
    Krb5Conf::parse_with("krb5.conf", text, &mut { included })
}

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target::new("keytab", Shape::Bytes, keytab().into_iter().collect(), |input| {
            stable(input, Keytab::parse, |keytab| Ok::<_, ()>(keytab.to_bytes()))
        }),
        Target::new("ccache", Shape::Bytes, cache().into_iter().collect(), |input| {
            if let Ok(cache) = CredentialCache::parse(input) {
                let _ = cache.ticket_granting_ticket(1_700_000_000, 300);
            }
            stable(input, CredentialCache::parse, |cache| Ok::<_, ()>(cache.to_bytes()))
        }),
        Target::new("krb5-conf", Shape::Text(WORDS), vec![KRB5_CONF.into()], |input| {
            let text = String::from_utf8_lossy(input);
            read_conf(&text).is_ok_and(|conf| {
                let _ =
                    (conf.realm_of_host("ex01.a.test"), conf.kdcs("A.TEST"), conf.way("A.TEST", "B.TEST"));
                true
            })
        }),
        Target::new("certificate", Shape::Der, certificates(), |input| {
            ChannelBinding::from_certificate(input).is_ok()
        }),
    ]
}
