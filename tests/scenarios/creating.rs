//! Mailboxes made and taken away.

use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::bench::{Bench, directory, message, name, remote_mailbox, user};
use crate::durable::journal::{Moment, Watched};

/// A joiner with a password, a database and three addresses; the last one is primary.
const JOINER: &str = "\
Identity,Name,UserPrincipalName,_param_password,_param_Database,EmailAddresses\n\
ada@contoso.com,Ada Lovelace,ada@contoso.com,Canary-7c1f!pw,DB01,ada.l@contoso.com;al@fabrikam.com;ada.lovelace@contoso.com\n";

#[test]
fn s01_on_premises_new() {
    let bench = Bench::new(&directory([]));
    bench.connect("on-premises", "new", "");
    let made = bench.apply_one(JOINER, 0);
    assert_eq!(made["action"], "created", "{made}");
    assert_eq!(bench.written(), ["New-Mailbox", "Set-Mailbox"]);
    let writes = bench.writes();
    assert_eq!(writes[0]["parameters"]["Password"], "***");
    assert_eq!(writes[0]["parameters"]["Database"], "DB01");
    // The primary address takes the mailbox out of the policy; nothing more is needed for that.
    assert_eq!(writes[0]["parameters"]["PrimarySmtpAddress"], "ada.lovelace@contoso.com");
    assert!(writes[1]["parameters"].get("EmailAddressPolicyEnabled").is_none(), "{}", writes[1]);
    let wanted = ["SMTP:ada.lovelace@contoso.com", "smtp:ada.l@contoso.com", "smtp:al@fabrikam.com"];
    assert_eq!(bench.addresses("ada@contoso.com"), wanted);

    let again = bench.apply_one(JOINER, 0);
    assert_eq!(again["action"], "unchanged", "{again}");
    assert_eq!(bench.written().len(), 2, "the second run writes nothing");
}

#[test]
fn s20_disable_of_a_remote_mailbox_with_an_archive() {
    let mut archived = remote_mailbox("ada");
    archived["Archive"] = json!(true);
    let bench = Bench::new(&directory([archived, remote_mailbox("bob"), user("carl")]));
    bench.connect("hybrid", "enable", "");
    let flow = "ChangeId,Operation,Identity\nd1,disable,ada\n";

    // Both stages are in the plan; the second one waits for directory synchronisation.
    let planned = bench.flow("plan", flow, 0);
    let steps = planned[0]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{planned:?}");
    assert!(steps.iter().all(|step| step["cmdlet"] == "Disable-RemoteMailbox"));
    assert_eq!(
        (&steps[0]["parameters"]["Archive"], steps[1]["parameters"].get("Archive")),
        (&json!(true), None)
    );

    let first = bench.apply_one(flow, 5);
    assert_eq!(first["action"], "pending", "{first}");
    assert!(first["warnings"].to_string().contains("directory synchronisation"), "{first}");
    let writes = bench.writes();
    assert_eq!((writes.len(), &writes[0]["parameters"]["Archive"]), (1, &json!(true)), "{writes:?}");

    let second = bench.apply_one(flow, 0);
    assert_eq!(second["action"], "disabled", "{second}");
    let writes = bench.writes();
    assert_eq!((writes.len(), writes[1]["parameters"].get("Archive")), (2, None), "{writes:?}");

    // What would delete the directory user is refused, and nothing like it was ever sent.
    let refused = bench.apply_one("Operation,Identity\nremove,bob\n", 1);
    assert_eq!(
        (&refused["action"], &refused["error"]["class"]),
        (&"refused".into(), &"refused_by_rule".into())
    );
    assert!(message(&refused).contains("directory user"), "{refused}");
    assert!(bench.cmdlets().iter().all(|entry| !name(entry).starts_with("Remove-")));
    assert_eq!(bench.get("Get-User", "ada")["SamAccountName"], "ada", "the directory user is still there");
    bench.connect("hybrid", "enable", "allow_remove = true");
    assert_eq!(bench.apply_one("Operation,Identity\nremove,bob\n", 0)["action"], "removed");
}

