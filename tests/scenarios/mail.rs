//! Mail to people when a run fails.

use serde_json::json;

use super::bench::{Bench, directory, mailbox};
use super::smtp::MailServer;
use crate::cli::{CANARY, Ran};
use crate::hunt::Hunt;

/// A bench with a mail server; `keys` are further lines of `[mail]`.
fn bench(port: u16, faults: serde_json::Value, keys: &str) -> Bench {
    let mut seed = directory([mailbox("ada", &["SMTP:ada@contoso.com"])]);
    seed["faults"] = faults;
    let bench = Bench::new(&seed);
    let mail = format!(
        "\n[mail]\nto = \"a@x.org;b@x.org\"\nfrom = \"Bridge <mailwright@contoso.com>\"\nserver = \"127.0.0.1\"\n\
         port = {port}\nsecurity = \"none\"\n{keys}"
    );
    bench.connect("on-premises", "new", &mail);
    std::fs::create_dir(bench.path("drop")).unwrap();
    bench
}

fn once(bench: &Bench, file: &str, text: &str) -> Ran {
    bench.place.write(&format!("drop/{file}"), text);
    bench.run(&["watch", "drop", "--once", "--interval", "100ms"])
}

#[test]
fn s21_failure_mail_after_n_failed_objects_with_secrets_redacted() {
    let server = MailServer::start();
    // A server that repeats the password in what it says.
    let said = json!({"exception": "PasswordTooShortException", "message": format!("The password {CANARY} is too short.")});
    let faults = json!([{"cmdlet": "New-Mailbox", "times": 9, "kind": {"terminating": said}}]);
    let bench = bench(server.port, faults, "after = 2");
    let new = |name: &str| format!("{name}@contoso.com,{name},{name}@contoso.com,{CANARY}\n");
    let header = "Identity,Name,UserPrincipalName,_param_password\n";

    let ran = once(&bench, "one.csv", &(header.to_owned() + &new("eve")));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(server.received().is_empty(), "one is not yet two");

    let ran = once(&bench, "two.csv", &(header.to_owned() + &new("fay") + &new("gil")));
    assert!(ran.code == Some(1) && ran.stderr.contains("told by mail: a@x.org, b@x.org"), "{ran:?}");
    let received = server.received();
    let [mail] = received.as_slice() else { panic!("one mail for one run: {received:?}") };
    assert_eq!(mail.to, ["a@x.org", "b@x.org"]);
    let fields = mail.header();
    assert!(fields.contains(&"To: a@x.org, b@x.org".to_owned()), "{fields:?}");
    assert!(
        fields.contains(&"Subject: mailwright: 2 of 2 changes failed: two.csv on it".to_owned()),
        "{fields:?}"
    );
    assert!(fields.contains(&"Auto-Submitted: auto-generated".to_owned()), "{fields:?}");
    let text = mail.text();
    for shown in [
        "fay@contoso.com (drop/two.csv:2): failed",
        "gil@contoso.com",
        "The password *** is too short",
        "report: ",
    ] {
        assert!(text.contains(shown), "`{shown}` is not in\n{text}");
    }
    let hunt = Hunt::default().text("the password", CANARY);
    hunt.search("the mail", mail.data.as_bytes());
    hunt.search("the mail's text", text.as_bytes());
    // Nor is it in journal, reports and receipts: only in what was dropped, and in what the server was told to say.
    let searched = hunt.search_below(bench.place.path(), &["one.csv", "two.csv", "seed.json", "lab.log"]);
    for found in ["it.db", "run.json", "report.html", "two.csv.receipt.json", "two.csv.failures.csv"] {
        assert!(searched.iter().any(|file| file.ends_with(found)), "{found} was not searched: {searched:?}");
    }
}

#[test]
fn every_run_that_fails_is_told_and_nothing_from_outside_makes_a_header() {
    let server = MailServer::start();
    let bench = bench(server.port, json!([]), "");
    let evil = "x@contoso.com\\r\\nBcc: evil@y.org";
    let row =
        format!("{{\"Identity\": \"{evil}\", \"Operation\": \"update\", \"CustomAttribute1\": \"x\"}}\n");
    bench.place.write("flow.jsonl", &row);
    let ran = bench.run(&["apply", "flow.jsonl"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    // A file that cannot be read at all is told too, and one that is well is not.
    once(&bench, "bad.csv", "Identity,Nothing\nada,x\n");
    once(&bench, "left\r\nBcc: evil@y.org.csv", "Identity,Nothing\nada,x\n");
    once(&bench, "good.csv", "Identity,CustomAttribute1\nada,x\n");
    let received = server.received();
    assert_eq!(received.len(), 2, "{received:?}");
    let known = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-"];
    for mail in &received {
        assert_eq!(mail.to, ["a@x.org", "b@x.org"]);
        for field in mail.header() {
            assert!(known.iter().any(|name| field.starts_with(name)), "{field}");
        }
        assert!(!mail.text().lines().any(|line| line.starts_with("Bcc")), "{}", mail.text());
    }
    assert!(received[1].text().contains("no column `Nothing`"), "{}", received[1].text());
}

#[test]
fn a_mail_that_cannot_be_sent_is_a_warning() {
    let bench = bench(9, json!([]), "");
    bench.place.write("flow.csv", "Identity,Operation,CustomAttribute1\nnobody,update,x\n");
    let ran = bench.run(&["apply", "flow.csv"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("warning: a@x.org, b@x.org were not told: the mail server 127.0.0.1:9"),
        "{ran:?}"
    );
    bench.place.write("flow.csv", "Identity,CustomAttribute1\nada,x\n");
    let ran = bench.run(&["apply", "flow.csv"]);
    assert!(ran.code == Some(0) && !ran.stderr.contains("warning"), "{ran:?}");
}
