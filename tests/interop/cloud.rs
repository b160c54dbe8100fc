//! Sign-in to the cloud, and passwords under its key, against a server that verifies and decrypts with Python's `cryptography`
//! (`cloud_server.py`).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use mailwright::config::Config;
use mailwright::exchange::{self, Call, Exchange, ExchangeError};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use wsman::client::{Trace, TraceEntry, TraceSink};
use wsman::clixml::Value;

use crate::hunt::Hunt;
use crate::python::Server;

/// The server; it ends when dropped.
struct Cloud(Server);

impl std::ops::Deref for Cloud {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Cloud {
    fn start() -> Option<Self> {
        Server::start("cloud_server.py", "cloud.log", &[]).map(Self)
    }

    /// A connection with these keys in its table `cloud`; FOLDER is the server's.
    fn config(&self, keys: &str) -> Config {
        let (base, tenant) = (self.text("base"), self.text("tenant"));
        let text = format!(
            "[connections.x]\ninfrastructure = \"cloud\"\nconcurrency = 15\n[connections.x.tls]\nca_file = 'FOLDER/ca.pem'\n\
             [connections.x.cloud]\ntenant = \"{tenant}\"\nlogin_url = \"{base}\"\nexchange_url = \"{base}\"\n{keys}\n"
        );
        let text = text.replace("FOLDER", &self.folder.path().display().to_string());
        Config::parse(Path::new("m.toml"), text).unwrap_or_else(|error| panic!("{error}"))
    }

    async fn open(&self, keys: &str) -> Result<Arc<dyn Exchange>, ExchangeError> {
        exchange::open(&self.config(keys).connections[0], None).await
    }

    async fn refused(&self, keys: &str) -> String {
        match self.open(keys).await {
            Ok(_) => panic!("{keys}: signed in"),
            Err(error) => error.to_string(),
        }
    }

    /// How often this was asked for.
    fn count(&self, path: &str, status: u64) -> usize {
        let log = std::fs::read_to_string(self.path("cloud.log")).unwrap_or_default();
        let entries = log.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        entries.filter(|it| it["path"].as_str().unwrap().contains(path) && it["status"] == status).count()
    }
}

fn get(identity: &str) -> Call {
    Call::new("Get-Mailbox").with("Identity", identity.into())
}

fn by_certificate(application: &str, file: &str) -> String {
    let password = if file.ends_with(".pfx") {
        "certificate_password = 'exec:[\"printf\", \"Canary-pfx-1\"]'\n"
    } else {
        ""
    };
    format!("application_id = \"{application}\"\ncertificate_file = 'FOLDER/{file}'\n{password}")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_implementation_takes_the_assertion_of_every_form_of_certificate() {
    let Some(cloud) = Cloud::start() else { return };
    for file in ["app.pem", "app.pfx", "old.pfx"] {
        let exchange =
            cloud.open(&by_certificate("app", file)).await.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(exchange.signed_in().unwrap().contains("application app"));
        assert_eq!(exchange.run(&get("a")).await.unwrap().objects.len(), 1);
    }
    let thumbprint = format!("certificate_thumbprint = \"{}\"", cloud.text("thumbprint"));
    let folder = format!("application_id = \"app\"\ncertificate_directory = 'FOLDER'\n{thumbprint}");
    let with_password = format!("{folder}\ncertificate_password = 'exec:[\"printf\", \"Canary-pfx-1\"]'");
    let told = cloud.refused(&with_password).await;
    assert!(told.contains("3 certificates have this thumbprint"), "{told}");
    std::fs::remove_file(cloud.path("old.pfx")).unwrap();
    // The password opens neither the PEM file nor is needed for it.
    cloud.open(&folder).await.unwrap();
    cloud.open(&format!("{}{thumbprint}", by_certificate("app", "app.pem"))).await.unwrap();
    let told = cloud.refused(&by_certificate("app", "other.pem")).await;
    assert!(told.contains("AADSTS700027") && told.contains("upload the certificate"), "{told}");
}

/// Scenarios of clocks: four minutes do no harm, eleven are told apart.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ() {
    let Some(cloud) = Cloud::start() else { return };
    for application in ["four-behind", "four-ahead"] {
        cloud.open(&by_certificate(application, "app.pem")).await.unwrap();
    }
    for application in ["eleven-behind", "eleven-ahead"] {
        let told = cloud.refused(&by_certificate(application, "app.pem")).await;
        assert!(told.contains("AADSTS700024") && told.contains("clock"), "{told}");
    }
}

/// A certificate that was uploaded a moment ago is not known everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_waited_for() {
    let Some(cloud) = Cloud::start() else { return };
    cloud.open(&by_certificate("rotating", "app.pem")).await.unwrap();
    assert_eq!((cloud.count("token", 401), cloud.count("token", 200)), (2, 1));
}

