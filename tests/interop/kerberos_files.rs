//! Keytabs and ticket caches that MIT Kerberos writes and reads, and its keys, tickets and encryption under them.

use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::SecretString;
use wsman::auth::kerberos::asn1::{EncTicketPart, Message as _, Ticket};
use wsman::auth::kerberos::{
    ConfFile, CredentialCache, EncryptionType, Key, Keytab, KeytabEntry, Krb5Conf, Principal, usage,
};

use crate::kdc::{Kdc, Options, PASSWORD, USER};

const ETYPES: [EncryptionType; 5] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha2,
    EncryptionType::Aes256Sha2,
    EncryptionType::Rc4,
];

fn output(command: &mut Command, input: &str) -> String {
    use std::io::Write as _;
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{command:?}: {text:?}");
    text.concat()
}

fn keytab(path: &Path) -> Keytab {
    Keytab::parse(&std::fs::read(path).unwrap()).unwrap()
}

fn cache(path: &Path) -> CredentialCache {
    CredentialCache::parse(&std::fs::read(path).unwrap()).unwrap()
}

/// `ktutil` turns passwords into keys of each type, with the salt that MIT gives an account.
#[test]
fn passwords_become_the_keys_that_ktutil_writes() {
    let Some(kdc) = Kdc::start() else { return };
    for (place, password) in ["password", PASSWORD, "пароль 密码 🔑"].iter().enumerate() {
        let path = kdc.file(&format!("ktutil.{place}.keytab"));
        let lines: String = ETYPES
            .iter()
            .map(|etype| format!("addent -password -p {USER}@CONTOSO.TEST -k 300 -e {etype}\n{password}\n"))
            .collect();
        output(&mut kdc.tool("ktutil"), &format!("{lines}wkt {}\n", path.display()));
        let keytab = keytab(&path);
        assert_eq!(keytab.entries().len(), ETYPES.len());
        for KeytabEntry { principal, kvno, key, .. } in keytab.entries() {
            assert_eq!((principal.to_string(), *kvno), (format!("{USER}@CONTOSO.TEST"), 300));
            let salt = format!("CONTOSO.TEST{USER}");
            let ours = Key::from_password(key.etype(), &SecretString::from(*password), salt.as_bytes(), None)
                .unwrap();
            assert!(ours == *key, "{password} {}", key.etype());
        }
    }
}

/// Versions above 255, holes that `ktremove` leaves, several versions of one name.
#[test]
fn a_keytab_of_kadmin_with_holes_and_several_versions() {
    let Some(kdc) = Kdc::start() else { return };
    let name = "HTTP/ex01.contoso.test";
    let path = kdc.add_service(name);
    let add = format!("ktadd -k {} {name}", path.display());
    let remove = format!("ktremove -k {} {name} 3", path.display());
    kdc.admin(kdc.realm(), &[&add, &add, &remove, &format!("modprinc -kvno 299 {name}"), &add]);
    let keytab = keytab(&path);
    let service = Principal::service("http", "EX01.contoso.test", "");
    let mut versions: Vec<u32> = keytab.keys_of(&service).iter().map(|entry| entry.kvno).collect();
    versions.dedup();
    assert_eq!(versions, [300, 4, 2]);
    assert_eq!(keytab.etypes_of(&service), [EncryptionType::Aes128Sha1, EncryptionType::Aes256Sha1]);
    // What `klist` sees in it is what we see, and it reads ours the same.
    let ours = kdc.file("ours.keytab");
    std::fs::write(&ours, &*keytab.to_bytes()).unwrap();
    let listed = |path: &Path| -> Vec<String> {
        let text = output(kdc.tool("klist").args(["-K", "-e", "-k"]).arg(path), "");
        text.lines().filter(|line| line.contains('@')).map(str::to_owned).collect()
    };
    assert_eq!(listed(&ours), listed(&path));
    assert_eq!(listed(&ours).len(), keytab.entries().len());
}

