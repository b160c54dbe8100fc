//! `mailwright doctor` where there is a KDC: each thing that can be wrong with it, one at a time.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value as Json;
use wsman::auth::kerberos::{self, Keytab};
use wsman::auth::ntlm::ServerNames;
use wsman::auth::{AccountStore, Mechanism, Scheme, Secret, UserName};
use wsman::psrp::{Outcome, Record};
use wsman::server::{Endpoint, PipelineRequest, Refusal, Runspace, Server, ServerConfig, Service, ShellInfo};

use crate::kdc::{Kdc, Options, can_fake_time, free_port};
use crate::log::log_entries;
use crate::say;
use crate::their_client::{Lab, json_lines, port, start_lab};

const REALM: &str = "CONTOSO.COM";
const USER: &str = "svc-idm";
/// That of the lab's directory: NTLM takes it too.
const PASSWORD: &str = "Lab-Passw0rd!";
const SERVICE: &str = "HTTP/localhost";
const INSIDE: [&str; 5] = ["resource URI", "language mode", "cmdlets", "parameters", "concurrency"];

/// A realm, a lab that takes its tickets, and a connection file.
struct Bench {
    folder: tempfile::TempDir,
    kdc: Kdc,
    given: Json,
    _lab: Lab,
}

impl Bench {
    fn new(options: &Options) -> Option<Self> {
        let kdc = Kdc::with(&[REALM], options)?;
        kdc.add_user(USER, PASSWORD, "");
        let keytab = kdc.add_service(SERVICE);
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("lab.log");
        let (lab, given) = start_lab(|command| {
            command.arg("--keytab").arg(keytab).arg("--log").arg(log);
        });
        Some(Self { folder, kdc, given, _lab: lab })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What doctor says of a connection with this sign-in, as this account.
    fn doctor(&self, authentication: &str, changes: &[(&str, &str)]) -> Examined {
        let mut text = format!(
            "[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"http://localhost:{}/PowerShell/\"\n\
             authentication = \"{authentication}\"\nusername = \"{USER}@{REALM}\"\npassword = \"file:secret\"\n\
             [connections.it.kerberos]\nkdc = [\"{}\"]\nrealm = \"{REALM}\"\n",
            port(&self.given["http"]),
            self.kdc.address(),
        );
        let mut password = PASSWORD;
        for (from, to) in changes {
            match *from {
                "password" => password = to,
                _ => {
                    assert!(text.contains(from), "{text}");
                    text = text.replace(from, to);
                }
            }
        }
        std::fs::write(self.path("mailwright.toml"), text).unwrap();
        std::fs::write(self.path("secret"), password).unwrap();
        std::fs::write(self.path("krb5.conf"), "[libdefaults]\n dns_lookup_kdc = false\n").unwrap();
        let private = Command::new("chmod").arg("600").arg(self.path("secret")).status().unwrap();
        assert!(private.success());
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwright"));
        command.current_dir(self.folder.path()).env("KRB5_CONFIG", self.path("krb5.conf"));
        let output = command.args(["doctor", "--output", "jsonl"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains(password), "{said}");
        Examined { code: output.status.code(), checks: json_lines(&said) }
    }
}

/// Whatever was broken, nothing was written.
impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for line in log_entries(&self.path("lab.log")) {
            let Some(entry) = line.get("cmdlet") else { continue };
            let cmdlet = entry["cmdlet"].as_str().unwrap();
            assert!(cmdlet.starts_with("Get-") || cmdlet == "(script)", "{entry}");
            assert_eq!(entry["wrote"], false, "{entry}");
        }
    }
}

#[derive(Debug)]
struct Examined {
    code: Option<i32>,
    checks: Vec<Json>,
}

impl Examined {
    fn with(&self, status: &str) -> Vec<&str> {
        let those = self.checks.iter().filter(|check| check["status"] == status);
        those.map(|check| check["check"].as_str().unwrap()).collect()
    }

    #[track_caller]
    fn says(&self, name: &str, key: &str, words: &str) {
        let check = self.checks.iter().find(|check| check["check"] == name);
        let check = check.unwrap_or_else(|| panic!("no {name}: {self:#?}"));
        assert!(check[key].as_str().is_some_and(|text| text.contains(words)), "{key} `{words}`: {self:#?}");
    }

