//! Flows and plans that are applied again after something else has happened.

use serde_json::json;

use super::{connect, count, mailbox, person, steps, tenant, there};
use crate::scenarios::bench::{Bench, message};

#[test]
fn a_mailbox_whose_licence_was_just_taken_away_is_kept_where_a_later_flow_wants_it() {
    let bench = Bench::new(&tenant(&[there("ada", "UserMailbox", &json!({"MailboxDelay": 2500}))]));
    connect(&bench, "enable", "", "mailbox_wait = \"0s\"");
    bench.place.write("leavers.csv", "ChangeId,Identity,Operation\nl1,ada@contoso.com,disable\n");
    bench.place.write("joiners.csv", "ChangeId,Identity,CustomAttribute1\nj1,ada@contoso.com,x\n");
    assert_eq!(bench.results(&["apply", "leavers.csv"], 5)[0]["action"], "pending");
    let kept = &bench.results(&["apply", "joiners.csv"], 0)[0];
    assert_eq!(
        (&kept["action"], steps(kept)),
        (&"updated".into(), vec!["Set-MgUserLicense", "Set-Mailbox"]),
        "{kept}"
    );
    // The end of it was wanted before, and is not any more.
    let overtaken = &bench.results(&["apply", "leavers.csv"], 1)[0];
    assert_eq!(overtaken["error"]["class"], "conflict", "{overtaken}");
    assert!(message(overtaken).contains("the later change `j1`"), "{overtaken}");
    std::thread::sleep(std::time::Duration::from_millis(2600));
    assert_eq!(mailbox(&bench, "ada@contoso.com")["CustomAttribute1"], "x");
    assert_eq!(count(&bench, "Set-MgUserLicense"), 2);
    // Who asks for it all the same gets it.
    let again = bench.results(&["retry", "--change", "l1"], 5);
    assert_eq!(again[0]["action"], "pending", "{again:?}");
    assert_eq!(count(&bench, "Set-MgUserLicense"), 3);
}

#[test]
fn a_saved_plan_goes_on_where_its_account_only_waited() {
    let mut ada = person("ada");
    ada["UsageLocation"] = json!("CH");
    let bench = Bench::new(&tenant(&[ada]));
    connect(&bench, "enable", "", "licence = \"elsewhere\"\nmailbox_wait = \"0s\"");
    bench.place.write("flow.csv", "ChangeId,Identity,CustomAttribute1\na1,ada@contoso.com,x\n");
    let planned = bench.run(&["plan", "flow.csv", "--out", "it.plan"]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let waits = &bench.results(&["apply", "it.plan"], 5)[0];
    assert_eq!((&waits["action"], steps(waits).len()), (&"pending".into(), 0), "{waits}");
    let licence = "AddLicenses=6fd2c87f-b296-42f0-b197-1e91e994b900";
    let given = bench.run(&["invoke", "Set-MgUserLicense", "UserId=ada@contoso.com", licence]);
    assert_eq!(given.code, Some(0), "{given:?}");
    connect(&bench, "enable", "", "licence = \"elsewhere\"");
    let made = &bench.results(&["apply", "it.plan"], 0)[0];
    assert_eq!(steps(made), ["Set-Mailbox"], "{made}");
    assert_eq!(mailbox(&bench, "ada@contoso.com")["CustomAttribute1"], "x");
}

#[test]
fn what_failed_is_not_carried_out_over_a_later_change() {
    let bench = Bench::new(&tenant(&[
        there("ada", "SharedMailbox", &json!({})),
        there("eve", "SharedMailbox", &json!({})),
    ]));
    connect(&bench, "enable", "", "");
    bench.place.write(
        "flow.csv",
        "ChangeId,Identity,Operation,CustomAttribute1,ForwardingAddress\n\
         a1,ada@contoso.com,update,old,nobody@contoso.com\na2,ada@contoso.com,update,new,\n\
         e1,eve@contoso.com,update,old,nobody@contoso.com\n",
    );
    let first = bench.results(&["apply", "flow.csv"], 1);
    let actions = |results: &[serde_json::Value]| {
        results.iter().map(|it| it["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(actions(&first), ["failed", "updated", "failed"], "{first:?}");
    let again = bench.results(&["apply", "flow.csv"], 1);
    assert_eq!(actions(&again), ["refused", "updated", "failed"], "{again:?}");
    assert!(message(&again[0]).contains("the later change `a2`"), "{again:?}");
    assert_eq!(mailbox(&bench, "ada@contoso.com")["CustomAttribute1"], "new");
    let tried =
        bench.writes().iter().filter(|entry| entry["parameters"]["CustomAttribute1"] == "old").count();
    assert_eq!(tried, 3, "hers once, and the one that nothing has overtaken twice");
}

/// A tenant in which one cmdlet goes wrong once.
fn wrong_once(objects: &[serde_json::Value], cmdlet: &str, kind: &serde_json::Value) -> Bench {
    let mut seed = tenant(objects);
    seed["cloud"]["faults"] = json!([{"cmdlet": cmdlet, "times": 1, "kind": {"http": kind}}]);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    bench
}

#[test]
fn what_was_made_without_an_answer_is_found_by_the_address_that_it_was_given() {
    let bench = wrong_once(&[], "New-Mailbox", &json!({"status": 504, "after_work": true}));
    // Its own name is an address that only the second call gives it.
    let flow = "Identity,Type,Name,Alias,EmailAddresses\n\
                aula@contoso.com,Room,aula,aula,smtp:aula@contoso.com;SMTP:great.hall@contoso.com\n";
    let made = bench.apply_one(flow, 0);
    assert_eq!(made["action"], "created", "{made}");
    assert_eq!(count(&bench, "New-Mailbox"), 1);
    let addresses = bench.addresses("aula@contoso.com");
    assert!(addresses.contains(&"SMTP:great.hall@contoso.com".to_owned()), "{addresses:?}");
}

#[test]
fn what_was_written_without_an_answer_that_can_be_read_is_not_said_to_be_unchanged() {
    let flow = "Identity,CustomAttribute1\nada@contoso.com,x\n";
    for kind in [
        json!({"status": 200, "body": "truncated", "after_work": true}),
        json!({"status": 400, "body": {"text": "rubbish"}, "after_work": true}),
        json!({"status": 400, "body": {"text": "rubbish"}}),
    ] {
        let bench = wrong_once(&[there("ada", "SharedMailbox", &json!({}))], "Set-Mailbox", &kind);
        let written = bench.apply_one(flow, 0);
        assert_eq!(
            (&written["action"], &written["attempts"]),
            (&"updated".into(), &2.into()),
            "{kind}: {written}"
        );
        assert_eq!(mailbox(&bench, "ada@contoso.com")["CustomAttribute1"], "x");
        assert_eq!(count(&bench, "Set-Mailbox"), 1, "{kind}");
    }
}
