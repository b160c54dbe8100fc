//! Our client's channel binding against pyspnego, which refuses one that does not fit, and here one that is not there;
//! its certificate is signed with SHA-384.

use wsman::client::{Authentication, Error, PoolOptions, RunspacePool};

use crate::peer::Peer;
use crate::{python, say};

const BOTH: [Authentication; 2] = [Authentication::Ntlm, Authentication::Negotiate];

/// F25, F27, F28: a missing and a wrong binding are refused, the right one is taken.
#[tokio::test(flavor = "multi_thread")]
async fn f25_f27_f28_the_binding_of_the_certificate_and_no_other_is_taken() {
    let Some(interpreter) = python::interpreter() else { return };
    let peer = Peer::start(interpreter, &["--strict-binding"]);
    for authentication in BOTH {
        let pool =
            RunspacePool::open(peer.config(true, authentication), PoolOptions::default()).await.unwrap();
        pool.close().await.unwrap();
        // F32: without a binding, by the one explicit switch.
        let mut unbound = peer.config(true, authentication);
        unbound.danger_skip_channel_binding = true;
        let error = RunspacePool::open(unbound, PoolOptions::default()).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(_)), "{error:?}");
        say(&format!(
            "interop: our client, pyspnego asking for the channel binding, {authentication:?}: {error}"
        ));
    }
    let log = peer.finish();
    assert_eq!(log.having("sign_in_refused"), BOTH.len(), "{log:?}");

    // The same with an acceptor that sees another certificate, as behind somebody in between.
    let peer = Peer::start(interpreter, &["--wrong-binding"]);
    for authentication in BOTH {
        let config = peer.config(true, authentication);
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(_)), "{error:?}");
    }
    let log = peer.finish();
    assert_eq!((log.having("sign_in_refused"), log.having("action")), (BOTH.len(), 0), "{log:?}");
}

/// The peer asks for the certificate in the handshake and looks for the account in its subject.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_taken_by_a_server_of_openssl() {
    let Some(interpreter) = python::interpreter() else { return };
    let peer = Peer::start(interpreter, &[]);
    let config = peer.certificate_config();
    let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
    pool.close().await.unwrap();
    let log = peer.finish();
    log.is_clean();
    assert!(log.count("mechanism", "certificate") >= 3, "{log:?}");
    say("interop: our client, sign-in by certificate at a server of OpenSSL: pass");
}
