//! Our side of a Kerberos context against GSSAPI of MIT Kerberos, in both directions.

mod binding;
mod contexts;
mod mech_list;
mod names;
mod service;
mod sharing;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use wsman::auth::kerberos::{EncryptionType, KerberosAcceptor, KerberosInitiator, Keytab, Random, Service};
use wsman::auth::multipart;
use wsman::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, Credentials, Initiator, Secret, SecurityContext, Step,
    UserName,
};
use wsman::client::{Delegation, Kerberos, KerberosSettings, Krb5ConfSource};

use crate::kdc::{Kdc, Options, PASSWORD, USER};
use crate::{python, say};

const SPN: &str = "HTTP/ex01.contoso.test";
const ETYPES: [EncryptionType; 5] = [
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha2,
    EncryptionType::Aes128Sha2,
    EncryptionType::Rc4,
];

/// A realm, and a service that has keys of one type only.
struct Place {
    kdc: Kdc,
    keytab: PathBuf,
}

impl Place {
    fn new(etype: EncryptionType) -> Option<Self> {
        python::interpreter()?;
        let all = ETYPES.map(|etype| etype.to_string()).join(" ");
        let lines = vec!["allow_rc4 = true".into(), format!("permitted_enctypes = {all}")];
        let kdc = Kdc::with(&["CONTOSO.TEST"], &Options { lib_lines: lines, ..Options::default() })?;
        let keytab = kdc.file("service.keytab");
        kdc.admin(
            kdc.realm(),
            &[
                &format!("addprinc -randkey -requires_preauth -e {etype}:normal {SPN}"),
                &format!("setstr {SPN} session_enctypes {etype}"),
                &format!("ktadd -norandkey -k {} {SPN}", keytab.display()),
            ],
        );
        Some(Self { kdc, keytab })
    }

    fn kerberos(&self, delegate: Delegation) -> Kerberos {
        Kerberos::new(KerberosSettings {
            kdc: vec![self.kdc.address()],
            realm: Some(self.kdc.realm().into()),
            krb5_conf: Krb5ConfSource::Text("[libdefaults]\ndns_lookup_kdc = false\n".into()),
            allow_rc4: true,
            delegate,
            ..KerberosSettings::default()
        })
    }

    async fn initiator(&self, delegate: Delegation) -> KerberosInitiator {
        let (kerberos, anna) = (self.kerberos(delegate), Credentials::new(USER, PASSWORD));
        let ticket = kerberos.service_ticket(&anna, SPN).await.unwrap();
        let forwarded = kerberos.forwarded_ticket(&anna, &ticket).await.unwrap();
        let initiator = KerberosInitiator::new(ticket, now(), random());
        match forwarded {
            Some(forwarded) => initiator.with_delegation(forwarded),
            None => initiator,
        }
    }

    fn service(&self) -> Arc<Service> {
        let keytab = Keytab::parse(&std::fs::read(&self.keytab).unwrap()).unwrap();
        Arc::new(Service::from_keytab(&keytab).with_rc4())
    }

    fn acceptor(&self) -> KerberosAcceptor {
        KerberosAcceptor::new(self.service(), now(), random())
    }

    fn their_acceptor(&self, binding: Option<&str>) -> Peer {
        let environment = ("KRB5_KTNAME", self.keytab.clone());
        let order = json!({"side": "acceptor", "mech": "spnego", "binding": encoded(binding)});
        Peer::begin(self, environment, order)
    }

    fn their_initiator(&self, mech: &str, binding: Option<&str>) -> Peer {
        let cache = self.kdc.kinit(USER, PASSWORD, &[]);
        let target = format!("{SPN}@{}", self.kdc.realm());
        let order = json!({"side": "initiator", "mech": mech, "target": target, "binding": encoded(binding)});
        Peer::begin(self, ("KRB5CCNAME", cache), order)
    }
}

