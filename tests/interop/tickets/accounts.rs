//! Kinds of accounts and of keys.

use secrecy::SecretString;
use wsman::auth::kerberos::{EncryptionType, Key, Keytab, KeytabEntry, TicketFlags};
use wsman::auth::{Credentials, Secret, UserName};
use wsman::client::{Kerberos, KerberosSettings, Krb5ConfSource};

use super::{SPN, anna, assert_good, kerberos, settings, with_keytab};
use crate::kdc::{Kdc, Options, PASSWORD};

#[tokio::test]
async fn a_password_gets_a_ticket_that_the_service_can_read() {
    let Some(kdc) = Kdc::start() else { return };
    let keytab = kdc.add_service(SPN);
    let ticket = kerberos(&kdc).service_ticket(&anna(), SPN).await.unwrap();
    assert_eq!(ticket.client.to_string(), "anna@CONTOSO.TEST");
    assert_eq!(ticket.server.to_string(), "HTTP/ex01.contoso.test@CONTOSO.TEST");
    assert_eq!(ticket.key.etype(), EncryptionType::Aes256Sha1);
    assert!(ticket.flags.contains(TicketFlags::PRE_AUTHENT));
    assert!(!ticket.flags.contains(TicketFlags::FORWARDABLE));
    assert_good(&kdc, &ticket, &keytab);
}

/// Names and their KDC come from krb5.conf, the realm from there too.
#[tokio::test]
async fn krb5_conf_is_enough() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let settings =
        KerberosSettings { krb5_conf: Krb5ConfSource::Path(kdc.krb5_conf()), ..KerberosSettings::default() };
    let kerberos = Kerberos::new(settings);
    for user in ["anna", "anna@contoso.test", "CONTOSO\\anna", "contoso.test\\anna"] {
        let ticket = kerberos.service_ticket(&Credentials::new(user, PASSWORD), SPN).await.unwrap();
        assert_eq!(ticket.client.to_string(), "anna@CONTOSO.TEST", "{user}");
    }
}

/// F15: without RC4, with what the account has.
#[tokio::test]
async fn f15_accounts_with_other_keys_and_salts() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let kinds = [
        ("aes128", "aes128-cts-hmac-sha1-96:normal"),
        ("sha256", "aes128-cts-hmac-sha256-128:normal"),
        ("sha384", "aes256-cts-hmac-sha384-192:normal"),
        ("salted", "aes256-cts-hmac-sha1-96:special"),
        ("norealm", "aes256-cts-hmac-sha1-96:norealm"),
        ("several", "aes128-cts-hmac-sha256-128:special,aes128-cts-hmac-sha1-96:onlyrealm"),
    ];
    let kerberos = kerberos(&kdc);
    for (name, keys) in kinds {
        for (user, preauth) in
            [(name.to_owned(), "+requires_preauth"), (format!("{name}-free"), "-requires_preauth")]
        {
            kdc.add_user(&user, "geheim ß", &format!("-e {keys} {preauth}"));
            let ticket = kerberos.service_ticket(&Credentials::new(&user, "geheim ß"), SPN).await;
            assert_eq!(ticket.unwrap().client.parts, [user.as_str()], "{keys} {preauth}");
        }
    }
}

#[tokio::test]
async fn services_with_other_keys() {
    let Some(kdc) = Kdc::start() else { return };
    let kinds = [
        ("a", "aes128-cts-hmac-sha1-96:normal", EncryptionType::Aes128Sha1),
        ("b", "aes256-cts-hmac-sha384-192:normal", EncryptionType::Aes256Sha2),
        ("c", "aes128-cts-hmac-sha256-128:normal", EncryptionType::Aes128Sha2),
    ];
    let kerberos = kerberos(&kdc);
    for (host, keys, etype) in kinds {
        let spn = format!("HTTP/{host}.contoso.test");
        kdc.admin(kdc.realm(), &[&format!("addprinc -randkey -e {keys} {spn}")]);
        let types = etype.to_string();
        kdc.admin(kdc.realm(), &[&format!("setstr {spn} session_enctypes {types}")]);
        let ticket = kerberos.service_ticket(&anna(), &spn).await.unwrap();
        assert_eq!(ticket.key.etype(), etype, "{keys}");
    }
}

