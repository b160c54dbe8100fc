//! Ways to Exchange, and what goes over them.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::bench::{Bench, directory, mailbox, message, name, user};
use super::relay::Relay;
use crate::cli::CANARY;
use crate::hunt::Hunt;

#[test]
fn s14_password_without_credssp() {
    let bench = Bench::with(&directory([]), &["--latency", "300"]);
    let flow = format!(
        "Identity,Name,UserPrincipalName,_param_password\nada@contoso.com,Ada,ada@contoso.com,{CANARY}\n"
    );
    // At the ordinary endpoint the password would need a second hop, which these do not allow.
    for (authentication, endpoint) in [("kerberos", "wsman"), ("basic", "https_wsman"), ("ntlm", "wsman")] {
        let url = bench.given[endpoint].as_str().unwrap().replace("127.0.0.1", "localhost");
        let key = format!("authentication = \"{authentication}\"");
        bench.connect_by(&url, "on-premises", "new", &key);
        bench.place.write("flow.csv", &flow);
        let ran = bench.run(&["apply", "flow.csv"]);
        ran.refuses(2, &["second hop", authentication]);
    }
    assert_eq!(bench.cmdlets().len(), 0, "nothing was tried");

    // At Exchange's own endpoint it goes as a SecureString, and shows up nowhere.
    bench.connect("on-premises", "new", "");
    bench.place.write("flow.csv", &flow);
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(bench.place.path())
        .args(["apply", "flow.csv", "-c", "it.toml", "--journal", "one.db", "--trace", "trace", "-v"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut listed = Vec::new();
    while child.try_wait().unwrap().is_none() {
        for file in ["cmdline", "environ"] {
            listed.extend(std::fs::read(format!("/proc/{}/{file}", child.id())).unwrap_or_default());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bench.writes()[0]["parameters"]["Password"], "***");
    let hunt = Hunt::default().text("the new user's password", CANARY);
    hunt.search("the process list", &listed);
    hunt.search("the output", &[output.stdout, output.stderr].concat());
    let searched = hunt.search_below(bench.place.path(), &["flow.csv"]);
    for file in ["one.db", "lab.log", "trace/000001-sign-in.txt"] {
        assert!(searched.iter().any(|path| path.ends_with(file)), "{file}: {searched:?}");
    }
    // And it arrived: she can sign in with it.
    let own = std::fs::read_to_string(bench.path("it.toml"))
        .unwrap()
        .replace("CONTOSO\\svc-idm", "ada@contoso.com");
    bench.place.write("password", CANARY);
    assert!(Command::new("chmod").arg("600").arg(bench.path("password")).status().unwrap().success());
    bench.place.write("own.toml", &own.replace("lab.toml.password", "password"));
    assert_eq!(bench.place.run(&["-c", "own.toml", "invoke", "Get-AcceptedDomain"]).code, Some(0));
}

#[test]
fn s15_injection() {
    let evil = "'; Remove-Mailbox * -Confirm:$false; '";
    let bench = Bench::new(&directory([
        mailbox("ada", &["SMTP:ada@contoso.com"]),
        mailbox("bob", &["SMTP:o'brien@contoso.com"]),
    ]));
    bench.connect("on-premises", "enable", "");
    let made = bench.apply_one(&format!("Identity,DisplayName\nada,\"{evil}\"\n"), 0);
    assert_eq!(made["action"], "updated", "{made}");
    assert_eq!(bench.get("Get-Mailbox", "ada")["DisplayName"], evil, "stored as it is");
    // Quotation marks in what is looked up: one that is there, and one that would match everything.
    assert_eq!(bench.apply_one("Identity,CustomAttribute1\no'brien@contoso.com,x\n", 0)["action"], "updated");
    let missing = bench.apply_one("Operation,Identity,CustomAttribute1\nupdate,x' -or Name -like '*,x\n", 1);
    assert_eq!((&missing["action"], bench.written().len()), (&"refused".into(), 2), "{missing}");
    // An address that is looked up in a filter.
    let taken = bench.apply_one("Identity,EmailAddresses\nada,o'brien@contoso.com;ada@contoso.com\n", 1);
    assert!(message(&taken).contains("o'brien@contoso.com"), "{taken}");
    assert!(bench.cmdlets().iter().all(|entry| !name(entry).starts_with("Remove-")));
}

#[test]
fn s16_throttling() {
    let names: Vec<String> = (0..8).map(|number| format!("user{number}")).collect();
    let mut seed = directory(names.iter().map(|name| mailbox(name, &[&format!("SMTP:{name}@contoso.com")])));
    let text = "The request for user 'svc-idm' will not be approved for at least 3000 milliseconds.";
    let over = json!({"terminating": {"exception": "OverBudgetException", "message": text}});
    seed["faults"] = json!([{"cmdlet": "Set-Mailbox", "after": 2, "kind": over}]);
    // Fewer shells than the connection would use.
    seed["restrictions"] = json!({"max_shells_per_user": 2});
    let bench = Bench::with(&seed, &["--latency", "20"]);
    bench.connect("on-premises", "enable", "concurrency = 3");
    let rows: String = names.iter().map(|name| format!("{name},x\n")).collect();
    for result in bench.flow("apply", &format!("Identity,CustomAttribute1\n{rows}"), 0) {
        assert_eq!(result["action"], "updated", "{result}");
    }
    let writes = bench.writes();
    let refused = writes.iter().position(|entry| entry["reason"] == "OverBudgetException").unwrap();
    let identity = |entry: &Json| entry["parameters"]["Identity"].clone();
    let again = writes[refused + 1..].iter().find(|entry| identity(entry) == identity(&writes[refused]));
    // On the server's clock, and only that it was not too early.
    let at = |entry: &Json| entry["time_ms"].as_u64().unwrap();
    assert!(at(again.unwrap()) >= at(&writes[refused]) + 3000, "{writes:?}");
    assert_eq!(writes.len(), names.len() + 1, "nothing was written twice");
    // All shells can be had again, so none was left behind.
    bench.connect("on-premises", "enable", "concurrency = 2");
    let examined = bench.run(&["doctor", "--output", "jsonl"]);
    assert_eq!(examined.code, Some(0), "{examined:?}");
}

#[test]
fn s18_doctor() {
    let mut seed = directory([]);
    seed["restrictions"] = json!({"hidden_cmdlets": ["Set-Mailbox"]});
    let bench = Bench::new(&seed);
    bench.connect(
        "on-premises",
        "enable",
        &format!("excluded_smtp_domains = [\"{}\"]", super::bench::ROUTING),
    );
    let checks = |bench: &Bench| -> Vec<Json> {
        let ran = bench.run(&["doctor", "--output", "jsonl"]);
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let status = |checks: &[Json], name: &str| -> String {
        let check = checks.iter().find(|check| check["check"] == name);
        check.unwrap_or_else(|| panic!("no {name}: {checks:#?}"))["status"].as_str().unwrap().to_owned()
    };
    let found = checks(&bench);
    for well in ["DNS", "port", "schemes offered", "clock", "sign-in", "language mode", "excluded domains"] {
        assert_eq!(status(&found, well), "ok", "{well}");
    }
    assert_eq!(status(&found, "cmdlets"), "failed", "{found:#?}");
    // The third state: nobody listens, so what is behind the port cannot be told.
    bench.connect_by("http://127.0.0.1:9/PowerShell/", "on-premises", "enable", "");
    let found = checks(&bench);
    assert_eq!(status(&found, "port"), "failed");
    let states: BTreeSet<String> = ["sign-in", "cmdlets"].map(|name| status(&found, name)).into();
    assert_eq!(states, BTreeSet::from(["could not check".to_owned()]), "{found:#?}");
    assert!(bench.cmdlets().iter().all(|entry| entry["wrote"] == false));
}

#[test]
fn s19_hosted_provider() {
    let bench = Bench::new(&directory([user("ada")]));
    let relay = Relay::start(&bench.given["http"], "/hosting/tenant1/PowerShell", "/PowerShell");
    let url = relay.url("/hosting/tenant1/PowerShell/");
    bench.connect_by(&url, "on-premises", "enable", "");
    assert_eq!(bench.apply_one("Identity,CustomAttribute1\nada,x\n", 0)["action"], "created");
    assert!(relay.requests() > 3, "it went through the provider's path");
    // Kerberos knows hosts by name only.
    bench.connect_by(&url, "on-premises", "enable", "authentication = \"kerberos\"");
    bench.run(&["apply", "flow.csv"]).refuses(2, &["Kerberos", "IP address"]);
}

#[test]
fn s21_overlapping_runs_are_refused() {
    let bench = Bench::with(&directory([user("ada"), user("bob")]), &["--latency", "1000"]);
    bench.connect("on-premises", "enable", "");
    bench.place.write("flow.csv", "Identity,CustomAttribute1\nada,x\n");
    bench.place.write("other.csv", "Identity,CustomAttribute1\nbob,x\n");
    let mut first = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(bench.place.path())
        .env("XDG_STATE_HOME", bench.path("state"))
        .args(["apply", "flow.csv", "-c", "it.toml", "--journal", "one.db"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It has begun when it has asked something.
    while bench.cmdlets().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for (journal, what) in [("one.db", "the connection it"), ("two.db", "the connection it")] {
        let ran = bench.run(&["apply", "other.csv", "--journal", journal]);
        ran.refuses(2, &[what, &format!("process {}", first.id()), "hint: wait until it has ended"]);
    }
    // Another connection, and the same journal.
    let other =
        std::fs::read_to_string(bench.path("it.toml")).unwrap().replace("connections.it", "connections.at");
    bench.place.write("at.toml", &other);
    let ran = bench.place.run(&["apply", "other.csv", "-c", "at.toml", "--journal", "one.db"]);
    ran.refuses(2, &["the journal one.db", "hint: wait until it has ended"]);
    assert!(first.wait().unwrap().success());
    assert_eq!(bench.written(), ["Enable-Mailbox", "Set-Mailbox"], "only the first run wrote");
    assert_eq!(bench.results(&["apply", "other.csv", "--journal", "one.db"], 0)[0]["action"], "created");
}

/// Shells of a run that was killed count against the 18 of its account until the server deletes them: soon, as it is asked to.
#[test]
fn f59_shells_of_a_killed_run_end_soon() {
    let bench = Bench::new(&directory([]));
    bench.connect("on-premises", "enable", "");
    let ran = bench.run(&["invoke", "Get-AcceptedDomain", "--trace", "trace"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let files = std::fs::read_dir(bench.path("trace")).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let asked = texts.into_iter().any(|text| text.contains("IdleTimeOut>PT180"));
    assert!(asked, "the shell is not asked for with an idle time of three minutes");
}
