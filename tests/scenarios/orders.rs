//! Orders of a Usercube agent in, results out; one that goes wrong does not stop the rest, and neither does what breaks a run off.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::bench::{Bench, directory, mailbox, name, user};
use super::relay::Relay;
use crate::cli::Ran;

const OLD: &str = "X500:/o=Old Organization/ou=First Administrative Group/cn=Recipients/cn=bob";

pub fn order(id: &str, change_type: &str, changes: Json, resource: Json) -> Json {
    json!({"AssignedResourceTypeId": id, "ChangeType": change_type, "WorkflowInstanceId": "81",
           "Owner": {"Id": "21511", "InternalDisplayName": "007 - Bond James"},
           "ResourceType": {"Id": "-41", "SourceEntityType": {"Id": "51", "Identifier": "Directory_User"},
                            "TargetEntityType": {"Id": "70", "Identifier": "MicrosoftExchange_Mailbox"}},
           "Changes": changes, "Resource": resource})
}

/// A directory with a user, two mailboxes and somebody who holds an address already.
pub fn bench() -> Bench {
    let bob = mailbox("bob", &["SMTP:bob@contoso.com", OLD]);
    let bench = Bench::new(&directory([user("ada"), bob, mailbox("carl", &["SMTP:carl@contoso.com"])]));
    bench.connect("on-premises", "enable", "managed_types = [\"X500\"]");
    bench
}

pub fn orders() -> Json {
    let added = json!({"SamAccountName": "ada", "PrimarySmtpAddress": "ada.l@contoso.com", "Database": "DB01",
                       "EmailAddresses": "SMTP:ada.l@contoso.com smtp:ada@fabrikam.com"});
    let modified = json!({"EmailAddresses": format!("{OLD} SMTP:bob.new@contoso.com smtp:bob@contoso.com")});
    json!({"ProvisioningOrdersList": [
        order("1", "Added", added, Json::Null),
        order("2", "Modified", json!({"Salary": 1}), json!({"SamAccountName": "bob"})),
        order("3", "Modified", modified, json!({"SamAccountName": "bob"})),
        order("4", "Modified", json!({"MailTip": "x"}), json!({"SamAccountName": "nobody"})),
        order("5", "Deleted", Json::Null, json!({"SamAccountName": "carl"})),
        order("6", "Renamed", Json::Null, json!({"SamAccountName": "carl"})),
    ]})
}

pub fn fulfill(bench: &Bench, options: &[&str], stdin: &str) -> Ran {
    let arguments = ["fulfill", "--orders", "orders.json", "--results", "results.json"];
    bench.place.run_with(&[&arguments, options].concat(), stdin)
}

pub fn results(bench: &Bench) -> Json {
    serde_json::from_slice(&std::fs::read(bench.path("results.json")).unwrap()).unwrap()
}

