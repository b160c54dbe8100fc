//! The embedded Exchange over real sockets: sign-in, both endpoints, what is refused, what is logged.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use mailwright::lab::{Endpoint, Fault, FaultKind, Running, Seed, ServeOptions, serve};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use wsman::auth::Credentials;
use wsman::client::{
    Authentication, Collected, ConnectionConfig, Error, PoolOptions, RunspacePool, TlsOptions,
};
use wsman::clixml::{SecureText, Value};
use wsman::psrp::{Command, Outcome};

use crate::cli::CANARY;
use crate::log::log_entries;

const SNAP_IN: &str = "Microsoft.Exchange.Management.PowerShell.SnapIn";

async fn start(options: ServeOptions) -> Running {
    serve(Seed::sample().unwrap(), options).await.unwrap()
}

fn config(lab: &Running, url: &str, user: &str) -> ConnectionConfig {
    let mut config = ConnectionConfig::new(url, Credentials::new(user, lab.password().expose_secret()));
    config.tls = TlsOptions { ca_pem: Some(lab.ca_pem().into()), ..TlsOptions::default() };
    config
}

async fn open(config: ConnectionConfig) -> Result<RunspacePool, Error> {
    RunspacePool::open(config, PoolOptions::default()).await
}

async fn run(pool: &RunspacePool, command: Command) -> Collected {
    pool.pipeline().command(command).run().await.unwrap().collect().await.unwrap()
}

fn get(identity: &str) -> Command {
    Command::new("Get-Mailbox").parameter("Identity", Value::from(identity))
}

fn add_snap_in() -> Command {
    Command::new("Add-PSSnapin").parameter("Name", Value::from(SNAP_IN))
}

/// The one property of the one object.
fn property(collected: &Collected, name: &str) -> Value {
    let [Value::Object(object)] = collected.output.as_slice() else { panic!("{collected:?}") };
    object.get(name).unwrap_or_else(|| panic!("no {name} in {object:?}")).clone()
}

