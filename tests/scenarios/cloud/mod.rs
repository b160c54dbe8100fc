//! Exchange Online: the program against the tenant of the lab.
//!
//! A name begins with the number of its scenario: c01 certificates, c02 clocks, c03 replay, c04 tokens, c05 rotation, c08 pages, c09
//! making, c10 licences, c11 addresses, c12 synchronisation, c13 throttling, c14 errors, c15 bodies, c16 passwords, c17 values, c18
//! redirections, c19 national clouds, c20 proxies, c21 refresh tokens. Elsewhere: 6 in `stories/doctor_cloud.rs` and `stories/cloud.rs`, 7 in
//! `scenarios/export_cloud.rs`, 22 in `durable/cloud_model.rs`.

mod addresses;
mod again;
mod errors;
pub mod hybrid;
mod hybrid_sync;
mod licences;
mod making;
mod reports;
mod service;
mod sign_in;
mod throttling;

use std::path::Path;

use serde_json::{Value as Json, json};

use super::bench::{Bench, directory, name};

/// The domain that came with the tenant.
pub const INITIAL: &str = "contoso.onmicrosoft.com";

/// A user of the tenant without a mailbox.
pub fn person(name: &str) -> Json {
    json!({"RecipientTypeDetails": "User", "Name": name, "DisplayName": name, "UserPrincipalName": format!("{name}@contoso.com"),
           "MailboxDelay": 700})
}

/// A mailbox of the tenant; a user's comes by licence.
pub fn there(name: &str, details: &str, more: &Json) -> Json {
    let mut object = json!({
        "RecipientTypeDetails": details, "Name": name, "DisplayName": name, "Alias": name,
        "UserPrincipalName": format!("{name}@contoso.com"),
        "EmailAddresses": [format!("SMTP:{name}@contoso.com"), format!("smtp:{name}@{INITIAL}")],
    });
    if details == "UserMailbox" {
        object["AssignedLicenses"] = json!(["ENTERPRISEPACK"]);
        object["UsageLocation"] = json!("CH");
    }
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

/// A directory with a tenant of these objects beside it.
pub fn tenant(objects: &[Json]) -> Json {
    let mut seed = directory([]);
    seed["cloud"] = json!({
        "tenant": "7e57da7a-0000-4000-8000-000000000001",
        "initial_domain": INITIAL,
        "accepted_domains": [{"name": "contoso.com", "default": true}, {"name": "fabrikam.com"}, {"name": INITIAL}],
        "objects": objects,
    });
    seed
}

/// Writes `it.toml` with one connection to the tenant; `keys` are further lines of it, `cloud` of its table `cloud`.
pub fn connect(bench: &Bench, create_method: &str, keys: &str, cloud: &str) {
    bench.place.write(
        "it.toml",
        &config(bench, "cloud", &format!("create_method = \"{create_method}\"\n{keys}"), cloud),
    );
}

/// The text of such a file.
pub fn config(bench: &Bench, infrastructure: &str, keys: &str, cloud: &str) -> String {
    let given = |name: &str| bench.given["cloud"][name].as_str().unwrap();
    let ca_file = Path::new(bench.given["ca_file"].as_str().unwrap());
    settings(&given, ca_file, &bench.path("lab.toml.client-secret"), infrastructure, keys, cloud)
}

/// [`config`], from what a lab tells of its tenant.
pub fn settings<'g>(
    given: &dyn Fn(&str) -> &'g str,
    ca_file: &Path,
    secret: &Path,
    infrastructure: &str,
    keys: &str,
    cloud: &str,
) -> String {
    let default = |key: &str, value: &str| match cloud.contains(key) {
        true => String::new(),
        false => format!("{key} = \"{value}\"\n"),
    };
    // A secret goes with the sign-in of an application, and is refused beside any other.
    let proof = match cloud.contains("authentication = ") {
        true => String::new(),
        false => format!("client_secret = 'file:{}'\n", secret.display()),
    };
    let wait = if keys.contains("replication_wait") { "" } else { "replication_wait = \"20s\"\n" };
    format!(
        "[connections.it]\ninfrastructure = \"{infrastructure}\"\n{wait}{keys}\n[connections.it.tls]\nca_file = '{}'\n\
         [connections.it.cloud]\ntenant = \"{}\"\norganization = \"{}\"\nlogin_url = \"{url}\"\nexchange_url = \"{url}\"\n\
         graph_url = \"{}\"\napplication_id = \"{}\"\n{proof}{}{}{}{cloud}\n",
        ca_file.display(),
        given("tenant"),
        given("organization"),
        given("graph"),
        given("application_id"),
        default("licence", "ENTERPRISEPACK"),
        default("usage_location", "CH"),
        default("mailbox_wait", "60s"),
        url = given("url"),
    )
}

/// The names of the cmdlets of a result.
pub fn steps(result: &Json) -> Vec<&str> {
    result["steps"].as_array().unwrap().iter().map(name).collect()
}

/// What a cmdlet gives in the tenant, whatever the connection of `it.toml` is.
#[track_caller]
pub fn in_cloud(bench: &Bench, call: &[&str]) -> Vec<Json> {
    let to = ["--output", "jsonl", "-c", "lab.toml", "-n", "lab-cloud"];
    let ran = bench.place.run(&[&["invoke"], call, &to].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often a cmdlet was run, by the log.
pub fn count(bench: &Bench, cmdlet: &str) -> usize {
    bench.cmdlets().iter().filter(|entry| name(entry) == cmdlet).count()
}

/// The one object that the cloud gives for a name.
pub fn mailbox(bench: &Bench, identity: &str) -> Json {
    bench.get("Get-Mailbox", identity)
}
