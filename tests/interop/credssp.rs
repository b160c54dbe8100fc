//! Our client's CredSSP against pyspnego as the server, in every version.

use wsman::auth::AuthError;
use wsman::client::{Authentication, Error, PoolOptions, RunspacePool, SignInError};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome};

use crate::peer::Peer;
use crate::{python, say};

fn start(version: u32) -> Option<Peer> {
    let version = version.to_string();
    Some(Peer::start(python::interpreter()?, &["--schemes", "credssp", "--credssp-version", &version]))
}

/// The account of the peer, as it arrived.
fn delegated(log: &crate::peer::Log) -> usize {
    log.count("delegated", "CONTOSO\\svc-peer")
}

/// F37: the versions with and without the hash of the key.
#[tokio::test(flavor = "multi_thread")]
async fn f37_every_version_signs_in_seals_and_delegates() {
    for version in 2..=6 {
        let Some(peer) = start(version) else { return };
        for tls in [false, true] {
            let mut config = peer.config(tls, Authentication::CredSsp);
            config.danger_old_credssp = version < 5;
            let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
            // Requests and answers of several TLS records.
            let text = "\u{e4}".repeat(40_000);
            let command = Command::new("New-Mailbox")
                .parameter("Name", Value::from(text.as_str()))
                .parameter("Password", Value::secure("P\u{e4}ss"));
            let made = pool.pipeline().command(command).run().await.unwrap().collect().await.unwrap();
            assert_eq!(made.outcome, Some(Outcome::Completed));
            assert_eq!(made.output[0].get("Name"), Some(&Value::from(text.as_str())));
            pool.close().await.unwrap();
            let transport = if tls { "https" } else { "http, sealed" };
            say(&format!("interop: our client, CredSSP version {version} of pyspnego, {transport}: pass"));
        }
        let log = peer.finish();
        log.is_clean();
        let signed_in = log.having("delegated");
        assert!(signed_in >= 2 && delegated(&log) == signed_in, "{log:?}");
        assert_eq!(log.count("credssp_version", &version.to_string()), signed_in, "{log:?}");
        assert_eq!(log.having("password_fits"), log.count_true("password_fits"), "{log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_versions_that_can_be_intercepted_are_refused_before_the_password() {
    for version in 2..=4 {
        let Some(peer) = start(version) else { return };
        let config = peer.config(false, Authentication::CredSsp);
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        let refused = AuthError::OldCredSsp { version, least: 5 };
        assert!(matches!(&error, Error::SignIn(SignInError::Mechanism(it)) if *it == refused), "{error:?}");
        let log = peer.finish();
        assert_eq!((log.having("delegated"), log.having("action")), (0, 0), "{log:?}");
    }
}

/// F35: errorCode is told in words; where the version has none, the refusal is a bare 401.
#[tokio::test(flavor = "multi_thread")]
async fn f35_a_wrong_password_by_version() {
    for version in 2..=6 {
        let Some(peer) = start(version) else { return };
        let mut config = peer.stranger(false, Authentication::CredSsp);
        config.danger_old_credssp = true;
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        match (&error, version) {
            (Error::SignIn(SignInError::Mechanism(AuthError::NtStatus(_))), 3 | 4 | 6) => {}
            (Error::SignIn(SignInError::Refused), 2 | 5) => {}
            _ => panic!("version {version}: {error:?}"),
        }
        let log = peer.finish();
        assert_eq!((log.having("delegated"), log.having("action")), (0, 0), "{log:?}");
        say(&format!(
            "interop: our client, CredSSP version {version} of pyspnego, a wrong password: {error}"
        ));
    }
}
