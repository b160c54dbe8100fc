//! What the reports of a run in the cloud say of it.

use serde_json::{Value as Json, json};

use super::{connect, hybrid, tenant, there};
use crate::scenarios::bench::Bench;

/// The first line of the audit of the latest run.
fn run_begun(bench: &Bench) -> Json {
    let ran = bench.run(&["report", "--report", "again"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let audit = std::fs::read_to_string(bench.path("again/audit.jsonl")).unwrap();
    serde_json::from_str(audit.lines().next().unwrap()).unwrap()
}

fn given<'b>(bench: &'b Bench, name: &str) -> &'b str {
    bench.given["cloud"][name].as_str().unwrap().trim_end_matches('/')
}

#[test]
fn who_was_signed_in_where() {
    let bench = Bench::new(&tenant(&[there("ada", "SharedMailbox", &json!({}))]));
    connect(&bench, "enable", "", "");
    bench.apply_one("Identity,CustomAttribute1\nada@contoso.com,x\n", 0);
    let (url, application) = (given(&bench, "url"), given(&bench, "application_id"));
    for about in [&run_begun(&bench)["about"], &bench.last_run()["about"]] {
        assert_eq!((&about["endpoint"], &about["account"]), (&url.into(), &application.into()), "{about}");
    }
}

#[test]
fn both_sides_of_a_hybrid_connection_are_named() {
    let bench = Bench::new(&tenant(&[there("ada", "SharedMailbox", &json!({}))]));
    hybrid::connect(&bench);
    bench.apply_one("Identity,CustomAttribute1\nada@contoso.com,x\n", 0);
    let begun = run_begun(&bench);
    let about = &begun["about"];
    let there = json!({"endpoint": given(&bench, "url"), "account": given(&bench, "application_id")});
    assert_eq!(about["cloud"], there, "{about}");
    let here = bench.given["https_powershell"].as_str().unwrap();
    assert_eq!(
        (&about["endpoint"], &about["account"]),
        (&here.into(), &r"CONTOSO\svc-idm".into()),
        "{about}"
    );
}
