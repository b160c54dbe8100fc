//! Exchange Online: the program's connection against a tenant of the lab.

use std::process::Command;

use mailwright::config::Config;
use mailwright::exchange::{self, Call, Exchange, ExchangeError};
use mailwright::lab::cloud::{Application, Running, Tenant};
use mailwright::lab::{Exchange as Lab, Options, Seed};
use uuid::Uuid;
use wsman::clixml::Value;

use crate::cli::Place;

const TENANT: Uuid = Uuid::from_u128(0x7e57);

/// A certificate of openssl with its key, `bridge.pem` and `cert.pem`; none where it is not installed.
pub fn certificate(place: &Place, days: &str) -> Option<Vec<u8>> {
    let arguments = format!(
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=bridge -days {days} -keyout key.pem -out cert.pem"
    );
    match Command::new("openssl").current_dir(place.path()).args(arguments.split(' ')).output() {
        Ok(ran) if ran.status.success() => {}
        other => {
            assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "{other:?}");
            println!("SKIPPED: openssl is not installed: no certificate to sign in with");
            return None;
        }
    }
    let read = |name: &str| std::fs::read(place.path().join(name)).unwrap();
    std::fs::write(place.path().join("bridge.pem"), [read("key.pem"), read("cert.pem")].concat()).unwrap();
    let der = ["x509", "-in", "cert.pem", "-outform", "DER"];
    Some(Command::new("openssl").current_dir(place.path()).args(der).output().unwrap().stdout)
}

async fn tenant(certificate: Vec<u8>, mailboxes: usize) -> Running {
    let application = |id: &str, roles: &[&str]| Application {
        id: id.into(),
        certificates: vec![certificate.clone()],
        secret: Some("Canary-secret-1".into()),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Application::default()
    };
    let applications = vec![
        application("bridge", &["Exchange.ManageAsApp"]),
        application("nobody", &[]),
        application("other", &["Exchange.ManageAsAppV2"]),
    ];
    let lab = Lab::cloud(Seed::generated(mailboxes), Options::default()).unwrap();
    Running::start(|base| Tenant::new(TENANT, base, applications, b"sealed", lab)).await.unwrap()
}

fn connection(place: &Place, running: &Running, keys: &str) -> Config {
    place.write("ca.pem", running.ca_pem());
    let (base, folder) = (running.base(), place.path().display());
    let text = format!(
        "[connections.online]\ninfrastructure = \"cloud\"\n[connections.online.tls]\nca_file = '{folder}/ca.pem'\n\
         [connections.online.cloud]\ntenant = \"{TENANT}\"\nlogin_url = \"{base}\"\nexchange_url = \"{base}\"\n{keys}\n"
    );
    Config::parse(&place.path().join("m.toml"), text.replace("FOLDER", &folder.to_string()))
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn open(config: &Config) -> Result<std::sync::Arc<dyn Exchange>, ExchangeError> {
    exchange::open(config.connection(None).unwrap(), None).await
}

const WITH_CERTIFICATE: &str = "application_id = \"bridge\"\ncertificate_file = 'FOLDER/bridge.pem'";

#[tokio::test(flavor = "multi_thread")]
async fn an_application_signs_in_and_reads_every_page() {
    let place = Place::new();
    let Some(der) = certificate(&place, "30") else { return };
    let running = tenant(der, 2500).await;
    let exchange = open(&connection(&place, &running, WITH_CERTIFICATE)).await.unwrap();
    assert!(exchange.signed_in().unwrap().contains("application bridge"));
    let all = exchange.run(&Call::new("Get-Mailbox").with("ResultSize", "Unlimited".into())).await.unwrap();
    let mut names: Vec<_> =
        all.objects.iter().map(|it| it.get("Alias").unwrap().display_text().into_owned()).collect();
    names.sort();
    names.dedup();
    assert_eq!((all.objects.len(), names.len()), (2500, 2500));
    let some = exchange.run(&Call::new("Get-Mailbox").with("ResultSize", Value::Int32(7))).await.unwrap();
    assert_eq!(some.objects.len(), 7);
    let one = Call::new("Get-Mailbox").with("Identity", "user00042".into());
    let found = exchange::recipient(&exchange.run(&one).await.unwrap().objects[0]).unwrap();
    assert_eq!(found.sam_account_name.as_deref(), Some("user00042"));
    let nobody = Call::new("Get-Mailbox").with("Identity", "nobody".into());
    assert!(exchange.run(&nobody).await.unwrap().is_not_found());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grade_of_refusal_says_what_is_missing() {
    let place = Place::new();
    let Some(der) = certificate(&place, "30") else { return };
    let running = tenant(der, 3).await;
    let told = async |keys: &str| {
        let config = connection(&place, &running, keys);
        let error = match open(&config).await {
            Err(error) => error,
            Ok(exchange) => exchange.run(&Call::new("Get-AcceptedDomain")).await.unwrap_err(),
        };
        assert!(!error.to_string().contains("Canary"), "{error}");
        error.to_string()
    };
    let by_secret = |id: &str, secret: &str| {
        format!("application_id = \"{id}\"\nclient_secret = 'exec:[\"printf\", \"{secret}\"]'")
    };
    let exchange =
        open(&connection(&place, &running, &by_secret("bridge", "Canary-secret-1"))).await.unwrap();
    assert!(!exchange.run(&Call::new("Get-AcceptedDomain")).await.unwrap().objects.is_empty());
    for (keys, expected) in [
        (by_secret("bridge", "wrong"), "AADSTS7000215"),
        (by_secret("stranger", "x"), "application_id and tenant do not belong together"),
        (by_secret("nobody", "Canary-secret-1"), "Exchange.ManageAsApp"),
        (by_secret("other", "Canary-secret-1"), "not ManageAsAppV2"),
        (WITH_CERTIFICATE.replace("bridge.pem", "cert.pem"), "no private key"),
        (format!("{WITH_CERTIFICATE}\ncertificate_thumbprint = \"{}\"", "0".repeat(40)), "thumbprint"),
    ] {
        let told = told(&keys).await;
        assert!(told.contains(expected), "{keys}: {told}");
    }
}
