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
