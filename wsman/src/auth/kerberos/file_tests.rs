//! Keytabs and ticket caches: their forms, lookups, and whatever else a file may hold.

use proptest::prelude::*;

use super::*;

const ALL: [EncryptionType; 5] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha2,
    EncryptionType::Aes256Sha2,
    EncryptionType::Rc4,
];

fn key(etype: EncryptionType, fill: u8) -> Key {
    Key::new(etype, vec![fill; etype.key_length()]).unwrap()
}

fn entry(name: &str, kvno: u32, etype: EncryptionType, timestamp: u32) -> KeytabEntry {
    let principal = Principal::parse(name).unwrap();
    KeytabEntry { principal, kvno, timestamp, key: key(etype, kvno as u8) }
}

/// One entry as the format describes it: `[length] parts, realm, components, type, time, kvno8, key, [kvno32]`.
fn raw_entry(etype: u16, key: &[u8], kvno: u8, tail: &[u8]) -> Vec<u8> {
    let mut entry = vec![0, 2, 0, 6];
    entry.extend(b"A.TEST\0\x04HTTP\0\x06a.test");
    entry.extend([0, 0, 0, 3, 0x60, 0, 0, 0, kvno]);
    entry.extend(etype.to_be_bytes());
    entry.extend((key.len() as u16).to_be_bytes());
    entry.extend(key);
    entry.extend(tail);
    [(entry.len() as u32).to_be_bytes().as_slice(), &entry].concat()
}

#[test]
fn a_keytab_in_every_form() {
    let mut file = vec![5, 2];
    file.extend(raw_entry(17, &[1; 16], 7, &[]));
    // A deleted entry, then one whose version needs four bytes, with flags behind.
    file.extend((-9i32).to_be_bytes());
    file.extend([0xEE; 9]);
    file.extend(raw_entry(17, &[2; 16], 0x2C, &[0, 0, 1, 0x2C, 0, 0, 0, 1]));
    // A hole with zeros instead of a version; DES; and what stands behind the end.
    file.extend(raw_entry(18, &[3; 32], 9, &[0; 5]));
    file.extend(raw_entry(3, &[4; 8], 1, &[]));
    file.extend([0, 0, 0, 0, 0xFF, 0xFF]);
    let keytab = Keytab::parse(&file).unwrap();
    let found: Vec<_> =
        keytab.entries().iter().map(|entry| (entry.kvno, entry.key.etype().number())).collect();
    assert_eq!(found, [(7, 17), (300, 17), (9, 18)]);
    let service = Principal::parse("http/A.Test").unwrap();
    assert_eq!(keytab.key(&service, EncryptionType::Aes128Sha1).unwrap().kvno, 300);
    assert_eq!(keytab.entries()[0].principal.name_type, NameType::ServiceHost);
    assert_eq!(keytab.entries()[0].timestamp, 0x6000_0000);
    assert_eq!(keytab.etypes_of(&service), [EncryptionType::Aes128Sha1, EncryptionType::Aes256Sha1]);
    for cut in 3..file.len() - 6 {
        let _ = Keytab::parse(&file[..cut]);
    }
    for wrong in [
        b"".as_slice(),
        b"\x05",
        b"\x05\x01",
        b"\x05\x04",
        b"\x05\x02\0\0",
        b"\x05\x02\x7F\xFF\xFF\xFF",
        b"\x05\x02\x80\0\0\0",
    ] {
        assert!(matches!(Keytab::parse(wrong), Err(KerberosError::Malformed { .. })), "{wrong:?}");
    }
}

#[test]
fn the_newest_key_of_a_type_is_taken_and_all_are_tried() {
    let long = EncryptionType::Aes256Sha1;
    let keytab = Keytab::new(vec![
        entry("HTTP/a.test@A.TEST", 3, long, 10),
        entry("HTTP/a.test@A.TEST", 5, long, 20),
        entry("HTTP/a.test@A.TEST", 4, EncryptionType::Aes128Sha1, 15),
        entry("HTTP/a.test@B.TEST", 9, long, 10),
        entry("host/a.test@A.TEST", 8, long, 10),
    ]);
    let service = Principal::service("HTTP", "a.test", "A.TEST");
    assert_eq!(keytab.key(&service, long).unwrap().kvno, 5);
    let order = |kvno| -> Vec<u32> {
        keytab.candidates(&service, long, kvno).unwrap().iter().map(|entry| entry.kvno).collect()
    };
    assert_eq!((order(Some(3)), order(Some(77)), order(None)), (vec![3, 5], vec![5, 3], vec![5, 3]));
    let anywhere = Principal::service("HTTP", "a.test", "");
    assert_eq!(keytab.key(&anywhere, long).unwrap().kvno, 9);
    let missing = keytab.key(&service, EncryptionType::Rc4).unwrap_err();
    assert_eq!(missing.to_string(), "the keytab has no key for `HTTP/a.test@A.TEST` of type rc4-hmac");
}