/// Fifty calls at once sign in once, and once more when the token is not taken any more.
#[tokio::test(flavor = "multi_thread")]
async fn one_token_for_everybody() {
    let Some(cloud) = Cloud::start() else { return };
    let exchange = cloud.open(&by_certificate("app", "app.pem")).await.unwrap();
    let (calls, revoked) = (get("a"), get("revoke"));
    let all = join_all((0..50).map(|_| exchange.run(&calls))).await;
    assert!(all.into_iter().all(|answer| answer.unwrap().objects.len() == 1));
    assert_eq!(cloud.count("token", 200), 1);
    let all = join_all((0..50).map(|_| exchange.run(&revoked))).await;
    assert!(all.into_iter().all(|answer| answer.unwrap().objects.len() == 1));
    assert_eq!(cloud.count("token", 200), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_answered_with_its_claims() {
    let Some(cloud) = Cloud::start() else { return };
    let exchange = cloud.open(&by_certificate("challenged", "app.pem")).await.unwrap();
    assert_eq!(exchange.run(&get("a")).await.unwrap().objects.len(), 1);
    assert_eq!((cloud.count("token", 200), cloud.count("Invoke", 401)), (2, 1));
}

/// What was throttled was not done: it is done after the time that the server names, and nobody else asks meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_write_waits_as_long_as_it_is_told() {
    let Some(cloud) = Cloud::start() else { return };
    let exchange = cloud.open(&by_certificate("app", "app.pem")).await.unwrap();
    let set = Call::new("Set-Mailbox").with("Identity", "throttled".into());
    exchange.run(&set).await.unwrap();
    let log = std::fs::read_to_string(cloud.path("cloud.log")).unwrap();
    let times: Vec<f64> = log
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .filter(|entry| entry["path"].as_str().unwrap().contains("InvokeCommand"))
        .map(|entry| entry["time"].as_f64().unwrap())
        .collect();
    assert_eq!(times.len(), 3, "{log}");
    // Never before the time; how long after it depends on the machine.
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1.49), "{times:?}");
}

