//! The matrix: every sign-in over every transport, our client against a third-party server (pyspnego, MIT GSSAPI below
//! it) and pypsrp against our lab; each cell opens a runspace pool and runs a cmdlet with a SecureString.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value as Json, json};
use wsman::auth::{Credentials, Mechanism};
use wsman::client::{
    Authentication, ConnectionConfig, Kerberos, KerberosSettings, PoolOptions, RunspacePool,
};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome};

use crate::kdc::{Kdc, Options};
use crate::log::log_entries;
use crate::peer::Peer;
use crate::their_client::{json_lines, port, start_lab};
use crate::{python, say};

const REALM: &str = "CONTOSO.COM";
const USER: &str = "svc-idm";
const PASSWORD: &str = "Lab-Passw0rd!";
const SECRET: &str = "S\u{e4}cret \u{1F511} of the cell";

/// A row of the matrix; the mechanism is `None` where the proof goes along with each request.
const ROWS: [(&str, Authentication, Option<Mechanism>); 8] = [
    ("Basic", Authentication::Basic, None),
    ("NTLM", Authentication::Ntlm, Some(Mechanism::Ntlm)),
    ("Negotiate→NTLM", Authentication::Negotiate, Some(Mechanism::Ntlm)),
    ("Negotiate→Kerberos", Authentication::Negotiate, Some(Mechanism::Kerberos)),
    ("Kerberos", Authentication::Kerberos, Some(Mechanism::Kerberos)),
    ("CredSSP(NTLM)", Authentication::CredSsp, Some(Mechanism::Ntlm)),
    ("CredSSP(Kerberos)", Authentication::CredSsp, Some(Mechanism::Kerberos)),
    ("certificate", Authentication::Certificate, None),
];

/// What protects nothing by itself is not for http.
fn is_allowed(authentication: Authentication, tls: bool) -> bool {
    tls || !matches!(authentication, Authentication::Basic | Authentication::Certificate)
}

fn transport(tls: bool) -> &'static str {
    if tls { "https" } else { "http sealed" }
}

/// A realm with the lab's account and the service, and the service's keytab.
fn realm() -> Option<(Kdc, std::path::PathBuf)> {
    let kdc = Kdc::with(&[REALM], &Options::default())?;
    kdc.add_user(USER, PASSWORD, "");
    let keytab = kdc.add_service("HTTP/localhost");
    Some((kdc, keytab))
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_against_pyspnego_and_mit_gssapi() {
    let (Some(interpreter), Some((kdc, keytab))) = (python::interpreter(), realm()) else { return };
    let mut lines = String::new();
    let mut failed = 0;
    for (name, authentication, mechanism) in ROWS {
        for tls in [false, true] {
            let result = if is_allowed(authentication, tls) {
                // For Kerberos under its own scheme nothing else is offered, as at Exchange's own endpoint.
                let schemes = match authentication {
                    Authentication::Kerberos => "kerberos",
                    Authentication::CredSsp => "credssp",
                    Authentication::Basic => "basic",
                    _ => "negotiate,ntlm",
                };
                let peer = Peer::start_with(interpreter, &["--schemes", schemes], |command| {
                    kdc.environment(command).env("KRB5_KTNAME", &keytab);
                });
                let mut config = peer.config(tls, authentication);
                if mechanism == Some(Mechanism::Kerberos) {
                    config.credentials = Credentials::new(&format!("{USER}@{REALM}"), PASSWORD);
                    config.kerberos = Kerberos::new(KerberosSettings {
                        kdc: vec![kdc.address()],
                        realm: Some(REALM.into()),
                        ..KerberosSettings::default()
                    });
                }
                if authentication == Authentication::Certificate {
                    config = peer.certificate_config();
                }
                cell(config, mechanism).await.and_then(|()| understood(peer, authentication, mechanism))
            } else {
                refused_in_clear(authentication).await
            };
            failed += usize::from(result.is_err());
            let result = result.map_or_else(|why| format!("FAIL: {why}"), str::to_owned);
            let _ = writeln!(lines, "matrix: our client → third party, {name}, {}: {result}", transport(tls));
        }
    }
    say(lines.trim_end());
    assert_eq!(failed, 0, "{lines}");
}

/// Opens a pool and runs a cmdlet with a SecureString.
async fn cell(config: ConnectionConfig, mechanism: Option<Mechanism>) -> Result<(), String> {
    let text = |error: wsman::client::Error| error.to_string();
    let pool = RunspacePool::open(config, PoolOptions::default()).await.map_err(text)?;
    let found = pool.signed_in();
    if found.mechanism != mechanism {
        return Err(format!("signed in as {found:?}"));
    }
    let long = "\u{e4}".repeat(20_000);
    let command = Command::new("New-Mailbox")
        .parameter("Name", Value::from(long.as_str()))
        .parameter("Password", Value::secure(SECRET));
    let made = pool.pipeline().command(command).run().await.map_err(text)?.collect().await.map_err(text)?;
    if made.outcome != Some(Outcome::Completed) || made.output.len() != 1 {
        return Err(format!("{:?} {:?}", made.outcome, made.errors));
    }
    pool.close().await.map_err(text)
}

/// What the other side says that it saw.
fn understood(
    peer: Peer,
    authentication: Authentication,
    mechanism: Option<Mechanism>,
) -> Result<&'static str, String> {
    let log = peer.finish();
    log.is_clean();
    let secret = &log.parameters("New-Mailbox")["Password"];
    if secret != &json!({"type": "PSSecureString", "value": SECRET}) {
        return Err(format!("the secret arrived as {secret}"));
    }
    let expected = match (authentication, mechanism) {
        (Authentication::Basic, _) => "basic",
        (Authentication::Certificate, _) => "certificate",
        (_, Some(Mechanism::Kerberos)) => "kerberos",
        _ => "ntlm",
    };
    if log.count("mechanism", expected) == 0 || log.count("mechanism", expected) != log.having("mechanism") {
        return Err(format!("the server saw {log:?}"));
    }
    Ok("pass")
}

