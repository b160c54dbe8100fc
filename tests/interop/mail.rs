//! Mail through aiosmtpd: STARTTLS and TLS with a sign-in, and what must not go there.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

use crate::python::{interpreter, script};

const USER: &str = "mailwright";
const PASSWORD: &str = "Canary-7c1f!mail";

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u64,
}

impl Server {
    fn start(python: &Path, folder: &Path, mode: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("mail.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("mail.key"), made.signing_key.serialize_pem()).unwrap();
        let mut child = Command::new(python)
            .arg(script("mail_server.py"))
            .arg(mode)
            .args([folder.join("mail.pem"), folder.join("mail.key")])
            .args([USER, PASSWORD])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let given: Json = serde_json::from_str(&line).unwrap();
        Self { port: given["port"].as_u64().unwrap(), child, lines }
    }

    /// The next mail that it has taken.
    fn mail(&mut self) -> Json {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Ends it; the mails that it has taken and nobody has looked at.
    fn rest(&mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.by_ref().lines().map(Result::unwrap).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Applies a row that fails, on the embedded Exchange, and returns what was said; `keys` are lines of `[mail]`.
fn apply(folder: &Path, port: u64, keys: &str) -> String {
    let text = format!(
        "[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"http://ex01/PowerShell/\"\nusername = \"u\"\n\
         password = \"env:PW\"\n[mail]\nto = [\"a@x.org\"]\nfrom = \"mailwright@contoso.com\"\nserver = \"localhost\"\n\
         port = {port}\n{keys}\n"
    );
    std::fs::write(folder.join("it.toml"), text).unwrap();
    std::fs::write(folder.join("flow.csv"), "Identity,Operation,CustomAttribute1\nnobody-ü,update,x\n")
        .unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(folder)
        .env("MAIL_PASSWORD", PASSWORD)
        .env("WRONG_PASSWORD", "Canary-7c1f!wrong")
        .args(["apply", "flow.csv", "-c", "it.toml", "--lab"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("Canary"), "{said}");
    said
}

fn sign_in(password: &str) -> String {
    format!("username = \"{USER}\"\npassword = \"env:{password}\"\nca_file = \"mail.pem\"\n")
}

#[test]
fn mail_goes_over_starttls_and_tls_with_a_sign_in() {
    let Some(python) = interpreter() else { return };
    for mode in ["starttls", "tls"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(python, folder.path(), mode);
        let said = apply(
            folder.path(),
            server.port,
            &format!("security = \"{mode}\"\n{}", sign_in("MAIL_PASSWORD")),
        );
        assert!(said.contains("told by mail: a@x.org"), "{mode}: {said}");
        let mail = server.mail();
        assert_eq!((&mail["tls"], &mail["user"]), (&true.into(), &USER.into()), "{mode}");
        assert_eq!((&mail["from"], &mail["to"][0]), (&"mailwright@contoso.com".into(), &"a@x.org".into()));
        let data = mail["data"].as_str().unwrap();
        assert!(data.contains("Subject: mailwright: 1 of 1 changes failed: flow.csv on it"), "{data}");
        assert!(data.contains("nobody-=C3=BC (flow.csv:2)") && !data.contains("Canary"), "{data}");
    }
}

#[test]
fn no_mail_goes_where_the_server_cannot_be_trusted() {
    let Some(python) = interpreter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let refused = |mode: &str, keys: &str, wanted: &str| {
        let mut server = Server::start(python, folder.path(), mode);
        let said = apply(folder.path(), server.port, keys);
        assert!(said.contains("were not told") && said.contains(wanted), "{mode} {keys}: {said}");
        assert_eq!(server.rest(), Vec::<String>::new(), "{mode} {keys}");
    };
    // A server, or somebody on the way, that does not offer STARTTLS: nothing goes in clear.
    refused("plain", "ca_file = \"mail.pem\"", "STARTTLS");
    // A certificate that nobody vouches for.
    refused("starttls", "", "certificate");
    refused("tls", "security = \"tls\"", "certificate");
    // A wrong password.
    refused("starttls", &sign_in("WRONG_PASSWORD"), "535");
}
