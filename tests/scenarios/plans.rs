//! Plans, and the embedded Exchange that everything here runs against.

use serde_json::{Value as Json, json};

use super::bench::{Bench, directory, mailbox, message};
use crate::cli::CANARY;

#[test]
fn s09_plan_mode() {
    let bench = Bench::new(&directory([mailbox("bob", &["SMTP:bob@contoso.com", "smtp:b@contoso.com"])]));
    bench.connect("on-premises", "new", "");
    let flow = format!(
        "ChangeId,Identity,Name,UserPrincipalName,_param_password,EmailAddresses\n\
         c1,ada@contoso.com,Ada,ada@contoso.com,{CANARY},a@contoso.com;ada@contoso.com\n\
         c2,bob,,,,bob@contoso.com;robert@contoso.com\n"
    );
    bench.place.write("flow.csv", &flow);
    // For a person: cmdlets with their parameters, the password masked, each address before and after.
    let ran = bench.run(&["plan", "flow.csv", "--out", "plan.json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for shown in ["New-Mailbox", "Set-Mailbox", "***", "robert@contoso.com", "- smtp:b@contoso.com", "+ "] {
        assert!(ran.stdout.contains(shown), "`{shown}` is not in\n{}", ran.stdout);
    }
    // For a program: the steps that apply will run.
    let planned = bench.results(&["plan", "flow.csv", "--what-if"], 0);
    assert_eq!(bench.writes().iter().filter(|entry| entry["wrote"] == true).count(), 0, "a plan wrote");
    let applied = bench.results(&["apply", "plan.json"], 0);
    for (planned, applied) in planned.iter().zip(&applied) {
        assert_eq!(planned["action"], applied["action"]);
        assert_eq!(planned["steps"], applied["steps"], "the plan shown is the plan run");
    }
    let ran: Vec<Json> = bench.writes().iter().filter(|entry| entry["wrote"] == true).cloned().collect();
    assert_eq!(
        ran.len(),
        applied.iter().map(|result| result["steps"].as_array().unwrap().len()).sum::<usize>()
    );
    // It was made for a state that is gone: nothing of it runs again.
    let again = bench.results(&["apply", "plan.json", "--journal", "other.db"], 1);
    for result in &again {
        assert_eq!((&result["action"], &result["error"]["class"]), (&"refused".into(), &"conflict".into()));
        assert!(message(result).contains("has changed since the plan was made"), "{result}");
    }
}

/// What apply shows before it begins is what `plan` shows and what it says at the end.
#[test]
fn s09_the_plan_counts_every_row() {
    let mailboxes = ["ada", "bob"].map(|name| mailbox(name, &[&format!("SMTP:{name}@contoso.com")]));
    let bench = Bench::new(&directory(mailboxes));
    bench.connect("on-premises", "enable", "");
    bench.place.write(
        "flow.csv",
        "ChangeId,Identity,CustomAttribute1,HiddenFromAddressListsEnabled\nc1,ada,x,\nc2,bob,x,perhaps\nc3,bob,x,\n",
    );
    let line = |text: &str, start: &str| {
        let line = text.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("no `{start}` in {text}")).to_owned()
    };
    let planned = bench.run(&["plan", "flow.csv"]).stdout;
    let applied = bench.run(&["apply", "flow.csv"]).stdout;
    assert_eq!(line(&applied, "Plan:"), line(&planned, "Plan:"));
    assert!(
        line(&applied, "Plan:").contains("2 to update") && line(&applied, "Plan:").contains("1 refused"),
        "{applied}"
    );
    assert_eq!(line(&applied, "Done:"), "Done: 2 updated, 1 refused of 3");
    assert!(!applied.contains("done before"), "{applied}");
    // Of what an earlier run has done there is nothing to plan, and the results are those of then.
    let again = bench.run(&["apply", "flow.csv"]).stdout;
    assert!(
        line(&again, "Plan:").contains("0 to update") && again.contains("2 done before, by an earlier run"),
        "{again}"
    );
    assert_eq!(line(&again, "Done:"), "Done: 2 updated, 1 refused of 3");
}

