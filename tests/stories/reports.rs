//! A run's report: its files, what they hold and do not hold, and what can be done with them.

use std::path::{Path, PathBuf};

use mailwright::lab::{Fault, Running, Seed, ServeOptions, serve};
use mailwright::report::Audit;
use serde_json::Value as Json;

use crate::cli::{CANARY, Place, Ran};

/// One that is done, one with an address in use, one with two things wrong, one without a ChangeId. The cells of the second
/// would be formulas and markup somewhere else.
const FLOW: &str = "\u{feff}ChangeId;Identity;Name;UserPrincipalName;_param_password;EmailAddresses;\"MailTip\";HiddenFromAddressListsEnabled\r\n\
    good;rita@contoso.com;Rita Report;rita@contoso.com;Canary-7c1f!pw;rita@contoso.com;;\r\n\
    used;update001;;;;\"update001.more@contoso.com;partner01@fabrikam.com;update001@contoso.com\";\"=1+1 <script>alert(\"\"x\"\")</script>\";\r\n\
    wrong;update002;;;\"Canary-7c1f!pw\";;@SUM(A1);perhaps\r\n\
    ;update003;;;;;Änderung  ;\r\n";

/// An Exchange in this process, and its connection file in the folder of the test.
async fn lab(place: &Place) -> Running {
    let running = serve(Seed::sample().unwrap(), ServeOptions::default()).await.unwrap();
    running.write_config(&place.path().join("lab.toml")).unwrap();
    running
}

fn run(place: &Place, arguments: &[&str]) -> Ran {
    place.run(&[arguments, &["-c", "lab.toml", "-n", "lab"]].concat())
}

/// Runs, expects this exit code, and returns the results by their change id.
fn results(place: &Place, arguments: &[&str], code: i32) -> Vec<Json> {
    let ran = run(place, &[arguments, &["--output", "jsonl"]].concat());
    assert_eq!(ran.code, Some(code), "{ran:?}");
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path().join(name)).unwrap()
}

/// The folders of the runs, the earliest first.
fn runs(place: &Place) -> Vec<PathBuf> {
    let folder = place.path().join("state/mailwright/runs");
    let mut runs: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs
}

