//! CredSSP between our two sides, over http and https.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wsman::auth::credssp::NtStatus;
use wsman::auth::{AuthError, Credentials, Scheme, Secret, UserName};
use wsman::client::{Authentication, Blame, ConnectionConfig, Error, PoolOptions, RunspacePool, SignInError};
use wsman::clixml::Value;
use wsman::psrp::Command;

use crate::lab::{Running, USER, echo, output};
use crate::proxy::Proxy;

async fn lab() -> Running {
    Running::start_with(|config| config.schemes = vec![Scheme::Negotiate, Scheme::CredSsp]).await
}

fn config(lab: &Running, tls: bool) -> ConnectionConfig {
    ConnectionConfig { authentication: Authentication::CredSsp, ..lab.config(tls) }
}

async fn open(config: ConnectionConfig) -> Result<RunspacePool, Error> {
    RunspacePool::open(config, PoolOptions::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_signs_in_seals_over_http_and_runs_commands() {
    for tls in [false, true] {
        let lab = lab().await;
        let pool = open(config(&lab, tls)).await.unwrap();
        assert_eq!(output(&pool, echo(42)).await, [Value::Int32(42)]);
        // Requests and answers of several TLS records.
        let long = Value::from("\u{e4}x".repeat(50_000).as_str());
        let command = Command::new("Get-Echo").parameter("Value", long.clone());
        assert_eq!(output(&pool, command).await, [long]);
        let command = Command::new("Get-Secret").parameter("Secret", Value::secure("geheim"));
        assert_eq!(output(&pool, command).await, [Value::from("geheim")]);
        {
            let exchanges = lab.seen.exchanges.lock().unwrap();
            let (soap, legs): (Vec<_>, Vec<_>) = exchanges.iter().partition(|it| it.action.is_some());
            assert!(
                soap.len() >= 4 && soap.iter().all(|it| it.sealed != tls && it.status == 200),
                "{soap:?}"
            );
            assert!(soap.iter().all(|it| it.user == Some(UserName::parse(USER))));
            // F42: a leg of the sign-in has no body. Two for TLS, two for NTLM, one for the password.
            assert!(legs.iter().all(|it| it.request_bytes == 0), "{legs:?}");
            let connections = legs.iter().map(|it| it.connection).collect::<std::collections::BTreeSet<_>>();
            assert_eq!(legs.len(), 5 * connections.len(), "{legs:?}");
        }
        lab.finish(pool).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f35_a_wrong_password_is_told_by_its_status() {
    for tls in [false, true] {
        let lab = lab().await;
        let credentials = Credentials::new(USER, "not-the-canary");
        let error = open(ConnectionConfig { credentials, ..config(&lab, tls) }).await.unwrap_err();
        let status = AuthError::NtStatus(NtStatus::LOGON_FAILURE);
        assert!(matches!(&error, Error::SignIn(SignInError::Mechanism(it)) if *it == status), "{error:?}");
        assert_eq!(error.blame(), Blame::Authentication);
        assert!(!error.may_have_run() && !error.can_retry());
        let text = format!("{error} {error:?}");
        assert!(text.contains("STATUS_LOGON_FAILURE") && !text.contains("canary"), "{text}");
        assert_eq!((lab.seen.commands(), lab.server.shell_count()), (0, 0));
        // Nothing else was tried: an account is locked after a few failures.
        let legs = lab.seen.exchanges.lock().unwrap().iter().filter(|it| it.request_bytes == 0).count();
        assert_eq!(legs, 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_password_nothing_is_sent() {
    let lab = lab().await;
    let credentials = Credentials { user: UserName::parse(USER), secret: Secret::nt_hash([1; 16]) };
    let error = open(ConnectionConfig { credentials, ..config(&lab, true) }).await.unwrap_err();
    assert!(matches!(error, Error::Configuration(_)), "{error:?}");
    assert!(error.to_string().contains("CredSSP hands the password to the server"), "{error}");
    assert!(lab.seen.exchanges.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_it_is_not_asked_for_another_scheme() {
    let lab = Running::start_with(|config| config.schemes = vec![Scheme::Negotiate, Scheme::Ntlm]).await;
    let error = open(config(&lab, true)).await.unwrap_err();
    let not_offered = |error: &SignInError| matches!(error, SignInError::NotOffered { wanted: "CredSSP", offered } if offered.contains("NTLM"));
    assert!(matches!(&error, Error::SignIn(error) if not_offered(error)), "{error:?}");
    assert_eq!(lab.seen.exchanges.lock().unwrap().len(), 1);
}

/// F30, F43, F44: each connection signs in for itself, in full, and seals anew.
#[tokio::test(flavor = "multi_thread")]
async fn f30_lost_connections_sign_in_again_in_full() {
    let lab = lab().await;
    let address = lab.server.addresses().iter().find(|(_, secure)| !secure).unwrap().0;
    let proxy = Proxy::start(address).await;
    let mut config = config(&lab, false);
    config.url = config.url.replace(&address.to_string(), &proxy.address.to_string());
    let pool = open(config).await.unwrap();
    for number in 0..4 {
        assert_eq!(output(&pool, echo(number)).await, [Value::Int32(number)]);
        lab.seen.until("all terminated", |seen| seen.count("/Signal") == number as usize + 1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(lab.seen.commands(), 4);
    assert!(proxy.opened.load(Ordering::SeqCst) >= 4);
    lab.finish(pool).await;
}