/// RSAES-PKCS1-v1_5, decrypted by `cryptography`; the key changes between two calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_arrives_also_when_the_key_has_changed() {
    let Some(cloud) = Cloud::start() else { return };
    let exchange = cloud.open(&by_certificate("app", "app.pem")).await.unwrap();
    let new = |name: &str| {
        let secret = Value::secure("Canary-Pässword 1!");
        Call::new("New-Mailbox").with("Name", name.into()).with("Password", secret)
    };
    let expected: String =
        Sha256::digest("Canary-Pässword 1!").iter().map(|byte| format!("{byte:02x}")).collect();
    for name in ["one", "rotate", "two"] {
        let answer = exchange.run(&new(name)).await.unwrap();
        assert_eq!(answer.refusal(), None, "{name}");
        assert_eq!(answer.objects[0].get("Hash").unwrap().display_text(), expected, "{name}");
    }
    assert_eq!((cloud.count("EXOModuleFile", 200), cloud.count("Invoke", 400)), (2, 1));
    let long =
        Call::new("New-Mailbox").with("Name", "x".into()).with("Password", Value::secure("x".repeat(300)));
    let refusal = exchange.run(&long).await.unwrap().refusal().unwrap();
    assert!(refusal.message.contains("too long"), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_kept_and_renewed() {
    let Some(cloud) = Cloud::start() else { return };
    let code = "token_mode = \"GETANDREFRESH\"\napplication_id = \"person\"\nrefresh_token_file = 'FOLDER/refresh'\n\
                authorization_code = 'exec:[\"printf\", \"Canary-code-1\"]'\nredirect_uri = \"https://bridge.example/back\"";
    let kept = || std::fs::read_to_string(cloud.path("refresh")).unwrap();
    cloud.open(code).await.unwrap();
    let first = kept();
    assert!(first.starts_with("Canary-refresh-"));
    // The code was good for once; from here on it is the file that counts.
    cloud.open(code).await.unwrap();
    let second = kept();
    assert_ne!(first, second);
    let refresh = "authentication = \"refresh-token\"\napplication_id = \"person\"\nrefresh_token_file = 'FOLDER/refresh'";
    cloud.open(refresh).await.unwrap();
    assert_ne!(second, kept());
    // The directory has another one: an old backup of the file.
    cloud.write("refresh", &first);
    let told = cloud.refused(refresh).await;
    assert!(
        told.contains("AADSTS700082") && told.contains("sign in once more") && !told.contains("Canary"),
        "{told}"
    );
    assert_eq!(kept(), first);
    std::fs::remove_file(cloud.path("refresh")).unwrap();
    let told = cloud.refused(refresh).await;
    assert!(told.contains("there is no refresh token yet"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_machine_is() {
    let Some(cloud) = Cloud::start() else { return };
    let keys = format!(
        "authentication = \"managed-identity\"\nidentity_url = \"{}/msi/token\"",
        cloud.text("plain")
    );
    let exchange = cloud.open(&keys).await.unwrap();
    assert_eq!(exchange.run(&get("a")).await.unwrap().objects.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_and_what_it_is_for() {
    let Some(cloud) = Cloud::start() else { return };
    let by =
        |secret: &str| format!("application_id = \"app\"\nclient_secret = 'exec:[\"printf\", \"{secret}\"]'");
    let scope = "exchange_scope = \"https://elsewhere.example/.default\"";
    cloud.open(&format!("{}\n{scope}", by("Canary-secret-1"))).await.unwrap();
    let told = cloud.refused(&format!("{}\nexchange_scope = \"x\"", by("Canary-secret-1"))).await;
    assert!(told.contains("AADSTS500011"), "{told}");
    let told = cloud.refused(&by("Canary-wrong")).await;
    assert!(told.contains("AADSTS7000215") && !told.contains("Canary"), "{told}");
}

/// Each wrong one brings an account nearer to being locked: it is not shown again before there is another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_refused_is_not_shown_again() {
    let Some(cloud) = Cloud::start() else { return };
    cloud.write("secret", "Canary-secret-1");
    let keys = "application_id = \"app\"\nclient_secret = 'file:FOLDER/secret'";
    let exchange = cloud.open(keys).await.unwrap();
    cloud.write("secret", "Canary-wrong");
    for _ in 0..3 {
        let error = exchange.run(&get("revoke")).await.unwrap_err();
        assert!(matches!(error, ExchangeError::SignIn { .. }), "{error}");
        assert_eq!(cloud.count("token", 401), 1);
    }
    cloud.write("secret", "Canary-secret-1");
    assert_eq!(exchange.run(&get("a")).await.unwrap().objects.len(), 1);
    assert_eq!((cloud.count("token", 401), cloud.count("token", 200)), (1, 2));
}

/// An HTTP proxy with CONNECT for `p` with the password `Canary-proxy-1`; counts those that it let through.
fn proxy() -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, passed) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(0)));
    let count = passed.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let count = count.clone();
            std::thread::spawn(move || through(client, &count));
        }
    });
    (format!("http://{address}"), passed)
}

