//! Scenario 13: a tenant that asks for fewer calls gets fewer, and loses nothing by it.

use serde_json::{Value as Json, json};

use super::{connect, tenant, there};
use crate::durable::is_long;
use crate::scenarios::bench::{Bench, logged, name};

fn http(entry: &Json) -> (u64, u64, &str) {
    let number = |name: &str| entry[name].as_u64().unwrap_or_default();
    (number("time_ms"), number("status"), entry["cmdlet"].as_str().unwrap_or_default())
}

/// What the tenant was asked, but for signing in.
fn requests(bench: &Bench) -> Vec<Json> {
    let of_cloud = |it: &Json| it["side"] == "cloud" && !it["path"].as_str().unwrap().contains("/oauth2/");
    logged(&bench.path("lab.log"), "http").into_iter().filter(of_cloud).collect()
}

#[test]
fn c13_a_wait_that_takes_long_is_told_and_reported() {
    let throttled = json!({"http": {"status": 429, "retry_after": "8"}});
    let mut seed = tenant(&[there("ada", "SharedMailbox", &json!({}))]);
    seed["cloud"]["faults"] = json!([{"cmdlet": "Set-Mailbox", "times": 1, "kind": throttled}]);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    bench.place.write("flow.csv", "Identity,CustomAttribute1\nada@contoso.com,x\n");
    let ran = bench.run(&["apply", "flow.csv"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told: Vec<_> =
        ran.stderr.lines().filter(|line| line.starts_with("it: the cloud turned away 1 of ")).collect();
    let [while_it_waits, at_the_end] = told.as_slice() else { panic!("{ran:?}") };
    assert!(while_it_waits.ends_with(" so far") && at_the_end.ends_with(" were waited for it"), "{told:?}");
    let run = bench.last_run();
    let counted = &run["cloud"]["it"];
    let asked = requests(&bench).len();
    assert_eq!((&counted["requests"], &counted["turned_away"]), (&asked.into(), &1.into()), "{counted}");
    assert!(counted["waited_milliseconds"].as_u64().unwrap() > 5000, "{counted}");
    let text = bench.run(&["report"]).stdout;
    assert!(text.contains(at_the_end), "{text}");
    let page = bench.run(&["report", "--html", "-"]).stdout;
    assert!(page.contains("Requests to the cloud"), "{page}");
}

#[test]
fn c13_a_wait_that_is_named_is_kept_by_everybody() {
    let throttled = json!({"http": {"status": 429, "retry_after": "1.5"}});
    let objects: Vec<_> =
        (0..6).map(|number| there(&format!("user{number}"), "SharedMailbox", &json!({}))).collect();
    let mut seed = tenant(&objects);
    seed["cloud"]["faults"] = json!([{"cmdlet": "Set-Mailbox", "times": 1, "kind": throttled}]);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "concurrency = 4", "");
    let rows: String = (0..6).map(|number| format!("user{number}@contoso.com,x\n")).collect();
    let results = bench.flow("apply", &format!("Identity,CustomAttribute1\n{rows}"), 0);
    assert!(results.iter().all(|result| result["action"] == "updated"), "{results:?}");
    let asked: Vec<_> =
        logged(&bench.path("lab.log"), "http").into_iter().filter(|it| it["side"] == "cloud").collect();
    let complaint = asked.iter().map(http).find(|(_, status, _)| *status == 429).unwrap().0;
    // What was under way already, of four at once, may still arrive; nothing new is sent before the time is over.
    let meanwhile = |(time, _, cmdlet): &(u64, u64, &str)| {
        *cmdlet == "Set-Mailbox" && (complaint + 1..complaint + 1500).contains(time)
    };
    let early = asked.iter().map(http).filter(meanwhile).count();
    assert!(early <= 3, "{asked:?}");
    let sets = bench.cmdlets().iter().filter(|entry| name(entry) == "Set-Mailbox").count();
    assert_eq!(sets, 6, "each was carried out once");
}

#[test]
fn c13_every_way_to_say_so() {
    for (number, answer) in [
        json!({"status": 429, "retry_after": "1"}),
        json!({"status": 429}),
        json!({"status": 429, "retry_after": "date"}),
        json!({"status": 503, "retry_after": "1"}),
        json!({"status": 400, "body": "concurrency"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut seed = tenant(&[there("ada", "SharedMailbox", &json!({}))]);
        seed["cloud"]["faults"] = json!([{"cmdlet": "Set-Mailbox", "times": 2, "kind": {"http": answer}}]);
        let bench = Bench::new(&seed);
        connect(&bench, "enable", "", "");
        let result = bench.apply_one("Identity,CustomAttribute1\nada@contoso.com,x\n", 0);
        assert_eq!(result["action"], "updated", "{number}: {result}");
        let sets = bench.cmdlets().iter().filter(|entry| name(entry) == "Set-Mailbox").count();
        assert_eq!(sets, 1, "{number}");
    }
}

/// Every seventh request is turned away for a moment. The long version has 1,000 changes.
#[test]
fn c13_a_long_flow_against_a_tenant_that_throttles() {
    let accounts = if is_long() { 1000 } else { 60 };
    let account = |number: usize| format!("user{number:04}");
    let objects: Vec<_> = (0..accounts)
        .filter(|number| number % 2 == 0)
        .map(|number| there(&account(number), "SharedMailbox", &json!({})))
        .collect();
    let mut seed = tenant(&objects);
    let throttled = json!({"http": {"status": 429, "retry_after": "0.2"}});
    seed["cloud"]["faults"] = json!([{"every": 7, "after": 6, "times": 1_000_000, "kind": throttled}]);
    let bench = Bench::new(&seed);
    connect(&bench, "new", "concurrency = 4", "");
    let line = |number: usize| {
        let (name, own) = (account(number), format!("{}@contoso.com", account(number)));
        json!({"Identity": own, "Type": "Shared", "Name": name, "Alias": name, "CustomAttribute1": "x",
               "EmailAddresses": [format!("{name}@fabrikam.com"), own]})
        .to_string()
            + "\n"
    };
    bench.place.write("flow.jsonl", &(0..accounts).map(line).collect::<String>());
    let results = bench.results(&["apply", "flow.jsonl"], 0);
    let done = |action: &str| results.iter().filter(|result| result["action"] == action).count();
    assert_eq!((done("created"), done("updated")), (accounts / 2, accounts / 2));
    let cmdlets = bench.cmdlets();
    let made = cmdlets.iter().filter(|entry| name(entry) == "New-Mailbox").count();
    assert_eq!(made, accounts / 2, "each was made once");
    let run = bench.last_run();
    let told = &run["cloud"]["it"];
    let asked: Vec<_> = requests(&bench);
    let turned_away = asked.iter().filter(|entry| http(entry).1 == 429).count();
    assert!(turned_away >= accounts / 4, "{turned_away}");
    // What the program counts is what the lab has seen.
    assert_eq!(
        (&told["requests"], &told["turned_away"]),
        (&asked.len().into(), &turned_away.into()),
        "{told}"
    );
    let waited = told["waited_milliseconds"].as_u64().unwrap();
    assert!(waited > 0 && waited <= run["milliseconds"].as_u64().unwrap(), "{told}");
    println!("{accounts} changes in {} ms, {} cmdlets: {told}", run["milliseconds"], cmdlets.len());
    let ended = bench.end();
    for object in ended["cloud"]["objects"].as_array().unwrap() {
        assert_eq!(object["CustomAttribute1"], "x", "{object}");
        let addresses = object["EmailAddresses"].to_string();
        assert!(addresses.contains("@fabrikam.com"), "{object}");
    }
}