/// Nothing may be sent where the mechanism protects nothing.
async fn refused_in_clear(authentication: Authentication) -> Result<&'static str, String> {
    let mut config = ConnectionConfig::new("http://localhost:1/PowerShell/", Credentials::new("u", "p"));
    config.authentication = authentication;
    match RunspacePool::open(config, PoolOptions::default()).await {
        Err(wsman::client::Error::Configuration(_)) => Ok("not allowed, refused before anything is sent"),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn pypsrp_against_our_lab() {
    let (Some(interpreter), Some((kdc, keytab))) = (python::interpreter(), realm()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut run = std::process::Command::new(interpreter);
    run.arg(python::script("matrix_client.py")).arg("--certificates").arg(folder.path());
    assert!(run.arg(format!("{USER}@contoso.com")).status().unwrap().success());
    let file = |name: &str| folder.path().join(name);
    let log = file("log");
    let (lab, given) = start_lab(|command| {
        command.arg("--log").arg(&log).arg("--keytab").arg(&keytab);
        command.arg("--client-ca").arg(file("ca.pem"));
    });
    let input = json!({
        "http": port(&given["http"]),
        "https": port(&given["https"]),
        "ca_file": given["ca_file"],
        "user": given["user"],
        "password": given["password"],
        "kerberos_user": format!("{USER}@{REALM}"),
        "certificate": file("client.pem"),
        "key": file("client.key"),
        "domain": "contoso.com",
    });
    let mut command = std::process::Command::new(interpreter);
    kdc.environment(&mut command).env("KRB5CCNAME", format!("FILE:{}", file("ccache").display()));
    command.arg(python::script("matrix_client.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = command.spawn().unwrap();
    writeln!(client.stdin.take().unwrap(), "{input}").unwrap();
    let output = client.wait_with_output().unwrap();
    let cells = json_lines(&String::from_utf8(output.stdout).unwrap());
    let mut lines = String::new();
    for cell in &cells {
        let text = |name: &str| cell[name].as_str().unwrap_or_default().to_owned();
        let (row, transport, result) = (text("row"), text("transport"), text("result"));
        let _ = writeln!(lines, "matrix: pypsrp → our lab, {row}, {transport}: {result} {}", text("error"));
    }
    say(lines.trim_end());
    drop(lab);
    let log = log_entries(&log);
    for cell in &cells {
        assert_eq!(cell["result"], "pass", "{}", cell["trace"].as_str().unwrap_or_default());
    }
    assert_eq!(cells.len(), 14, "two transports for eight rows, of which two are not for http");
    let is_made =
        |line: &&Json| line["cmdlet"]["cmdlet"] == "New-Mailbox" && line["cmdlet"]["outcome"] == "completed";
    assert_eq!(log.iter().filter(is_made).count(), 14);
}