/// Makes a directory user at one domain controller, as somebody else does a moment before; the others learn of it later.
fn made_at(bench: &Bench, controller: &str, name: &str) {
    let on = format!("DomainController={controller}");
    let principal = format!("UserPrincipalName={name}@contoso.com");
    let made = ["invoke", "New-Mailbox", &format!("Name={name}"), "Shared", &principal, &on];
    assert_eq!(bench.run(&made).code, Some(0));
    let identity = format!("Identity={name}");
    let left = bench.run(&["invoke", "Disable-Mailbox", &identity, "Confirm=$false", &on]);
    assert_eq!(left.code, Some(0), "{left:?}");
}

#[test]
fn s02_enable_a_user_who_was_made_a_moment_ago() {
    // The row, or the connection, names the domain controller that has the user: nobody waits for replication, which would
    // take an hour here.
    let bench = Bench::with(&directory([]), &["--replication-delay", "3600000"]);
    bench.connect("on-premises", "enable", "");
    for account in ["ada", "bob", "eve"] {
        made_at(&bench, "dc01.contoso.com", account);
    }
    let before = bench.cmdlets().len();
    let flow = "Identity,DomainController,CustomAttribute1\nada@contoso.com,dc01.contoso.com,x\n";
    assert_eq!(bench.apply_one(flow, 0)["action"], "created");
    bench.connect("on-premises", "enable", "domain_controller = \"dc01.contoso.com\"");
    assert_eq!(bench.apply_one("Identity,CustomAttribute1\nbob@contoso.com,x\n", 0)["action"], "created");
    let asked = bench.cmdlets().split_off(before);
    assert_eq!(asked.iter().filter(|entry| name(entry) == "Enable-Mailbox").count(), 2);
    for entry in asked.iter().filter(|entry| name(entry) != "Get-AcceptedDomain") {
        assert_eq!(entry["parameters"]["DomainController"], "dc01.contoso.com", "{entry}");
        assert_eq!(entry["outcome"], "completed", "{entry}");
    }
    // It has not come when the wait is over: not found, with the domain controller that was asked, and nothing was written.
    let keys = "domain_controller = \"dc02.contoso.com\"\nreplication_wait = \"1s\"";
    bench.connect("on-premises", "enable", keys);
    let before = bench.writes().len();
    let late = bench.apply_one("ChangeId,Identity,CustomAttribute1\nlate,eve@contoso.com,x\n", 1);
    assert_eq!(
        (&late["action"], &late["error"]["class"]),
        (&"refused".into(), &"not_found".into()),
        "{late}"
    );
    assert!(message(&late).contains("eve@contoso.com` on dc02.contoso.com"), "{late}");
    assert!(late["error"]["hint"].as_str().unwrap().contains("run the flow again"), "{late}");
    assert_eq!(bench.writes().len(), before);
    // It can be tried again, and is done once the domain controller has the user.
    bench.connect("on-premises", "enable", "domain_controller = \"dc01.contoso.com\"");
    let again = bench.results(&["retry", "--change", "late"], 0);
    assert_eq!(again[0]["action"], "created", "{again:?}");
}

#[test]
fn s02_waiting_for_replication() {
    // Long enough that a slow machine has not even begun the flow when the two writes of `made_at` have replicated.
    let bench = Bench::with(&directory([user("carl")]), &["--replication-delay", "15000"]);
    let keys = "domain_controller = \"dc02.contoso.com\"\nreplication_wait = \"60s\"\nconcurrency = 1";
    bench.connect("on-premises", "enable", keys);
    made_at(&bench, "dc01.contoso.com", "ada");
    let before = bench.cmdlets().len();
    let results = bench.flow("apply", "Identity,CustomAttribute1\nada@contoso.com,x\ncarl,x\n", 0);
    assert!(results.iter().all(|result| result["action"] == "created"), "{results:?}");
    let cmdlets = bench.cmdlets().split_off(before);
    let ada = |entry: &&Json| name(entry) == "Get-User" && entry["parameters"].to_string().contains("ada@");
    assert!(cmdlets.iter().filter(ada).count() > 1, "it looked again: {cmdlets:?}");
    // It was enabled where it had come to, without a failure.
    let enabled: Vec<_> = cmdlets.iter().filter(|entry| name(entry) == "Enable-Mailbox").collect();
    assert!(enabled.iter().all(|entry| entry["outcome"] == "completed"), "{enabled:?}");
    assert!(enabled.iter().all(|entry| entry["parameters"]["DomainController"] == "dc02.contoso.com"));
    // Who was there already did not wait behind it, with one lane only.
    let carl = bench.get("Get-User", "carl")["Guid"].clone();
    assert_eq!(enabled[0]["parameters"]["Identity"], carl);
}

