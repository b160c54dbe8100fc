//! Kerberos between our two sides, with tickets made here, over http and https.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use wsman::auth::kerberos::{EncryptionType, KerberosError};
use wsman::auth::{AuthError, Credentials, Mechanism, Scheme, UserName};
use wsman::client::{
    Authentication, Blame, ConnectionConfig, Error, Kerberos, KerberosSettings, Krb5ConfSource, PoolOptions,
    RunspacePool, SignInError,
};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome};
use wsman::server::ServerIdentity;

use crate::lab::{PASSWORD, PRINCIPAL, Running, USER, echo, output};
use crate::proxy::Proxy;
use crate::raw::parrot;
use crate::tickets::{SPN, credentials, service, ticket};

const ETYPE: EncryptionType = EncryptionType::Aes256Sha1;

async fn lab(schemes: &[Scheme]) -> Running {
    lab_with(schemes, None).await
}

/// With a certificate of its own, and strict about the binding to it.
pub async fn lab_with(schemes: &[Scheme], identity: Option<ServerIdentity>) -> Running {
    Running::start_with(|config| {
        config.identity = identity;
        config.schemes = schemes.to_vec();
        config.kerberos = Some(service(ETYPE, 7));
        config.require_channel_binding = true;
        config.limits.max_shells_per_user = 50;
        config.limits.max_connections = 200;
    })
    .await
}

/// No KDC anywhere.
fn kerberos() -> Kerberos {
    let krb5_conf = Krb5ConfSource::Text("[libdefaults]\ndns_lookup_kdc = false\n".into());
    Kerberos::new(KerberosSettings { krb5_conf, ..KerberosSettings::default() })
}

pub fn config(lab: &Running, tls: bool) -> ConnectionConfig {
    ConnectionConfig {
        authentication: Authentication::Kerberos,
        credentials: credentials(ticket(ETYPE, 7, 36_000, 0)),
        target_name: Some(SPN.into()),
        kerberos: kerberos(),
        ..lab.config(tls)
    }
}

async fn open(config: ConnectionConfig) -> Result<RunspacePool, Error> {
    RunspacePool::open(config, PoolOptions::default()).await
}

fn reason(error: &Error) -> &KerberosError {
    match error {
        Error::SignIn(SignInError::Mechanism(AuthError::Kerberos(reason))) => reason,
        error => panic!("{error:?}"),
    }
}