/// A ticket in a cache of `kinit` opens with the key in a keytab of `kadmin`, and holds the session key of the cache.
#[test]
fn tickets_of_kinit_open_with_keys_of_kadmin() {
    for lines in ["", "ccache_type = 3"] {
        let Some(kdc) = Kdc::start() else { return };
        let conf = std::fs::read_to_string(kdc.krb5_conf()).unwrap();
        let conf = conf.replacen("[libdefaults]\n", &format!("[libdefaults]\n {lines}\n"), 1);
        std::fs::write(kdc.krb5_conf(), conf).unwrap();
        let services: Vec<_> = ETYPES
            .iter()
            .map(|etype| {
                let name = format!("HTTP/ex{}.contoso.test", etype.number());
                let path = kdc.file(&format!("{etype}.keytab"));
                let add = format!("addprinc -randkey -e {etype}:normal {name}");
                kdc.admin(kdc.realm(), &[&add, &format!("ktadd -norandkey -k {} {name}", path.display())]);
                (name, path, *etype)
            })
            .collect();
        let path = kdc.kinit(USER, PASSWORD, &["-r", "2h", "-f"]);
        for (name, ..) in &services {
            output(kdc.tool("kvno").arg("-c").arg(&path).arg(name), "");
        }
        let file = std::fs::read(&path).unwrap();
        assert_eq!(file[1], if lines.is_empty() { 4 } else { 3 });
        let cache = cache(&path);
        assert_eq!(cache.default_principal().to_string(), format!("{USER}@CONTOSO.TEST"));
        assert_eq!(cache.tickets().len(), services.len() + 1, "{cache:?}");
        let granting = cache.ticket_granting_ticket(0, 0).unwrap();
        assert!(granting.renew_till.unwrap() > granting.end_time - 36_000);
        for (name, keytab_path, etype) in services {
            let service = Principal::parse(&name).unwrap();
            let held = cache.ticket_for(&service, 0, 0).unwrap();
            let ticket = Ticket::from_message(&held.ticket).unwrap();
            assert_eq!(ticket.server.in_realm(&ticket.realm).to_string(), format!("{name}@CONTOSO.TEST"));
            let keytab = keytab(&keytab_path);
            let key = &keytab.key(&service, etype).unwrap().key;
            let part =
                EncTicketPart::from_message(&ticket.encrypted.open(key, usage::TICKET).unwrap()).unwrap();
            assert!(part.key.to_key().unwrap() == held.key, "{name}");
            assert_eq!(part.client.in_realm(&part.client_realm).parts, [USER]);
            assert_eq!(part.end_time.seconds(), held.end_time);
            assert_eq!(wsman::auth::kerberos::asn1::bits(&part.flags), held.flags.0);
        }
    }
}

/// What we write is a cache that `klist` and `kvno` work with.
#[test]
fn mit_reads_the_cache_that_we_write() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service("HTTP/ex01.contoso.test");
    let theirs = cache(&kdc.kinit(USER, PASSWORD, &[]));
    let path = kdc.file("ours.ccache");
    let cache = CredentialCache::new(theirs.default_principal().clone(), Some(1), theirs.tickets().to_vec());
    std::fs::write(&path, &*cache.to_bytes()).unwrap();
    output(kdc.tool("kvno").arg("-c").arg(&path).arg("HTTP/ex01.contoso.test"), "");
    let text = output(kdc.tool("klist").arg("-c").arg(&path), "");
    assert!(text.contains("HTTP/ex01.contoso.test@CONTOSO.TEST"), "{text}");
}

/// The file that points MIT's own tools at the realms points us there, too.
#[test]
fn the_krb5_conf_of_the_tools_is_read() {
    let Some(kdc) = Kdc::with(&["CONTOSO.TEST", "OTHER.TEST"], &Options::default()) else { return };
    let text = std::fs::read_to_string(kdc.krb5_conf()).unwrap();
    let conf = Krb5Conf::parse("krb5.conf", &text).unwrap();
    assert_eq!(conf.default_realm.as_deref(), Some("CONTOSO.TEST"));
    assert_eq!(conf.dns_lookup_kdc, Some(false));
    assert_eq!(conf.kdcs("OTHER.TEST"), [kdc.address_of("OTHER.TEST")]);
}