fn through(mut client: TcpStream, count: &Mutex<usize>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    // base64("p:Canary-proxy-1")
    if !head
        .to_ascii_lowercase()
        .contains(&"proxy-authorization: basic cDpDYW5hcnktcHJveHktMQ==".to_ascii_lowercase())
    {
        let _ = client.write_all(
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n",
        );
        return;
    }
    let Ok(mut server) = TcpStream::connect(head.split(' ').nth(1).unwrap_or_default()) else { return };
    *count.lock().unwrap() += 1;
    let _ = client.write_all(b"HTTP/1.1 200 Yes\r\n\r\n");
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
}

/// The way of the connection is the way to the cloud: its proxy, its authorities.
#[tokio::test(flavor = "multi_thread")]
async fn by_the_proxy_and_the_authorities_of_the_connection() {
    let Some(cloud) = Cloud::start() else { return };
    let (url, passed) = proxy();
    let by = |password: &str| {
        let keys = by_certificate("app", "app.pem");
        format!(
            "{keys}[connections.x.proxy]\nurl = \"{url}\"\nusername = \"p\"\npassword = 'exec:[\"printf\", \"{password}\"]'"
        )
    };
    let exchange = cloud.open(&by("Canary-proxy-1")).await.unwrap();
    assert_eq!(exchange.run(&get("a")).await.unwrap().objects.len(), 1);
    assert!(*passed.lock().unwrap() > 0);
    let told = cloud.refused(&by("Canary-proxy-2")).await;
    assert!(told.contains("cannot be reached") && !told.contains("Canary"), "{told}");

    let other = format!("{}ca_file = 'FOLDER/other.pem'", by_certificate("app", "app.pem"));
    let told = cloud.refused(&other).await;
    assert!(told.contains("cannot be reached") && told.contains("certificate"), "{told}");
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl TraceSink for Kept {
    fn write(&self, entry: &TraceEntry<'_>) {
        *self.0.lock().unwrap() += &format!("{} {:?}\n{}\n", entry.name, entry.part, entry.text);
    }
}

/// Nothing that signs in and no password is in a trace, of anything that is said to the cloud.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_of_the_cloud_holds_no_secret() {
    let Some(cloud) = Cloud::start() else { return };
    let kept = Kept::default();
    let trace = Trace::new(kept.clone());
    let open = async |keys: &str| exchange::open(&cloud.config(keys).connections[0], Some(&trace)).await;
    let exchange = open(&by_certificate("app", "app.pfx")).await.unwrap();
    let secret = Value::secure("Canary-Pässword 1!");
    exchange.run(&Call::new("New-Mailbox").with("Name", "x".into()).with("Password", secret)).await.unwrap();
    open("application_id = \"app\"\nclient_secret = 'exec:[\"printf\", \"Canary-secret-1\"]'").await.unwrap();
    open(
        "authentication = \"authorization-code\"\napplication_id = \"person\"\nrefresh_token_file = 'FOLDER/refresh'\n\
         authorization_code = 'exec:[\"printf\", \"Canary-code-1\"]'\nredirect_uri = \"https://bridge.example/back\"",
    )
    .await
    .unwrap();
    let text = kept.0.lock().unwrap().clone();
    for part in [
        "token Request",
        "EXOModuleFile Answer",
        "New-Mailbox Request",
        "grant_type=authorization_code",
        "\"Name\": \"x\"",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("eyJ"), "{text}");
    let refresh = std::fs::read_to_string(cloud.path("refresh")).unwrap();
    let hunt = ["Canary-Pässword 1!", "Canary-pfx-1", "Canary-secret-1", "Canary-code-1", refresh.trim()];
    let hunt = hunt.into_iter().fold(Hunt::default(), |hunt, secret| hunt.text("a secret", secret));
    hunt.search("the trace", text.as_bytes());
    assert!(!text.contains("Canary"), "{text}");
}
