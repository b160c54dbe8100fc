//! `mailwright export` of a tenant, and of a hybrid organisation with both of its sides.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::bench::{Bench, logged};
use super::cloud::{connect, tenant, there};
use super::export::{DATABASE_HEADER, Lab, MAILBOX_HEADER, Row, commands, rows, run, summary};
use crate::cli::Place;

fn export(place: &Place, name: &str, more: &[&str]) -> Json {
    let export = ["export", "-n", name, "--out", "out", "--output", "json"];
    summary(&run(place, &[&export, more].concat()))
}

fn mailboxes(place: &Place, name: &str) -> Vec<Row> {
    rows(&place.path().join(format!("out/{name}_mailboxes.csv")))
}

fn first_line(place: &Place, file: &str) -> String {
    let text = std::fs::read_to_string(place.path().join("out").join(file)).unwrap();
    text.lines().next().unwrap().trim_start_matches('\u{feff}').to_owned()
}

/// What a tenant or a server holds of mailboxes, by the name that every object has.
fn held(objects: &Json, wanted: impl Fn(&str) -> bool) -> BTreeMap<String, Json> {
    let all = objects.as_array().unwrap().iter();
    let mailboxes = all.filter(|object| wanted(object["RecipientTypeDetails"].as_str().unwrap_or_default()));
    mailboxes.map(|object| (object["Guid"].as_str().unwrap().to_owned(), object.clone())).collect()
}

fn is_mailbox(details: &str) -> bool {
    details.ends_with("Mailbox") && !details.starts_with("Remote")
}

#[test]
fn a_tenant_has_the_same_columns_and_no_databases() {
    let place = Place::new();
    let lab = Lab::start(&place, &["--mailboxes", "30"]);
    let shared = ["invoke", "-n", "lab-cloud", "New-Mailbox", "Shared", "Name=Info Desk", "Alias=infodesk"];
    run(&place, &shared);
    let hidden = ["Identity=infodesk", "ProhibitSendQuota=40 GB", "ProhibitSendReceiveQuota=45 GB"];
    run(&place, &[&["invoke", "-n", "lab-cloud", "Set-Mailbox"], &hidden[..]].concat());
    let full = export(&place, "lab-cloud", &[]);
    let exported = mailboxes(&place, "lab-cloud");
    assert_eq!(first_line(&place, "lab-cloud_mailboxes.csv"), MAILBOX_HEADER);
    assert_eq!(first_line(&place, "lab-cloud_databases.csv"), DATABASE_HEADER);
    assert!(rows(&place.path().join("out/lab-cloud_databases.csv")).is_empty());
    assert_eq!((&full["full"], &full["domain_controller"]), (&true.into(), &Json::Null));
    assert_eq!(full["mailboxes"]["inserted"], exported.len());
    let info = exported.iter().find(|row| row["Alias"] == "infodesk").unwrap();
    assert_eq!((info["IsShared"].as_str(), info["RecipientTypeDetails"].as_str()), ("True", "SharedMailbox"));
    // As the cloud writes it, with the bytes behind.
    assert!(info["ProhibitSendQuota"].starts_with("40 GB (42,949,672,960 bytes)"), "{info:?}");
    assert!(info["EmailAddresses"].contains("SMTP:infodesk@"), "{info:?}");

    // Nothing has happened: nothing is written.
    let none = export(&place, "lab-cloud", &[]);
    assert_eq!((&none["full"], &none["mailboxes"]["updated"]), (&false.into(), &0.into()));
    assert!(mailboxes(&place, "lab-cloud").is_empty());
    run(&place, &["invoke", "-n", "lab-cloud", "Set-Mailbox", "Identity=infodesk", "DisplayName=Info Point"]);
    run(&place, &["invoke", "-n", "lab-cloud", "New-Mailbox", "Room", "Name=Room 7", "Alias=room7"]);
    let some = export(&place, "lab-cloud", &[]);
    let changed = mailboxes(&place, "lab-cloud");
    assert_eq!((&some["mailboxes"]["inserted"], &some["mailboxes"]["updated"]), (&1.into(), &1.into()));
    let named: BTreeSet<(&str, &str)> =
        changed.iter().map(|row| (row["Command"].as_str(), row["DisplayName"].as_str())).collect();
    assert_eq!(named, [("Insert", "Room 7"), ("Update", "Info Point")].into());
    run(&place, &["invoke", "-n", "lab-cloud", "Remove-Mailbox", "Identity=infodesk", "Confirm=$false"]);
    let gone = export(&place, "lab-cloud", &[]);
    assert_eq!(gone["mailboxes"]["deleted"], 1, "{gone}");
    let rows = mailboxes(&place, "lab-cloud");
    assert_eq!(commands(&rows)["Delete"], [info["Guid"].as_str()].into());
    drop(lab);
}

