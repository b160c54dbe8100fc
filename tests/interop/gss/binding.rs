//! Channel bindings, in the checksum of the sign-in and over TLS.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use wsman::auth::kerberos::{EncryptionType, KerberosError};
use wsman::auth::spnego::{SpnegoAcceptor, SpnegoInitiator};
use wsman::auth::{AuthError, BindingPolicy, ChannelBinding, Initiator, Scheme, Step};
use wsman::client::{CertificatePin, Delegation, Error, PoolOptions, RunspacePool};
use wsman::server::ServerIdentity;

use super::service::Lab;
use super::{Lines, Place, SPN, accept, talk};
use crate::kdc::{PASSWORD, USER};
use crate::{python, say};

fn binding(text: &str) -> ChannelBinding {
    ChannelBinding::from_application_data(text.as_bytes().to_vec())
}

/// F28: the binding goes along inside SPNEGO too; a wrong one is refused.
#[tokio::test]
async fn f28_channel_bindings_are_those_of_mit() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    const ONE: &str = "tls-server-end-point:one";
    const CHANNEL_BOUND: i64 = 0x800;
    for spnego in [false, true] {
        for (sent, fits) in [(Some(ONE), true), (None, true), (Some("tls-server-end-point:other"), false)] {
            let mut initiator = place.initiator(Delegation::Never).await;
            if let Some(sent) = sent {
                initiator = initiator.with_channel_binding(binding(sent));
            }
            let mut ours: Box<dyn Initiator> = Box::new(initiator);
            if spnego {
                ours = Box::new(SpnegoInitiator::new(vec![ours]));
            }
            let mut theirs = place.their_acceptor(Some(ONE));
            let Step::Continue(token) = ours.step(None).unwrap() else { panic!() };
            let answer = theirs.step(Some(&token));
            assert_eq!(answer["complete"] == true, fits, "{sent:?}: {answer}");
            if fits {
                let bound = answer["flags"].as_i64().unwrap() & CHANNEL_BOUND != 0;
                assert_eq!(bound, sent.is_some(), "{answer}");
            }
        }
    }
    for mech in ["kerberos", "spnego"] {
        for (sent, fits) in [(Some(ONE), true), (None, false), (Some("tls-server-end-point:other"), false)] {
            let mut theirs = place.their_initiator(mech, sent);
            let acceptor = place.acceptor().with_binding_policy(BindingPolicy::Require(binding(ONE)));
            let mut ours = SpnegoAcceptor::new(vec![Box::new(acceptor)]);
            let result = accept(&mut ours, &mut theirs);
            let expected = AuthError::Kerberos(KerberosError::BadChannelBinding);
            match fits {
                true => talk(&mut result.unwrap().0, &mut theirs),
                false => assert_eq!(result.unwrap_err(), expected, "{sent:?}"),
            }
        }
    }
}

/// Certificates of servers, by key and signature.
fn identities() -> [(&'static str, ServerIdentity); 5] {
    ["ec-sha256", "ec-sha384", "rsa-sha512", "pss-sha256", "pss-sha384"].map(|name| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wsman/tests/loopback/certificates");
        let read = |kind: &str| std::fs::read(folder.join(format!("{name}.{kind}"))).unwrap();
        (name, ServerIdentity { certificate_pem: read("pem"), key_pem: Arc::new(read("key").into()) })
    })
}

/// F25, F26, F28: our strict server, and MIT's GSSAPI with a binding made by OpenSSL's side of the TLS connection; then
/// our own client with a ticket of the KDC.
#[tokio::test(flavor = "multi_thread")]
async fn f25_f26_f28_our_strict_server_takes_the_binding_of_mit_over_tls() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    let cache = place.kdc.kinit(USER, PASSWORD, &[]);
    let mut command = place.kdc.tool(python::interpreter().unwrap().to_str().unwrap());
    command.arg(python::script("gssapi_https.py")).env("KRB5CCNAME", format!("FILE:{}", cache.display()));
    let mut theirs = Lines::start(command);
    let kerberos = place.kerberos(Delegation::Never);
    for (kind, identity) in identities() {
        let pem = String::from_utf8(identity.certificate_pem.clone()).unwrap();
        let lab = Lab::start(&place, |config| {
            config.identity = Some(identity);
            config.require_channel_binding = true;
            config.schemes = vec![Scheme::Negotiate, Scheme::Kerberos];
        })
        .await;
        let port = lab.server.addresses().iter().find(|(_, secure)| *secure).unwrap().0.port();
        for scheme in ["Negotiate", "Kerberos"] {
            for (binding, fits) in [("right", true), ("missing", false), ("wrong", false)] {
                let target = format!("{SPN}@{}", place.kdc.realm());
                let order = json!({"port": port, "scheme": scheme, "binding": binding, "target": target});
                let answer = theirs.ask(order);
                let expected = json!({"status": if fits { 200 } else { 401 }, "complete": fits});
                assert_eq!(answer, expected, "{kind} {scheme} {binding}");
            }
            say(&format!("interop: MIT GSSAPI over TLS, {scheme}, our strict server, {kind}: pass"));
        }
        let mut config = lab.config(true, &kerberos);
        config.tls.pin = Some(CertificatePin::parse(&pem).unwrap());
        let pool = RunspacePool::open(config.clone(), PoolOptions::default()).await;
        pool.unwrap_or_else(|error| panic!("{kind}: {error}")).close().await.unwrap();
        config.danger_skip_channel_binding = true;
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(_)), "{kind}: {error:?}");
    }
}