/// A process that answers each line with a line, in JSON; it ends when dropped.
struct Lines {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Lines {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn ask(&mut self, order: Json) -> Json {
        writeln!(self.input, "{order}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other side of a context, in a process.
struct Peer(Lines);

impl Peer {
    fn begin(place: &Place, (name, path): (&str, PathBuf), mut order: Json) -> Self {
        let mut command = place.kdc.tool(python::interpreter().unwrap().to_str().unwrap());
        command.arg(python::script("gssapi_peer.py")).env(name, format!("FILE:{}", path.display()));
        let mut peer = Self(Lines::start(command));
        order["do"] = "begin".into();
        let answer = peer.ask(order);
        assert_eq!(answer, json!({}), "it began");
        peer
    }

    fn ask(&mut self, order: Json) -> Json {
        self.0.ask(order)
    }

    fn step(&mut self, token: Option<&[u8]>) -> Json {
        self.ask(json!({"do": "step", "token": token.map(|token| STANDARD.encode(token))}))
    }

    fn unwrap(&mut self, kind: &str, parts: [(&str, &[u8]); 2]) -> Vec<u8> {
        let mut order = json!({"do": kind});
        for (name, bytes) in parts {
            order[name] = STANDARD.encode(bytes).into();
        }
        let answer = self.ask(order);
        bytes(&answer, "data").unwrap_or_else(|| panic!("{answer}"))
    }
}

struct Nobody;

impl AccountStore for Nobody {
    fn secret(&self, _: &UserName) -> Option<Secret> {
        None
    }
}

fn now() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Duration::new(now.as_secs(), now.subsec_micros() * 1000)
}

fn random() -> Random {
    Box::new(|bytes| bytes.fill_with(|| uuid::Uuid::new_v4().as_bytes()[0]))
}

fn encoded(binding: Option<&str>) -> Option<String> {
    binding.map(|binding| STANDARD.encode(binding))
}

fn bytes(answer: &Json, name: &str) -> Option<Vec<u8>> {
    answer[name].as_str().map(|text| STANDARD.decode(text).unwrap())
}

/// Our initiator against their acceptor, to the end.
fn initiate(ours: &mut dyn Initiator, theirs: &mut Peer) -> Result<(SecurityContext, Json), AuthError> {
    let mut input = None;
    for _ in 0..5 {
        let (token, context) = match ours.step(input.as_deref())? {
            Step::Continue(token) => (Some(token), None),
            Step::Established { token, context } => (token, Some(context)),
            other => panic!("{other:?}"),
        };
        let answer = token.map(|token| theirs.step(Some(&token)));
        match (context, answer) {
            (Some(context), answer) => return Ok((context, answer.unwrap_or_default())),
            (None, Some(answer)) if answer["complete"] == true => {
                let step = ours.step(bytes(&answer, "token").as_deref())?;
                let Step::Established { token: None, context } = step else { panic!("{step:?}") };
                return Ok((context, answer));
            }
            (None, answer) => input = answer.and_then(|answer| bytes(&answer, "token")),
        }
    }
    panic!("no end")
}

/// Their initiator against our acceptor, to the end.
fn accept(ours: &mut dyn Acceptor, theirs: &mut Peer) -> Result<(SecurityContext, UserName), AuthError> {
    let mut answer = theirs.step(None);
    for _ in 0..5 {
        let token = bytes(&answer, "token").unwrap_or_else(|| panic!("{answer}"));
        match ours.step(&token, &Nobody)? {
            AcceptorStep::Continue(token) => answer = theirs.step(Some(&token)),
            AcceptorStep::Established { token, context, user } => {
                if let Some(token) = token {
                    let answer = theirs.step(Some(&token));
                    assert_eq!(answer["complete"], true, "{answer}");
                }
                return Ok((context, user));
            }
            AcceptorStep::Refused { token, reason } => {
                let answer = theirs.step(Some(&token));
                say(&format!("interop: MIT's initiator, refused by our acceptor: {}", answer["error"]));
                return Err(reason);
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("no end")
}

/// Messages in both directions, in WinRM's two parts and as one token.
fn talk(ours: &mut SecurityContext, theirs: &mut Peer) {
    for round in 0..4 {
        // Ends of blanks and zeros, F16.
        let message = format!("<s:Envelope> {round} äöü {}\0 ", "x".repeat(round * 700));
        let sealed = ours.seal(message.as_bytes()).unwrap();
        assert_eq!(sealed.data.len(), message.len());
        let parts = [("header", sealed.header.as_slice()), ("data", &sealed.data)];
        assert_eq!(theirs.unwrap("unwrap_iov", parts), message.as_bytes());
        let answer = theirs.ask(json!({"do": "wrap_iov", "data": STANDARD.encode(&message)}));
        let (header, data) = (bytes(&answer, "header").unwrap(), bytes(&answer, "data").unwrap());
        assert_eq!(header.len(), sealed.header.len(), "{answer}");
        assert_eq!(unseal(ours, &header, &data), message.as_bytes());
        // RRC 0, and somebody who announces any part of it as the header.
        let answer = theirs.ask(json!({"do": "wrap", "data": STANDARD.encode(&message)}));
        let token = bytes(&answer, "token").unwrap();
        let (header, data) = token.split_at(token.len() - data.len());
        assert_eq!(unseal(ours, header, data), message.as_bytes());
    }
}

/// In a body as pypsrp writes it: with padding, which F14 is about, in `Length`.
fn unseal(ours: &mut SecurityContext, header: &[u8], data: &[u8]) -> Vec<u8> {
    let label = ours.label();
    let content_type = format!("multipart/encrypted;protocol=\"{label}\";boundary=\"Encrypted Boundary\"");
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    let head = format!(
        "--Encrypted Boundary\r\n\tContent-Type: {label}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={}\r\n\
         --Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n",
        data.len()
    );
    let body = [head.as_bytes(), &length, header, data, b"--Encrypted Boundary--\r\n"].concat();
    multipart::unseal(ours, &content_type, &body).unwrap()
}
