//! The layout, other peers' forms, lengths that lie.

use proptest::prelude::*;

use super::*;
use crate::auth::{Mechanism, Protection, Scheme, Sealed};

/// Flips every byte; its header is as long as asked for and counts messages.
struct Flip {
    header: usize,
    sent: u8,
    received: u8,
    chunk: Option<usize>,
}

impl Protection for Flip {
    fn seal(&mut self, message: &[u8]) -> Result<Sealed, AuthError> {
        self.sent = self.sent.wrapping_add(1);
        Ok(Sealed { header: vec![self.sent; self.header], data: message.iter().map(|byte| !byte).collect() })
    }
    fn unseal(&mut self, header: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.received = self.received.wrapping_add(1);
        if header != vec![self.received; self.header] {
            return Err(AuthError::BadSeal);
        }
        Ok(data.iter().map(|byte| !byte).collect())
    }
    fn sign_mech_list(&mut self, _: &[u8]) -> Result<Vec<u8>, AuthError> {
        Ok(Vec::new())
    }
    fn verify_mech_list(&mut self, _: &[u8], _: &[u8]) -> Result<(), AuthError> {
        Ok(())
    }
    fn chunk_size(&self) -> Option<usize> {
        self.chunk
    }
}

fn context(header: usize, chunk: Option<usize>) -> SecurityContext {
    let protection = Flip { header, sent: 0, received: 0, chunk };
    SecurityContext::new(Mechanism::Ntlm, Scheme::Negotiate, Box::new(protection))
}

const TYPE: &str = "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";

#[test]
fn the_layout_of_the_specification() {
    let sealed = seal(&mut context(2, None), b"\xFE").unwrap();
    assert_eq!(sealed.content_type, TYPE);
    let expected = b"--Encrypted Boundary\r\n\
        \tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
        \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=1\r\n\
        --Encrypted Boundary\r\n\
        \tContent-Type: application/octet-stream\r\n\
        \x02\0\0\0\x01\x01\x01--Encrypted Boundary--\r\n";
    assert_eq!(sealed.body, expected);
}

#[test]
fn other_peers_forms_are_read() {
    let body = b"-- Encrypted Boundary\r\n\
        Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
        OriginalContent: type=application/soap+xml;charset=UTF-8;length=2\r\n\
        -- Encrypted Boundary\r\n\
        Content-Type: application/octet-stream\r\n\
        \x01\0\0\0\x01--\r\n-- Encrypted Boundary--\r\n\r\n";
    assert_eq!(unseal(&mut context(1, None), TYPE, body).unwrap(), [!b'-', !b'-']);
    let other = "Multipart/Encrypted; boundary=xyz";
    let body = b"\r\n--xyz\r\nOriginalContent: Length=0\r\n--xyz\r\nContent-Type: application/octet-stream\r\n\0\0\0\0--xyz--";
    assert_eq!(parts(other, body).unwrap(), [Part { length: 0, header: b"", data: b"" }]);
}

#[test]
fn lengths_that_lie_are_refused() {
    for length in ["0", "2", "4", "4294967295", "-1", "x", ""] {
        let body = format!(
            "--b\r\nOriginalContent: Length={length}\r\n--b\r\nContent-Type: application/octet-stream\r\n\0\0\0\0abc--b--\r\n"
        );
        let result = parts("multipart/encrypted;boundary=b", body.as_bytes());
        assert!(matches!(result, Err(AuthError::Malformed { .. })), "{length}: {result:?}");
    }
}

proptest! {
    #[test]
    fn round_trip(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..5),
        header in 0usize..80,
        chunk in proptest::option::of(1usize..64),
    ) {
        let (mut us, mut them) = (context(header, chunk), context(header, chunk));
        for message in messages {
            let sealed = seal(&mut us, &message).unwrap();
            prop_assert_eq!(unseal(&mut them, &sealed.content_type, &sealed.body).unwrap(), message);
        }
    }

    #[test]
    fn any_mutation_is_read_without_panic(
        message in proptest::collection::vec(any::<u8>(), 0..40),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = seal(&mut context(3, Some(7)), &message).unwrap().body;
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.index(body.len() + 1));
        let _ = parts(TYPE, &body);
    }
}