#[test]
fn both_sides_of_a_hybrid_organisation_and_none_twice() {
    let place = Place::new();
    let lab = Lab::start(&place, &[]);
    run(
        &place,
        &["invoke", "-n", "lab-cloud", "New-Mailbox", "Shared", "Name=Cloud Desk", "Alias=clouddesk"],
    );
    let full = export(&place, "lab-hybrid-full", &[]);
    let exported = mailboxes(&place, "lab-hybrid-full");
    let names: Vec<&str> = exported.iter().map(|row| row["UserPrincipalName"].as_str()).collect();
    let different: BTreeSet<&str> = names.iter().copied().filter(|name| !name.is_empty()).collect();
    assert_eq!(different.len(), names.iter().filter(|name| !name.is_empty()).count(), "twice: {names:?}");
    assert_eq!(exported.iter().filter(|row| row["Alias"] == "clouddesk").count(), 1);
    assert!(!rows(&place.path().join("out/lab-hybrid-full_databases.csv")).is_empty());
    assert!(full["domain_controller"].is_string());

    // What is only in the cloud comes from there, everything else from the server.
    run(&place, &["invoke", "-n", "lab-cloud", "Set-Mailbox", "Identity=clouddesk", "DisplayName=Desk"]);
    let some = export(&place, "lab-hybrid-full", &[]);
    assert_eq!(some["mailboxes"]["updated"], 1, "{some}");
    assert_eq!(mailboxes(&place, "lab-hybrid-full")[0]["DisplayName"], "Desk");
    run(&place, &["invoke", "-n", "lab-cloud", "Remove-Mailbox", "Identity=clouddesk", "Confirm=$false"]);
    let gone = export(&place, "lab-hybrid-full", &[]);
    assert_eq!(gone["mailboxes"]["deleted"], 1, "{gone}");

    let dump = lab.end(&place);
    let here = held(&dump["objects"], |details| details.ends_with("Mailbox"));
    let there = held(&dump["cloud"]["objects"], is_mailbox);
    let mut expected: BTreeSet<&str> = here.keys().map(String::as_str).collect();
    let only = there.iter().filter(|(_, object)| object["IsDirSynced"] != true);
    expected.extend(only.map(|(guid, _)| guid.as_str()));
    let desk = exported.iter().find(|row| row["Alias"] == "clouddesk").unwrap();
    expected.insert(&desk["Guid"]);
    let guids: BTreeSet<&str> = exported.iter().map(|row| row["Guid"].as_str()).collect();
    assert_eq!(guids, expected);
    assert!(
        there.values().any(|object| object["IsDirSynced"] == true),
        "the tenant has what is synchronised"
    );
}

/// What was imported, given back as a flow, changes nothing.
#[test]
fn an_import_of_the_cloud_given_back_changes_nothing() {
    let place = Place::new();
    let _lab = Lab::start(&place, &["--mailboxes", "20"]);
    for name in ["lab-cloud", "lab-hybrid-full"] {
        let done = export(&place, name, &["--format", "ibis"]);
        assert!(done["mailboxes"]["total"].as_u64().unwrap() > 5, "{done}");
        let file = format!("out/{name}_mailboxes.csv");
        let ran = run(&place, &["plan", "-n", name, &file, "--output", "jsonl"]);
        for line in ran.stdout.lines() {
            let change: Json = serde_json::from_str(line).unwrap();
            if let Some(action) = change.get("action") {
                assert_eq!(action, "unchanged", "{change}");
            }
        }
    }
}

/// Scenario 7: 2,500 mailboxes in three pages, and a page that does not come.
#[test]
fn s7_a_page_that_fails_leaves_the_old_files_and_deletes_nothing() {
    let objects: Vec<Json> =
        (0..2500).map(|n| there(&format!("u{n:05}"), "SharedMailbox", &json!({}))).collect();
    let mut seed = tenant(&objects);
    // The second page of the first export is asked for again. Of the next one it does not come at all.
    seed["cloud"]["faults"] = json!([
        {"cmdlet": "Get-Mailbox", "after": 1, "times": 1, "kind": {"http": {"status": 429, "retry_after": "1"}}},
        {"cmdlet": "Get-Mailbox", "after": 4, "times": 20, "kind": {"http": {"status": 400, "body": "page"}}},
    ]);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    let export = |more: &[&str]| {
        let export = ["-c", "it.toml", "export", "--out", "out", "--output", "json"];
        bench.place.run(&[&export, more].concat())
    };
    let first = export(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(summary(&first)["mailboxes"]["inserted"], 2500);
    let requests = logged(&bench.path("lab.log"), "http");
    let asked = requests.iter().filter(|request| request["cmdlet"] == "Get-Mailbox").count();
    assert_eq!(asked, 4, "three pages, and one of them again");
    let folder = bench.place.path().join("out");
    let files = || -> BTreeMap<_, _> {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
    };
    let before = files();
    let broken = export(&["--full"]);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert_eq!(files(), before, "nothing is left of it, and nothing is gone");
}