fn lines(file: &Path, kind: &str) -> Vec<Json> {
    log_entries(file).iter().filter_map(|entry| entry.get(kind).cloned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_opens_for_every_form_of_the_name() {
    let lab = start(ServeOptions::default()).await;
    let doors = [
        (Endpoint::PowerShell, false),
        (Endpoint::PowerShell, true),
        (Endpoint::Wsman, false),
        (Endpoint::Wsman, true),
    ];
    let users = ["CONTOSO\\svc-idm", "svc-idm@contoso.com", "contoso.com\\SVC-IDM", "svc-idm"];
    for ((endpoint, tls), user) in doors.into_iter().zip(users) {
        let pool = open(config(&lab, &lab.url(endpoint, tls), user)).await.unwrap();
        if endpoint == Endpoint::Wsman {
            let early = run(&pool, get("Administrator")).await;
            assert!(
                matches!(early.outcome, Some(Outcome::Failed(Some(record))) if record.fully_qualified_error_id == "CommandNotFoundException")
            );
            assert_eq!(run(&pool, add_snap_in()).await.outcome, Some(Outcome::Completed));
        }
        let mailbox = run(&pool, get("Administrator")).await;
        assert_eq!(property(&mailbox, "SamAccountName"), Value::from("Administrator"), "{endpoint:?} {tls}");
        pool.close().await.unwrap();
    }
    let basic = ConnectionConfig {
        authentication: Authentication::Basic,
        ..config(&lab, &lab.url(Endpoint::PowerShell, true), lab.user())
    };
    open(basic).await.unwrap().close().await.unwrap();
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_or_an_unknown_user_is_refused() {
    let lab = start(ServeOptions::default()).await;
    for (user, password) in [
        ("CONTOSO\\svc-idm", CANARY),
        ("CONTOSO\\nobody", CANARY),
        ("FABRIKAM\\svc-idm", lab.password().expose_secret()),
    ] {
        let url = lab.url(Endpoint::PowerShell, false);
        let error = open(ConnectionConfig::new(url, Credentials::new(user, password))).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(_)), "{user}: {error:?}");
    }
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn soap_in_clear_over_http_is_refused_and_nothing_runs() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("lab.log");
    let lab = start(ServeOptions { log: Some(log.clone()), ..ServeOptions::default() }).await;
    let body =
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body/></s:Envelope>";
    // The second has a right Basic sign-in (user svc-idm), which http does not take.
    for header in ["", "Authorization: Basic c3ZjLWlkbTpMYWItUGFzc3cwcmQh\r\n"] {
        for path in ["/PowerShell/", "/wsman"] {
            let mut stream = TcpStream::connect(lab.base_url(false).trim_start_matches("http://")).unwrap();
            let length = body.len();
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: ex01\r\nConnection: close\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n{header}Content-Length: {length}\r\n\r\n{body}"
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("Envelope"), "{answer}");
        }
    }
    lab.shutdown().await.unwrap();
    let exchanges = lines(&log, "http");
    assert_eq!(exchanges.len(), 4);
    for exchange in exchanges {
        assert!(
            exchange["status"] == 401 && exchange["user"].is_null() && exchange["action"].is_null(),
            "{exchange}"
        );
    }
    assert!(lines(&log, "cmdlet").is_empty(), "nothing ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_everything_but_secrets_and_a_new_user_can_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let (log, dump) = (folder.path().join("lab.log"), folder.path().join("dump.json"));
    let options =
        ServeOptions { log: Some(log.clone()), dump: Some(dump.clone()), ..ServeOptions::default() };
    let lab = start(options).await;
    let pool = open(config(&lab, &lab.url(Endpoint::PowerShell, false), lab.user())).await.unwrap();
    let new = Command::new("New-Mailbox")
        .parameter("Name", Value::from("Nadia New"))
        .parameter("UserPrincipalName", Value::from("nadia@contoso.com"))
        .parameter("Password", Value::SecureString(SecureText::Clear(SecretString::from(CANARY))));
    let made = run(&pool, new).await;
    assert_eq!((made.outcome, made.output.len()), (Some(Outcome::Completed), 1), "{:?}", made.errors);
    pool.close().await.unwrap();
    let url = lab.url(Endpoint::PowerShell, false);
    let hers = open(ConnectionConfig::new(url, Credentials::new("nadia@contoso.com", CANARY))).await.unwrap();
    hers.close().await.unwrap();
    lab.shutdown().await.unwrap();

    let cmdlets = lines(&log, "cmdlet");
    let [entry] = cmdlets.as_slice() else { panic!("{cmdlets:?}") };
    assert_eq!((&entry["cmdlet"], &entry["parameters"]["Password"]), (&"New-Mailbox".into(), &"***".into()));
    assert_eq!((&entry["user"], &entry["wrote"]), (&"CONTOSO\\svc-idm".into(), &true.into()));
    let exchanges = lines(&log, "http");
    let commands =
        exchanges.iter().filter(|it| it["action"].as_str().is_some_and(|it| it.ends_with("/Command")));
    assert_eq!(commands.filter(|it| it["sealed"] == true && it["status"] == 200).count(), 1);
    for file in [log, dump] {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("Nadia New"), "{}", file.display());
        assert!(!text.contains(CANARY) && !text.contains("Lab-Passw0rd!"), "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_chooses_full_serialization() {
    let lab = start(ServeOptions::default()).await;
    for (query, full) in
        [("", false), ("?serializationLevel=Full", true), ("?serializationLevel=Default", false)]
    {
        let url = format!("{}{query}", lab.url(Endpoint::PowerShell, false));
        let pool = open(config(&lab, &url, lab.user())).await.unwrap();
        // With Full the addresses arrive as objects, otherwise as text.
        let addresses = property(&run(&pool, get("Administrator")).await, "EmailAddresses");
        let Some(items) = addresses.object().and_then(|list| list.items()) else { panic!("{addresses:?}") };
        assert!(!items.is_empty());
        assert!(items.iter().all(|item| matches!(item, Value::Object(_)) == full), "{query}: {items:?}");
        pool.close().await.unwrap();
    }
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_the_first_of_several_statements_is_an_error_and_in_a_later_one_the_end() {
    let lab = start(ServeOptions::default()).await;
    let pool = open(config(&lab, &lab.url(Endpoint::PowerShell, false), lab.user())).await.unwrap();
    let two = |first: Command, second: Command| {
        let pipeline = pool.pipeline().command(first).statement().command(second);
        async move { pipeline.run().await.unwrap().collect().await.unwrap() }
    };
    let first_fails = two(Command::new("No-Such"), get("Administrator")).await;
    assert_eq!(first_fails.outcome, Some(Outcome::Completed));
    assert_eq!((first_fails.output.len(), first_fails.errors.len()), (1, 1));
    let second_fails = two(get("Administrator"), Command::new("No-Such")).await;
    assert!(matches!(second_fails.outcome, Some(Outcome::Failed(_))), "{second_fails:?}");
    assert_eq!((second_fails.output.len(), second_fails.errors.len()), (1, 0));
    pool.close().await.unwrap();
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_was_ordered_comes() {
    let lab = start(ServeOptions::default()).await;
    let pool = open(config(&lab, &lab.url(Endpoint::PowerShell, false), lab.user())).await.unwrap();
    lab.inject(Fault::once("Get-Mailbox", FaultKind::Warning("mind the gap".into())));
    assert_eq!(run(&pool, get("Administrator")).await.warnings, ["mind the gap"]);
    assert!(run(&pool, get("Administrator")).await.warnings.is_empty());
    pool.close().await.unwrap();
    lab.shutdown().await.unwrap();
}
