//! Reading `krb5.conf` as MIT's library does.

use proptest::prelude::*;

use super::*;

const DEBIAN: &str = r#"
# as packaged
[libdefaults]
    default_realm = CONTOSO.TEST
    kdc_timesync = 1
    ccache_type = 4
    forwardable = yes
    dns_lookup_kdc = false
    udp_preference_limit = 1
    clockskew = 5m
    permitted_enctypes = aes256-cts, aes128-cts-hmac-sha1-96 camellia256-cts arcfour-hmac
    default_ccache_name = "FILE:/tmp/krb5cc_%{uid}"
    default_realm = SECOND.TEST

[realms]
    CONTOSO.TEST = {
        kdc = kdc1.contoso.test
        kdc = kdc2.contoso.test:1088
        admin_server = kdc1.contoso.test
        auth_to_local_names = {
            kdc = not.a.kdc
        }
    }
    OTHER.TEST =
    {
        kdc = [::1]:88
        master_kdc = kdc.other.test
    }*

[domain_realm]
    .contoso.test = CONTOSO.TEST
    contoso.test = ROOT.TEST
    ex99.contoso.test = OTHER.TEST
    test = TOP.TEST

[capaths]
    CONTOSO.TEST = {
        FAR.TEST = MIDDLE.TEST
        FAR.TEST = NEXT.TEST
        NEAR.TEST = .
    }

[logging]
    default = FILE:/var/log/krb5libs.log
"#;

fn file(text: &str) -> ConfFile {
    ConfFile { name: "included".into(), text: text.into() }
}

fn read(text: &str) -> Result<Krb5Conf, KerberosError> {
    Krb5Conf::parse("krb5.conf", text)
}

#[test]
fn what_a_packaged_file_says() {
    let conf = read(DEBIAN).unwrap();
    assert_eq!(conf.default_realm.as_deref(), Some("CONTOSO.TEST"), "the first one counts");
    assert_eq!(conf.dns_lookup_kdc, Some(false));
    assert_eq!(conf.dns_lookup_realm, None);
    assert_eq!(conf.forwardable, Some(true));
    assert_eq!(conf.udp_preference_limit, Some(1));
    assert_eq!(conf.clock_skew, Some(300));
    assert_eq!(
        conf.permitted_enctypes.as_deref(),
        Some([EncryptionType::Aes256Sha1, EncryptionType::Aes128Sha1, EncryptionType::Rc4].as_slice())
    );
    assert_eq!(conf.default_ccache_name.as_deref(), Some("FILE:/tmp/krb5cc_%{uid}"));
    assert_eq!(conf.kdcs("CONTOSO.TEST"), ["kdc1.contoso.test", "kdc2.contoso.test:1088"]);
    assert_eq!(conf.kdcs("contoso.test").len(), 2);
    assert_eq!(conf.kdcs("OTHER.TEST"), ["[::1]:88"]);
    assert_eq!(conf.primary_kdcs("OTHER.TEST"), ["kdc.other.test"]);
    assert!(conf.kdcs("NONE.TEST").is_empty());
    assert_eq!(conf.realms().collect::<Vec<_>>(), ["CONTOSO.TEST", "OTHER.TEST"]);
    assert_eq!(conf.way("CONTOSO.TEST", "FAR.TEST").unwrap(), ["MIDDLE.TEST", "NEXT.TEST"]);
    assert!(conf.way("CONTOSO.TEST", "NEAR.TEST").unwrap().is_empty());
    assert_eq!(conf.way("CONTOSO.TEST", "NONE.TEST"), None);
}

#[test]
fn the_realm_of_a_host() {
    let conf = read(DEBIAN).unwrap();
    for (host, realm) in [
        ("ex01.contoso.test", Some("CONTOSO.TEST")),
        ("EX01.Contoso.Test.", Some("CONTOSO.TEST")),
        ("a.b.contoso.test", Some("CONTOSO.TEST")),
        ("contoso.test", Some("ROOT.TEST")),
        ("ex99.contoso.test", Some("OTHER.TEST")),
        ("elsewhere.test", Some("TOP.TEST")),
        ("elsewhere.example", None),
        ("", None),
        ("..", None),
    ] {
        assert_eq!(conf.realm_of_host(host), realm, "{host}");
    }
}