/// The session key of the ticket-granting ticket signs and seals what is asked with it.
#[tokio::test]
async fn ticket_granting_tickets_with_other_keys() {
    let options = Options { lib_lines: vec!["allow_rc4 = true".into()], ..Options::default() };
    let Some(kdc) = Kdc::with(&["CONTOSO.TEST"], &options) else { return };
    let keytab = kdc.add_service(SPN);
    for etype in [
        EncryptionType::Aes128Sha1,
        EncryptionType::Aes256Sha1,
        EncryptionType::Aes128Sha2,
        EncryptionType::Aes256Sha2,
        EncryptionType::Rc4,
    ] {
        let line = format!("setstr krbtgt/CONTOSO.TEST session_enctypes {etype}");
        kdc.admin(kdc.realm(), &[&line]);
        let allow_rc4 = etype == EncryptionType::Rc4;
        let kerberos = Kerberos::new(KerberosSettings { allow_rc4, ..settings(&kdc) });
        let ticket =
            kerberos.service_ticket(&anna(), SPN).await.unwrap_or_else(|error| panic!("{etype}: {error}"));
        assert_good(&kdc, &ticket, &keytab);
        let session = format!("ses={}", session_name(etype));
        assert!(kdc.logged(&["AS_REQ", "ISSUE", &session]) > 0, "{session}: {}", kdc.log());
    }
}

/// As the KDC's log has it.
fn session_name(etype: EncryptionType) -> String {
    match etype {
        EncryptionType::Rc4 => "DEPRECATED:arcfour-hmac(23)".into(),
        other => format!("{other}({})", other.number()),
    }
}

#[tokio::test]
async fn names_in_any_script() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let kerberos = kerberos(&kdc);
    for user in ["åsa.öberg", "王芳", "Ольга"] {
        kdc.add_user(user, "пароль 密码", "");
        let ticket = kerberos.service_ticket(&Credentials::new(user, "пароль 密码"), SPN).await.unwrap();
        assert_eq!(ticket.client.parts, [user]);
    }
}

#[tokio::test]
async fn a_keytab_with_several_versions() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let file = kdc.file("sync.keytab");
    let add = format!("ktadd -k {} svc-sync", file.display());
    kdc.admin(kdc.realm(), &["addprinc -randkey svc-sync", &add, &add, &add]);
    let keytab = Keytab::parse(&std::fs::read(&file).unwrap()).unwrap();
    let versions: Vec<u32> = keytab.entries().iter().map(|entry| entry.kvno).collect();
    assert!(versions.contains(&2) && versions.contains(&4), "{versions:?}");
    for user in ["svc-sync", "SVC-SYNC@contoso.test", "CONTOSO\\svc-sync", ""] {
        let ticket = kerberos(&kdc).service_ticket(&with_keytab(user, &file), SPN).await.unwrap();
        assert_eq!(ticket.client.to_string(), "svc-sync@CONTOSO.TEST", "{user}");
    }
    // A key that the KDC does not have yet, as while a new password spreads.
    let entry = &keytab.entries()[0];
    let new = KeytabEntry {
        kvno: 5,
        key: Key::new(entry.key.etype(), vec![7; entry.key.etype().key_length()]).unwrap(),
        ..entry.clone()
    };
    let early = Keytab::new(keytab.entries().iter().cloned().chain([new]).collect());
    std::fs::write(&file, &*early.to_bytes()).unwrap();
    let ticket = kerberos(&kdc).service_ticket(&with_keytab("svc-sync", &file), SPN).await;
    assert_eq!(ticket.unwrap().client.to_string(), "svc-sync@CONTOSO.TEST");
    assert_eq!(kdc.logged(&["AS_REQ", "PREAUTH_FAILED"]), 1, "{}", kdc.log());
}

/// RC4 is off unless it is switched on; then an NT hash is a key too.
#[tokio::test]
async fn rc4_only_where_it_is_allowed() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    kdc.add_user("old", "old", "-e arcfour-hmac:normal");
    let hash: [u8; 16] = {
        let key = Key::from_password(EncryptionType::Rc4, &SecretString::from("old"), b"", None).unwrap();
        key.expose_bytes().try_into().unwrap()
    };
    let hashed = Credentials { user: UserName::parse("old"), secret: Secret::nt_hash(hash) };
    for credentials in [Credentials::new("old", "old"), hashed] {
        assert!(kerberos(&kdc).service_ticket(&credentials, SPN).await.is_err());
        let allowing = Kerberos::new(KerberosSettings { allow_rc4: true, ..settings(&kdc) });
        let ticket = allowing.service_ticket(&credentials, SPN).await.unwrap();
        assert_eq!(ticket.client.to_string(), "old@CONTOSO.TEST");
    }
}