/// F18: where only the scheme `Kerberos` is offered, that one is used. F28: a strict server gets the channel binding,
/// inside SPNEGO and without.
#[tokio::test(flavor = "multi_thread")]
async fn f18_f28_both_schemes_seal_over_http_and_are_bound_over_https() {
    for (scheme, authentication) in [
        (Scheme::Negotiate, Authentication::Kerberos),
        (Scheme::Kerberos, Authentication::Kerberos),
        (Scheme::Negotiate, Authentication::Negotiate),
        (Scheme::Kerberos, Authentication::Negotiate),
    ] {
        for tls in [false, true] {
            let lab = lab(&[scheme]).await;
            let pool = open(ConnectionConfig { authentication, ..config(&lab, tls) }).await.unwrap();
            assert_eq!(output(&pool, echo(42)).await, [Value::Int32(42)]);
            let command = Command::new("Get-Secret").parameter("Secret", Value::secure("geheim"));
            assert_eq!(output(&pool, command).await, [Value::from("geheim")]);
            let long = Value::from("\u{e4}x\0 ".repeat(50_000).as_str());
            let command = Command::new("Get-Echo").parameter("Value", long.clone());
            assert_eq!(output(&pool, command).await, [long]);
            assert_eq!(pool.signed_in().mechanism, Some(Mechanism::Kerberos));
            assert_eq!(pool.signed_in().kerberos_failure, None);
            {
                let exchanges = lab.seen.exchanges.lock().unwrap();
                let (soap, legs): (Vec<_>, Vec<_>) = exchanges.iter().partition(|it| it.action.is_some());
                assert!(
                    soap.len() >= 4 && soap.iter().all(|it| it.sealed != tls && it.status == 200),
                    "{soap:?}"
                );
                assert!(soap.iter().all(|it| it.user == Some(UserName::parse(PRINCIPAL))));
                // One leg for each connection; the first one looks for the scheme, or for the certificate.
                assert!(legs.iter().all(|it| it.request_bytes == 0), "{legs:?}");
                let connections = legs.iter().map(|it| it.connection).collect::<BTreeSet<_>>();
                let more = usize::from(tls) + connections.len() * usize::from(scheme == Scheme::Kerberos);
                assert_eq!(legs.len(), connections.len() + more, "{legs:?}");
            }
            lab.finish(pool).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f28_a_strict_server_refuses_a_sign_in_without_binding() {
    for scheme in [Scheme::Negotiate, Scheme::Kerberos] {
        let lab = lab(&[scheme]).await;
        let config = ConnectionConfig { danger_skip_channel_binding: true, ..config(&lab, true) };
        let error = open(config).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(SignInError::Refused)), "{error:?}");
        assert_eq!((lab.seen.commands(), lab.server.shell_count()), (0, 0));
    }
}

/// F5: the ticket is for the key of another account. The service says so, and the client says what to do.
#[tokio::test(flavor = "multi_thread")]
async fn f5_the_spn_of_another_account_is_named_with_the_cure() {
    for scheme in [Scheme::Negotiate, Scheme::Kerberos] {
        let lab = lab(&[scheme]).await;
        let wrong = credentials(ticket(ETYPE, 8, 36_000, 0));
        let error = open(ConnectionConfig { credentials: wrong, ..config(&lab, false) }).await.unwrap_err();
        assert!(matches!(reason(&error), KerberosError::WrongServiceKey(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("HTTP/ex01.contoso.com@CONTOSO.COM") && text.contains("setspn"), "{text}");
        assert_eq!(error.blame(), Blame::Authentication);
        assert!(!error.may_have_run() && !error.can_retry());
        assert_eq!((lab.seen.commands(), lab.server.shell_count()), (0, 0));
    }
}

/// The service's clock, or that of this machine, is ten minutes off.
#[tokio::test(flavor = "multi_thread")]
async fn f24_clocks_that_differ_are_named_with_both_times() {
    let lab = lab(&[Scheme::Negotiate]).await;
    let krb5_conf = Krb5ConfSource::Text("[libdefaults]\ndns_lookup_kdc = false\n".into());
    let settings = KerberosSettings { krb5_conf, clock_correction: -600, ..KerberosSettings::default() };
    let config = ConnectionConfig { kerberos: Kerberos::new(settings), ..config(&lab, false) };
    let error = open(config).await.unwrap_err();
    assert!(matches!(reason(&error), KerberosError::Skew { .. }), "{error:?}");
    assert!(error.to_string().contains("set the clock"), "{error}");
}

/// F23: NTLM instead is a choice, and the reason is there for whoever asks.
#[tokio::test(flavor = "multi_thread")]
async fn f23_ntlm_instead_of_kerberos_only_where_allowed_and_the_reason_is_told() {
    let lab = lab(&[Scheme::Negotiate]).await;
    let negotiate = |password: &str, allow_ntlm| ConnectionConfig {
        authentication: Authentication::Negotiate,
        credentials: Credentials::new(USER, password),
        allow_ntlm,
        ..config(&lab, false)
    };
    let pool = open(negotiate(PASSWORD, true)).await.unwrap();
    assert_eq!(output(&pool, echo(1)).await, [Value::Int32(1)]);
    let signed_in = pool.signed_in();
    assert_eq!(signed_in.mechanism, Some(Mechanism::Ntlm));
    assert!(matches!(signed_in.kerberos_failure, Some(KerberosError::NoKdc(_))), "{signed_in:?}");
    pool.close().await.unwrap();

    let error = open(negotiate(PASSWORD, false)).await.unwrap_err();
    assert!(matches!(reason(&error), KerberosError::NoKdc(_)), "{error:?}");

    let error = open(negotiate("not-the-canary", true)).await.unwrap_err();
    let Error::SignIn(SignInError::WithoutKerberos { kerberos, .. }) = &error else { panic!("{error:?}") };
    assert!(matches!(kerberos, KerberosError::NoKdc(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("wrong user name or password") && text.contains("configure realm and KDC"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");

    // F6: an address has no SPN.
    let pool = open(ConnectionConfig { target_name: None, ..negotiate(PASSWORD, true) }).await.unwrap();
    let failure = pool.signed_in().kerberos_failure;
    assert!(matches!(failure, Some(KerberosError::AddressAsHost(_))), "{failure:?}");
    let kerberos = Authentication::Kerberos;
    let config =
        ConnectionConfig { target_name: None, authentication: kerberos, ..negotiate(PASSWORD, true) };
    let error = open(config).await.unwrap_err();
    assert!(error.to_string().contains("full DNS name"), "{error}");
    lab.finish(pool).await;
}

/// A ticket, and a server that knows only NTLM: it chooses that, protected by a mechListMIC; where NTLM is not allowed
/// the sign-in fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_kerberos_is_told_no() {
    let lab = Running::start().await;
    for authentication in [Authentication::Kerberos, Authentication::Negotiate] {
        let error = open(ConnectionConfig { authentication, ..config(&lab, false) }).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(_)), "{error:?}");
    }
    let only_ntlm = Running::start_with(|config| config.schemes = vec![Scheme::Ntlm]).await;
    let error = open(config(&only_ntlm, false)).await.unwrap_err();
    let offered =
        |error: &SignInError| matches!(error, SignInError::NotOffered { offered, .. } if offered == "NTLM");
    assert!(matches!(&error, Error::SignIn(error) if offered(error)), "{error:?}");
}

/// F22: the ticket of somebody in very many groups does not fit into a header of HTTP.sys.
#[tokio::test(flavor = "multi_thread")]
async fn f22_a_token_that_is_too_long_is_named_and_not_sent_again() {
    let address = parrot(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 33\r\nConnection: close\r\n\r\n\
         <h2>Bad Request - Too Long</h2>\r\n",
    )
    .await;
    let lab = lab(&[Scheme::Negotiate]).await;
    let url = format!("http://{address}/wsman");
    let heavy = |weight| ConnectionConfig {
        url: url.clone(),
        credentials: credentials(ticket(ETYPE, 7, 36_000, weight)),
        ..config(&lab, false)
    };
    let error = open(heavy(12_000)).await.unwrap_err();
    let Error::SignIn(SignInError::TokenTooLarge { status: 400, length: 16_000.. }) = error else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains("too many groups"), "{error}");
    assert!(!error.can_retry());
    // Another 400 is something else.
    let error = open(heavy(0)).await.unwrap_err();
    assert!(!matches!(error, Error::SignIn(SignInError::TokenTooLarge { .. })), "{error:?}");
    // Our own server takes it.
    let pool = open(ConnectionConfig { url: lab.config(false).url, ..heavy(30_000) }).await.unwrap();
    lab.finish(pool).await;
}

/// F43, F44: another connection signs in for itself, with numbers and keys of its own, and seals anew.
#[tokio::test(flavor = "multi_thread")]
async fn f11_f17_lost_connections_sign_in_and_seal_anew() {
    let lab = lab(&[Scheme::Negotiate]).await;
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

/// F13, F40: fifty connections with one ticket, each with a context of its own, all at work at the same time; input goes
/// out while output comes in.
#[tokio::test(flavor = "multi_thread")]
async fn f13_f40_fifty_connections_do_not_mix_their_contexts() {
    let lab = lab(&[Scheme::Negotiate, Scheme::Kerberos]).await;
    let config = config(&lab, false);
    let mut all = JoinSet::new();
    for number in 0..50 {
        let config = config.clone();
        all.spawn(async move {
            let pool = open(config).await.unwrap();
            for round in 0..4 {
                let value = number * 1000 + round;
                assert_eq!(output(&pool, echo(value)).await, [Value::Int32(value)]);
            }
            let input: Vec<Value> =
                (0..20).map(|round| Value::from(format!("{number}-{round}").as_str())).collect();
            let command = Command::new("Get-Input");
            let pipeline = pool.pipeline().command(command).input(input.clone()).run().await.unwrap();
            let collected = pipeline.collect().await.unwrap();
            assert_eq!((collected.outcome, collected.output), (Some(Outcome::Completed), input));
            pool.close().await.unwrap();
        });
    }
    all.join_all().await;
    assert_eq!(lab.server.shell_count(), 0);
    let exchanges = lab.seen.exchanges.lock().unwrap();
    let connections = exchanges.iter().map(|it| it.connection).collect::<BTreeSet<_>>();
    assert!(connections.len() >= 50, "{connections:?}");
    assert!(exchanges.iter().all(|it| it.status == 200 && (it.sealed || it.action.is_none())));
}