fn no_secret_in(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(CANARY) && !text.contains("Canary"), "a password in {}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_leaves_its_report_and_no_secret_in_it() {
    let place = Place::new();
    let lab = lab(&place).await;
    place.write("flow.csv", FLOW);
    let ran = run(&place, &["apply", "flow.csv"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let [folder] = runs(&place).try_into().unwrap();
    assert!(
        ran.stderr.contains(&format!("report: {}", folder.join("report.html").display())),
        "{}",
        ran.stderr
    );
    no_secret_in(&folder);
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["audit.jsonl", "changes.csv", "failures.csv", "report.html", "run.json"]);
    #[cfg(unix)]
    for name in &names {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(folder.join(name).metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }

    let run: Json = serde_json::from_str(&std::fs::read_to_string(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(
        (&run["mailwright_run"], &run["ending"], &run["source"]),
        (&1.into(), &"complete".into(), &"flow.csv".into())
    );
    assert_eq!(
        (&run["totals"]["created"], &run["totals"]["updated"], &run["totals"]["refused"]),
        (&1.into(), &1.into(), &2.into())
    );
    let changes = run["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 4);
    assert_eq!(changes[3]["attributes"][0]["after"], "Änderung");
    assert_eq!(changes[3]["attributes"][0]["name"], "MailTip");
    let added: Vec<_> =
        changes[0]["addresses"].as_array().unwrap().iter().map(|line| &line["address"]).collect();
    assert_eq!(added, ["SMTP:rita@contoso.com"]);

    // As the source has them, without the password.
    let failures = std::fs::read_to_string(folder.join("failures.csv")).unwrap();
    let mut lines = FLOW.split_inclusive("\r\n");
    let wanted = [lines.next(), lines.nth(1), lines.next()].map(Option::unwrap).concat();
    assert_eq!(failures, wanted.replace("\"Canary-7c1f!pw\"", ""));
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_applied_again_after_the_cause_was_mended() {
    let place = Place::new();
    let lab = lab(&place).await;
    place.write("flow.csv", FLOW);
    let first = results(&place, &["apply", "flow.csv", "--report", "out"], 1);
    assert_eq!(
        first.iter().map(|one| one["action"].as_str().unwrap()).collect::<Vec<_>>(),
        ["created", "refused", "refused", "updated"]
    );
    no_secret_in(&place.path().join("out"));
    let failures = read(&place, "out/failures.csv");
    let mended = failures.replace("partner01@fabrikam.com;", "").replace("perhaps", "true");
    assert_ne!(failures, mended);
    place.write("mended.csv", &mended);
    let second = results(&place, &["apply", "mended.csv", "--report", "out"], 0);
    let ended: Vec<_> = second
        .iter()
        .map(|one| (one["change_id"].as_str().unwrap(), one["action"].as_str().unwrap()))
        .collect();
    assert_eq!(ended, [("used", "updated"), ("wrong", "updated")]);
    assert!(!place.path().join("out/failures.csv").exists(), "nothing failed this time");
    let tip = lab.directory().to_string();
    assert!(tip.contains("@SUM(A1)") && tip.contains("=1+1"), "cells came through as they were");
    // What failed first has been overtaken by the file that was applied again.
    let left_out = run(&place, &["retry", "--all-failed"]);
    assert_eq!((left_out.code, left_out.stdout.as_str()), (Some(0), ""), "{left_out:?}");
    assert!(
        left_out.stderr.contains("left out: used") && left_out.stderr.contains("nothing to try again"),
        "{left_out:?}"
    );
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_come_back_as_json_lines() {
    let place = Place::new();
    let lab = lab(&place).await;
    let bad = r#"{ "ChangeId": "j1", "_param_password": "Canary-7c1f!pw",  "Identity": "nobody-here", "Operation": "update", "MailTip": "x" }"#;
    place.write("flow.jsonl", &format!("{bad}\n{{\"Identity\": \"update004\", \"MailTip\": \"y\"}}\n"));
    results(&place, &["apply", "flow.jsonl", "--report", "out"], 1);
    let kept = bad.replace("\"_param_password\": \"Canary-7c1f!pw\",  ", "");
    assert_eq!(read(&place, "out/failures.jsonl"), format!("{kept}\n"));
    assert!(!place.path().join("out/failures.csv").exists());
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_from_the_journal() {
    let place = Place::new();
    let lab = lab(&place).await;
    place.write("flow.csv", "ChangeId,Identity,Name,UserPrincipalName,_param_password,MailTip\n\
        c1,update001,,,,one\nc2,zoe@contoso.com,Zoe New,zoe@contoso.com,Canary-7c1f!pw,two\nc3,update003,,,,three\n");
    lab.inject(Fault::error("New-Mailbox", 1, "ManagementObjectAmbiguousException", "ordered"));
    let first = results(&place, &["apply", "flow.csv"], 1);
    assert_eq!(first.iter().filter(|one| one["action"] == "failed").count(), 1, "{first:?}");
    let status = run(&place, &["status", "--failed"]);
    assert!(status.stdout.contains("c2") && status.stdout.contains("mailwright retry"), "{status:?}");
    run(&place, &["retry", "--change", "c1"]).refuses(2, &["`c1` is done"]);
    run(&place, &["retry", "--change", "c9"]).refuses(2, &["no change `c9`", "status --failed"]);
    run(&place, &["retry"]).refuses(2, &["--change", "--all-failed"]);

    // From another folder: the password is read again where it came from.
    let elsewhere = place.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::rename(place.path().join("flow.csv"), elsewhere.join("flow.csv")).unwrap();
    let gone = results(&place, &["retry", "--all-failed"], 1);
    assert_eq!((gone.len(), &gone[0]["error"]["class"]), (1, &"secret_unavailable".into()), "{gone:?}");
    std::fs::rename(elsewhere.join("flow.csv"), place.path().join("flow.csv")).unwrap();
    let config = place.path().join("lab.toml").display().to_string();
    let again = std::process::Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(&elsewhere)
        .env("XDG_STATE_HOME", place.path().join("state"))
        .args([
            "retry", "--change", "c2", "-c", &config, "-n", "lab", "--output", "jsonl", "--trace", "trace",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(again.stdout).unwrap();
    assert_eq!(again.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&again.stderr));
    let one: Json = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(
        (&one["change_id"], &one["action"], &one["source"]["line"]),
        (&"c2".into(), &"created".into(), &3.into())
    );
    no_secret_in(&elsewhere.join("trace"));
    let nothing = run(&place, &["retry", "--all-failed"]);
    assert!(nothing.code == Some(0) && nothing.stderr.contains("nothing to try again"), "{nothing:?}");

    // The retry's own report gives the row back as it was written.
    let folders = runs(&place);
    assert_eq!(folders.len(), 3);
    let failures = std::fs::read_to_string(folders[1].join("failures.csv")).unwrap();
    assert_eq!(
        failures,
        "ChangeId,Identity,Name,UserPrincipalName,_param_password,MailTip\nc2,zoe@contoso.com,Zoe New,zoe@contoso.com,,two\n"
    );
    folders.iter().for_each(|folder| no_secret_in(folder));
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_made_again_from_the_journal_word_for_word() {
    let place = Place::new();
    let lab = lab(&place).await;
    place.write("flow.csv", FLOW);
    run(&place, &["apply", "flow.csv"]);
    let [folder] = runs(&place).try_into().unwrap();
    let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let made = run(&place, &["report", &id[..13], "--report", "again", "--html", "page.html"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.contains("Done: 1 created, 1 updated, 2 refused of 4"), "{}", made.stdout);
    assert!(made.stdout.contains("held by MailContact"), "{}", made.stdout);
    for name in ["audit.jsonl", "changes.csv", "failures.csv", "report.html", "run.json"] {
        let first = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(first == read(&place, &format!("again/{name}")), "{name} differs");
    }
    assert_eq!(read(&place, "page.html"), read(&place, "again/report.html"));
    let page = run(&place, &["report", "--html", "-"]);
    assert_eq!(page.stdout, read(&place, "page.html"));
    let json: Json = serde_json::from_str(&run(&place, &["report", "--output", "json"]).stdout).unwrap();
    assert_eq!(json, serde_json::from_str::<Json>(&read(&place, "again/run.json")).unwrap());
    assert_eq!(results(&place, &["report"], 0).len(), 4);
    let list = results(&place, &["report", "--list"], 0);
    assert_eq!((list.len(), &list[0]["id"]), (1, &id.as_str().into()));
    run(&place, &["report", "nonsense"]).refuses(2, &["a run `nonsense`", "--list"]);
    lab.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_was_tampered_with_shows() {
    let place = Place::new();
    let lab = lab(&place).await;
    place.write("flow.csv", FLOW);
    run(&place, &["apply", "flow.csv", "--report", "out"]);
    lab.shutdown().await.unwrap();
    let verify = |text: &str| {
        place.write("audit.jsonl", text);
        run(&place, &["report", "--verify", "audit.jsonl"])
    };
    let audit = read(&place, "out/audit.jsonl");
    let good = verify(&audit);
    assert!(good.code == Some(0) && good.stdout.contains("as the journal keeps it"), "{good:?}");
    let lines: Vec<&str> = audit.lines().collect();
    assert!(lines.len() > 8, "{}", lines.len());
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        assert_eq!(verify(&joined(&without)).code, Some(1), "line {at} taken away");
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        assert_eq!(verify(&joined(&twice)).code, Some(1), "line {at} twice");
        let changed = lines[at].replacen("contoso", "fabrikam", 1).replacen("\"kind\"", " \"kind\"", 1);
        let mut other = lines.clone();
        other[at] = &changed;
        assert_eq!(verify(&joined(&other)).code, Some(1), "line {at} changed");
    }
    verify(&joined(&lines[..4])).refuses(1, &["the end of the audit is missing"]);
    verify("").refuses(1, &["empty"]);

    // Somebody who makes the whole chain anew is found out by the journal, and by it only.
    let forged = forged(&lines);
    assert!(Audit::verify(&forged, None).is_ok());
    verify(&forged).refuses(1, &["not the one that was written"]);
    place.write("forged.jsonl", &forged);
    let alone = place.run(&["report", "--verify", "forged.jsonl"]);
    assert!(alone.code == Some(0) && alone.stdout.contains("not compared"), "{alone:?}");
}

/// The chain with another connection, every hash made anew.
fn forged(lines: &[&str]) -> String {
    use sha2::Digest as _;
    let mut previous = "0".repeat(64);
    let mut text = String::new();
    for line in lines {
        let mut line: Json = serde_json::from_str(line).unwrap();
        line["previous"] = previous.into();
        if line["kind"] == "run_begun" {
            line["connection"] = "elsewhere".into();
        }
        let line = line.to_string();
        previous = sha2::Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{line}\n");
    }
    text
}

/// An element's name and its attributes.
type Element = (String, Vec<(String, String)>);

/// Elements with their attributes, and all text, as a browser's parser reads a page.
fn parsed(html: &str) -> (Vec<Element>, String) {
    use html5ever::tendril::TendrilSink as _;
    let dom = html5ever::parse_document(markup5ever_rcdom::RcDom::default(), Default::default()).one(html);
    assert!(dom.errors.borrow().is_empty(), "{:?}", dom.errors.borrow());
    let (mut elements, mut text) = (Vec::new(), String::new());
    let mut open = vec![dom.document.clone()];
    while let Some(node) = open.pop() {
        match &node.data {
            markup5ever_rcdom::NodeData::Element { name, attrs, .. } => {
                let attributes = attrs.borrow();
                let pairs = attributes.iter().map(|one| (one.name.local.to_string(), one.value.to_string()));
                elements.push((name.local.to_string(), pairs.collect()));
            }
            markup5ever_rcdom::NodeData::Text { contents } => text.push_str(&contents.borrow()),
            _ => {}
        }
        open.extend(node.children.borrow().iter().rev().cloned());
    }
    (elements, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_nothing_else_and_shows_what_was_written() {
    let place = Place::new();
    let lab = lab(&place).await;
    let hostile = "</td></table><script src=http://evil.example/x.js></script><b onclick=x()>";
    place.write(
        "flow.csv",
        &format!("ChangeId,Identity,MailTip,CustomAttribute1\nc1,update001,{hostile},\n\"c2\"\"><i>\",<img src=x>,{hostile},v\nc3,update003,,P-1\n"),
    );
    run(&place, &["apply", "flow.csv", "--report", "out"]);
    lab.shutdown().await.unwrap();
    let (elements, text) = parsed(&read(&place, "out/report.html"));
    assert!(
        text.matches(hostile).count() >= 1 && text.contains("<img src=x>") && text.contains("P-1"),
        "{text}"
    );
    let mut ids = Vec::new();
    for (name, attributes) in &elements {
        assert!(!["script", "link", "img", "iframe", "b", "i"].contains(&name.as_str()), "{name}");
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "src", "{attribute}");
            assert!(attribute != "href" || value.starts_with("#change-"), "{value}");
            if attribute == "id" {
                assert!(!ids.contains(value), "{value} twice");
                ids.push(value.clone());
            }
        }
    }
    let links = elements.iter().flat_map(|(_, attributes)| attributes).filter(|(name, _)| name == "href");
    for (_, target) in links {
        assert!(ids.contains(&target[1..].to_owned()), "{target} leads nowhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_a_saved_plan_and_of_several_sources_are_json_lines_that_can_be_applied() {
    let place = Place::new();
    let lab = lab(&place).await;
    place.write("flow.csv", "ChangeId,Identity,EmailAddresses,GrantSendOnBehalfTo,MailTip,_param_OrganizationalUnit\n\
        p1,update001,partner01@fabrikam.com;update001@contoso.com,update002;update003,tip,\np2,update002,,,$null,\n");
    results(&place, &["plan", "flow.csv", "--out", "flow.plan"], 1);
    place.write("more.jsonl", "{\"ChangeId\": \"m1\", \"Identity\": \"nobody-here\", \"Operation\": \"update\", \"CustomAttribute1\": \"x\"}\n");
    results(&place, &["apply", "flow.plan", "--report", "out"], 1);
    results(&place, &["apply", "more.jsonl", "--report", "more"], 1);
    let line: Json = serde_json::from_str(&read(&place, "out/failures.jsonl")).unwrap();
    let wanted = serde_json::json!({
        "ChangeId": "p1", "ObjectType": "Mailbox", "Operation": "ensure", "Identity": "update001",
        "EmailAddresses": ["partner01@fabrikam.com", "update001@contoso.com"],
        "GrantSendOnBehalfTo": ["update002", "update003"], "MailTip": "tip",
    });
    assert_eq!(line, wanted);
    // Both fail again, and come from a file and a plan.
    let again = results(&place, &["retry", "--all-failed", "--report", "both"], 1);
    assert_eq!(again.len(), 2);
    let both = read(&place, "both/failures.jsonl");
    assert_eq!(both.lines().count(), 2);
    place.write(
        "both.jsonl",
        &both.replace("partner01@fabrikam.com", "u1.alt@contoso.com").replace("nobody-here", "update003"),
    );
    let mended = results(&place, &["apply", "both.jsonl"], 0);
    assert_eq!(
        mended.iter().map(|one| one["action"].as_str().unwrap()).collect::<Vec<_>>(),
        ["updated", "updated"]
    );
    lab.shutdown().await.unwrap();
}
