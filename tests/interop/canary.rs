//! Kerberos by password, keytab and ticket cache: neither the password nor a key shows up in anything that is said or
//! written.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use wsman::auth::kerberos::{CredentialCache, Keytab};
use wsman::auth::{Credentials, Secret, UserName};

use crate::hunt::Hunt;
use crate::kdc::{Kdc, Options};
use crate::their_client::{port, start_lab};

const REALM: &str = "CONTOSO.COM";
const USER: &str = "svc-idm";
const PASSWORD: &str = "Canary-4b8d!Realm";
const NEW_USER: &str = "Canary-7c1f!pw";
/// What holds the secrets on purpose.
const OURS: [&str; 3] = ["flow.csv", "secret", "new-user"];

struct Bench {
    folder: tempfile::TempDir,
    kdc: Kdc,
    said: Vec<u8>,
}

impl Bench {
    fn run(&mut self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwright"));
        command.current_dir(self.folder.path()).args(arguments);
        let output = self.kdc.environment(&mut command).output().unwrap();
        self.said.extend([output.stdout.as_slice(), &output.stderr].concat());
        output
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert!(Command::new("chmod").arg("600").arg(path).status().unwrap().success());
    }
}

/// Every key that the account has, and that it was given with its tickets. `Debug` of what holds them shows none.
fn hunt(keytab: &Path, cache: &Path) -> Hunt {
    let mut hunt = Hunt::default().text("the password", PASSWORD).text("the new user's password", NEW_USER);
    let keytab = Keytab::parse(&std::fs::read(keytab).unwrap()).unwrap();
    assert!(!keytab.entries().is_empty());
    for entry in keytab.entries() {
        hunt = hunt.key("a key of the keytab", entry.key.expose_bytes());
    }
    let cache = CredentialCache::parse(&std::fs::read(cache).unwrap()).unwrap();
    assert_eq!(cache.tickets().len(), 2, "for the KDC and for the service");
    for ticket in cache.tickets() {
        hunt = hunt.key("a session key", ticket.key.expose_bytes()).key("a ticket", &ticket.ticket);
    }
    hunt.search("Debug", format!("{keytab:?} {:?}", cache.tickets()).as_bytes());
    let secrets = [Secret::Keytab(Arc::new(keytab)), Secret::TicketCache(Arc::new(cache))];
    let credentials = secrets.map(|secret| Credentials { user: UserName::parse(USER), secret });
    hunt.search("Debug", format!("{credentials:?}").as_bytes());
    hunt
}

#[test]
fn kerberos_lets_neither_password_nor_key_out() {
    let Some(kdc) = Kdc::with(&[REALM], &Options::default()) else { return };
    kdc.add_user(USER, PASSWORD, "");
    let service = kdc.add_service("HTTP/localhost");
    let keytab = kdc.file("account.keytab");
    // The keys stay those of the password.
    kdc.admin(REALM, &[&format!("ktadd -norandkey -k {} {USER}", keytab.display())]);
    let cache = kdc.kinit(USER, PASSWORD, &[]);
    let with_service = kdc.tool("kvno").arg("-c").arg(&cache).arg("HTTP/localhost").output().unwrap();
    assert!(with_service.status.success(), "{with_service:?}");
    let hunt = hunt(&keytab, &cache);
    let mut bench = Bench { folder: tempfile::tempdir().unwrap(), kdc, said: Vec::new() };
    let log = bench.folder.path().join("lab.log");
    let (lab, given) = start_lab(|command| {
        command.arg("--keytab").arg(&service).arg("--log").arg(&log);
    });
    bench.write("secret", PASSWORD);
    bench.write("new-user", NEW_USER);
    for (name, proof, table) in [
        ("password", "password = \"file:secret\"", String::new()),
        ("wrong", "password = \"file:new-user\"", String::new()),
        ("keytab", "", format!("keytab = \"{}\"", keytab.display())),
        ("cache", "", format!("ticket_cache = \"{}\"", cache.display())),
    ] {
        bench.write(
            "mailwright.toml",
            &format!(
                "[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"http://localhost:{}/PowerShell/\"\n\
                 authentication = \"kerberos\"\nusername = \"{USER}@{REALM}\"\n{proof}\ncreate_method = \"new\"\n\
                 [connections.it.kerberos]\nkdc = [\"{}\"]\nrealm = \"{REALM}\"\n{table}\n",
                port(&given["http"]),
                bench.kdc.address(),
            ),
        );
        bench.write(
            "flow.csv",
            &format!(
                "ChangeId,Identity,Name,UserPrincipalName,_param_password,_param_OrganizationalUnit\n\
                 {name},{name}@contoso.com,{name},{name}@contoso.com,{NEW_USER},contoso.com/Staff\n"
            ),
        );
        let trace = format!("trace-{name}");
        let options = ["-v", "--journal", "journal.db", "--trace", &trace];
        let is_right = name != "wrong";
        for (arguments, code) in [
            (&["plan", "flow.csv", "--out", "plan.json"][..], 0),
            (&["apply", "flow.csv", "--output", "jsonl"], 0),
            (&["doctor"], 0),
            (&["doctor", "--output", "json"], 0),
        ] {
            let ran = bench.run(&[arguments, &options].concat());
            let code = if is_right { code } else { 3 };
            let said = String::from_utf8_lossy(&bench.said);
            assert_eq!(ran.status.code(), Some(code), "{name} {arguments:?}: {said}");
        }
        let traced = hunt.search_below(&bench.folder.path().join(&trace), &[]);
        let traced: String = traced.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        let expected: &[&str] = match is_right {
            true => &["signed in: Kerberos", "SPNEGO NegTokenInit of ", "<S N=\"Cmd\">New-Mailbox</S>"],
            false => &["the sign-in failed: "],
        };
        for shown in expected {
            assert!(traced.contains(shown), "{name}: `{shown}` is not in the trace:\n{traced}");
        }
    }
    drop(lab);
    hunt.search("the output", &bench.said);
    let searched = hunt.search_below(bench.folder.path(), &OURS);
    for wanted in ["lab.log", "journal.db", "plan.json"] {
        assert!(searched.iter().any(|path| path.ends_with(wanted)), "{wanted}: {searched:?}");
    }
}
