//! Our side of a Kerberos context against GSSAPI of MIT Kerberos, in both directions.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use wsman::auth::kerberos::{
    EncryptionType, KerberosAcceptor, KerberosError, KerberosInitiator, Keytab, Random, Service,
};
use wsman::auth::multipart;
use wsman::auth::spnego::{SpnegoAcceptor, SpnegoInitiator};
use wsman::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, BindingPolicy, ChannelBinding, Credentials, Initiator,
    Secret, SecurityContext, Step, UserName,
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
        Peer::begin(
            self,
            environment,
            json!({"side": "acceptor", "mech": "spnego", "binding": encoded(binding)}),
        )
    }

    fn their_initiator(&self, mech: &str, binding: Option<&str>) -> Peer {
        let cache = self.kdc.kinit(USER, PASSWORD, &[]);
        let target = format!("{SPN}@{}", self.kdc.realm());
        let order = json!({"side": "initiator", "mech": mech, "target": target, "binding": encoded(binding)});
        Peer::begin(self, ("KRB5CCNAME", cache), order)
    }
}

/// The other side, in a process.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn begin(place: &Place, (name, path): (&str, PathBuf), mut order: Json) -> Self {
        let mut command = place.kdc.tool(python::interpreter().unwrap().to_str().unwrap());
        command.arg(python::script("gssapi_peer.py")).env(name, format!("FILE:{}", path.display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut peer = Self { child, input, output };
        order["do"] = "begin".into();
        let answer = peer.ask(order);
        assert_eq!(answer, json!({}), "it began");
        peer
    }

    fn ask(&mut self, order: Json) -> Json {
        writeln!(self.input, "{order}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
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

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

fn binding(text: &str) -> ChannelBinding {
    ChannelBinding::from_application_data(text.as_bytes().to_vec())
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

/// F10, F11, F14, F16: what we send is taken, and what we get is understood, with every encryption type, and for more
/// than one message.
#[tokio::test]
async fn f10_f11_f14_f16_our_initiator_and_their_acceptor() {
    for etype in ETYPES {
        let Some(place) = Place::new(etype) else { return };
        for spnego in [false, true] {
            let mut theirs = place.their_acceptor(None);
            let mut ours: Box<dyn Initiator> = Box::new(place.initiator(Delegation::Never).await);
            if spnego {
                ours = Box::new(SpnegoInitiator::new(vec![ours]));
            }
            let (mut context, answer) = initiate(&mut *ours, &mut theirs).unwrap();
            assert_eq!(answer["initiator"], "anna@CONTOSO.TEST");
            assert_eq!(answer["delegated"], Json::Null);
            talk(&mut context, &mut theirs);
            say(&format!("interop: our initiator, MIT GSSAPI acceptor, {etype}, SPNEGO {spnego}: pass"));
        }
    }
}

#[tokio::test]
async fn f10_f11_f14_f16_their_initiator_and_our_acceptor() {
    for etype in ETYPES {
        let Some(place) = Place::new(etype) else { return };
        for mech in ["kerberos", "spnego"] {
            let mut theirs = place.their_initiator(mech, None);
            let mut ours = SpnegoAcceptor::new(vec![Box::new(place.acceptor())]);
            let (mut context, user) = accept(&mut ours, &mut theirs).unwrap();
            assert_eq!(user, UserName::parse("anna@CONTOSO.TEST"));
            talk(&mut context, &mut theirs);
            say(&format!("interop: MIT GSSAPI initiator, our acceptor, {etype}, {mech}: pass"));
        }
    }
}

/// F28: the binding goes along inside SPNEGO too; a wrong one is refused.
#[tokio::test]
async fn f28_channel_bindings_are_those_of_mit() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    const ONE: &str = "tls-server-end-point:one";
    const CHANNEL_BOUND: i64 = 0x800;
    for spnego in [false, true] {
        for (sent, fits) in [(Some(ONE), true), (None, true), (Some("tls-server-end-point:other"), false)] {
            let mut initiator = place.initiator(Delegation::Never).await;
            if let Some(sent) = sent {
                initiator = initiator.with_channel_binding(binding(sent));
            }
            let mut ours: Box<dyn Initiator> = Box::new(initiator);
            if spnego {
                ours = Box::new(SpnegoInitiator::new(vec![ours]));
            }
            let mut theirs = place.their_acceptor(Some(ONE));
            let Step::Continue(token) = ours.step(None).unwrap() else { panic!() };
            let answer = theirs.step(Some(&token));
            assert_eq!(answer["complete"] == true, fits, "{sent:?}: {answer}");
            if fits {
                let bound = answer["flags"].as_i64().unwrap() & CHANNEL_BOUND != 0;
                assert_eq!(bound, sent.is_some(), "{answer}");
            }
        }
    }
    for mech in ["kerberos", "spnego"] {
        for (sent, fits) in [(Some(ONE), true), (None, false), (Some("tls-server-end-point:other"), false)] {
            let mut theirs = place.their_initiator(mech, sent);
            let acceptor = place.acceptor().with_binding_policy(BindingPolicy::Require(binding(ONE)));
            let mut ours = SpnegoAcceptor::new(vec![Box::new(acceptor)]);
            let result = accept(&mut ours, &mut theirs);
            let expected = AuthError::Kerberos(KerberosError::BadChannelBinding);
            match fits {
                true => talk(&mut result.unwrap().0, &mut theirs),
                false => assert_eq!(result.unwrap_err(), expected, "{sent:?}"),
            }
        }
    }
}

/// F20: the ticket that is handed over is one that MIT can use, and only there where it was asked for.
#[tokio::test]
async fn f20_a_delegated_ticket_arrives() {
    for etype in ETYPES {
        let Some(place) = Place::new(etype) else { return };
        let mut theirs = place.their_acceptor(None);
        let mut ours = place.initiator(Delegation::Always).await;
        let (mut context, answer) = initiate(&mut ours, &mut theirs).unwrap();
        assert_eq!(answer["delegated"], "anna@CONTOSO.TEST", "{etype}");
        talk(&mut context, &mut theirs);
    }
}

/// F5, F24: the words of MIT's acceptor for a key that it does not have, and of ours for MIT's initiator.
#[tokio::test]
async fn f5_each_side_tells_the_other_what_is_wrong() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    // The service gets a new key, and its keytab stays the old one: kvno and key differ.
    let old = Place { keytab: place.kdc.file("old.keytab"), kdc: place.kdc };
    std::fs::copy(&place.keytab, &old.keytab).unwrap();
    old.kdc
        .admin(old.kdc.realm(), &[&format!("cpw -randkey -e {}:normal {SPN}", EncryptionType::Aes256Sha1)]);
    let mut ours = old.initiator(Delegation::Never).await;
    let mut theirs = old.their_acceptor(None);
    let Step::Continue(token) = ours.step(None).unwrap() else { panic!() };
    let answer = theirs.step(Some(&token));
    assert!(answer["error"].is_string(), "{answer}");
    if let Some(token) = bytes(&answer, "token") {
        let error = ours.step(Some(&token)).unwrap_err();
        assert!(matches!(error, AuthError::Kerberos(KerberosError::WrongServiceKey(_))), "{error}");
        say(&format!("interop: our initiator, refused by MIT's acceptor: {error}"));
    }
    for mech in ["kerberos", "spnego"] {
        let mut theirs = old.their_initiator(mech, None);
        let mut acceptor = SpnegoAcceptor::new(vec![Box::new(old.acceptor())]);
        let error = accept(&mut acceptor, &mut theirs).unwrap_err();
        assert!(matches!(error, AuthError::Kerberos(KerberosError::WrongServiceKey(_))), "{error}");
    }
}

/// The same token a second time, at another acceptor of the same service.
#[tokio::test]
async fn a_replay_is_refused() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    let token = bytes(&place.their_initiator("kerberos", None).step(None), "token").unwrap();
    let service = place.service();
    let mut once = KerberosAcceptor::new(service.clone(), now(), random());
    assert!(matches!(once.step(&token, &Nobody), Ok(AcceptorStep::Established { .. })));
    let mut again = KerberosAcceptor::new(service, now(), random());
    let step = again.step(&token, &Nobody).unwrap();
    let AcceptorStep::Refused { reason, .. } = step else { panic!("{step:?}") };
    assert_eq!(reason, AuthError::Kerberos(KerberosError::Replay));
}
