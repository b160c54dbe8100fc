//! What servers, and what stands in front of them, answer in the middle of a session, and what a client makes of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wsman::client::{Error, PoolOptions, RedirectPolicy, RedirectRefused, RunspacePool, SignInError};
use wsman::clixml::Value;
use wsman::psrp::Command;
use wsman::server::Refusal;
use wsman::wsmv::FaultCode;

use crate::lab::{Running, echo, output};
use crate::meddler::{Fate, Meddler, Seen};

const TOO_LARGE: &str = "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 4294967\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<h1>Busy</h1>";
const FORGOTTEN: &str = "HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";

/// A pool on the other side of a meddler; `busy` is how long the client puts up with a busy server.
async fn through(
    lab: &Running,
    busy: Duration,
    judge: impl Fn(Seen) -> Fate + Send + Sync + 'static,
) -> (Meddler, Result<RunspacePool, Error>) {
    let address = lab.server.addresses()[0].0;
    let meddler = Meddler::start(address, judge).await;
    let mut config = lab.config(false);
    config.url = config.url.replace(&address.to_string(), &meddler.address.to_string());
    config.timeouts.busy = busy;
    config.timeouts.operation = Duration::from_secs(1);
    config.timeouts.network = Duration::from_secs(2);
    let pool = RunspacePool::open(config, PoolOptions::default()).await;
    (meddler, pool)
}

/// Somebody in front of the service reads less than it does.
#[tokio::test(flavor = "multi_thread")]
async fn f47_http_413_makes_the_pieces_smaller() {
    let lab = Running::start().await;
    let judge = |seen: Seen| if seen.body > 50_000 { Fate::Answer(TOO_LARGE) } else { Fate::Pass };
    let (_meddler, pool) = through(&lab, Duration::ZERO, judge).await;
    let pool = pool.unwrap();
    let large: String = (0..600_000).map(|number| char::from(b'a' + (number % 23) as u8)).collect();
    let value = Value::String(large.into());
    let command = Command::new("Get-Echo").parameter("Value", value.clone());
    assert_eq!(output(&pool, command).await, [value]);
    assert_eq!(lab.seen.commands(), 1);
    lab.finish(pool).await;
}

/// While its application pool starts, IIS answers with 503 and HTML. Nothing was run yet, so that it can be asked again.
#[tokio::test(flavor = "multi_thread")]
async fn f75_a_server_that_is_starting_is_asked_again() {
    let lab = Running::start().await;
    let judge = |seen: Seen| if seen.number <= 2 { Fate::Answer(BUSY) } else { Fate::Pass };
    let (_meddler, pool) = through(&lab, Duration::from_secs(600), judge).await;
    let pool = pool.unwrap();
    assert_eq!(output(&pool, echo(1)).await, [Value::Int32(1)]);
    lab.finish(pool).await;
    // Unless nobody wants to wait: the second time it would be let in.
    let lab = Running::start().await;
    let judge = |seen: Seen| if seen.number == 1 { Fate::Answer(BUSY) } else { Fate::Pass };
    let (_meddler, pool) = through(&lab, Duration::ZERO, judge).await;
    assert!(matches!(pool.unwrap_err(), Error::Http { status: 503, excerpt } if excerpt == "<h1>Busy</h1>"));
}

/// Once a command is under way it is not sent again, whatever the server says of its being busy.
#[tokio::test(flavor = "multi_thread")]
async fn f75_a_command_is_not_repeated_because_the_server_is_busy() {
    let lab = Running::start().await;
    let judge = |seen: Seen| if seen.body > 20_000 { Fate::Answer(BUSY) } else { Fate::Pass };
    let (_meddler, pool) = through(&lab, Duration::from_secs(600), judge).await;
    let pool = pool.unwrap();
    let large = Command::new("Get-Echo").parameter("Value", Value::String("x".repeat(30_000).into()));
    let error = pool.pipeline().command(large).run().await.unwrap().collect().await.unwrap_err();
    assert!(matches!(error, Error::Http { status: 503, .. }), "{error:?}");
    assert_eq!(lab.seen.commands(), 0);
    lab.finish(pool).await;
}

/// F65: throttled, then let in; never by a refusal that stays.
#[tokio::test(flavor = "multi_thread")]
async fn f65_a_throttled_client_waits_and_a_refused_one_does_not() {
    let lab = Running::start().await;
    let throttled =
        "Fail to create a runspace because you have exceeded the maximum number of connections allowed : 3";
    lab.seen.refusals.lock().unwrap().extend([Refusal::new(throttled), Refusal::new(throttled)]);
    let (_meddler, pool) = through(&lab, Duration::from_secs(600), |_| Fate::Pass).await;
    pool.unwrap().close().await.unwrap();
    assert_eq!(lab.seen.count("/Create"), 3);
    lab.seen
        .refusals
        .lock()
        .unwrap()
        .push_back(Refusal::new("The user is not allowed to use remote Powershell."));
    let (_meddler, pool) = through(&lab, Duration::from_secs(600), |_| Fate::Pass).await;
    assert!(matches!(pool.unwrap_err(), Error::Fault(fault) if fault.is_access_denied()));
    assert_eq!(lab.seen.count("/Create"), 4);
}