pub fn ids(results: &Json, state: &str) -> Vec<String> {
    let all = results[state].as_array().unwrap().iter();
    all.map(|one| one["AssignedResourceTypeId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn s12_usercube_orders_one_bad_one_does_not_stop_the_rest() {
    let bench = bench();
    bench.place.write("orders.json", &orders().to_string());
    let ran = fulfill(&bench, &["-c", "it.toml", "--journal", "journal.db"], "");
    assert_eq!(ran.code, Some(1), "{ran:?}");

    let results = results(&bench);
    assert_eq!(ids(&results, "Executed"), ["1", "3", "5"], "{results}");
    assert_eq!(ids(&results, "Errored"), ["2", "4", "6"], "{results}");
    let errored = |at: usize| results["Errored"][at]["Message"].as_str().unwrap();
    assert!(errored(0).contains("order 2: Changes.Salary"), "{results}");
    assert!(errored(1).contains("nobody"), "{results}");
    assert!(errored(2).contains("order 6: ChangeType is `Renamed`"), "{results}");
    assert_eq!(results["Executed"][0]["OwnerId"], "21511");

    assert_eq!(bench.addresses("ada"), ["SMTP:ada.l@contoso.com", "smtp:ada@fabrikam.com"]);
    assert_eq!(bench.addresses("bob"), ["SMTP:bob.new@contoso.com", OLD, "smtp:bob@contoso.com"]);
    assert_eq!(bench.get("Get-User", "carl")["SamAccountName"], "carl", "the user is still there");
    assert!(bench.cmdlets().iter().all(|entry| !name(entry).starts_with("Remove-")));
    let enabled = bench.writes().into_iter().find(|entry| name(entry) == "Enable-Mailbox").unwrap();
    assert_eq!(enabled["parameters"]["Database"], "DB01", "{enabled}");

    // The same orders once more, as an agent hands them over that has lost the answer.
    let written = bench.written().len();
    assert_eq!(fulfill(&bench, &["-c", "it.toml", "--journal", "journal.db"], "\n").code, Some(1));
    assert_eq!(bench.written().len(), written, "nothing is written twice: {:?}", bench.written());
    let status = bench.run(&["status", "--journal", "journal.db", "--output", "jsonl"]);
    assert_eq!(
        status.stdout.lines().count(),
        2 * 4,
        "a row that is no change is not in the journal: {status:?}"
    );
}

#[test]
fn s12_orders_of_databases() {
    let bench = bench();
    bench.connect("on-premises", "enable", "allow_remove = true");
    let database = |id: &str, change_type: &str, changes: Json, resource: Json| {
        let mut order = order(id, change_type, changes, resource);
        order["ResourceType"]["TargetEntityType"]["Identifier"] = "MicrosoftExchange_Database".into();
        order
    };
    let mailbox = json!({"SamAccountName": "ada", "Database": {"Id": "12", "Name": "DB07"}});
    let orders =
        |all: &[Json]| bench.place.write("orders.json", &json!({"ProvisioningOrdersList": all}).to_string());
    orders(&[
        order("1", "Added", mailbox, Json::Null),
        database("2", "Added", json!({"Name": "DB07", "Server": "EX01", "Mounted": "True"}), Json::Null),
        database("3", "Added", json!({"Name": "DB08", "Server": "EX99"}), Json::Null),
        database("4", "Modified", json!({"IssueWarningQuota": "1GB"}), json!({"Name": "DB07"})),
    ]);
    assert_eq!(fulfill(&bench, &["-c", "it.toml"], "").code, Some(1));
    let told = results(&bench);
    assert_eq!(
        (ids(&told, "Executed"), ids(&told, "Errored")),
        (vec!["1".into(), "2".into(), "4".into()], vec!["3".into()]),
        "{told}"
    );
    assert_eq!(bench.get("Get-Mailbox", "ada")["Database"], "DB07");
    assert_eq!(bench.get("Get-MailboxDatabase", "DB07")["IssueWarningQuota"], "1 GB (1,073,741,824 bytes)");

    orders(&[
        database("5", "Deleted", Json::Null, json!({"Name": "DB07"})),
        order("6", "Deleted", Json::Null, json!({"SamAccountName": "ada"})),
    ]);
    let ran = fulfill(&bench, &["-c", "it.toml"], "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!bench.end()["databases"].to_string().contains("DB07"));
}

/// A directory of users, and a server that takes its time.
fn slow() -> Bench {
    Bench::with(&directory((1..13).map(|number| user(&format!("u{number:02}")))), &["--latency", "150"])
}

/// A run of twelve orders that has done some of its work; each order makes a mailbox, with two writes.
fn under_way(bench: &Bench) -> Child {
    let orders = (1..13).map(|number| {
        let changes = json!({"SamAccountName": format!("u{number:02}"), "CustomAttribute1": "x"});
        order(&number.to_string(), "Added", changes, Json::Null)
    });
    let orders = json!({"ProvisioningOrdersList": orders.collect::<Vec<_>>()});
    std::fs::create_dir(bench.path("orders")).unwrap();
    bench.place.write("orders/20261121093000.json", &orders.to_string());
    let child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(bench.place.path())
        .env("XDG_STATE_HOME", bench.path("state"))
        .args(["fulfill", "--orders", "orders", "--results", "results.json", "-c", "it.toml"])
        .args(["--journal", "journal.db"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while bench.written().len() < 4 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn signal(child: &Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

/// The orders by what the results say: executed, begun, not begun.
fn told(bench: &Bench) -> [BTreeSet<String>; 3] {
    let results = results(bench);
    let is_begun = |one: &&Json| !one["Message"].as_str().unwrap().starts_with("not begun: ");
    let id = |one: &Json| one["AssignedResourceTypeId"].as_str().unwrap().to_owned();
    let (begun, not): (Vec<&Json>, Vec<&Json>) =
        results["Errored"].as_array().unwrap().iter().partition(is_begun);
    let executed = results["Executed"].as_array().unwrap().iter().map(id);
    let told = [executed.collect(), begun.into_iter().map(id).collect(), not.into_iter().map(id).collect()];
    assert_eq!(told.iter().map(BTreeSet::len).sum::<usize>(), 12, "each order once: {results}");
    told
}

/// The orders that the directory shows as done, and those that it shows as begun at least.
fn done(dump: &Json) -> [BTreeSet<String>; 2] {
    let of = |is: fn(&Json) -> bool| {
        let objects = dump["objects"].as_array().unwrap().iter().filter(|object| is(object));
        let names = objects.filter_map(|object| object["SamAccountName"].as_str()?.strip_prefix('u'));
        names.map(|number| number.trim_start_matches('0').to_owned()).collect()
    };
    [
        of(|object| object["CustomAttribute1"] == "x"),
        of(|object| object["RecipientTypeDetails"] == "UserMailbox"),
    ]
}

#[test]
fn s12_what_a_signal_stopped_is_told_apart_from_what_was_done() {
    let bench = slow();
    bench.connect("on-premises", "enable", "");
    let mut child = under_way(&bench);
    signal(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let [executed, begun, not_begun] = told(&bench);
    assert!(begun.is_empty() && !executed.is_empty() && !not_begun.is_empty(), "{executed:?} {begun:?}");
    assert!(bench.path("orders/20261121093000.json").is_file(), "there is more to do");

    let again = ["fulfill", "--orders", "orders", "--results", "results.json", "--journal", "journal.db"];
    let writes = bench.written().len();
    assert_eq!(writes, 2 * executed.len(), "what was begun was finished");
    assert_eq!(bench.run(&again).code, Some(0));
    assert_eq!(told(&bench)[0].len(), 12);
    assert_eq!(bench.written().len(), 2 * 12, "nothing is written twice");
    assert!(bench.path("orders/Completed/20261121093000.json").is_file());
}

#[test]
fn s12_a_second_signal_leaves_results_too() {
    let bench = slow();
    bench.connect("on-premises", "enable", "");
    let mut child = under_way(&bench);
    signal(&child);
    // Signals that come at once are one.
    std::thread::sleep(Duration::from_millis(50));
    signal(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let [executed, begun, not_begun] = told(&bench);
    let [done, touched] = done(&bench.end());
    assert!(executed.is_subset(&done), "{executed:?} {done:?}");
    assert!(!begun.is_empty(), "it was in the middle of something");
    assert!(not_begun.is_disjoint(&touched), "{not_begun:?} {touched:?}");
}

#[test]
fn s12_an_endpoint_that_is_lost_on_the_way() {
    let bench = slow();
    let relay = Relay::start(&bench.given["http"], "/PowerShell", "/PowerShell");
    let soon = "concurrency = 2\n[connections.it.timeouts]\nconnect = \"1s\"\nchange = \"3s\"";
    bench.connect_by(&relay.url("/PowerShell/"), "on-premises", "enable", soon);
    let mut child = under_way(&bench);
    relay.cut();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let [executed, errored, not_begun] = told(&bench);
    let [done, _] = done(&bench.end());
    assert!(executed.is_subset(&done) && not_begun.is_empty(), "{executed:?} {done:?} {not_begun:?}");
    assert!(!errored.is_empty());
}