    /// Exactly this line failed, with these words in detail and cure; what could not be checked is named.
    #[track_caller]
    fn only(&self, code: i32, name: &str, detail: &str, hint: &str, unknown: &[&str]) {
        assert_eq!(self.with("failed"), [name], "{self:#?}");
        self.says(name, "detail", detail);
        self.says(name, "hint", hint);
        assert_eq!(self.with("could not check"), unknown, "{self:#?}");
        assert_eq!(self.code, Some(code), "{self:#?}");
    }
}

fn behind<'a>(first: &[&'a str]) -> Vec<&'a str> {
    first.iter().copied().chain(INSIDE).collect()
}

#[test]
fn a_healthy_realm_is_ok_in_every_line() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    for authentication in ["kerberos", "negotiate", "credssp"] {
        let examined = bench.doctor(authentication, &[]);
        let names: Vec<&str> = examined.checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
        let way = ["DNS", "port", "HTTP", "schemes offered", "SPN", "clock", "ticket", "sign-in"];
        assert_eq!(names, way.into_iter().chain(INSIDE).collect::<Vec<_>>());
        assert_eq!(examined.with("ok"), names, "{examined:#?}");
        assert_eq!(examined.code, Some(0));
        examined.says("SPN", "detail", "HTTP/localhost@CONTOSO.COM");
        examined.says("clock", "detail", "the KDC's clock is ");
        examined.says("ticket", "detail", "aes256-cts-hmac-sha1-96");
        examined.says("sign-in", "detail", "(Kerberos)");
    }
}

#[test]
fn a_service_that_the_kdc_does_not_know() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    let other = [("realm =", "spn = \"HTTP/mail.contoso.com\"\nrealm =")];
    let examined = bench.doctor("kerberos", &other);
    examined.only(3, "SPN", "HTTP/mail.contoso.com", "setspn", &behind(&["ticket", "sign-in"]));
    // With NTLM to fall back to it is no obstacle, and said all the same.
    let examined = bench.doctor("negotiate", &other);
    examined.only(1, "SPN", "HTTP/mail.contoso.com", "setspn", &["ticket"]);
    examined.says("sign-in", "detail", "not Kerberos: the KDC of CONTOSO.COM does not know the service");
}

#[test]
fn an_account_that_the_kdc_does_not_let_in() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    bench.kdc.add_user("stale", "stale-1!", "-pwexpire yesterday");
    bench.kdc.add_user("locked", "locked-1!", "-allow_tix");
    let unknown = behind(&["SPN", "ticket"]);
    let user = |name: &str| format!("\"{name}@{REALM}\"");
    let own = user(USER);
    for authentication in ["kerberos", "negotiate"] {
        let examined = bench.doctor(authentication, &[("password", "Canary-wrong-1")]);
        examined.only(3, "sign-in", "wrong password", "check the password", &unknown);
        let stale = user("stale");
        let examined = bench.doctor(authentication, &[(&own, &stale), ("password", "stale-1!")]);
        examined.only(3, "sign-in", "has expired", "change the password", &unknown);
        let locked = user("locked");
        let examined = bench.doctor(authentication, &[(&own, &locked), ("password", "locked-1!")]);
        examined.only(3, "sign-in", "the account `locked@CONTOSO.COM` is", "unlock", &unknown);
    }
    // Each wrong password was tried once.
    assert_eq!(bench.kdc.logged(&["AS_REQ", "PREAUTH_FAILED"]), 2, "{}", bench.kdc.log());
    let nobody = user("nobody");
    let examined = bench.doctor("kerberos", &[(&own, &nobody)]);
    examined.only(3, "sign-in", "does not know the account", "check account and realm", &unknown);
}

#[test]
fn an_account_without_a_key_that_is_taken() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    bench.kdc.add_user("rc4", "rc4-1!aB", "-e arcfour-hmac:normal");
    let own = format!("\"{USER}@");
    let examined = bench.doctor("kerberos", &[(&own, "\"rc4@"), ("password", "rc4-1!aB")]);
    examined.only(3, "ticket", "no encryption type in common", "AES keys", &behind(&["SPN", "sign-in"]));
}

#[test]
fn clocks_of_the_kdc_and_the_server_that_differ() {
    if !can_fake_time() {
        return say("SKIPPED: no test with another clock in the KDC: install faketime");
    }
    let Some(bench) = Bench::new(&Options { ahead: Some(900), ..Options::default() }) else { return };
    let examined = bench.doctor("kerberos", &[]);
    examined.only(3, "clock", "the KDC's clock is ", "NTP", &behind(&["sign-in"]));
}