/// The server forgets the sign-in (401), says that it closes, or closes without a word after every sealed answer, as
/// HTTP.sys does to whoever idles: another connection signs in, seals anew, and nothing runs twice.
#[tokio::test(flavor = "multi_thread")]
async fn f43_f44_f46_connections_that_end_after_an_answer_are_replaced() {
    for round in 0..3 {
        let lab = Running::start().await;
        // Two requests sign in; the third is the first with a body.
        let judge = move |seen: Seen| match round {
            0 if seen.body > 0 && seen.on_connection > 3 => Fate::Answer(FORGOTTEN),
            1 if seen.body > 0 => Fate::PassAndClose,
            2 if seen.body > 0 => Fate::PassAndHangUp,
            _ => Fate::Pass,
        };
        let (meddler, pool) = through(&lab, Duration::ZERO, judge).await;
        let pool = pool.unwrap();
        for value in 0..4 {
            assert_eq!(output(&pool, echo(value)).await, [Value::Int32(value)], "round {round}");
            // A command that crosses the end of its connection on the way may have run, and is not sent again.
            lab.seen.until("all terminated", |seen| seen.count("/Signal") > value as usize).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!((lab.seen.commands(), lab.seen.count("/Command")), (4, 4), "round {round}");
        assert!(meddler.connections.load(Ordering::SeqCst) > 4, "round {round}");
        let unsealed = |it: &wsman::server::Exchange| it.action.is_some() && !it.sealed;
        assert!(!lab.seen.exchanges.lock().unwrap().iter().any(unsealed));
        lab.finish(pool).await;
    }
}

/// Each layer has an error of its own: connection, TLS, sign-in, answer, operation.
#[tokio::test(flavor = "multi_thread")]
async fn f53_f55_every_layer_fails_with_an_error_of_its_own() {
    let lab = Running::start().await;
    let open = async |config| RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = lab.config(false);
    config.url = format!("http://{free}/PowerShell");
    assert!(matches!(open(config).await, Error::Connect { .. }));
    let mut config = lab.config(true);
    config.tls.ca_pem = None;
    assert!(matches!(open(config).await, Error::Tls { .. }));
    let mut config = lab.config(false);
    config.credentials = wsman::auth::Credentials::new(crate::lab::USER, "wrong");
    assert!(matches!(open(config).await, Error::SignIn(SignInError::Refused)));
    let silent = |seen: Seen| if seen.body > 0 { Fate::Silence } else { Fate::Pass };
    let error = through(&lab, Duration::ZERO, silent).await.1.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "Create", sent: true, .. }), "{error:?}");
    lab.seen.refusals.lock().unwrap().push_back(Refusal::new("no"));
    assert!(matches!(open(lab.config(false)).await, Error::Fault(_)));
}

/// `ERROR_WSMAN_REDIRECT_REQUESTED`: the fault of Create names the address, and the policy judges it.
#[tokio::test(flavor = "multi_thread")]
async fn f64_a_fault_that_redirects_is_followed_where_it_is_allowed() {
    let (first, second) = (Running::start().await, Running::start().await);
    let place = format!("{}/PowerShell/?a=b", second.server.url(true).unwrap());
    let sent_on = |place: &str| Refusal {
        code: FaultCode::REDIRECT_REQUESTED.0,
        message: format!("Connect to {place} instead."),
    };
    let mut config = first.config(true);
    let ours = second.server.certificate_pem().unwrap().as_bytes().to_vec();
    config.tls.ca_pem.as_mut().unwrap().extend(ours);
    for (allowed, place, expected) in [
        (false, place.clone(), Some(RedirectRefused::NotAllowed)),
        (true, "http://127.0.0.1/PowerShell".into(), Some(RedirectRefused::NotHttps)),
        (true, "https://ex02.contoso.com/PowerShell".into(), Some(RedirectRefused::Host)),
        (true, place.clone(), None),
    ] {
        first.seen.refusals.lock().unwrap().push_back(sent_on(&place));
        config.redirects = match allowed {
            true => RedirectPolicy::Hosts(vec!["127.0.0.1".into()]),
            false => RedirectPolicy::Refuse,
        };
        match (RunspacePool::open(config.clone(), PoolOptions::default()).await, expected) {
            (Err(Error::Redirected { refused, .. }), Some(expected)) => assert_eq!(refused, expected),
            (Ok(pool), None) => {
                assert_eq!(output(&pool, echo(1)).await, [Value::Int32(1)]);
                assert_eq!((first.seen.commands(), second.seen.commands()), (0, 1));
                pool.close().await.unwrap();
            }
            (result, _) => panic!("{place}: {:?}", result.err()),
        }
    }
}

/// What idles in a NAT's table is kept there: the kernel's keep-alive timer runs on the client's socket.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn f52_idle_connections_are_kept_alive() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let port = lab.server.addresses()[0].0.port();
    // Columns of /proc/net/tcp: local, remote, state (01: established), queues, timer (02: keep-alive).
    let is_kept = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.len() > 5
            && columns[2].ends_with(&format!(":{port:04X}"))
            && columns[3] == "01"
            && columns[5].starts_with("02:")
    };
    lab.seen
        .until("a keep-alive timer", |_| {
            std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(is_kept)
        })
        .await;
    lab.finish(pool).await;
}
