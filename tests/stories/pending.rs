//! What waits for a mailbox is told from what failed, wherever it is shown.

use serde_json::json;

use crate::scenarios::bench::Bench;
use crate::scenarios::cloud::{connect, tenant};

#[test]
fn what_waits_is_told_from_what_failed_and_how_it_goes_on() {
    let user = |name: &str, delay: u32| {
        json!({"RecipientTypeDetails": "User", "Name": name, "UserPrincipalName": format!("{name}@contoso.com"),
               "UsageLocation": "CH", "MailboxDelay": delay})
    };
    let bench = Bench::new(&tenant(&[user("late", 86_400_000)]));
    connect(&bench, "enable", "replication_wait = \"1s\"", "mailbox_wait = \"1s\"");
    let flow = "ChangeId,Identity,DisplayName\nc1,late@contoso.com,Late\nc2,nobody@contoso.com,Nobody\n";
    bench.place.write("flow.csv", flow);
    let run = |arguments: &[&str]| bench.place.run(&[&["-c", "it.toml"], arguments].concat());
    let applied = run(&["apply", "flow.csv"]);
    assert_eq!(applied.code, Some(1), "nobody is refused, which wins: {applied:?}");
    assert!(applied.stdout.contains("? late@contoso.com: pending"), "{applied:?}");

    let status = run(&["status"]);
    assert!(status.stdout.contains("pending  c1 late@contoso.com"), "{status:?}");
    assert!(status.stdout.contains("To go on with what is pending"), "{status:?}");
    let report = run(&["report"]);
    for text in ["Waiting (pending): 1", "Not found (not_found): 1", "Nothing is wrong."] {
        assert!(report.stdout.contains(text), "{text}: {report:?}");
    }
    assert!(!report.stdout.contains("Passing trouble"), "{report:?}");
    let page = run(&["report", "--html", "page.html"]);
    assert_eq!(page.code, Some(0), "{page:?}");
    let page = std::fs::read_to_string(bench.place.path().join("page.html")).unwrap();
    assert!(page.contains("Waiting") && !page.contains("Passing trouble"));
    run(&["retry", "--change", "c1"]).refuses(2, &["is pending, it did not fail", "applied again"]);
    let failed = run(&["status", "--failed"]);
    assert!(!failed.stdout.contains("late@") && failed.stdout.contains("nobody@"), "{failed:?}");
}
