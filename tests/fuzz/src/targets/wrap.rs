//! Messages of a Kerberos context: changed without the key, and made with it.

use wsman::auth::kerberos::{EncryptionType, usage};
use wsman::auth::{SecurityContext, multipart};

use super::service::{AES, RC4, acceptor_key, answered, established};
use super::{Shape, Target};

/// A token's header, RFC 4121 4.2.6.
const HEADER: usize = 16;
/// Its copy behind the message ends with RRC 0.
const RRC: std::ops::Range<usize> = 6..8;
const MESSAGES: [&[u8]; 3] = [b"<s:Envelope/>", b"", b"\0 of forty bytes and with some at the end\0 "];
const LINES: &[&str] = &[
    "--Encrypted Boundary",
    "--Encrypted Boundary--",
    "--",
    "\r",
    "\tContent-Type: application/octet-stream\r",
    "OriginalContent: type=application/soap+xml;charset=UTF-8;Length=14\r",
    "Length=",
    "\x01",
    "\0\0\0\0",
];

/// Tokens as the acceptor sends them.
fn tokens(etype: EncryptionType) -> Vec<Vec<u8>> {
    let token = |message: &&[u8]| {
        let (_, mut theirs) = established(etype)?;
        let sealed = theirs.seal(message).ok()?;
        Some([sealed.header, sealed.data].concat())
    };
    MESSAGES.iter().filter_map(token).collect()
}

/// Whatever is changed, and wherever it is cut: what comes out was sent.
fn unwrap(etype: EncryptionType, input: &[u8]) -> bool {
    let Some((mut ours, _)) = established(etype) else { return false };
    let (header, data) = input.split_at(input.len().min(60));
    let Ok(message) = ours.unseal(header, data) else {
        assert!(ours.unseal(header, data).is_err(), "the context is over");
        return false;
    };
    assert!(MESSAGES.contains(&&*message), "{message:02x?} was never sent");
    assert!(ours.unseal(header, data).is_err(), "taken twice");
    true
}

/// What the acceptor encrypts, behind the header outside: message, filler, copy of the header.
fn plain(number: u8, extra: u8, turn: u8) -> Vec<u8> {
    let header = |turn| [5, 4, 7, 0xFF, 0, extra, 0, turn, 0, 0, 0, 0, 0, 0, 0, number];
    let filler = vec![0xEC; usize::from(extra)];
    [header(turn).as_slice(), b"message", &filler, &header(0)].concat()
}

/// The token of such a header and plaintext.
fn sealed(header: &[u8; HEADER], plain: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = acceptor_key(AES)?.encrypt(usage::ACCEPTOR_SEAL, plain, &[5; 16]).ok()?;
    let [.., high, low, _, _, _, _, _, _, _, _] = *header;
    let turn = usize::from(u16::from_be_bytes([high, low])) % sealed.len().max(1);
    sealed.rotate_right(turn);
    Some([header.as_slice(), &sealed].concat())
}

/// With the key: any header, any plaintext. What is taken is no more than was encrypted, and the copy is that header.
fn made(input: &[u8]) -> bool {
    let Some((header, plain)) = input.split_first_chunk::<HEADER>() else { return false };
    let (Some(token), Some(mut ours)) = (sealed(header, plain), answered(AES)) else { return false };
    let Ok(message) = ours.unseal(&token, b"") else { return false };
    let (body, copy) = plain.split_at(plain.len() - HEADER);
    assert!(body.starts_with(&message));
    let same =
        header.iter().zip(copy).enumerate().all(|(at, (one, other))| RRC.contains(&at) || one == other);
    assert!(same, "the header outside was believed");
    true
}

/// Content type and body, with a line end between.
fn body(etype: EncryptionType, end: &[u8]) -> Option<Vec<u8>> {
    let (mut ours, _) = established(etype)?;
    let sealed = multipart::seal(&mut ours, &[b"<s:Envelope/>", end].concat()).ok()?;
    Some([sealed.content_type.as_bytes(), b"\n", &sealed.body].concat())
}

fn unseal(etype: EncryptionType, input: &[u8]) -> bool {
    let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (content_type, body) = input.split_at(at);
    let opened = established(etype).and_then(|(_, mut theirs): (_, SecurityContext)| {
        let content_type = String::from_utf8_lossy(content_type);
        multipart::unseal(&mut theirs, &content_type, body.get(1..).unwrap_or_default()).ok()
    });
    let Some(soap) = opened else { return false };
    // The body of the parts may be gone as a whole, which no context can notice.
    let expected: &[u8] = b"<s:Envelope/>";
    assert!(soap == expected || soap.is_empty(), "{soap:02x?} was never sent");
    true
}

pub(super) fn targets() -> Vec<Target> {
    let plains = vec![plain(0, 0, 0), plain(0, 0, 28), plain(9, 5, 0), plain(9, 16, 200)];
    let bodies = [body(AES, b""), body(RC4, b""), body(RC4, b"\x01")];
    vec![
        Target::new("gss-unwrap-aes", Shape::Bytes, tokens(AES), |input| unwrap(AES, input)),
        Target::new("gss-unwrap-rc4", Shape::Bytes, tokens(RC4), |input| unwrap(RC4, input)),
        Target::new("gss-wrap-made", Shape::Bytes, plains, made),
        Target::new("gss-sealed-body", Shape::Text(LINES), bodies.into_iter().flatten().collect(), |input| {
            [AES, RC4].iter().filter(|etype| unseal(**etype, input)).count() > 0
        }),
    ]
}
