//! `mailwright export` of both sides of a hybrid organisation: nothing is missing, and nothing is there twice.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::bench::{Bench, ROUTING, logged, mailbox, remote_mailbox, user};
use super::cloud::hybrid::connect;
use super::cloud::{in_cloud, tenant, there};
use super::export::{rows, summary};

/// The GUID of an object on-premises, and the immutable id that Windows PowerShell makes of it.
const SOURCE: (&str, &str) = ("35918bc9-196d-40ea-9779-889d79b753f0", "yYuRNW0Z6kCXeYidebdT8A==");
const MAILBOX: &str = "7c1f0d11-9ab8-4c63-9d3e-0a1b2c3d4e5f";

/// A mailbox that is synchronised from an object which the immutable id does not name.
fn synced(name: &str, more: &Json) -> Json {
    let mut object =
        there(name, "UserMailbox", &json!({"IsDirSynced": true, "ImmutableId": "AAAAAAAAAAAAAAAAAAAAAQ=="}));
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

fn here(name: &str, more: &Json) -> Json {
    let mut object = remote_mailbox(name);
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

/// Each pair is joined by one mark alone. Of `licensed` there is only a user on-premises, of `stray` nothing.
fn organisation() -> Json {
    let address = |name: &str| json!({"EmailAddresses": [format!("SMTP:{name}@contoso.com"), format!("smtp:{name}@{ROUTING}")]});
    let mut seed = tenant(&[
        synced("name", &json!({"EmailAddresses": ["SMTP:other@contoso.com"]})),
        synced("source", &json!({"ImmutableId": SOURCE.1})),
        synced("guid", &json!({"ExchangeGuid": MAILBOX})),
        synced("address", &json!({})),
        synced("double", &json!({"ExchangeGuid": MAILBOX.replace('7', "9")})),
        synced("licensed", &json!({})),
        synced("stray", &json!({})),
        there("desk", "SharedMailbox", &json!({})),
    ]);
    let objects = [
        here("name", &json!({})),
        here("source2", &json!({"Guid": SOURCE.0})),
        here("guid2", &json!({"ExchangeGuid": MAILBOX})),
        here("address2", &address("address")),
        here("double", &json!({"ExchangeGuid": MAILBOX.replace('7', "8")})),
        mailbox("local", &["SMTP:local@contoso.com"]),
        user("licensed"),
    ];
    seed["objects"].as_array_mut().unwrap().extend(objects);
    seed
}

struct Export {
    bench: Bench,
}

impl Export {
    fn new() -> Self {
        let bench = Bench::new(&organisation());
        connect(&bench);
        Self { bench }
    }

    /// Names by what their rows tell to do, and the summary.
    fn run(&self, more: &[&str]) -> (BTreeMap<String, Vec<String>>, Json) {
        let ran = self.bench.run(&[&["export", "--out", "out", "--output", "json"], more].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in rows(&self.bench.path("out/it_mailboxes.csv")) {
            let side = if row["RecipientTypeDetails"].starts_with("Remote") { "remote " } else { "" };
            let name = if row["Name"].is_empty() { "?".to_owned() } else { format!("{side}{}", row["Name"]) };
            told.entry(row["Command"].clone()).or_default().push(name);
        }
        told.values_mut().for_each(|names| names.sort());
        (told, summary(&ran))
    }

    fn invoke(&self, call: &[&str]) {
        let ran = self.bench.run(&[&["invoke"], call].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

fn told(command: &str, names: &[&str]) -> (String, Vec<String>) {
    (command.to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
}

const ALL: [&str; 10] = [
    "desk",
    "double",
    "licensed",
    "local",
    "remote address2",
    "remote double",
    "remote guid2",
    "remote name",
    "remote source2",
    "stray",
];

#[test]
fn what_has_no_remote_mailbox_is_shown_from_the_cloud_and_nothing_twice() {
    let export = Export::new();
    assert_eq!(export.run(&[]).0, [told("Insert", &ALL)].into());
    // Nothing has happened, and what is looked at by itself is not shown again.
    let (none, again) = export.run(&[]);
    assert_eq!((none, &again["full"], &again["mailboxes"]["total"]), ([].into(), &false.into(), &10.into()));
    // The other form has the same mailboxes.
    let ran = export.bench.run(&["export", "--out", "ibis", "--format", "ibis", "--output", "json"]);
    assert_eq!(summary(&ran)["mailboxes"]["total"], 10, "{ran:?}");

    // A change is shown from the side that shows the object.
    in_cloud(&export.bench, &["Set-Mailbox", "Identity=licensed", "ProhibitSendQuota=40 GB"]).clear();
    in_cloud(&export.bench, &["Set-Mailbox", "Identity=name", "ProhibitSendQuota=40 GB"]).clear();
    export.invoke(&["Set-RemoteMailbox", "Identity=source2", "DisplayName=Ada"]);
    assert_eq!(export.run(&[]).0, [told("Update", &["licensed", "remote source2"])].into());
}

#[test]
fn a_remote_mailbox_takes_the_place_of_the_one_in_the_cloud_and_gives_it_back() {
    let export = Export::new();
    export.run(&[]);
    // The cloud knows nothing of it: no synchronisation has run.
    export.invoke(&[
        "Enable-RemoteMailbox",
        "Identity=licensed",
        "RemoteRoutingAddress=licensed@contoso.mail.onmicrosoft.com",
    ]);
    let (taken, _) = export.run(&[]);
    assert_eq!(taken, [told("Insert", &["remote licensed"]), told("Delete", &["?"])].into());
    assert_eq!(export.run(&[]).0, [].into());
    export.invoke(&["Disable-RemoteMailbox", "Identity=licensed", "Confirm=$false"]);
    let (back, _) = export.run(&[]);
    assert_eq!(back, [told("Insert", &["licensed"]), told("Delete", &["?"])].into());
    assert_eq!(export.run(&[]).0, [].into());
    // Everything at once gives the same.
    assert_eq!(export.run(&["--full"]).0, [told("Insert", &ALL)].into());
    let asked = logged(&export.bench.path("lab.log"), "cmdlet");
    let whole = asked.iter().filter(|entry| {
        entry["cmdlet"] == "Get-Mailbox"
            && entry["side"] == "cloud"
            && entry["parameters"]["Filter"].is_null()
    });
    assert_eq!(whole.count(), 2, "only what has changed is read in between");
}