#[test]
fn a_version_of_one_byte_starts_anew() {
    let long = EncryptionType::Aes256Sha1;
    let newest = |first: (u32, u32), second: (u32, u32)| {
        let entries = [first, second].map(|(kvno, time)| entry("a@A", kvno, long, time));
        Keytab::new(entries.into()).key(&Principal::user("a", "A"), long).unwrap().kvno
    };
    assert_eq!(newest((254, 100), (2, 200)), 2);
    assert_eq!(newest((2, 200), (254, 100)), 2);
    assert_eq!(newest((254, 300), (2, 200)), 254);
    assert_eq!(newest((300, 100), (2, 200)), 300);
}

#[test]
fn f9_names_of_caches_and_keytabs() {
    for (name, path) in [
        ("/tmp/krb5cc_0", "/tmp/krb5cc_0"),
        ("FILE:/tmp/krb5cc_0", "/tmp/krb5cc_0"),
        ("file:krb5cc", "krb5cc"),
        (r"C:\Users\a\krb5cc", r"C:\Users\a\krb5cc"),
        (r"FILE:C:\krb5cc", r"C:\krb5cc"),
    ] {
        assert_eq!(CredentialCache::file_name(name).unwrap(), path);
        assert_eq!(Keytab::file_name(name).unwrap(), path);
    }
    for kind in ["DIR", "KCM", "KEYRING", "API", "MEMORY", "MSLSA"] {
        let error = CredentialCache::file_name(&format!("{kind}:persistent:0")).unwrap_err();
        assert_eq!(error, KerberosError::CacheType(kind.into()));
        assert!(error.to_string().contains("kinit -c FILE:") && error.hint().unwrap().contains("KRB5CCNAME"));
    }
    assert_eq!(Keytab::file_name("WRFILE:a").unwrap(), "a");
    assert_eq!(Keytab::file_name("MEMORY:a"), Err(KerberosError::KeytabType("MEMORY".into())));
}

fn ticket(client: &str, server: &str, end_time: u64) -> ServiceTicket {
    ServiceTicket {
        client: Principal::parse(client).unwrap(),
        server: Principal::parse(server).unwrap(),
        ticket: vec![0x61; 5],
        key: key(EncryptionType::Aes256Sha1, 1),
        flags: TicketFlags::FORWARDABLE,
        auth_time: 1000,
        start_time: 1000,
        end_time,
        renew_till: None,
    }
}

#[test]
fn f7_f8_a_ticket_is_found_without_regard_to_case() {
    let me = "anna@CONTOSO.TEST";
    let tickets = vec![
        ticket(me, "krbtgt/CONTOSO.TEST@CONTOSO.TEST", 3000),
        ticket(me, "http/EX01.contoso.test@contoso.test", 2000),
        ticket(me, "http/ex01.contoso.test@contoso.test", 2500),
        ticket("eve@CONTOSO.TEST", "HTTP/ex01.contoso.test@CONTOSO.TEST", 9000),
    ];
    let cache = CredentialCache::new(Principal::parse(me).unwrap(), None, tickets);
    for realm in ["CONTOSO.TEST", ""] {
        let service = Principal::service("HTTP", "ex01.contoso.test", realm);
        assert_eq!(cache.ticket_for(&service, 1500, 300).unwrap().end_time, 2500);
    }
    assert_eq!(cache.ticket_granting_ticket(1500, 300).unwrap().end_time, 3000);
    let service = Principal::service("HTTP", "ex01.contoso.test", "");
    let ended = cache.ticket_for(&service, 2300, 300).unwrap_err();
    assert!(ended.to_string().contains("has ended"), "{ended}");
    let none = cache.ticket_for(&Principal::service("HTTP", "ex02", ""), 0, 0).unwrap_err();
    assert!(none.to_string().contains("there is none for `HTTP/ex02`"), "{none}");
    assert_eq!(none.hint(), Some("run kinit again"));
    assert!(!format!("{cache:?}").contains("1, 1"));
}