/// What the other scenarios rely on: each trait of a real server that the embedded one has, seen from outside.
#[test]
fn s23_without_exchange() {
    let mut owned = mailbox("owned", &["SMTP:owned@contoso.com"]);
    owned["EmailAddressPolicyEnabled"] = json!(true);
    let mut seed = directory([mailbox("ada", &["SMTP:ada@contoso.com", "smtp:a@contoso.com"]), owned]);
    let over = json!({"exception": "OverBudgetException", "message": "Backoff time: 10 ms."});
    seed["faults"] = json!([{"cmdlet": "Set-Mailbox", "kind": {"terminating": over}}]);
    let bench = Bench::with(&seed, &["--replication-delay", "3600000"]);
    bench.connect("on-premises", "enable", "domain_controller = \"dc01.contoso.com\"");
    let on = "DomainController=dc01.contoso.com";
    let set = |identity: &str, what: &str| {
        bench.run(&["invoke", "Set-Mailbox", &format!("Identity={identity}"), what, on])
    };
    // Throttling, once.
    set("ada", "CustomAttribute1=x").refuses(1, &["Backoff time: 10 ms."]);
    assert_eq!(set("ada", "CustomAttribute1=x").code, Some(0));
    // Addresses are unique.
    set("ada", "EmailAddresses=SMTP:ada@contoso.com;smtp:owned@contoso.com")
        .refuses(1, &["already being used"]);
    // A policy that owns the primary address: success, and a warning that it was none.
    let warned = set("owned", "PrimarySmtpAddress=mine@contoso.com");
    assert!(warned.stderr.contains("email address policy"), "{warned:?}");
    // Other domain controllers see a change later.
    let seen = |controller: &str| {
        let on = format!("DomainController={controller}.contoso.com");
        let ran = bench.run(&["invoke", "Get-Mailbox", "Identity=ada", &on, "--output", "jsonl"]);
        serde_json::from_str::<Json>(&ran.stdout).unwrap()["CustomAttribute1"].clone()
    };
    assert_eq!((seen("dc01"), seen("dc02")), ("x".into(), "".into()));
    // NoLanguage: the endpoint runs no scripts.
    let examined = bench.run(&["doctor", "--output", "jsonl"]);
    let checks = examined.stdout.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let mode = checks.into_iter().find(|check| check["check"] == "language mode").unwrap();
    assert!(mode["detail"].to_string().contains("NoLanguage"), "{mode}");
    // Both shapes of objects are understood alike.
    let plain = bench.get("Get-Mailbox", "ada");
    let url = format!("{}?serializationLevel=Full", bench.given["powershell"].as_str().unwrap());
    bench.connect_by(&url, "on-premises", "enable", "domain_controller = \"dc01.contoso.com\"");
    let full = bench.get("Get-Mailbox", "ada");
    assert_ne!(plain["EmailAddresses"], full["EmailAddresses"], "the shapes differ");
    let change = bench.apply_one("Identity,EmailAddresses\nada,a@contoso.com;ada@contoso.com\n", 0);
    assert_eq!(change["action"], "unchanged", "{change}");
}

