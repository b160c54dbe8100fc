//! What the service answers: tokens, pages, errors, bodies.

use serde_json::{Value as Json, json};

use super::{connect, count, steps, tenant, there};
use crate::scenarios::bench::{Bench, logged, message};

const FLOW: &str = "Identity,CustomAttribute1\nada@contoso.com,x\n";

fn bench(faults: Json, behaviour: Json) -> Bench {
    let mut seed = tenant(&[there("ada", "SharedMailbox", &json!({}))]);
    seed["cloud"]["faults"] = faults;
    seed["cloud"]["behaviour"] = behaviour;
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "timeouts = { connect = \"5s\", operation = \"10s\" }", "");
    bench
}

fn requests(bench: &Bench, path: &str) -> Vec<Json> {
    let all = logged(&bench.path("lab.log"), "http").into_iter().filter(|it| it["side"] == "cloud");
    all.filter(|it| it["path"].as_str().unwrap_or_default().contains(path)).collect()
}

#[test]
fn c04_one_token_for_a_whole_run() {
    let bench = bench(json!([]), json!({}));
    let rows: String = (0..40).map(|number| format!("nobody{number}@contoso.com,x\n")).collect();
    bench.flow("plan", &format!("Identity,CustomAttribute1\n{rows}"), 1);
    // One for Exchange; Graph is asked only where a licence matters.
    assert!(requests(&bench, "oauth2/v2.0/token").len() <= 2, "{:?}", requests(&bench, "token"));
    // A token that is refused is asked for once more, and what was refused is sent again.
    let bench = self::bench(
        json!([{"cmdlet": "Set-Mailbox", "times": 1, "kind": {"http": {"status": 401}}}]),
        json!({}),
    );
    assert_eq!(bench.apply_one(FLOW, 0)["action"], "updated");
    let tokens = requests(&bench, "oauth2/v2.0/token").len();
    assert_eq!((tokens, count(&bench, "Set-Mailbox")), (2, 1));
}

#[test]
fn c08_pages_that_are_never_found_again_give_no_list() {
    let mut seed = tenant(&[]);
    let many = (0..1100).map(|number| there(&format!("user{number:04}"), "SharedMailbox", &json!({})));
    seed["cloud"]["objects"] = many.collect();
    seed["cloud"]["behaviour"] = json!({"pages_without_affinity": true});
    let bench = Bench::new(&seed);
    connect(&bench, "enable", "", "");
    let ran = bench.run(&["invoke", "Get-Mailbox", "ResultSize=Unlimited", "--output", "jsonl"]);
    assert_ne!(ran.code, Some(0), "{} lines", ran.stdout.lines().count());
    assert!(ran.stderr.contains("pages"), "{}", ran.stderr);
    // The first page and the second one, and both once more; no third time.
    let asked = requests(&bench, "InvokeCommand").iter().filter(|it| it["cmdlet"] == "Get-Mailbox").count();
    assert_eq!(asked, 4);
}

#[test]
fn c15_bodies_that_are_none() {
    let bodies =
        [json!("zeros"), json!("page"), json!("empty"), json!({"text": "{\"value\":"}), json!("truncated")];
    for body in bodies {
        for status in [200, 400, 403] {
            let fault = json!({"http": {"status": status, "body": body}});
            let bench = bench(json!([{"cmdlet": "Get-Mailbox", "times": 1, "kind": fault}]), json!({}));
            let ran = bench.run(&["invoke", "Get-Mailbox", "Identity=ada", "--output", "jsonl"]);
            assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains('\0'), "{ran:?}");
            // Half an answer is asked for again; what is none at all is an error.
            let is_whole = ran.code == Some(0) && ran.stdout.contains("ada@contoso.com");
            assert!(is_whole || ran.stderr.contains("error"), "{status} {body}: {ran:?}");
        }
    }
    // What a gateway says in between is asked again.
    let fault = json!({"http": {"status": 502, "body": "page"}});
    let bench = bench(json!([{"cmdlet": "Get-Mailbox", "times": 1, "kind": fault}]), json!({}));
    assert_eq!(bench.apply_one(FLOW, 0)["action"], "updated");
}

#[test]
fn c14_an_error_beside_an_answer_is_a_failure() {
    let fault =
        json!({"http": {"status": 200, "body": {"errors": ["Something else went wrong on the way."]}}});
    let bench = bench(json!([{"cmdlet": "Set-Mailbox", "times": 1, "kind": fault}]), json!({}));
    let failed = bench.apply_one(FLOW, 1);
    assert!(message(&failed).contains("went wrong on the way"), "{failed}");
    assert_eq!(steps(&failed), ["Set-Mailbox"]);
}

/// What flows do not write, a person still can.
#[test]
fn invoke_reaches_mail_users_permissions_and_protocols() {
    let bench = Bench::new(&tenant(&[
        there("info", "SharedMailbox", &json!({})),
        there("ada", "UserMailbox", &json!({})),
    ]));
    connect(&bench, "enable", "", "");
    let invoke = |call: &[&str]| super::in_cloud(&bench, call);
    invoke(&["New-MailUser", "Name=Partner", "ExternalEmailAddress=partner@fabrikam.org", "Alias=partner"]);
    let partner = invoke(&["Get-MailUser", "Identity=partner"]);
    assert_eq!(partner[0]["ExternalEmailAddress"], "SMTP:partner@fabrikam.org", "{partner:?}");
    let who = ["Identity=info", "User=ada@contoso.com", "AccessRights=FullAccess"];
    invoke(&[&["Add-MailboxPermission"], &who[..], &["AutoMapping=$false"]].concat());
    let held = invoke(&["Get-MailboxPermission", "Identity=info", "User=ada@contoso.com"]);
    assert_eq!(held[0]["AccessRights"], json!(["FullAccess"]), "{held:?}");
    let send = ["Identity=info", "Trustee=ada@contoso.com", "AccessRights=SendAs", "Confirm=$false"];
    invoke(&[&["Add-RecipientPermission"], &send[..]].concat());
    invoke(&["Set-CASMailbox", "Identity=info", "ImapEnabled=$false", "PopEnabled=$false"]);
    assert_eq!(invoke(&["Get-CASMailbox", "Identity=info"])[0]["ImapEnabled"], false);
}
