//! A tenant that is asked too often.

use serde_json::json;

use super::{connect, tenant, there};
use crate::scenarios::bench::{Bench, logged};

/// Every write that is throttled was not done, is done once more after the time that the service names, and by its own call: the
/// change notices nothing, and nobody asks meanwhile.
#[test]
fn scenario_13_writes_wait_as_long_as_they_are_told() {
    const CHANGES: usize = 10;
    const THROTTLED: usize = 8;
    let names: Vec<String> = (0..CHANGES).map(|number| format!("box{number}")).collect();
    let objects: Vec<_> = names.iter().map(|name| there(name, "SharedMailbox", &json!({}))).collect();
    let mut seed = tenant(&objects);
    seed["cloud"]["faults"] = json!([{"cmdlet": "Set-Mailbox", "times": THROTTLED,
        "kind": {"http": {"status": 429, "retry_after": "1.5"}}}]);
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "concurrency = 8", "");
    let rows: String = names.iter().map(|name| format!("{name}@contoso.com,x\n")).collect();
    let results = bench.flow("apply", &format!("Identity,CustomAttribute1\n{rows}"), 0);
    for result in &results {
        assert_eq!((&result["action"], &result["attempts"]), (&json!("updated"), &json!(1)), "{result}");
    }
    let entries = logged(&bench.path("lab.log"), "http");
    let asked: Vec<(u64, u64)> = entries
        .iter()
        .filter(|entry| entry["cmdlet"] == "Set-Mailbox")
        .map(|entry| (entry["time_ms"].as_u64().unwrap(), entry["status"].as_u64().unwrap()))
        .collect();
    let told = asked.iter().filter(|(_, status)| *status == 429).count();
    assert_eq!((asked.len(), told), (CHANGES + THROTTLED, THROTTLED), "{asked:?}");
    // The lab notes when it was asked; what was on its way already comes a moment behind.
    let (mut last, mut rests) = (asked[0].0, 0);
    for (time, status) in asked {
        let since = time.saturating_sub(last);
        assert!(status == 429 || since == 0 || since >= 1_400, "asked after {since} ms");
        if status == 429 {
            rests += usize::from(since >= 1_400);
            last = time;
        } else {
            last = 0;
        }
    }
    assert!(rests <= THROTTLED);
}