#[test]
fn s03_hybrid_with_an_archive() {
    let bench = Bench::new(&directory([user("ada"), user("bob"), user("carl")]));
    bench.connect("hybrid", "enable", "");
    let flow = |account: &str| format!("ChangeId,Identity,Archive\n{account},{account},true\n");
    // Two calls, because -Archive is a parameter set of its own.
    let whole = bench.apply_one(&flow("ada"), 0);
    assert_eq!(whole["action"], "created", "{whole}");
    let two_calls = |writes: &[Json]| {
        let calls: Vec<_> = writes.iter().filter(|entry| name(entry) == "Enable-RemoteMailbox").collect();
        let archive = |entry: &Json| entry["parameters"].get("Archive").is_some();
        assert_eq!(calls.len(), 2, "{writes:?}");
        assert!(!archive(calls[0]) && archive(calls[1]), "{writes:?}");
        assert!(calls[1]["parameters"].get("RemoteRoutingAddress").is_none(), "{}", calls[1]);
        assert!(calls.iter().all(|entry| entry["wrote"] == true), "{writes:?}");
    };
    two_calls(&bench.writes());

    // Killed when the first call is done and journalled, and the second one not begun: a flow, and a saved plan.
    for (account, source) in [("bob", "flow.csv"), ("carl", "plan.json")] {
        bench.place.write("flow.csv", &flow(account));
        if source == "plan.json" {
            assert_eq!(bench.run(&["plan", "flow.csv", "--out", source]).code, Some(0));
        }
        killed_between_the_calls(&bench, account, source);
        let before = bench.writes().len() - 1;
        // It goes on with the second call, and the log of the server shows the first one once.
        let resumed = bench.results(&["apply", source, "--journal", &format!("{account}.db")], 0);
        assert_eq!(resumed[0]["action"], "created", "{resumed:?}");
        two_calls(&bench.writes().split_off(before));
        let made = bench.get("Get-RemoteMailbox", account);
        assert_eq!(made["ArchiveState"], "HostedPending", "{made}");
        assert_eq!(made["RecipientTypeDetails"], "RemoteUserMailbox", "{made}");
        let again = bench.results(&["apply", "flow.csv", "--journal", "another.db"], 0);
        assert_eq!(again[0]["action"], "unchanged", "{again:?}");
    }
}

/// Applies until the first call is in the journal with its outcome, and ends it there with SIGKILL.
fn killed_between_the_calls(bench: &Bench, account: &str, source: &str) {
    let before = bench.writes().len();
    let file = format!("{account}.db");
    let mut journal = Watched::new(&bench.path(&file));
    journal.hold(Moment::Intent(2));
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(bench.place.path())
        .env("XDG_STATE_HOME", bench.path("state"))
        .args(["apply", source, "-c", "it.toml", "--journal", &file])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while journal.steps().iter().all(|step| step.outcome.is_none()) {
        journal.until_held(&mut child);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    journal.release();
    let steps = journal.steps();
    assert_eq!((steps.len(), steps[0].outcome.as_deref()), (1, Some("done")), "{steps:?}");
    let half = bench.writes().split_off(before);
    assert_eq!(half.iter().map(name).collect::<Vec<_>>(), ["Enable-RemoteMailbox"]);
}
