//! CredSSP: TSRequest and TSCredentials.

use wsman::auth::credssp::{NtStatus, TsPasswordCreds, TsRequest};
use wsman::auth::{AuthError, Credentials};

use super::{Shape, Target, stable};

fn requests() -> Vec<Vec<u8>> {
    let mut full = TsRequest::new();
    full.nego_tokens = vec![vec![0x60; 20], vec![1]];
    full.auth_info = Some(vec![2; 40]);
    full.pub_key_auth = Some(vec![3; 300]);
    full.error_code = Some(NtStatus(0xC000_006D));
    full.client_nonce = Some(vec![4; 32]);
    let small = TsRequest { version: 2, ..TsRequest::default() };
    [full, small].iter().filter_map(|request| request.to_bytes().ok()).collect()
}

pub(super) fn targets() -> Vec<Target> {
    let credentials = TsPasswordCreds::from_credentials(&Credentials::new("Domain\\Üser", "Pässword"));
    let credentials = credentials.and_then(|credentials| credentials.to_bytes());
    let seeds = credentials.iter().map(|bytes| bytes.to_vec()).collect();
    vec![
        Target::new("ts-request", Shape::Der, requests(), |input| {
            stable(input, TsRequest::parse, TsRequest::to_bytes)
        }),
        Target::new("ts-credentials", Shape::Der, seeds, |input| {
            // It holds a password and cannot be compared; what is written must be the same again.
            let write = |input: &[u8]| -> Result<Vec<u8>, AuthError> {
                TsPasswordCreds::parse(input)?.to_bytes().map(|bytes| bytes.to_vec())
            };
            write(input).is_ok_and(|bytes| {
                assert_eq!(write(&bytes).as_ref(), Ok(&bytes), "written differently than read");
                true
            })
        }),
    ]
}
