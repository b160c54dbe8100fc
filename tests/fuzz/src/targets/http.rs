//! Headers and sealed bodies.

use wsman::auth::{
    Acceptor, AcceptorStep, Initiator, Mechanism, Scheme, Sealed, SecurityContext, Step, basic, http,
    multipart,
};

use super::ntlm::{self, Accounts};
use super::{Shape, Target};

const WORDS: &[&str] = &[
    "Negotiate",
    "Basic",
    "Kerberos",
    "CredSSP",
    "realm=",
    "\"",
    "\\\"",
    ",",
    ", ",
    "=",
    "==",
    " ",
    "\t",
    "TlRMTVNTUAAB",
];
const LINES: &[&str] = &[
    "--Encrypted Boundary",
    "-- Encrypted Boundary",
    "--Encrypted Boundary--",
    "--",
    "\r",
    "\tContent-Type: application/octet-stream\r",
    "OriginalContent: type=application/soap+xml;charset=UTF-8;Length=7\r",
    "Length=",
    "\0\0\0\0",
];

/// The client's context and the server's, after a sign-in by NTLM.
fn contexts() -> Option<(SecurityContext, SecurityContext)> {
    let (mut us, mut them) = (ntlm::initiator(), ntlm::acceptor());
    let Step::Continue(negotiate) = us.step(None).ok()? else { return None };
    let AcceptorStep::Continue(challenge) = them.step(&negotiate, &Accounts).ok()? else { return None };
    let Step::Established { token: Some(token), context: client } = us.step(Some(&challenge)).ok()? else {
        return None;
    };
    let AcceptorStep::Established { context: server, .. } = them.step(&token, &Accounts).ok()? else {
        return None;
    };
    Some((client, server))
}

/// Content type and body, with a line end between.
fn sealed(soap: &[u8]) -> Option<Vec<u8>> {
    let (mut client, _) = contexts()?;
    let sealed = multipart::seal(&mut client, soap).ok()?;
    Some([sealed.content_type.as_bytes(), b"\n", &sealed.body].concat())
}

fn split(input: &[u8]) -> (String, &[u8]) {
    let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    (String::from_utf8_lossy(&input[..at]).into_owned(), input.get(at + 1..).unwrap_or_default())
}

/// Takes everything for sealed, so that what is behind the seal is reached as well.
struct Open;

impl wsman::auth::Protection for Open {
    fn seal(&mut self, message: &[u8]) -> Result<Sealed, wsman::auth::AuthError> {
        Ok(Sealed { header: vec![0; 16], data: message.to_vec() })
    }
    fn unseal(&mut self, _: &[u8], data: &[u8]) -> Result<Vec<u8>, wsman::auth::AuthError> {
        Ok(data.to_vec())
    }
    fn sign_mech_list(&mut self, list: &[u8]) -> Result<Vec<u8>, wsman::auth::AuthError> {
        Ok(list.to_vec())
    }
    fn verify_mech_list(&mut self, _: &[u8], _: &[u8]) -> Result<(), wsman::auth::AuthError> {
        Ok(())
    }
}

fn open() -> SecurityContext {
    SecurityContext::new(Mechanism::Ntlm, Scheme::Negotiate, Box::new(Open))
}

pub(super) fn targets() -> Vec<Target> {
    let bodies: Vec<_> = [b"".as_slice(), b"<s:Envelope/>"].into_iter().filter_map(sealed).collect();
    let several = b"multipart/x-multi-encrypted;boundary=x\n--x\r\nOriginalContent: type=a;Length=1\r\n--x\r\n\
        Content-Type: application/octet-stream\r\n\0\0\0\0a--x--\r\n--x\r\nOriginalContent: type=a;Length=1\r\n--x\r\n\
        Content-Type: application/octet-stream\r\n\0\0\0\0b--x--";
    let headers = [
        "Negotiate, Kerberos, Basic realm=\"WSMAN\", CredSSP",
        "Negotiate TlRMTVNTUAABAAAA",
        "Digest qop=\"auth\", realm=\"a,b\", nonce=\"\\\"\", NTLM",
    ];
    let basics = ["QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "dGVzdDoxMjPCow=="];
    vec![
        Target::new("multipart", Shape::Text(LINES), bodies, |input| {
            let (content_type, body) = split(input);
            let Some((_, mut server)) = contexts() else { return false };
            multipart::unseal(&mut server, &content_type, body).is_ok()
        }),
        Target::new("multipart-unsealed", Shape::Text(LINES), vec![several.to_vec()], |input| {
            let (content_type, body) = split(input);
            let Ok(soap) = multipart::unseal(&mut open(), &content_type, body) else { return false };
            assert!(soap.len() <= body.len());
            // What is sealed again is unsealed again.
            let again = multipart::seal(&mut open(), &soap);
            let again =
                again.and_then(|sealed| multipart::unseal(&mut open(), &sealed.content_type, &sealed.body));
            assert_eq!(again.as_ref(), Ok(&soap));
            true
        }),
        Target::new("http-challenges", Shape::Text(WORDS), headers.map(Into::into).into(), |input| {
            let text = String::from_utf8_lossy(input);
            let _ = http::authorization(&text);
            let found = http::challenges([&*text, &*text]);
            for challenge in &found {
                if let (Ok(Some(token)), Some(scheme)) = (challenge.token(), challenge.scheme) {
                    let again = http::authorization(&http::header_value(scheme, &token));
                    assert_eq!(again.and_then(|again| again.token()), Ok(Some(token)));
                }
            }
            !found.is_empty()
        }),
        Target::new("basic", Shape::Text(&["Og==", "=", "//79"]), basics.map(Into::into).into(), |input| {
            basic::decode(&String::from_utf8_lossy(input)).is_ok()
        }),
    ]
}
