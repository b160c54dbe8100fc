//! pyspnego's CredSSP client against our acceptor, in every version.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};
use wsman::auth::credssp::{CredSspAcceptor, Identity, NtStatus};
use wsman::auth::ntlm::{NtlmAcceptor, ServerNames};
use wsman::auth::spnego::SpnegoAcceptor;
use wsman::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, Mechanism, Secret, SecurityContext, UserName,
};

use crate::{python, say};

const USER: &str = r"CONTOSO\anna";
const PASSWORD: &str = "P\u{e4}ssw0rd";

struct Accounts;

impl AccountStore for Accounts {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        (*user == UserName::parse(USER)).then(|| Secret::password(PASSWORD))
    }
}

struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(version: u32, password: &str) -> Option<Self> {
        let mut child = Command::new(python::interpreter()?)
            .arg(python::script("credssp_client.py"))
            .args([&version.to_string(), USER, password])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, input, output })
    }

    /// One line; `None` at its end.
    fn line(&mut self) -> Option<Json> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    fn tell(&mut self, line: &Json) {
        writeln!(self.input, "{line}").unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes(line: &Json, name: &str) -> Vec<u8> {
    let digits = line[name].as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the client signs in, and what it then seals.
fn sign_in(client: &mut Client, least: u32) -> Result<(UserName, SecurityContext), AuthError> {
    let made = client.line().unwrap();
    let identity = Identity::new(bytes(&made, "certificate"), bytes(&made, "key")).unwrap();
    let names = ServerNames {
        netbios_computer: "EX01".into(),
        netbios_domain: "CONTOSO".into(),
        dns_computer: "ex01.contoso.com".into(),
        dns_domain: "contoso.com".into(),
    };
    let ntlm = NtlmAcceptor::new(&names, [3; 8], 133_000_000_000_000_000);
    let inner = SpnegoAcceptor::new(vec![Box::new(ntlm)]);
    let mut acceptor = CredSspAcceptor::new(Box::new(inner), identity).with_least_version(least);
    loop {
        let token = bytes(&client.line().unwrap(), "token");
        match acceptor.step(&token, &Accounts)? {
            AcceptorStep::Continue(token) => client.tell(&json!({"token": hex(&token)})),
            AcceptorStep::Established { context, user, .. } => {
                client.tell(&json!({}));
                return Ok((user, context));
            }
            AcceptorStep::Refused { token, reason } => {
                client.tell(&json!({"token": hex(&token)}));
                assert_eq!(client.line(), None, "the client understood");
                return Err(reason);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn f37_every_version_of_pyspnego_signs_in_and_seals() {
    for version in 2..=6 {
        let Some(mut client) = Client::start(version, PASSWORD) else { return };
        let (user, mut context) = sign_in(&mut client, 2).unwrap();
        assert_eq!((user, context.mechanism()), (UserName::parse(USER), Mechanism::Ntlm));
        let sealed = client.line().unwrap();
        let clear = context.unseal(&bytes(&sealed, "header"), &bytes(&sealed, "data")).unwrap();
        assert_eq!(clear, b"from pyspnego".repeat(1000));
        let answer = context.seal(&[b'x'; 16384]).unwrap();
        client.tell(&json!({"header": hex(&answer.header), "data": hex(&answer.data)}));
        assert_eq!(bytes(&client.line().unwrap(), "clear"), [b'x'; 16384]);
        say(&format!("interop: CredSSP version {version} of pyspnego, our acceptor: pass"));
    }
}

#[test]
fn f37_old_versions_of_pyspnego_are_refused() {
    for version in 2..=4 {
        let Some(mut client) = Client::start(version, PASSWORD) else { return };
        let refused = AuthError::OldCredSsp { version, least: 5 };
        assert_eq!(sign_in(&mut client, 5).unwrap_err(), refused);
    }
}

#[test]
fn f35_a_wrong_password_of_pyspnego_is_refused() {
    for version in 2..=6 {
        let Some(mut client) = Client::start(version, "another") else { return };
        let error = sign_in(&mut client, 2).unwrap_err();
        assert_eq!(NtStatus::of(&error), NtStatus::LOGON_FAILURE, "{error:?}");
    }
}