/// Version 3 has no header and writes the key's type twice.
#[test]
fn a_cache_in_every_form() {
    let name = |parts: &[&str], realm: &str| {
        let mut bytes = vec![0, 0, 0, 1];
        bytes.extend((parts.len() as u32).to_be_bytes());
        for text in [realm].iter().chain(parts) {
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    };
    let entry = |server: Vec<u8>, etype: u16, version: u8, end: u32, auth: u32, user_to_user: u8| {
        let mut bytes = [name(&["anna"], "A.TEST"), server].concat();
        bytes.extend(etype.to_be_bytes());
        if version == 3 {
            bytes.extend(etype.to_be_bytes());
        }
        bytes.extend([0, 0, 0, 16]);
        bytes.extend([7; 16]);
        for time in [auth, 0, end, 0] {
            bytes.extend(time.to_be_bytes());
        }
        bytes.push(user_to_user);
        bytes.extend([0x40, 0xE1, 0, 0]);
        // One address, one authorisation datum.
        bytes.extend(b"\0\0\0\x01\0\x02\0\0\0\x04\x7F\0\0\x01\0\0\0\x01\0\x01\0\0\0\x02ad");
        bytes.extend(b"\0\0\0\x03TKT\0\0\0\0");
        bytes
    };
    for version in [3, 4] {
        let service = || name(&["HTTP", "a.test"], "A.TEST");
        let mut file = vec![5, version];
        if version == 4 {
            // An unknown field, then the KDC's clock two seconds behind.
            file.extend(b"\0\x13\0\x09\0\x03abc\0\x01\0\x08\xFF\xFF\xFF\xFE\0\0\0\0");
            file[3] = 19;
        }
        file.extend(name(&["anna"], "A.TEST"));
        file.extend(entry(
            name(&["krb5_ccache_conf_data", "fast_avail"], "X-CACHECONF:"),
            0,
            version,
            0,
            0,
            0,
        ));
        file.extend(entry(service(), 17, version, 5000, 1000, 0));
        file.extend(entry(service(), 3, version, 5001, 1000, 0));
        file.extend(entry(service(), 17, version, 5002, 1000, 1));
        file.extend(entry(service(), 17, version, 0, u32::MAX, 0));
        file.extend(entry(name(&["krb5_ccache_conf_data", "x"], "X-CACHECONF:"), 17, version, 1, 0, 0));
        let cache = CredentialCache::parse(&file).unwrap();
        assert_eq!(cache.kdc_offset(), (version == 4).then_some(-2));
        assert_eq!(cache.default_principal().to_string(), "anna@A.TEST");
        let [ticket] = cache.tickets() else { panic!("{version}: {cache:?}") };
        assert_eq!((ticket.start_time, ticket.end_time, ticket.renew_till), (1000, 5000, None));
        assert_eq!((ticket.ticket.as_slice(), ticket.flags.0), (b"TKT".as_slice(), 0x40E1_0000));
        for cut in 0..file.len() {
            let _ = CredentialCache::parse(&file[..cut]);
        }
    }
    for wrong in [
        b"".as_slice(),
        b"\x05\x01",
        b"\x05\x02",
        b"\x05\x09",
        b"\x05\x04\0\x04\0\x01\0\x08",
        b"\x05\x03\0\0\0\x01\xFF\xFF\xFF\xFF",
    ] {
        assert!(matches!(CredentialCache::parse(wrong), Err(KerberosError::Malformed { .. })), "{wrong:?}");
    }
}

fn principals() -> impl Strategy<Value = Principal> {
    (".{0,8}", proptest::collection::vec(".{0,8}", 0..4), any::<i32>()).prop_map(
        |(realm, parts, name_type)| Principal { realm, parts, name_type: NameType::from_number(name_type) },
    )
}

fn keys() -> impl Strategy<Value = Key> {
    (0..ALL.len(), any::<[u8; 32]>())
        .prop_map(|(which, bytes)| Key::new(ALL[which], &bytes[..ALL[which].key_length()]).unwrap())
}

prop_compose! {
    fn tickets()(
        names in (principals(), principals()),
        ticket in proptest::collection::vec(any::<u8>(), 0..40),
        key in keys(),
        flags in any::<u32>(),
        times in (0..u32::MAX, 1..u32::MAX, 1..u32::MAX, proptest::option::of(1..u32::MAX)),
    ) -> ServiceTicket {
        ServiceTicket {
            client: names.0,
            server: names.1,
            ticket,
            key,
            flags: TicketFlags(flags),
            auth_time: times.0.into(),
            start_time: times.1.into(),
            end_time: times.2.into(),
            renew_till: times.3.map(u64::from),
        }
    }
}

proptest! {
    #[test]
    fn any_keytab_comes_back(entries in proptest::collection::vec((principals(), 1u32.., any::<u32>(), keys()), 0..5)) {
        let entries = entries.into_iter().map(|(principal, kvno, timestamp, key)| {
            KeytabEntry { principal, kvno, timestamp, key }
        });
        let keytab = Keytab::new(entries.collect());
        prop_assert_eq!(Keytab::parse(&keytab.to_bytes()).unwrap(), keytab);
    }

    #[test]
    fn any_cache_comes_back(
        principal in principals(),
        offset in any::<Option<i32>>(),
        tickets in proptest::collection::vec(tickets(), 0..4),
    ) {
        let cache = CredentialCache::new(principal, offset, tickets);
        prop_assert_eq!(CredentialCache::parse(&cache.to_bytes()).unwrap(), cache);
    }
}
