//! Whatever a server says, and whatever is in a file: it is understood or refused, and nothing else.

use std::time::SystemTime;

use proptest::prelude::*;
use serde_json::json;

use super::failure::{Failure, Reply, claims, delay, describe, failure};
use super::shown::shown;
use super::token::{Certificate, granted, payload};
use super::{redirect, response};
use crate::exchange::classify;

/// An answer of the service, with pieces of it anywhere else in it.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let details = "Ex6F9304|A.B.ManagementObjectNotFoundException|Error on proxy command 'x' to server y: Proxy method PSWS: : { ";
    let whole = json!({
        "@odata.context": "x", "value": [{"Identity": "a", "EmailAddresses": ["SMTP:a@x.de"], "N": 1.5}],
        "@odata.nextLink": "https://outlook.office365.com/x?$skiptoken=1", "@adminapi.warnings": ["w"],
        "access_token": "a.b.c", "expires_in": "3599", "error_codes": [700_027], "error_description": "AADSTS1: x",
        "error": {"code": "x", "message": "m", "details": [{"message": details, "code": "ObjectConflict"}],
            "innererror": {"type": "t", "internalexception": {"message": "Expired or Invalid pagination", "type": "t"}}},
    })
    .to_string()
    .into_bytes();
    let length = whole.len();
    let edit = (0..length, 0..length, 0..40_usize, any::<u8>());
    proptest::collection::vec(edit, 0..6).prop_map(move |edits| {
        edits.into_iter().fold(whole.clone(), |mut bytes, (from, to, count, byte)| {
            let piece: Vec<u8> = bytes.iter().skip(from).take(count).copied().collect();
            let at = to.min(bytes.len());
            bytes.splice(at..(at + count / 2).min(bytes.len()), piece);
            if let Some(one) = bytes.get_mut(from) {
                *one = byte;
            }
            bytes
        })
    })
}

proptest! {
    #[test]
    fn answers(status in 100_u16..600, body in prop_oneof![mangled(), proptest::collection::vec(any::<u8>(), 0..400)],
               header in ".{0,60}") {
        let reply = Reply { status, retry_after: Some(&header), challenge: Some(&header), diagnostics: Some(&header), body: &body };
        if let Failure::Refused(record) = failure(&reply, SystemTime::UNIX_EPOCH) {
            let _ = classify(&record);
        }
        let _ = response::page(&body);
        let _ = granted(status, &body, 1_700_000_000, Some(u64::MAX));
        prop_assert!(describe(&body).chars().count() < 3000);
        let _ = shown(&body);
    }

    #[test]
    fn header_fields_and_tokens(text in ".{0,80}") {
        let _ = delay(&text, SystemTime::UNIX_EPOCH);
        let _ = claims(&format!("Bearer claims=\"{text}"));
        let _ = claims(&format!("Bearer claims=\"{text}\""));
        let _ = payload(&text);
        let _ = payload(&format!("a.{text}.b"));
        let from = url::Url::parse("https://outlook.office365.com/x").unwrap();
        if let Some(to) = redirect::redirection(&from, &text, &[]) {
            prop_assert!(to.scheme() == "https" && to.username().is_empty(), "{to}");
        }
    }

    #[test]
    fn files_that_are_no_certificates(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[A-Za-z0-9+/=\n-]{0,200}") {
        prop_assert!(Certificate::parse(&bytes, None).is_err());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        prop_assert!(Certificate::parse(pem.as_bytes(), None).is_err());
        let _ = text.parse::<super::token::Thumbprint>();
    }
}
