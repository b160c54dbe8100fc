//! Every way to sign in, and the ways not to.

use wsman::auth::{Credentials, Scheme};
use wsman::client::{
    Authentication, Blame, CertificatePin, ConnectionConfig, Error, PoolOptions, RunspacePool, SignInError,
};
use wsman::clixml::Value;
use wsman::server::Listen;

use crate::lab::{PASSWORD, Running, USER, echo, output};

async fn works(lab: Running, config: ConnectionConfig, sealed: bool) {
    let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
    assert_eq!(output(&pool, echo(42)).await, [Value::Int32(42)]);
    {
        let exchanges = lab.seen.exchanges.lock().unwrap();
        let soap: Vec<_> = exchanges.iter().filter(|it| it.action.is_some()).collect();
        assert!(soap.len() >= 4 && soap.iter().all(|it| it.sealed == sealed && it.status == 200));
        assert!(soap.iter().all(|it| it.user.as_ref().unwrap().to_string() == USER));
    }
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ntlm_sealed_over_http() {
    let lab = Running::start().await;
    let config = lab.config(false);
    works(lab, config, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn negotiate_sealed_over_http() {
    let lab = Running::start().await;
    let config = ConnectionConfig { authentication: Authentication::Negotiate, ..lab.config(false) };
    works(lab, config, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_the_scheme_ntlm_is_offered_it_is_used() {
    for authentication in [Authentication::Ntlm, Authentication::Negotiate] {
        for tls in [false, true] {
            let lab = Running::start_with(|config| config.schemes = vec![Scheme::Ntlm]).await;
            let config = ConnectionConfig { authentication, ..lab.config(tls) };
            works(lab, config, !tls).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn negotiate_over_https_with_channel_binding_required() {
    let lab = Running::start_with(|config| config.require_channel_binding = true).await;
    let config = ConnectionConfig { authentication: Authentication::Negotiate, ..lab.config(true) };
    works(lab, config, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unbound_sign_in_is_refused_where_binding_is_required() {
    let lab = Running::start_with(|config| config.require_channel_binding = true).await;
    let config = ConnectionConfig { danger_skip_channel_binding: true, ..lab.config(true) };
    let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::SignIn(SignInError::Refused)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_over_https_only() {
    let lab = Running::start().await;
    let config = ConnectionConfig { authentication: Authentication::Basic, ..lab.config(true) };
    works(lab, config, false).await;
    let lab = Running::start().await;
    let config = ConnectionConfig { authentication: Authentication::Basic, ..lab.config(false) };
    let error = RunspacePool::open(config.clone(), PoolOptions::default()).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Caller);
    assert!(lab.seen.exchanges.lock().unwrap().is_empty());
    // Even where the caller wants it, the server does not.
    let config = ConnectionConfig { danger_basic_over_http: true, ..config };
    let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::SignIn(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_a_sign_in_error_and_says_nothing_secret() {
    for tls in [false, true] {
        for authentication in [Authentication::Ntlm, Authentication::Negotiate, Authentication::Basic] {
            if authentication == Authentication::Basic && !tls {
                continue;
            }
            let lab = Running::start().await;
            let credentials = Credentials::new(USER, "not-the-canary");
            let config = ConnectionConfig { authentication, credentials, ..lab.config(tls) };
            let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
            assert!(matches!(error, Error::SignIn(_)), "{authentication:?}: {error:?}");
            assert_eq!(error.blame(), Blame::Authentication);
            assert!(!error.may_have_run() && !error.can_retry());
            assert!(!format!("{error} {error:?}").contains("canary"));
            assert_eq!((lab.seen.commands(), lab.server.shell_count()), (0, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_judged() {
    let lab = Running::start().await;
    let pem = lab.server.certificate_pem().unwrap().to_owned();
    let mut config = lab.config(true);
    config.tls.ca_pem = None;
    config.tls.pin = Some(CertificatePin::Sha256([7; 32]));
    let error = RunspacePool::open(config.clone(), PoolOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    config.tls.pin = Some(CertificatePin::parse(&pem).unwrap());
    let pool = RunspacePool::open(config.clone(), PoolOptions::default()).await.unwrap();
    pool.close().await.unwrap();
    config.tls.pin = None;
    config.tls.danger_skip_tls_verification = true;
    let pool = RunspacePool::open(config.clone(), PoolOptions::default()).await.unwrap();
    pool.close().await.unwrap();
    // Another server's certificate as the only authority.
    let other = Running::start().await;
    config.tls.danger_skip_tls_verification = false;
    config.tls.ca_pem = Some(other.server.certificate_pem().unwrap().as_bytes().to_vec());
    let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert_eq!(error.blame(), Blame::Transport);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv6_literal_is_an_address_like_any_other() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("SKIPPED: this machine has no IPv6 loopback address");
        return;
    }
    for tls in [false, true] {
        let address = "[::1]:0".parse().unwrap();
        let lab = Running::start_with(|config| config.listen = vec![Listen { address, tls }]).await;
        let config = lab.config(tls);
        assert!(config.url.contains("//[::1]:"));
        works(lab, config, !tls).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_shows_in_the_configuration() {
    let lab = Running::start().await;
    assert!(!format!("{:?}", lab.config(false)).contains(PASSWORD));
}
