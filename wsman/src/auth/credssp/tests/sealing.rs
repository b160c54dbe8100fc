//! Bodies sealed by the TLS of the sign-in.

use proptest::prelude::*;

use super::*;
use crate::auth::multipart;

fn contexts() -> (SecurityContext, SecurityContext) {
    run(&mut initiator(), &mut acceptor(), straight).both()
}

fn count(body: &[u8], text: &[u8]) -> usize {
    body.windows(text.len()).filter(|window| *window == text).count()
}

#[test]
fn one_part_for_each_16_kib_and_one_end() {
    let (mut client, mut server) = contexts();
    for (length, parts) in [(1, 1), (16383, 1), (16384, 1), (16385, 2), (32768, 2), (100_000, 7)] {
        let soap: Vec<u8> = (0..length).map(|at: usize| at.to_le_bytes()[0]).collect();
        let sealed = multipart::seal(&mut client, &soap).unwrap();
        let media = if parts == 1 { "multipart/encrypted;" } else { "multipart/x-multi-encrypted;" };
        assert!(sealed.content_type.starts_with(media), "{length}: {}", sealed.content_type);
        assert!(
            sealed.content_type.contains("protocol=\"application/HTTP-CredSSP-session-encrypted\""),
            "{}",
            sealed.content_type
        );
        let head = b"\tContent-Type: application/HTTP-CredSSP-session-encrypted\r\n";
        assert_eq!(count(&sealed.body, head), parts);
        assert_eq!(count(&sealed.body, b"--Encrypted Boundary--\r\n"), 1);
        // Behind the lengths of the header: its own (the tag of AES-GCM), and the beginning of a record.
        assert_eq!(count(&sealed.body, b"octet-stream\r\n\x10\0\0\0\x17\x03\x03"), parts);
        assert_eq!(multipart::unseal(&mut server, &sealed.content_type, &sealed.body).unwrap(), soap);
        // And the other way.
        let sealed = multipart::seal(&mut server, &soap).unwrap();
        assert_eq!(multipart::unseal(&mut client, &sealed.content_type, &sealed.body).unwrap(), soap);
    }
}

/// Some clients put NTLM inside without SPNEGO.
#[test]
fn bare_ntlm_inside_does_as_well() {
    let mut client = CredSspInitiator::new(Box::new(ntlm()), &credentials(), [5; 32]).unwrap();
    let (mut client, mut server) = run(&mut client, &mut acceptor(), straight).both();
    let sealed = multipart::seal(&mut client, b"text").unwrap();
    assert_eq!(multipart::unseal(&mut server, &sealed.content_type, &sealed.body).unwrap(), b"text");
}

/// A part as another peer may write it.
fn part(length: usize, header: &[u8], data: &[u8]) -> Vec<u8> {
    let head = format!(
        "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-CredSSP-session-encrypted\r\n\
         \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n\
         --Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    );
    let count = u32::try_from(header.len()).unwrap().to_le_bytes();
    [head.as_bytes(), &count, header, data].concat()
}

const TYPE: &str = "multipart/x-multi-encrypted;protocol=\"application/HTTP-CredSSP-session-encrypted\";boundary=\"Encrypted Boundary\"";
const END: &[u8] = b"--Encrypted Boundary--\r\n";

/// The records of messages one behind the other.
fn records(context: &mut SecurityContext, messages: &[&[u8]]) -> Vec<u8> {
    messages.iter().flat_map(|message| context.wrap_token(message).unwrap()).collect()
}

#[test]
fn several_records_in_one_part_are_read() {
    let (mut client, mut server) = contexts();
    let records = records(&mut client, &[b"one", b"two", &[b'x'; 5000]]);
    for header in [0, 5, 16, 17, 29, 40] {
        let (mut client, mut server) = contexts();
        let records = self::records(&mut client, &[b"one", b"two", &[b'x'; 5000]]);
        let (header, data) = records.split_at(header);
        let body = [part(5006, header, data), END.to_vec()].concat();
        let soap = multipart::unseal(&mut server, TYPE, &body).unwrap();
        assert!(soap.starts_with(b"onetwoxxx") && soap.len() == 5006);
    }
    // An end behind each part, as one client writes it.
    let second = self::records(&mut client, &[b"end"]);
    let body = [part(5006, &[], &records), END.to_vec(), part(3, &second[..16], &second[16..]), END.to_vec()];
    assert_eq!(multipart::unseal(&mut server, TYPE, &body.concat()).unwrap().len(), 5009);
}

#[test]
fn a_whole_body_in_one_part_is_read() {
    let (mut client, mut server) = contexts();
    let message = [b'x'; 16384];
    let records = records(&mut client, &[message.as_slice(); 60]);
    let body = [part(60 * 16384, &records[..16], &records[16..]), END.to_vec()].concat();
    assert_eq!(multipart::unseal(&mut server, TYPE, &body).unwrap().len(), 60 * 16384);
}

#[test]
fn a_boundary_in_the_encrypted_bytes_is_no_boundary() {
    // Lengths are read: what looks like a boundary inside a record stays inside it.
    let (_, server) = contexts();
    let record = |content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[23, 3, 3], length.as_slice(), content].concat()
    };
    let record = record(&[b"\r\n--Encrypted Boundary--\r\n".as_slice(), &[0; 24]].concat());
    let length = server.protection().data_length(&record[..16], 26, &[&record[16..], END].concat());
    assert_eq!(length, Some(record.len() - 16));
}

#[test]
fn lengths_that_lie_are_refused() {
    for (announced, cut) in [(2, 0), (4, 0), (0, 0), (3, 1), (3, 20), (3, 26)] {
        let (mut client, mut server) = contexts();
        let record = records(&mut client, &[b"one"]);
        let record = &record[..record.len() - cut];
        let (header, data) = record.split_at(record.len().min(16));
        let body = [part(announced, header, data), END.to_vec()].concat();
        let error = multipart::unseal(&mut server, TYPE, &body).unwrap_err();
        assert!(matches!(error, AuthError::Malformed { .. } | AuthError::BadSeal), "{error:?}");
    }
}

#[test]
fn a_message_out_of_order_ends_the_context() {
    let (mut client, mut server) = contexts();
    let first = multipart::seal(&mut client, b"first").unwrap();
    let second = multipart::seal(&mut client, b"second").unwrap();
    let unseal = |server: &mut SecurityContext, sealed: &multipart::EncryptedBody| {
        multipart::unseal(server, &sealed.content_type, &sealed.body)
    };
    assert_eq!(unseal(&mut server, &second), Err(AuthError::BadSeal));
    assert_eq!(unseal(&mut server, &first), Err(AuthError::BadSeal));
    assert!(multipart::seal(&mut server, b"answer").is_err());
}

#[test]
fn what_no_record_holds_is_not_sealed() {
    let (mut client, _) = contexts();
    assert!(matches!(client.seal(&[]), Err(AuthError::Caller(_))));
    assert!(matches!(client.seal(&[0; 16385]), Err(AuthError::Caller(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_mutation_of_a_body_is_read_without_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut client, mut server) = contexts();
        let sealed = multipart::seal(&mut client, &[b'x'; 20_000]).unwrap();
        let mut body = sealed.body;
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.index(body.len() + 1));
        let _ = multipart::unseal(&mut server, &sealed.content_type, &body);
    }
}
