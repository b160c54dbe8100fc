//! TSRequest, TSCredentials and an old server's handshake, by other people's writers.

use secrecy::ExposeSecret;
use wsman::auth::credssp::{CredSspInitiator, NtStatus, TsPasswordCreds, TsRequest};
use wsman::auth::ntlm::{Entropy, NtlmInitiator};
use wsman::auth::{AuthError, Credentials, Initiator, UserName};

use crate::common;

fn recorded(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(common::file(&format!("pyspnego/{name}"))?).unwrap())
}

#[test]
fn a_request_with_everything_in_it() {
    let Some(bytes) = recorded("credssp_ts_request") else { return };
    let request = TsRequest::parse(&bytes).unwrap();
    let expected = TsRequest {
        version: 6,
        nego_tokens: vec![b"123".to_vec()],
        auth_info: Some(b"auth info".to_vec()),
        pub_key_auth: Some(b"pub key auth".to_vec()),
        error_code: Some(NtStatus(10)),
        client_nonce: Some(b"client nonce".to_vec()),
    };
    assert_eq!(request.version, expected.version);
    assert!(request == expected);
    assert_eq!(request.to_bytes().unwrap(), bytes);
}

#[test]
fn a_password() {
    let Some(bytes) = recorded("credssp_ts_credential_password") else { return };
    let read = TsPasswordCreds::parse(&bytes).unwrap();
    assert_eq!(read.user, UserName::new("domain name", "username"));
    assert_eq!(read.password.expose_secret(), "password");
    assert_eq!(read.to_bytes().unwrap().as_slice(), bytes);
}

#[test]
fn what_is_no_password_is_refused() {
    for path in common::files("pyspnego", "").iter().filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("credssp_ts_") && !name.ends_with("password")
    }) {
        let refused = TsPasswordCreds::parse(&std::fs::read(path).unwrap());
        assert!(matches!(refused, Err(AuthError::Malformed { .. })), "{path:?}");
    }
}

/// A server that picks TLS 1.0 or 1.1.
#[test]
fn f34_a_server_with_old_tls_is_named_with_its_cure() {
    for name in ["tls1.0_server_hello", "tls1.1_server_hello"] {
        let Some(hello) = recorded(name) else { return };
        let credentials = Credentials::new("u", "p");
        let entropy = Entropy { client_challenge: [1; 8], exported_session_key: [2; 16] };
        let ntlm = NtlmInitiator::new(credentials.clone(), entropy, 0);
        let mut client = CredSspInitiator::new(Box::new(ntlm), &credentials, [3; 32]).unwrap();
        let _ = client.step(None).unwrap();
        match client.step(Some(&hello)) {
            Err(AuthError::Tls(text)) => assert!(text.contains("TLS 1.2 is needed"), "{name}: {text}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