#[test]
fn included_files_count_where_they_stand() {
    let text =
        "includedir /etc/krb5.conf.d/\n[libdefaults]\ndefault_realm = LATE\nclockskew = 7\ninclude more\n";
    let mut asked = Vec::new();
    let conf = Krb5Conf::parse_with("krb5.conf", text, &mut |include| {
        asked.push(include.clone());
        Ok(match include {
            Include::Folder(_) => vec![file("[libdefaults]\ndefault_realm = EARLY")],
            Include::File(_) => vec![file("[libdefaults]\nclockskew = 9\nforwardable = n")],
        })
    })
    .unwrap();
    assert_eq!(asked, [Include::Folder("/etc/krb5.conf.d/".into()), Include::File("more".into())]);
    assert_eq!(conf.default_realm.as_deref(), Some("EARLY"));
    assert_eq!((conf.clock_skew, conf.forwardable), (Some(7), Some(false)));
    assert!(read(text).is_err());
    let mut count = 0;
    let endless = Krb5Conf::parse_with("a", "include a", &mut |_| {
        count += 1;
        Ok(vec![file("include a")])
    });
    assert!(matches!(endless, Err(KerberosError::Configuration { .. })) && count < 20);
    for (name, taken) in
        [("realm", true), ("10-a_b", true), ("a.conf", true), (".a.conf", false), ("a~", false), ("", false)]
    {
        assert_eq!(Include::takes(name), taken, "{name}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, wanted) in [
        ("a = b", 1),
        ("[libdefaults\n", 1),
        ("[realms]\nA = {\n kdc = b\n", 3),
        ("[realms]\n\n}\n", 3),
        ("[realms]\nA = {\n[libdefaults]\n", 3),
        ("[libdefaults]\nwhat is this\n", 2),
        ("[libdefaults]\n = b\n", 2),
    ] {
        match read(text) {
            Err(KerberosError::Configuration { line, .. }) => assert_eq!(line, wanted, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let deep = format!("[realms]\n{}", "a = {\n".repeat(20));
    assert!(read(&deep).is_err());
    assert!(read(&format!("# {}", "x".repeat(2 << 20))).is_err());
}

#[test]
fn values_in_every_form() {
    for (text, wanted) in [
        ("300", Some(300)),
        ("5m", Some(300)),
        ("1h30m", Some(5400)),
        ("1d 2h", Some(93_600)),
        ("0:05", Some(300)),
        ("0:05:01", Some(301)),
        ("5x", None),
        ("m", None),
        ("5m3", None),
        ("99999999999999999999d", None),
        ("9999999999999999999d", None),
        ("1:2:3:4", None),
    ] {
        assert_eq!(value::seconds(text), wanted, "{text}");
    }
    assert_eq!(value::etypes("DEFAULT -rc4").unwrap(), EncryptionType::STRONG);
    assert_eq!(value::etypes("aes -aes128-sha2 -aes256-sha2").unwrap().len(), 2);
    for (text, wanted) in [("On", Some(true)), ("nil", Some(false)), ("maybe", None)] {
        assert_eq!(value::boolean(text), wanted, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(lines in proptest::collection::vec(
        prop_oneof![
            Just("[realms]".to_owned()), Just("A = {".to_owned()), Just("}".to_owned()), Just("include x".to_owned()),
            Just("[libdefaults]".to_owned()), Just("A =".to_owned()), Just("{".to_owned()), any::<String>(),
            "[a-z_]{1,8} ?= ?\"?[ -~]{0,12}\"?",
        ], 0..30)) {
        let _ = read(&lines.join("\n"));
    }
}
