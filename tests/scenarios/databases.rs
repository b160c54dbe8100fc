//! Mailbox databases as objects of a flow.

use serde_json::{Value as Json, json};

use super::bench::{Bench, directory, mailbox, message, name};

fn sample(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The databases of a directory as it was dumped: name, whether it is mounted, properties.
fn databases(dump: &Json) -> Vec<(&str, bool, &Json)> {
    let all = dump["databases"].as_array().unwrap().iter();
    all.map(|it| (it["name"].as_str().unwrap(), it["mounted"] == true, &it["properties"])).collect()
}

fn actions(results: &[Json]) -> Vec<&str> {
    results.iter().map(|result| result["action"].as_str().unwrap()).collect()
}

#[test]
fn a_flow_of_databases_and_a_mailbox_that_names_one() {
    let bench = Bench::new(&serde_json::from_str(&sample("directory.json")).unwrap());
    bench.connect("on-premises", "new", "");
    let flow = sample("databases.csv");
    let made = bench.flow("apply", &flow, 0);
    assert_eq!(actions(&made), ["created", "created", "created", "updated", "updated"], "{made:#?}");
    // The mailbox is the first row, and its database was there before it all the same.
    let written = bench.written();
    let at = |cmdlet: &str| written.iter().position(|name| name == cmdlet).unwrap();
    let last = |cmdlet: &str| written.iter().rposition(|name| name == cmdlet).unwrap();
    assert!(last("New-MailboxDatabase") < at("New-Mailbox") && last("Mount-Database") < at("New-Mailbox"));
    assert_eq!(bench.get("Get-Mailbox", "grace.hopper@contoso.com")["Database"], "DB05");
    assert_eq!(bench.get("Get-MailboxDatabase", "DB05")["ProhibitSendQuota"], "5 GB (5,368,709,120 bytes)");
    assert!(made[1]["warnings"].to_string().contains("Information Store"), "{}", made[1]);

    let before = bench.written().len();
    let again = bench.results(&["apply", "flow.csv", "--journal", "another.db"], 0);
    assert_eq!(actions(&again), ["unchanged"; 5], "{again:#?}");
    assert_eq!(bench.written().len(), before, "the second run writes nothing");

    // Read back from the plan as well, and from the journal.
    let ran = bench.run(&["status", "--change", "db-new", "--output", "json"]);
    for cmdlet in ["New-MailboxDatabase", "Set-MailboxDatabase", "Mount-Database"] {
        assert!(ran.stdout.contains(cmdlet), "{ran:?}");
    }
    let ran = bench.run(&["report", "--html", "run.html"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(std::fs::read_to_string(bench.path("run.html")).unwrap().contains("Mounted"));
    let dump = bench.end();
    let mounted: Vec<_> = databases(&dump).into_iter().filter(|(_, mounted, _)| *mounted).collect();
    let names: Vec<&str> = mounted.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, ["DB01", "DB02", "DB03", "DB04", "DB-Executives", "DB05"]);
}

#[test]
fn what_stands_against_a_database() {
    let bench = Bench::new(&directory([mailbox("ada", &["SMTP:ada@contoso.com"])]));
    bench.connect("on-premises", "enable", "");
    let flow = |rows: &str| format!("ObjectType,Operation,Identity,Server,Mounted\n{rows}");
    let one = |rows: &str, code: i32| bench.apply_one(&flow(rows), code);
    // Refused before anything is sent.
    for (row, class, says) in [
        ("MailboxDatabase,ensure,DB05,,", "invalid_input", "needs Server"),
        ("MailboxDatabase,update,DB05,,true", "not_found", "no mailbox database"),
        ("MailboxDatabase,disable,DB01,,", "invalid_input", "cannot be disabled"),
        ("MailboxDatabase,remove,DB01,,", "refused_by_rule", "deletes the mailbox database"),
        ("MailboxDatabase,ensure,DB01,EX02,", "invalid_input", "no parameter Server"),
    ] {
        let refused = one(&format!("{row}\n"), 1);
        assert_eq!(
            (&refused["action"], &refused["error"]["class"]),
            (&"refused".into(), &class.into()),
            "{row}"
        );
        assert!(message(&refused).contains(says), "{refused}");
    }
    assert_eq!(bench.writes().len(), 0);
    // Refused by Exchange.
    let unknown = one("MailboxDatabase,ensure,DB05,EX99,\n", 1);
    assert_eq!(unknown["error"]["class"], "not_found", "{unknown}");
    assert!(message(&unknown).contains("server 'EX99' couldn't be found"), "{unknown}");
    bench.connect("on-premises", "enable", "allow_remove = true");
    let used = one("MailboxDatabase,remove,DB01,,\n", 1);
    assert_eq!(
        (&used["action"], &used["error"]["class"]),
        (&"failed".into(), &"refused_by_rule".into()),
        "{used}"
    );
    assert!(message(&used).contains("contains one or more mailboxes"), "{used}");

    // Dismounted, mounted, and taken away: after the mailbox that leaves it, whatever the order of the rows.
    assert_eq!(one("MailboxDatabase,update,DB01,,false\n", 0)["action"], "updated");
    assert_eq!(one("MailboxDatabase,update,DB01,,false\n", 0)["action"], "unchanged");
    assert_eq!(one("MailboxDatabase,update,DB01,,$null\n", 1)["error"]["class"], "invalid_input");
    let gone = bench.flow("apply", &flow("MailboxDatabase,remove,DB01,,\nMailbox,remove,ada,,\n"), 0);
    assert_eq!(actions(&gone), ["removed", "removed"], "{gone:#?}");
    let wrote: Vec<Json> = bench.writes().into_iter().filter(|entry| entry["wrote"] == true).collect();
    let names: Vec<&str> = wrote.iter().map(name).collect();
    assert_eq!(names, ["Dismount-Database", "Remove-Mailbox", "Remove-MailboxDatabase"]);
    assert_eq!(wrote[0]["parameters"]["Confirm"], json!(false));
}

#[test]
fn a_mount_that_comes_too_early_is_tried_again() {
    let mut seed = directory([]);
    seed["databases"] = json!([{"name": "DB01"}, {"name": "DB02", "mounted": false}]);
    // As it is while the server does not know a new database.
    let unknown = "Couldn't mount the database that you specified. Specified database: DB02; Error code: An Active Manager \
                   operation failed. Error: MapiExceptionNotFound: Unable to mount database. (hr=0x8004010f, ec=-2147221233)";
    let fault = json!({"error": {"exception": "InvalidOperationException", "message": unknown}});
    seed["faults"] = json!([{"cmdlet": "Mount-Database", "kind": fault}]);
    let bench = Bench::new(&seed);
    bench.connect("on-premises", "enable", "");
    let mounted = bench.apply_one("ObjectType,Identity,Mounted\nMailboxDatabase,DB02,true\n", 0);
    assert_eq!((&mounted["action"], &mounted["attempts"]), (&"updated".into(), &2.into()), "{mounted}");
    assert_eq!(bench.written(), ["Mount-Database", "Mount-Database"]);
}

#[test]
fn a_saved_plan_of_databases_holds_while_they_are_as_they_were() {
    let bench = Bench::new(&directory([]));
    bench.connect("on-premises", "enable", "");
    let flow = "ObjectType,Identity,Server,ProhibitSendQuota,Mounted\n\
                MailboxDatabase,DB01,,5GB,false\nMailboxDatabase,DB05,EX01,,true\n";
    bench.place.write("flow.csv", flow);
    let planned = bench.results(&["plan", "flow.csv", "--out", "plan.json"], 0);
    assert_eq!(actions(&planned), ["updated", "created"]);
    // Somebody dismounts one of them meanwhile: what was planned for it is not done any more.
    let dismount = ["invoke", "Dismount-Database", "Identity=DB01", "Confirm=$false"];
    assert_eq!(bench.run(&dismount).code, Some(0));
    let applied = bench.results(&["apply", "plan.json"], 1);
    assert_eq!(actions(&applied), ["refused", "created"], "{applied:#?}");
    assert!(message(&applied[0]).contains("has changed since the plan was made"), "{}", applied[0]);
    assert_eq!(applied[1]["steps"], planned[1]["steps"], "the plan shown is the plan run");
    // What is still to be done is done by the flow, and is of one step.
    let results = bench.results(&["apply", "flow.csv"], 0);
    assert_eq!(actions(&results), ["updated", "unchanged"], "{results:#?}");
    assert_eq!(bench.written().last().map(String::as_str), Some("Set-MailboxDatabase"));
}

#[test]
fn what_failed_is_tried_again_from_the_journal() {
    let bench = Bench::new(&directory([mailbox("ada", &["SMTP:ada@contoso.com"])]));
    bench.connect("on-premises", "enable", "allow_remove = true");
    let failed =
        bench.apply_one("ChangeId,ObjectType,Operation,Identity\nd1,MailboxDatabase,remove,DB01\n", 1);
    assert_eq!(failed["action"], "failed", "{failed}");
    assert_eq!(bench.run(&["invoke", "Remove-Mailbox", "Identity=ada", "Confirm=$false"]).code, Some(0));
    let retried = bench.results(&["retry", "--all-failed"], 0);
    assert_eq!(actions(&retried), ["removed"], "{retried:#?}");
    assert!(retried[0]["warnings"].to_string().contains("remove the database file"), "{}", retried[0]);
    let ran = bench.run(&["status", "--change", "d1", "--output", "json"]);
    let told: Json = serde_json::from_str(&ran.stdout).unwrap();
    let outcomes: Vec<&Json> =
        told[0]["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "done"], "{ran:?}");
}
