//! Somebody in the middle, and versions that do not notice.

use super::*;
use crate::auth::credssp::binding;

/// Records whether the password went out.
fn watch(sent: &mut bool) -> impl FnMut(Way, &mut TsRequest) {
    |_, request| *sent |= request.auth_info.is_some()
}

#[test]
fn another_key_is_refused_by_the_server_before_the_password() {
    let mut sent = false;
    let ended = Relay::new(identity(), watch(&mut sent)).run(&mut initiator(), &mut acceptor());
    assert_eq!(ended.server.unwrap_err(), AuthError::BadPublicKey);
    let AuthError::NtStatus(status) = ended.client.unwrap_err() else { panic!() };
    assert_eq!(status.name(), Some("SEC_E_BAD_BINDINGS"));
    assert!(!sent);
}

/// A server that lets any key pass, or somebody who has broken it.
#[test]
fn another_key_is_refused_by_the_client_before_the_password() {
    for (version, key, right) in [
        (6, SERVER.public_key().to_vec(), true),
        (6, identity().public_key().to_vec(), false),
        (4, SERVER.public_key().to_vec(), true),
        (4, identity().public_key().to_vec(), false),
    ] {
        let mut client = initiator().with_least_version(2);
        let mut channel = Channel::server(&SERVER).unwrap();
        let mut step = client.step(None).unwrap();
        while channel.is_handshaking() {
            let Step::Continue(token) = step else { panic!() };
            channel.receive(&token).unwrap();
            step = client.step(Some(&channel.output().unwrap())).unwrap();
        }
        let mut inner = inner_acceptor();
        let mut take = |channel: &mut Channel, step: Step| {
            let Step::Continue(token) = step else { panic!() };
            let request = TsRequest::parse(&channel.receive(&token).unwrap()).unwrap();
            assert!(request.auth_info.is_none());
            let nonce = request.client_nonce.clone();
            assert_eq!(nonce.is_some(), version > 4 && request.pub_key_auth.is_some());
            (inner.step(request.nego_token().unwrap(), &Accounts).unwrap(), nonce.unwrap_or_default())
        };
        let reply = |request: TsRequest, channel: &mut Channel| {
            channel.seal(&TsRequest { version, ..request }.to_bytes().unwrap()).unwrap()
        };
        let (AcceptorStep::Continue(challenge), _) = take(&mut channel, step) else { panic!() };
        let challenge = TsRequest { nego_tokens: vec![challenge], ..TsRequest::new() };
        step = client.step(Some(&reply(challenge, &mut channel))).unwrap();
        let (AcceptorStep::Established { token, mut context, .. }, nonce) = take(&mut channel, step) else {
            panic!()
        };
        // The client's own message comes first in the order of the seals.
        let value = binding::server_value(version, &nonce, &key);
        let answer = TsRequest {
            nego_tokens: token.into_iter().collect(),
            pub_key_auth: Some(context.wrap_token(&value).unwrap()),
            ..TsRequest::new()
        };
        match client.step(Some(&reply(answer, &mut channel))) {
            Ok(Step::Continue(_)) if right => {}
            Err(AuthError::BadPublicKey) if !right => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_proof_that_is_missing_foreign_or_sent_back_is_refused() {
    for case in 0..3 {
        let (mut sent, mut proof) = (false, None);
        let change = |way, request: &mut TsRequest| {
            sent |= request.auth_info.is_some();
            match (way, &request.pub_key_auth) {
                (Way::ToServer, Some(value)) => proof = Some(value.clone()),
                (Way::ToClient, Some(_)) => {
                    request.pub_key_auth = [None, Some(vec![0; 48]), proof.clone()][case].clone();
                }
                _ => {}
            }
        };
        let ended = Relay::new(SERVER.clone(), change).run(&mut initiator(), &mut acceptor());
        let error = ended.client.unwrap_err();
        assert!(matches!(error, AuthError::BadPublicKey | AuthError::Unexpected(_)), "{error:?}");
        assert!(!sent);
    }
}

#[test]
fn f37_every_pair_of_versions() {
    for client in 2..=8 {
        for server in 2..=8 {
            for least in [2, 5] {
                let mut sent = false;
                let change = |way, request: &mut TsRequest| {
                    sent |= request.auth_info.is_some();
                    // What a peer of that version would write: the relay speaks to each side in the other's name.
                    request.version = if way == Way::ToServer { client } else { server };
                };
                let ended = Relay::new(SERVER.clone(), change).run(
                    &mut initiator().with_least_version(least),
                    &mut acceptor().with_least_version(least),
                );
                // Each side thinks the other one older; both must come to the same.
                let same = (client.min(6) >= 5) == (server.min(6) >= 5);
                let allowed = client.min(server) >= least;
                assert_eq!(ended.client.is_ok(), same && allowed, "{client} {server} {least}: {ended:?}");
                assert_eq!(sent, same && allowed, "{client} {server} {least}");
                if let (5, Err(AuthError::OldCredSsp { version, least })) = (least, &ended.client) {
                    assert!(*version == server && *least == 5);
                }
            }
        }
    }
}

#[test]
fn versions_before_the_first_are_refused() {
    for version in [0, 1] {
        let change = |_, request: &mut TsRequest| request.version = version;
        let ended = Relay::new(SERVER.clone(), change)
            .run(&mut initiator().with_least_version(0), &mut acceptor().with_least_version(0));
        assert!(matches!(ended.server, Err(AuthError::OldCredSsp { .. })), "{ended:?}");
    }
}

#[test]
fn a_nonce_of_the_wrong_length_is_refused() {
    for length in [0, 31, 33] {
        let change = |_, request: &mut TsRequest| {
            if let Some(nonce) = &mut request.client_nonce {
                nonce.resize(length, 5);
            }
        };
        let ended = Relay::new(SERVER.clone(), change).run(&mut initiator(), &mut acceptor());
        assert!(matches!(ended.server, Err(AuthError::Malformed { .. })), "{ended:?}");
    }
}
