//! The program on Linux with a keytab, against a lab that takes the tickets of a real KDC.

use std::process::{Command, Output};

use serde_json::Value as Json;

use crate::kdc::{Kdc, Options, can_fake_time};
use crate::log::log_entries;
use crate::say;
use crate::their_client::{Lab, json_lines, port, start_lab};

const REALM: &str = "CONTOSO.COM";
const USER: &str = "svc-idm";
const SERVICE: &str = "HTTP/localhost";

/// A realm, a lab, a keytab of the account, and a flow of one change.
struct Bench {
    folder: tempfile::TempDir,
    kdc: Kdc,
    given: Json,
    _lab: Lab,
}

impl Bench {
    fn new(options: &Options) -> Option<Self> {
        let kdc = Kdc::with(&[REALM], options)?;
        kdc.add_user(USER, "Not-in-any-file-1!", "");
        let keytab = kdc.add_service(SERVICE);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        kdc.admin(REALM, &[&format!("ktadd -norandkey -k {} {USER}", path("svc-idm.keytab").display())]);
        let (lab, given) = start_lab(|command| {
            command.arg("--keytab").arg(keytab).arg("--log").arg(path("lab.log"));
        });
        std::fs::write(path("krb5.conf"), "[libdefaults]\n dns_lookup_kdc = false\n").unwrap();
        std::fs::write(path("flow.csv"), "Identity,CustomAttribute1\nAdministrator,by ticket\n").unwrap();
        Some(Self { folder, kdc, given, _lab: lab })
    }

    /// Applies the flow; `keys` are further lines about Kerberos.
    fn apply(&self, host: &str, keys: &str) -> Output {
        let text = format!(
            "[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"http://{host}:{}/PowerShell/\"\n\
             authentication = \"kerberos\"\nusername = \"{USER}@{REALM}\"\ncreate_method = \"enable\"\n\
             [connections.it.kerberos]\nkeytab = \"svc-idm.keytab\"\nkdc = [\"{}\"]\nrealm = \"{REALM}\"\n{keys}\n",
            port(&self.given["http"]),
            self.kdc.address(),
        );
        let path = |name: &str| self.folder.path().join(name);
        std::fs::write(path("mailwright.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwright"));
        command.current_dir(self.folder.path()).env("KRB5_CONFIG", path("krb5.conf"));
        command.env("XDG_STATE_HOME", path("state"));
        command.args(["apply", "flow.csv", "--output", "jsonl"]).output().unwrap()
    }

    fn log(&self) -> Vec<Json> {
        log_entries(&self.folder.path().join("lab.log"))
    }
}

/// The message of a run that ended with this exit code and has these words in it.
#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in\n{said}");
    }
    assert!(said.contains("hint: "), "{said}");
    said
}

#[test]
fn s13_linux_with_a_keytab() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    let output = bench.apply("localhost", "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let results = json_lines(&String::from_utf8_lossy(&output.stdout));
    assert!(["created", "updated"].contains(&results[0]["action"].as_str().unwrap()), "{results:?}");
    // Every body was sealed by the ticket's key, over http.
    let log = bench.log();
    let exchanges: Vec<&Json> =
        log.iter().map(|line| &line["http"]).filter(|it| it["request_bytes"].as_u64() > Some(0)).collect();
    assert!(exchanges.len() > 3, "{log:?}");
    for exchange in exchanges {
        assert_eq!(exchange["sealed"], true, "{exchange}");
    }
    let writes = || bench.log().iter().filter(|line| line["cmdlet"]["wrote"] == true).count();
    let wrote = writes();
    assert!(wrote > 0);

    // Each mistake has an error of its own, before anything is tried.
    let mut errors = vec![
        refused(
            &bench.apply("localhost", "spn = \"HTTP/mail.contoso.com\""),
            3,
            &["HTTP/mail.contoso.com", "setspn"],
        ),
        refused(&bench.apply("127.0.0.1", ""), 2, &["Kerberos", "IP address"]),
    ];
    if can_fake_time() {
        let Some(late) = Bench::new(&Options { ahead: Some(900), ..Options::default() }) else { return };
        errors.push(refused(&late.apply("localhost", ""), 3, &["clock", "NTP"]));
        assert!(late.log().iter().all(|line| line["cmdlet"]["wrote"] != true));
    } else {
        say("SKIPPED: no test with another clock in the KDC: install faketime");
    }
    errors.sort();
    errors.dedup();
    assert!(errors.len() >= 2 + usize::from(can_fake_time()), "{errors:#?}");
    assert_eq!(writes(), wrote, "nothing more was written");
}