/// Messages and checksums of every type and of many lengths go both ways between MIT's library and ours.
#[test]
fn messages_and_checksums_agree_with_libk5crypto() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(python) = crate::python::interpreter() else { return };
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let bytes = |text: &str| -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let plain = |length: usize| -> Vec<u8> { (0..length).map(|at| (at * 7 + length) as u8).collect() };
    let lengths = [0, 1, 5, 15, 16, 17, 31, 32, 33, 47, 48, 64, 100, 1000];
    let usages = [1, 2, 3, 6, 7, 8, 9, 11, 12, 14, 22, 23, 24, 25];
    let mut lines = String::new();
    let mut expected = Vec::new();
    for etype in ETYPES {
        let key = Key::new(etype, plain(etype.key_length())).unwrap();
        for (length, usage) in lengths.into_iter().zip(usages) {
            let message = plain(length);
            let sealed = key.encrypt(usage, &message, &plain(etype.confounder_length())).unwrap();
            for (what, data) in [("decrypt", &sealed), ("encrypt", &message), ("checksum", &message)] {
                // RFC 4757 and MIT number it differently, and no checksum has this usage.
                if (what, etype, usage) == ("checksum", EncryptionType::Rc4, 9) {
                    continue;
                }
                let request = serde_json::json!({
                    "what": what, "etype": etype.number(), "type": etype.checksum_type(), "usage": usage,
                    "key": hex(key.expose_bytes()), "data": hex(data),
                });
                lines += &format!("{request}\n");
                expected.push((what, key.clone(), usage, message.clone()));
            }
        }
    }
    let mut command = Command::new(python);
    command.arg(crate::python::script("krb5_crypto.py"));
    let text = output(kdc.environment(&mut command), &lines);
    assert_eq!(text.lines().count(), expected.len(), "{text}");
    for (line, (what, key, usage, message)) in text.lines().zip(expected) {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        let about = format!("{what} {} {usage} {}: {line}", key.etype(), message.len());
        let theirs = bytes(answer["data"].as_str().unwrap_or_else(|| panic!("{about}")));
        match what {
            "decrypt" => assert_eq!(theirs, message, "{about}"),
            "encrypt" => {
                let opened = key.decrypt(usage, &theirs).unwrap_or_else(|error| panic!("{error}: {about}"));
                assert_eq!(*opened, message, "{about}");
            }
            _ => assert!(key.verify(usage, &message, &theirs), "{about}"),
        }
    }
}

/// Files that MIT's library and ours must read alike: repeated settings, braces, quotes, included files.
#[test]
fn krb5_conf_means_what_it_means_to_mit() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(python) = crate::python::interpreter() else { return };
    let more = kdc.file("more.conf");
    std::fs::write(
        &more,
        "[realms]\n A.TEST = {\n  kdc = three\n }\n[libdefaults]\n default_realm = C.TEST\n",
    )
    .unwrap();
    let included = format!("[libdefaults]\n clockskew = 7\ninclude {}\n", more.display());
    let texts = [
        "[libdefaults]\n default_realm = A.TEST\n default_realm = B.TEST\n[realms]\nA.TEST = {\n kdc = one\n kdc = two:88\n}\n\
         [domain_realm]\n .a.test = A.TEST\n a.test = ROOT.TEST\n x.a.test = X.TEST\n test = TOP.TEST\n",
        "# comment\n; another\n[realms]\n\tA.TEST =\n\t{\n\t\tkdc = one\n\t\tsub = {\n\t\t\tkdc = inner\n\t\t}\n\t}\n\
         [libdefaults]\ndefault_realm=\"A.TEST\"\n[realms]\nA.TEST = {\nkdc = two\n}\n[domain_realm]\n.test=A.TEST\n",
        &included,
        "[libdefaults]\n default_realm = \"A\\tB\\\\C\\\"D\"  \n[domain_realm]\n b.a.test = B.TEST\n[other]\n x = {\n y = z\n }*\n",
    ];
    let hosts = ["x.a.test", "y.a.test", "a.test", "b.a.test", "deep.b.a.test", "other.test", "none.example"];
    for text in texts {
        let file = kdc.file("compared.conf");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(python);
        let command = command
            .arg(crate::python::script("krb5_profile.py"))
            .arg(hosts.join(","))
            .arg("realms/A.TEST/kdc");
        let answer = output(command.env("KRB5_CONFIG", &file), "");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let read = Krb5Conf::parse_with("krb5.conf", text, &mut |_| {
            Ok(vec![ConfFile { name: "more".into(), text: std::fs::read_to_string(&more).unwrap() }])
        });
        let conf = read.unwrap();
        assert_eq!(conf.default_realm.as_deref(), answer["default_realm"].as_str(), "{text}");
        let kdcs: Vec<&str> = answer["values"]["realms/A.TEST/kdc"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|kdc| kdc.as_str())
            .collect();
        assert_eq!(conf.kdcs("A.TEST"), kdcs, "{text}");
        for host in hosts {
            let theirs = answer["hosts"][host].as_str().filter(|realm| !realm.is_empty());
            assert_eq!(conf.realm_of_host(host), theirs, "{host}: {text}");
        }
    }
}
