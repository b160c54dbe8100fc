//! Refusals and how they are told.

use super::*;
use crate::auth::Mechanism;
use crate::auth::credssp::NtStatus;

/// Refuses with one status.
struct Refusing(NtStatus);

impl Acceptor for Refusing {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Ntlm
    }
    fn step(&mut self, _: &[u8], _: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        Err(AuthError::NtStatus(self.0))
    }
}

fn told(error: &AuthError) -> String {
    let text = format!("{error} {error:?}");
    assert!(!text.contains("canary"), "{text}");
    text
}

#[test]
fn f35_a_locked_account_is_told_in_words() {
    let mut server = CredSspAcceptor::new(Box::new(Refusing(NtStatus(0xC000_0234))), SERVER.clone());
    let ended = run(&mut initiator(), &mut server, straight);
    let error = ended.client.unwrap_err();
    assert_eq!(error, AuthError::NtStatus(NtStatus(0xC000_0234)));
    assert!(told(&error).contains("the account is locked"), "{error}");
}

#[test]
fn f35_a_wrong_password_is_told() {
    let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
    let wrong = Credentials::new(USER, "another");
    let ntlm = NtlmInitiator::new(wrong.clone(), entropy, 133_000_000_000_000_000);
    let inner = SpnegoInitiator::new(vec![Box::new(ntlm)]);
    let mut client = CredSspInitiator::new(Box::new(inner), &wrong, [5; 32]).unwrap();
    let ended = run(&mut client, &mut acceptor(), straight);
    assert_eq!(ended.server.unwrap_err(), AuthError::LogonFailed);
    assert_eq!(ended.client.unwrap_err(), AuthError::NtStatus(NtStatus::LOGON_FAILURE));
}

/// The inner sign-in goes well, the delegated password is not the account's.
fn delegating_wrong() -> CredSspInitiator {
    CredSspInitiator::new(inner_initiator(), &Credentials::new(USER, "another"), [5; 32]).unwrap()
}

#[test]
fn f35_a_delegated_logon_that_fails_is_told() {
    let ended = run(&mut delegating_wrong(), &mut acceptor(), straight);
    assert_eq!(ended.server.unwrap_err(), AuthError::LogonFailed);
    assert_eq!(ended.client.unwrap_err(), AuthError::NtStatus(NtStatus::LOGON_FAILURE));
}

#[test]
fn f35_where_the_version_has_no_error_code_the_stage_tells() {
    let change = |_, request: &mut TsRequest| request.version = 5;
    let ended = Relay::new(SERVER.clone(), change).run(&mut delegating_wrong(), &mut acceptor());
    assert_eq!(ended.server.unwrap_err(), AuthError::LogonFailed);
    let error = ended.client.unwrap_err();
    assert_eq!(error, AuthError::DelegationRefused);
    assert!(told(&error).contains("delegated password"));
}

#[test]
fn an_error_code_at_any_point_ends_the_sign_in() {
    for at in 0..2 {
        let mut count = 0;
        let change = |way, request: &mut TsRequest| {
            if way == Way::ToClient {
                request.error_code = (count == at).then_some(NtStatus(0xC000_0071));
                count += 1;
            }
        };
        let ended = Relay::new(SERVER.clone(), change).run(&mut initiator(), &mut acceptor());
        assert_eq!(ended.client.unwrap_err(), AuthError::NtStatus(NtStatus(0xC000_0071)));
    }
}

#[test]
fn an_error_code_of_success_is_none() {
    let change = |_, request: &mut TsRequest| request.error_code = Some(NtStatus(0));
    Relay::new(SERVER.clone(), change).run(&mut initiator(), &mut acceptor()).both();
}

#[test]
fn requests_at_the_wrong_time_are_refused() {
    type Change = fn(&mut TsRequest);
    let changes: [Change; 4] = [
        |request| request.nego_tokens.clear(),
        |request| request.nego_tokens = vec![Vec::new()],
        |request| request.pub_key_auth = request.nego_tokens.pop(),
        |request| request.auth_info = request.nego_tokens.pop(),
    ];
    for change in changes {
        let mut first = true;
        let change = |way, request: &mut TsRequest| {
            if way == Way::ToServer && std::mem::take(&mut first) {
                change(request);
            }
        };
        let ended = Relay::new(SERVER.clone(), change).run(&mut initiator(), &mut acceptor());
        assert!(matches!(ended.server, Err(AuthError::Unexpected(_))), "{ended:?}");
        assert!(matches!(ended.client, Err(AuthError::NtStatus(NtStatus::INVALID_TOKEN))), "{ended:?}");
    }
}

#[test]
fn a_side_that_has_ended_stays_ended() {
    let mut client = initiator();
    assert!(matches!(client.step(Some(b"x")), Err(AuthError::Caller(_))));
    assert!(matches!(client.step(None), Err(AuthError::Unexpected(_))));
    let mut client = initiator();
    let _ = client.step(None).unwrap();
    assert!(matches!(client.step(None), Err(AuthError::Unexpected(_))));
    let mut server = acceptor();
    assert!(server.step(b"GET / HTTP/1.1\r\n\r\n", &Accounts).is_err_or_refused());
    assert!(matches!(server.step(b"x", &Accounts), Err(AuthError::Unexpected(_))));
}

trait IsRefused {
    fn is_err_or_refused(&self) -> bool;
}

impl IsRefused for Result<AcceptorStep, AuthError> {
    fn is_err_or_refused(&self) -> bool {
        matches!(self, Err(_) | Ok(AcceptorStep::Refused { .. }))
    }
}