#[test]
fn a_kdc_that_does_not_answer_or_is_not_known() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    let (own, dead) = (bench.kdc.address(), format!("127.0.0.1:{}", free_port()));
    let examined = bench.doctor("kerberos", &[(&own, &dead)]);
    examined.only(3, "SPN", "can be reached", "port 88", &behind(&["ticket", "sign-in"]));
    let line = format!("kdc = [\"{own}\"]\n");
    for change in [(own.as_str(), dead.as_str()), (line.as_str(), "")] {
        let examined = bench.doctor("negotiate", &[change]);
        assert_eq!(examined.with("could not check"), ["SPN", "ticket"], "{examined:#?}");
        assert_eq!((examined.with("failed").len(), examined.code), (0, Some(0)), "{examined:#?}");
        examined.says("SPN", "detail", "the sign-in is by NTLM");
        examined.says("sign-in", "detail", "(NTLM)");
    }
}

#[test]
fn a_service_whose_key_has_changed() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    bench.kdc.admin(REALM, &[&format!("cpw -randkey {SERVICE}")]);
    let examined = bench.doctor("kerberos", &[]);
    examined.only(3, "sign-in", "cannot decrypt the ticket", "which account holds the SPN", &INSIDE);
}

/// A restricted endpoint with a virtual account, as it was reported: Kerberos is refused, NTLM goes.
struct Restricted;

impl Service for Restricted {
    fn accounts(&self) -> Arc<dyn AccountStore + Send + Sync> {
        struct Accounts;
        impl AccountStore for Accounts {
            fn secret(&self, user: &UserName) -> Option<Secret> {
                (user.user.split('@').next() == Some(USER)).then(|| Secret::password(PASSWORD))
            }
        }
        Arc::new(Accounts)
    }

    fn open(&self, shell: ShellInfo) -> Result<Box<dyn Runspace>, Refusal> {
        struct Empty;
        impl Runspace for Empty {
            fn run(&mut self, _: PipelineRequest, _: &mut dyn FnMut(Record)) -> Outcome {
                Outcome::Failed(None)
            }
        }
        match shell.mechanism {
            Some(Mechanism::Kerberos) => Err(Refusal { code: 5, message: "Access is denied.".into() }),
            _ => Ok(Box::new(Empty)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f19_a_restricted_endpoint_that_refuses_kerberos() {
    let Some(bench) = Bench::new(&Options::default()) else { return };
    let keytab = bench.path("restricted.keytab");
    bench.kdc.admin(REALM, &[&format!("ktadd -norandkey -k {} {SERVICE}", keytab.display())]);
    let keytab = Keytab::parse(&std::fs::read(keytab).unwrap()).unwrap();
    let names = ServerNames {
        netbios_computer: "EX01".into(),
        netbios_domain: "CONTOSO".into(),
        dns_computer: "ex01.contoso.com".into(),
        dns_domain: "contoso.com".into(),
    };
    let endpoint = Endpoint {
        path: "/wsman".into(),
        resource_uris: vec!["http://schemas.microsoft.com/powershell/Microsoft.PowerShell".into()],
    };
    let config = ServerConfig {
        schemes: vec![Scheme::Negotiate, Scheme::Kerberos],
        kerberos: Some(Arc::new(kerberos::Service::from_keytab(&keytab))),
        ..ServerConfig::loopback(vec![endpoint], names)
    };
    let server = Server::start(config, Arc::new(Restricted)).await.unwrap();
    let own = format!("localhost:{}/PowerShell/", port(&bench.given["http"]));
    let there = format!("{}/wsman", server.url(false).unwrap().replace("127.0.0.1", "localhost"));
    let there = there.trim_start_matches("http://");
    let examined = bench.doctor("kerberos", &[(&own, there)]);
    let unknown = ["language mode", "Exchange loaded", "cmdlets", "parameters", "concurrency"];
    examined.only(1, "resource URI", "Access is denied", "authentication = \"ntlm\"", &unknown);
    let examined = bench.doctor("ntlm", &[(&own, there)]);
    assert!(examined.with("ok").contains(&"resource URI"), "{examined:#?}");
    server.shutdown().await;
}
