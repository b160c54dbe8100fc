//! Kerberos inside.

use super::*;
use crate::auth::kerberos::exchange_tests::{self as exchange, ALL};
use crate::auth::multipart;

fn sides(etype: crate::auth::kerberos::EncryptionType, bare: bool) -> (CredSspInitiator, CredSspAcceptor) {
    let client: Box<dyn Initiator> = Box::new(exchange::initiator(etype));
    let server: Box<dyn Acceptor> = Box::new(exchange::acceptor(&exchange::service(etype)));
    let client = if bare { client } else { Box::new(SpnegoInitiator::new(vec![client, Box::new(ntlm())])) };
    let server = Box::new(SpnegoAcceptor::new(vec![server]));
    let client = CredSspInitiator::new(client, &credentials(), [5; 32]).unwrap();
    (client, CredSspAcceptor::new(server, SERVER.clone()))
}

#[test]
fn every_encryption_type_signs_in_proves_the_key_and_delegates() {
    for etype in ALL {
        for bare in [false, true] {
            let (mut client, mut server) = sides(etype, bare);
            let (mut client, mut server) = run(&mut client, &mut server, straight).both();
            assert_eq!(client.mechanism(), crate::auth::Mechanism::Kerberos);
            let sealed = multipart::seal(&mut client, &[b'x'; 20_000]).unwrap();
            assert_eq!(
                multipart::unseal(&mut server, &sealed.content_type, &sealed.body).unwrap(),
                [b'x'; 20_000]
            );
        }
    }
}

#[test]
fn another_key_is_refused_before_the_password() {
    let (mut client, mut server) = sides(ALL[0], false);
    let mut sent = false;
    let change = |_, request: &mut TsRequest| sent |= request.auth_info.is_some();
    let ended = Relay::new(identity(), change).run(&mut client, &mut server);
    assert_eq!(ended.server.unwrap_err(), AuthError::BadPublicKey);
    assert!(ended.client.is_err() && !sent);
}

/// The server has no Kerberos: NTLM is chosen instead, one leg later.
#[test]
fn ntlm_takes_over_where_the_server_has_no_kerberos() {
    let (mut client, _) = sides(ALL[0], false);
    let (client, _) = run(&mut client, &mut acceptor(), straight).both();
    assert_eq!(client.mechanism(), crate::auth::Mechanism::Ntlm);
}