/// A question with -WhatIf tells whether one cmdlet would be taken now. What it cannot tell is NOT PREVIEWED, with the reason.
#[test]
fn what_if_says_what_it_proves_nothing_about() {
    let mut seed = directory([mailbox("bob", &["SMTP:bob@contoso.com"])]);
    seed["databases"] = json!([{"name": "DB01"}, {"name": "DB02", "mounted": false}, {"name": "DB03"}]);
    seed["objects"][1]["Database"] = json!("DB01");
    let bench = Bench::new(&seed);
    bench.connect("on-premises", "new", "allow_remove = true");
    let flow = format!(
        "ChangeId,ObjectType,Operation,Identity,Type,Name,UserPrincipalName,_param_password,_param_Database,Server,ProhibitSendQuota,Mounted,CustomAttribute1\n\
         secret,,,ada@contoso.com,,Ada,ada@contoso.com,{CANARY},,,,,\n\
         asked,,,bob,,,,,,,,,x\n\
         behind,,,bob,,,,,,,,,y\n\
         two,MailboxDatabase,,DB02,,,,,,,5GB,true,\n\
         made,MailboxDatabase,,DB05,,,,,,EX01,,true,\n\
         names,,,desk,Shared,Desk,desk@contoso.com,,DB05,,,,\n\
         used,MailboxDatabase,remove,DB01,,,,,,,,,\n\
         same,MailboxDatabase,,DB03,,,,,,,,true,\n"
    );
    let expected = [
        ("secret", "created", "a password does not travel for a question"),
        ("asked", "updated", ""),
        ("behind", "updated", "an earlier row changes the same account"),
        ("two", "updated", "Mount-Database depends on what Set-MailboxDatabase does"),
        ("made", "created", "Mount-Database depends on what New-MailboxDatabase does"),
        ("names", "created", "another row makes or changes the database"),
        ("used", "refused", ""),
        ("same", "unchanged", ""),
    ];
    bench.place.write("flow.csv", &flow);
    let lines = bench.results(&["plan", "flow.csv", "--what-if"], 1);
    let whole = bench.run(&["plan", "flow.csv", "--what-if", "--output", "json"]);
    let whole: Json = serde_json::from_str(&whole.stdout).unwrap();
    assert_eq!(whole, Json::Array(lines.clone()), "json and jsonl say the same");
    for (planned, (id, action, because)) in lines.iter().zip(expected) {
        assert_eq!((&planned["change_id"], &planned["action"]), (&id.into(), &action.into()), "{planned}");
        assert_eq!(planned["not_previewed"] == true, !because.is_empty(), "{planned}");
        let said = planned["not_previewed_because"].as_str().unwrap_or_default();
        assert!(said.contains(because) && said.is_empty() == because.is_empty(), "{planned}");
    }
    assert!(message(&lines[6]).contains("contains one or more mailboxes"), "{}", lines[6]);
    // What was asked, once for each form of output, and nothing was written.
    let asked: Vec<Json> = bench.writes().iter().map(|entry| entry["cmdlet"].clone()).collect();
    let once = ["Set-Mailbox", "Set-MailboxDatabase", "New-MailboxDatabase", "Remove-MailboxDatabase"];
    assert_eq!(asked, [once, once].concat());
    assert!(
        bench.writes().iter().all(|entry| entry["parameters"]["WhatIf"] == true && entry["wrote"] == false)
    );

    let text = bench.run(&["plan", "flow.csv", "--what-if"]).stdout;
    for (_, _, because) in expected.iter().filter(|(_, _, because)| !because.is_empty()) {
        assert!(text.contains(&format!("NOT PREVIEWED: {because}")), "`{because}` is not in\n{text}");
    }
    assert!(text.contains("create, NOT PREVIEWED") && text.contains("5 NOT PREVIEWED"), "{text}");
    let step = |cmdlet: &str| text.lines().find(|line| line.trim_start().starts_with(cmdlet)).unwrap();
    assert!(step("Mount-Database").ends_with("(not previewed)"), "{text}");
    assert!(!step("New-MailboxDatabase").ends_with("(not previewed)"), "{text}");

    // All of it goes well in the order of a run; without the database that is in use.
    bench.place.write("flow.csv", &flow.replace("used,MailboxDatabase,remove,DB01,,,,,,,,,\n", ""));
    for result in bench.results(&["apply", "flow.csv"], 0) {
        assert!(result["error"].is_null(), "{result}");
    }
}

#[test]
fn what_if_without_the_right_to_ask() {
    let mut seed = directory([mailbox("bob", &["SMTP:bob@contoso.com"])]);
    seed["restrictions"] = json!({"hidden_parameters": {"Set-Mailbox": ["WhatIf"]}});
    let bench = Bench::new(&seed);
    bench.connect("on-premises", "enable", "");
    bench.place.write("flow.csv", "Identity,CustomAttribute1\nbob,x\n");
    let planned = bench.results(&["plan", "flow.csv", "--what-if"], 0);
    assert_eq!(planned[0]["action"], "updated", "{planned:?}");
    assert_eq!(planned[0]["not_previewed"], true, "{planned:?}");
    assert!(planned[0]["not_previewed_because"].to_string().contains("roles"), "{planned:?}");
    assert_eq!(bench.results(&["apply", "flow.csv"], 0)[0]["action"], "updated");
}
