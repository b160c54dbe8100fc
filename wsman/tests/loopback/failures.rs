//! What must not work, and what is said then.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wsman::auth::Credentials;
use wsman::auth::kerberos::KerberosError;
use wsman::client::{Blame, ConnectionConfig, Error, PoolOptions, ProxyProblem, RunspacePool, SignInError};
use wsman::server::{Listen, ServerError};

use crate::lab::{Running, USER, echo, output};
use crate::raw::{exchange, parrot, post, recorder};

const SOAP: &str = "Content-Type: application/soap+xml;charset=UTF-8\r\n";
const ENVELOPE: &str =
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body/></s:Envelope>";

async fn open(url: String) -> Error {
    let config = ConnectionConfig::new(url, Credentials::new(USER, "x"));
    RunspacePool::open(config, PoolOptions::default()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_soap_over_http_is_refused_and_nothing_runs() {
    let lab = Running::start().await;
    let address = lab.server.addresses()[0].0;
    let answer = exchange(address, &post("/PowerShell", SOAP, ENVELOPE)).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("www-authenticate: negotiate"), "{answer}");
    // Basic is for TLS.
    assert!(!answer.contains("Basic"), "{answer}");
    let basic = format!("{SOAP}Authorization: Basic Q09OVE9TT1xzdmM6eA==\r\n");
    assert!(exchange(address, &post("/PowerShell", &basic, ENVELOPE)).await.starts_with("HTTP/1.1 401"));
    assert_eq!((lab.seen.commands(), lab.server.shell_count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn identify_is_answered_to_anybody() {
    let lab = Running::start().await;
    let identify = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
        xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"><s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>";
    let headers = format!("{SOAP}WSMANIDENTIFY: unauthenticated\r\n");
    let answer = exchange(lab.server.addresses()[0].0, &post("/wsman", &headers, identify)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("ProtocolVersion"), "{answer}");
    // Nothing else is.
    let answer = exchange(lab.server.addresses()[0].0, &post("/wsman", &headers, ENVELOPE)).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_paths_methods_and_sizes() {
    let lab = Running::start_with(|config| config.limits.max_body = 1000).await;
    let address = lab.server.addresses()[0].0;
    assert!(exchange(address, &post("/nowhere", SOAP, "")).await.starts_with("HTTP/1.1 404"));
    let get = "GET /wsman HTTP/1.1\r\nHost: ex01\r\n\r\n";
    assert!(exchange(address, get).await.starts_with("HTTP/1.1 405"));
    let large = "x".repeat(2000);
    assert!(exchange(address, &post("/wsman", SOAP, &large)).await.starts_with("HTTP/1.1 413"));
    let error = open(format!("http://{address}/nowhere")).await;
    assert!(matches!(error, Error::Http { status: 404, .. }), "{error:?}");
    assert_eq!(error.blame(), Blame::PeerRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_is_a_connect_error() {
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = open(format!("http://{address}/wsman")).await;
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.can_retry() && !error.may_have_run() && error.blame() == Blame::Transport);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_where_tls_is_expected_is_a_tls_error() {
    let lab = Running::start().await;
    let address = lab.server.addresses()[0].0;
    let mut config = lab.config(true);
    config.url = format!("https://{address}/wsman");
    let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f56_strange_servers_are_named_for_what_they_do() {
    let address = parrot("HTTP/1.1 503 Busy\r\nContent-Length: 19\r\n\r\n<h1>Unavailable</h1>").await;
    let error = open(format!("http://{address}/wsman")).await;
    assert!(
        matches!(&error, Error::Http { status: 503, excerpt } if excerpt.contains("Unavailable")),
        "{error:?}"
    );
    assert!(error.can_retry());
    let address = parrot("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut off").await;
    let error = open(format!("http://{address}/wsman")).await;
    assert!(matches!(error, Error::Lost { sent: false, .. }), "{error:?}");
    let address = parrot("HTTP/1.1 401 No\r\nWWW-Authenticate: Kerberos\r\nContent-Length: 0\r\n\r\n").await;
    let error = open(format!("http://{address}/wsman")).await;
    let Error::SignIn(SignInError::WithoutKerberos { kerberos: KerberosError::AddressAsHost(_), instead }) =
        error
    else {
        panic!("{error:?}")
    };
    assert!(
        matches!(&*instead, SignInError::NotOffered { offered, .. } if offered == "Kerberos"),
        "{instead:?}"
    );
    let address =
        parrot("HTTP/1.1 302 Go\r\nLocation: http://example.com/\r\nContent-Length: 0\r\n\r\n").await;
    let error = open(format!("http://{address}/wsman")).await;
    assert!(matches!(error, Error::Redirected { .. }), "{error:?}");
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n{}", "x".repeat(9_000_000));
    let address = parrot(large.leak()).await;
    let error = open(format!("http://{address}/wsman")).await;
    assert!(matches!(&error, Error::Protocol(what) if what.contains("larger")), "{error:?}");
    assert_eq!(error.blame(), Blame::PeerMisbehaved);
    let address = parrot("SSH-2.0-OpenSSH_9.2\r\n").await;
    let error = open(format!("http://{address}/wsman")).await;
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_used_where_it_is_named_and_may_refuse() {
    let (address, heard) = recorder("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n").await;
    let mut config = ConnectionConfig::new("http://ex01.invalid/PowerShell", Credentials::new(USER, "x"));
    config.proxy = Some(format!("http://{address}"));
    config.proxy_credentials = Some(Credentials::new("proxyuser", "proxypass"));
    let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Proxy { reason: ProxyProblem::SignIn, .. }), "{error:?}");
    let heard = heard.await.unwrap();
    assert!(heard.starts_with("POST http://ex01.invalid/PowerShell HTTP/1.1\r\n"), "{heard}");
    // RFC 7617: base64 of `proxyuser:proxypass`.
    assert!(
        heard.to_ascii_lowercase().contains("proxy-authorization: basic chjvehl1c2vyonbyb3h5cgfzcw=="),
        "{heard}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f58_f65_a_refused_resource_and_too_many_shells_are_faults() {
    let lab = Running::start_with(|config| config.limits.max_shells_per_user = 2).await;
    let mut config = lab.config(false);
    config.resource_uri = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell".into();
    let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Fault(_)) && error.blame() == Blame::PeerRefused, "{error:?}");
    let (one, two) = (lab.pool().await, lab.pool().await);
    let error = RunspacePool::open(lab.config(false), PoolOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("exceeded the maximum number of connections allowed : 2"), "{error}");
    one.close().await.unwrap();
    two.close().await.unwrap();
    let again = lab.pool().await;
    lab.finish(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_everything_with_an_error() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let pipeline = pool.pipeline().command(wsman::psrp::Command::new("Start-Slow")).run().await.unwrap();
    lab.seen.until("it runs", |seen| seen.commands() == 1).await;
    lab.server.shutdown().await;
    pipeline.collect().await.unwrap_err();
    pool.pipeline().command(crate::lab::echo(1)).run().await.map(drop).unwrap_or_default();
    let _ = pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_that_nobody_uses_is_closed_and_its_client_told() {
    let lab = Running::start_with(|config| config.limits.shell_idle = Duration::from_millis(400)).await;
    let pool = lab.pool().await;
    while lab.server.shell_count() > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let error = pool.pipeline().command(echo(1)).run().await.unwrap().collect().await.unwrap_err();
    assert!(matches!(&error, Error::Fault(fault) if fault.is_shell_gone()), "{error:?}");
    // From now on there is nothing to be run on.
    for _ in 0..100 {
        match pool.pipeline().command(echo(2)).run().await {
            Err(_) => break,
            Ok(pipeline) => drop(pipeline.collect().await.unwrap_err()),
        }
    }
    assert_eq!(lab.seen.commands(), 0);
    pool.close().await.unwrap();
}

/// F59: what a killed client leaves behind ends when the client asked for, not hours later.
#[tokio::test(flavor = "multi_thread")]
async fn f59_a_client_says_how_long_its_shell_may_idle() {
    let lab = Running::start().await;
    let mut config = lab.config(false);
    config.timeouts.shell_idle = Some(std::time::Duration::from_secs(1));
    let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
    assert_eq!(lab.server.shell_count(), 1);
    while lab.server.shell_count() > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(pool);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_disturbs_nobody() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let sealed = "Content-Type: multipart/encrypted;protocol=\"x\";boundary=\"Encrypted Boundary\"\r\n";
    for round in 0..60 {
        let (address, tls) = lab.server.addresses()[round % 2];
        let noise: String = (0..random() % 600).map(|_| char::from((random() % 96 + 32) as u8)).collect();
        let token = format!(
            "{SOAP}Authorization: Negotiate {}\r\n",
            noise.replace(|c: char| !c.is_alphanumeric(), "A")
        );
        let text = match random() % 5 {
            0 => noise,
            1 => post("/PowerShell", &token, ""),
            2 => post("/PowerShell", sealed, &noise),
            3 => format!("POST /PowerShell HTTP/1.1\r\n{noise}"),
            _ => format!("POST /{noise} HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"),
        };
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(tls || !answer.starts_with("HTTP/1.1 2"), "{text}: {answer}");
    }
    assert_eq!(output(&pool, echo(3)).await, [wsman::clixml::Value::Int32(3)]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_are_kept_out_unless_told_otherwise() {
    let names = wsman::auth::ntlm::ServerNames {
        netbios_computer: "A".into(),
        netbios_domain: "B".into(),
        dns_computer: String::new(),
        dns_domain: String::new(),
    };
    struct Nobody;
    impl wsman::auth::AccountStore for Nobody {
        fn secret(&self, _: &wsman::auth::UserName) -> Option<wsman::auth::Secret> {
            None
        }
    }
    struct Nothing;
    impl wsman::server::Service for Nothing {
        fn accounts(&self) -> std::sync::Arc<dyn wsman::auth::AccountStore + Send + Sync> {
            std::sync::Arc::new(Nobody)
        }
        fn open(
            &self,
            _: wsman::server::ShellInfo,
        ) -> Result<Box<dyn wsman::server::Runspace>, wsman::server::Refusal> {
            Err(wsman::server::Refusal::new("no"))
        }
    }
    let mut config = wsman::server::ServerConfig::loopback(Vec::new(), names);
    config.listen = vec![Listen { address: "0.0.0.0:0".parse().unwrap(), tls: false }];
    let error = wsman::server::Server::start(config, std::sync::Arc::new(Nothing)).await.unwrap_err();
    assert!(matches!(error, ServerError::BeyondLoopback(_)));
}
