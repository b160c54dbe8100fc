//! `mailwright watch`: the hot folder and the exports at intervals, against a lab in a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::cli::{CANARY, Ran};
use crate::scenarios::bench::{Bench, directory, mailbox, name, remote_mailbox};
use crate::scenarios::cloud;

/// What is looked at often, so that tests are not slow.
const OFTEN: [&str; 2] = ["--interval", "200ms"];

/// A folder to watch, and an Exchange with these mailboxes.
pub fn bench(mailboxes: &[&str]) -> Bench {
    let objects = mailboxes.iter().map(|name| mailbox(name, &[&format!("SMTP:{name}@contoso.com")]));
    ready(Bench::new(&directory(objects)))
}

fn ready(bench: Bench) -> Bench {
    bench.connect("on-premises", "new", "");
    std::fs::create_dir(bench.path("drop")).unwrap();
    bench
}

pub fn once(bench: &Bench, further: &[&str]) -> Ran {
    bench.run(&[&["watch", "drop", "--once"], OFTEN.as_slice(), further].concat())
}

fn drop_in(bench: &Bench, name: &str, text: &str) {
    bench.place.write(&format!("drop/{name}"), text);
}

pub fn receipt(bench: &Bench, file: &str) -> Json {
    let path = bench.path(&format!("drop/{file}.receipt.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Everything in a folder, hidden files left out.
fn names(folder: PathBuf) -> Vec<String> {
    let names = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// A watcher that goes on until this is dropped.
pub struct Watcher {
    pub child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Watcher {
    pub fn start(bench: &Bench, further: &[&str]) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(bench.place.path())
            .env_clear()
            .env("HOME", bench.place.path())
            .env("XDG_STATE_HOME", bench.path("state"))
            .args(["watch", "drop", "-c", "it.toml"])
            .args(if further.contains(&"--interval") { [].as_slice() } else { &OFTEN })
            .args(further)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert_eq!(line, "watching drop\n");
        Self { child, stderr }
    }

    /// Reads what it says until a line holds this.
    #[track_caller]
    pub fn says(&mut self, text: &str) {
        let mut all = String::new();
        while !all.lines().any(|line| line.contains(text)) {
            assert!(self.stderr.read_line(&mut all).unwrap() > 0, "it ended without `{text}`: {all}");
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that must come; how long is up to the machine.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2400 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come");
}

fn keys(value: &Json) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn what_is_dropped_is_applied_and_put_away_with_a_receipt() {
    let bench = bench(&["ada", "bob", "cyd"]);
    drop_in(&bench, "good.csv", "Identity,CustomAttribute1\nada,x\nbob,y\n");
    drop_in(&bench, "lines.jsonl", "{\"Identity\": \"cyd\", \"CustomAttribute1\": \"z\"}\n");
    drop_in(&bench, "half.csv", "ChangeId;Identity;CustomAttribute1\nh1;ada;z\nh2;nobody;z\n");
    drop_in(&bench, "bad.csv", "Identity,CustomAttribut1\nada,x\n");
    for left in ["being.csv.tmp", "being.csv.part", ".hidden.csv", "notes.txt"] {
        drop_in(&bench, left, "Identity,CustomAttribute1\nada,w\n");
    }
    drop_in(&bench, "empty.csv", "");
    let ran = once(&bench, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 4, "{ran:?}");
    assert!(ran.stdout.contains("good.csv: 2 updated of 2; now drop/done/good.csv"), "{ran:?}");
    assert_eq!(names(bench.path("drop/accepted")), Vec::<String>::new());
    assert_eq!(
        names(bench.path("drop")),
        ["accepted", "being.csv.part", "being.csv.tmp", "done", "empty.csv", "failed", "notes.txt"]
    );
    assert_eq!(
        names(bench.path("drop/done")),
        ["good.csv", "good.csv.receipt.json", "lines.jsonl", "lines.jsonl.receipt.json"]
    );
    assert_eq!(
        names(bench.path("drop/failed")),
        ["bad.csv", "bad.csv.receipt.json", "half.csv", "half.csv.failures.csv", "half.csv.receipt.json"]
    );
    let good = receipt(&bench, "done/good.csv");
    assert_eq!((&good["exit_code"], &good["counts"]["updated"]), (&0.into(), &2.into()));
    assert!(Path::new(good["report"].as_str().unwrap()).exists(), "{good}");
    // What the file wants is what apply prints about the same rows.
    let applied = bench.flow("apply", "Identity,CustomAttribute1\nada,z\nbob,y\n", 0);
    assert_eq!(keys(&good["results"][0]), keys(&applied[0]));
    assert_eq!(good["results"][0]["source"], json!({"file": "drop/good.csv", "line": 2}));
    let half = receipt(&bench, "failed/half.csv");
    assert_eq!((&half["exit_code"], half["results"].as_array().unwrap().len()), (&1.into(), 2));
    assert_eq!((&half["counts"]["updated"], &half["counts"]["refused"]), (&1.into(), &1.into()));
    assert_eq!(half["failures"], "half.csv.failures.csv");
    assert_eq!(
        std::fs::read_to_string(bench.path("drop/failed/half.csv.failures.csv")).unwrap(),
        "ChangeId;Identity;CustomAttribute1\nh2;nobody;z\n"
    );
    // File, line, column, what is wrong, and what to do about it.
    let bad = receipt(&bench, "failed/bad.csv");
    assert_eq!((&bad["exit_code"], &bad["run"]), (&2.into(), &Json::Null));
    assert_eq!(bad["error"]["message"], "drop/bad.csv:1:10: no column `CustomAttribut1`");
    assert_eq!(bad["error"]["hints"], json!(["did you mean `CustomAttribute1`?"]));
    // The runs are in the journal as any other.
    let report = bench.run(&["report", half["run"].as_str().unwrap()]);
    assert!(report.stdout.contains("watch drop/half.csv"), "{report:?}");
    assert_eq!(once(&bench, &[]).code, Some(0), "there is nothing left to do");
}

#[test]
fn orders_are_carried_out_too() {
    let bench = bench(&["ada"]);
    let orders = json!({"ProvisioningOrdersList": [{
        "AssignedResourceTypeId": "7", "ChangeType": "Modified", "Owner": {"Id": "1"},
        "ResourceType": {"Id": "1", "SourceEntityType": {"Id": "1"}, "TargetEntityType": {"Id": "1"}},
        "Resource": {"SamAccountName": "ada"}, "Changes": {"CustomAttribute1": "x"}
    }]});
    drop_in(&bench, "orders.json", &orders.to_string());
    let ran = once(&bench, &["--output", "jsonl"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let shown: Json = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&shown["now"], &shown["counts"]["updated"]), (&"drop/done/orders.json".into(), &1.into()));
    assert_eq!(bench.get("Get-Mailbox", "ada")["CustomAttribute1"], "x");
}

#[test]
fn the_same_name_twice_overwrites_nothing() {
    let bench = bench(&["ada"]);
    let mut receipts = BTreeMap::new();
    for (content, file) in [("x", "a.csv"), ("y", "a-2.csv"), ("z", "a-3.csv")] {
        drop_in(&bench, "a.csv", &format!("Identity,CustomAttribute1\nada,{content}\n"));
        let ran = once(&bench, &[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        receipts.insert(file, receipt(&bench, &format!("done/{file}")));
        for (file, before) in &receipts {
            assert_eq!(*before, receipt(&bench, &format!("done/{file}")), "{file} is as it was");
        }
    }
    assert_eq!(names(bench.path("drop/done")).len(), 6);
    assert!(receipts.values().all(|receipt| receipt["file"] == "a.csv" && receipt["counts"]["updated"] == 1));
    assert_eq!(bench.get("Get-Mailbox", "ada")["CustomAttribute1"], "z");
}

#[test]
fn a_file_that_still_grows_is_left_alone() {
    let bench = bench(&["ada", "bob"]);
    let watcher = Watcher::start(&bench, &["--interval", "1s"]);
    let mut file = std::fs::File::create(bench.path("drop/slow.csv")).unwrap();
    let text = format!("Identity,CustomAttribute1\n{}bob,last\n", "ada,first\nbob,first\n");
    // Over several looks, a few bytes at a time, now and then in the middle of a row.
    for part in text.as_bytes().chunks(2) {
        std::io::Write::write_all(&mut file, part).unwrap();
        std::thread::sleep(Duration::from_millis(120));
    }
    drop(file);
    until("the receipt", || bench.path("drop/done/slow.csv.receipt.json").exists());
    let receipt = receipt(&bench, "done/slow.csv");
    assert_eq!(receipt["results"].as_array().unwrap().len(), 3, "{receipt}");
    assert_eq!(names(bench.path("drop/failed")), Vec::<String>::new());
    assert_eq!(bench.get("Get-Mailbox", "bob")["CustomAttribute1"], "last");
    drop(watcher);
}

/// Files come one after the other, the oldest first.
#[test]
fn files_are_applied_in_the_order_in_which_they_came() {
    let bench = bench(&["ada"]);
    for name in ["c.csv", "b.csv", "a.csv"] {
        drop_in(&bench, name, &format!("Identity,CustomAttribute1\nada,{name}\n"));
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(once(&bench, &[]).code, Some(0));
    let written: Vec<Json> =
        bench.writes().into_iter().map(|entry| entry["parameters"]["CustomAttribute1"].clone()).collect();
    assert_eq!(written, ["c.csv", "b.csv", "a.csv"]);
}

/// Rows without an id of their own, killed with SIGKILL again and again: every account is made once.
#[test]
fn what_is_killed_goes_on_where_it_ended() {
    let bench = ready(Bench::with(&directory([]), &["--latency", "20"]));
    let count = 24;
    let mut flow = "Identity,Name,UserPrincipalName,_param_password,CustomAttribute1\n".to_owned();
    for number in 0..count {
        let user = format!("new{number:02}@contoso.com");
        flow += &format!("{user},New {number:02},{user},{CANARY},x\n");
    }
    drop_in(&bench, "many.csv", &flow);
    let made = || bench.writes().iter().filter(|entry| name(entry) == "New-Mailbox").count();
    for kill in 1..=4 {
        let watcher = Watcher::start(&bench, &[]);
        until("the next mailbox", || made() > kill * 3);
        drop(watcher);
        assert_eq!(names(bench.path("drop/accepted")), ["many.csv"]);
        assert_eq!(names(bench.path("drop/done")), Vec::<String>::new());
    }
    let ran = once(&bench, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let receipt = receipt(&bench, "done/many.csv");
    assert_eq!(receipt["results"].as_array().unwrap().len(), count, "nothing is lost");
    assert!(
        receipt["results"].as_array().unwrap().iter().all(|result| result["error"].is_null()),
        "{receipt}"
    );
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for entry in bench.writes().iter().filter(|entry| name(entry) == "New-Mailbox" && entry["wrote"] == true)
    {
        *times.entry(entry["parameters"]["Name"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!((times.len(), times.values().max()), (count, Some(&1)), "nothing is made twice: {times:?}");
    // The journal knows each row once, whatever the number of runs.
    let status = bench.run(&["status", "--output", "jsonl"]);
    assert_eq!(status.stdout.lines().count(), count, "{status:?}");
}

#[test]
fn a_signal_ends_it_and_the_file_goes_on_with_the_next_start() {
    let bench = ready(Bench::with(
        &directory(
            (0..20).map(|number| mailbox(&format!("m{number}"), &[&format!("SMTP:m{number}@contoso.com")])),
        ),
        &["--latency", "40"],
    ));
    let rows: String = (0..20).map(|number| format!("m{number},x\n")).collect();
    drop_in(&bench, "many.csv", &format!("Identity,CustomAttribute1\n{rows}"));
    let mut watcher = Watcher::start(&bench, &[]);
    until("the first change", || !bench.writes().is_empty());
    watcher.signal("-TERM");
    watcher.says("stopped by a signal");
    assert_eq!(watcher.child.wait().unwrap().code(), Some(130));
    assert_eq!(names(bench.path("drop/accepted")), ["many.csv"]);
    assert_eq!(once(&bench, &[]).code, Some(0));
    let receipt = receipt(&bench, "done/many.csv");
    assert_eq!(receipt["counts"]["updated"], 20, "{receipt}");
    assert_eq!(bench.writes().len(), 20, "none twice");
    // With nothing to finish it ends at once.
    let mut idle = Watcher::start(&bench, &[]);
    idle.signal("-INT");
    assert_eq!(idle.child.wait().unwrap().code(), Some(130));
}

#[test]
fn only_one_watches_a_folder() {
    let bench = bench(&["ada"]);
    let _first = Watcher::start(&bench, &[]);
    once(&bench, &[]).refuses(2, &["the folder drop is in use by another run", "hint:"]);
    bench.run(&["watch", "nowhere", "--once"]).refuses(2, &["nowhere"]);
    bench.run(&["watch", "drop", "--interval", "soon"]).refuses(2, &["--interval"]);
}

#[test]
fn an_exchange_that_is_away_fails_no_file() {
    let bench = bench(&["ada"]);
    drop_in(&bench, "a.csv", "Identity,CustomAttribute1\nada,x\n");
    bench.connect_by("http://127.0.0.1:9/PowerShell/", "on-premises", "new", "");
    let ran = once(&bench, &[]);
    assert_eq!(
        (ran.code, names(bench.path("drop/accepted"))),
        (Some(3), vec!["a.csv".to_owned()]),
        "{ran:?}"
    );
    // Without --once it waits and tries again by itself.
    let mut watcher = Watcher::start(&bench, &[]);
    watcher.says("cannot be reached");
    watcher.says("stays in accepted/, tried again in");
    watcher.says("cannot be reached");
    drop(watcher);
    assert_eq!(names(bench.path("drop/failed")), Vec::<String>::new());
    bench.connect("on-premises", "new", "");
    assert_eq!(once(&bench, &[]).code, Some(0));
    assert_eq!(receipt(&bench, "done/a.csv")["counts"]["updated"], 1);
}

#[test]
fn a_journal_that_another_run_has_is_waited_for() {
    let bench = bench(&["ada"]);
    drop_in(&bench, "a.csv", "Identity,CustomAttribute1\nada,x\n");
    let lock = std::fs::File::create(bench.path("it.db.lock")).unwrap();
    lock.lock().unwrap();
    let ran = once(&bench, &["--journal", "it.db"]);
    assert_eq!(
        (ran.code, names(bench.path("drop/accepted"))),
        (Some(2), vec!["a.csv".to_owned()]),
        "{ran:?}"
    );
    let mut watcher = Watcher::start(&bench, &["--journal", "it.db"]);
    watcher.says("in use by another run");
    lock.unlock().unwrap();
    until("the receipt", || bench.path("drop/done/a.csv.receipt.json").exists());
}

/// A file that waits holds nothing back but the accounts that wait in it.
#[test]
fn what_waits_for_something_outside_is_taken_up_again_and_accounts_keep_their_order() {
    let mut archived = remote_mailbox("ada");
    archived["Archive"] = json!(true);
    let bench = ready(Bench::new(&directory([archived, remote_mailbox("bob"), remote_mailbox("cyd")])));
    bench.connect("hybrid", "enable", "");
    let drop_all = |files: &[(&str, &str)]| {
        for (name, text) in files {
            drop_in(&bench, name, text);
            std::thread::sleep(Duration::from_millis(30));
        }
    };
    drop_all(&[
        ("a.csv", "Operation,Identity\ndisable,ada\n"),
        // By another name, and one that is nobody's concern.
        (
            "b.csv",
            "Identity,CustomAttribute1,_param_RemoteRoutingAddress\nada@contoso.com,new,ada@contoso.mail.onmicrosoft.com\nbob,x,\n",
        ),
        ("c.csv", "Identity,CustomAttribute1\ncyd,x\n"),
    ]);
    let ran = once(&bench, &[]);
    let accepted = || names(bench.path("drop/accepted"));
    assert_eq!((ran.code, accepted()), (Some(5), vec!["a.csv".to_owned(), "b.csv".to_owned()]), "{ran:?}");
    assert_eq!(receipt(&bench, "done/c.csv")["counts"]["updated"], 1);
    let of = |entry: &Json| (name(entry).to_owned(), entry["parameters"]["CustomAttribute1"].clone());
    let written = || bench.writes().iter().map(of).collect::<Vec<_>>();
    let set = |value: &str| ("Set-RemoteMailbox".to_owned(), json!(value));
    let disabled = ("Disable-RemoteMailbox".to_owned(), Json::Null);
    assert_eq!(written(), [disabled.clone(), set("x"), set("x")]);
    // Long enough for nothing but what is released, and then the file that waits for the time alone.
    let mut watcher = Watcher::start(&bench, &["--pending-wait", "1h"]);
    until("both receipts", || bench.path("drop/done/b.csv.receipt.json").exists());
    watcher.signal("-TERM");
    watcher.says("stopped");
    assert_eq!(receipt(&bench, "done/a.csv")["counts"]["disabled"], 1);
    let after = &written()[3..];
    assert_eq!(after[0], disabled, "{after:?}");
    assert_eq!(after[1].0, "Enable-RemoteMailbox", "{after:?}");
    assert_eq!(after.last(), Some(&set("new")), "{after:?}");
}

#[test]
fn a_file_that_waits_is_tried_again_after_its_time() {
    let mut archived = remote_mailbox("ada");
    archived["Archive"] = json!(true);
    let bench = ready(Bench::new(&directory([archived])));
    bench.connect("hybrid", "enable", "");
    drop_in(&bench, "a.csv", "Operation,Identity\ndisable,ada\n");
    let mut watcher = Watcher::start(&bench, &["--pending-wait", "1s"]);
    watcher.says("a.csv: stays in accepted/, it waits for directory synchronisation, tried again in 1 s");
    until("the receipt", || bench.path("drop/done/a.csv.receipt.json").exists());
    assert_eq!(bench.written(), ["Disable-RemoteMailbox", "Disable-RemoteMailbox"]);
}

/// `it.toml` with an export at intervals.
fn export_every(bench: &Bench, keys: &str) {
    bench.connect("on-premises", "new", &format!("[connections.it.export]\ndirectory = \"out\"\n{keys}\n"));
}

#[test]
fn exports_come_at_intervals() {
    let bench = bench(&["ada"]);
    export_every(&bench, "interval = \"1h\"\ncookie_directory = \"cookies\"\nfull_every = \"1d\"");
    let ran = once(&bench, &[]);
    assert!(ran.code == Some(0) && ran.stdout.contains("Done: full, 1 mailboxes"), "{ran:?}");
    let modified = || std::fs::metadata(bench.path("out/it_mailboxes.csv")).unwrap().modified().unwrap();
    let first = modified();
    assert!(bench.path("cookies/it_cookie.bin").exists());
    let ran = once(&bench, &["-v"]);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("the export of it is due in"), "{ran:?}");
    assert_eq!(modified(), first, "an hour has not gone by");
    export_every(&bench, "interval = \"20s\"");
    once(&bench, &[]).refuses(2, &["shorter than 60 s", "hint:"]);
}

#[test]
fn an_export_that_still_runs_is_not_started_again() {
    let bench = ready(Bench::with(&directory([]), &["--latency", "700"]));
    export_every(&bench, "interval = \"1s\"\ndanger_short_interval = true");
    let mut watcher = Watcher::start(&bench, &[]);
    watcher.says("the export of it is due, but the last one still runs: left out");
    until("the export", || bench.path("out/it_cookie.bin").exists());
    drop(watcher);
    // Nor when another process runs it.
    let lock = std::fs::File::options().write(true).open(bench.path("out/.it_export.lock")).unwrap();
    lock.lock().unwrap();
    let mut watcher = Watcher::start(&bench, &[]);
    watcher.says("the export of it is due, but another one runs: left out");
}

#[test]
fn a_file_waits_for_mailboxes_that_licences_bring() {
    let mut ada = cloud::person("ada");
    ada["MailboxDelay"] = json!(2500);
    let bench = Bench::new(&cloud::tenant(&[ada]));
    cloud::connect(&bench, "enable", "", "mailbox_wait = \"0s\"");
    std::fs::create_dir(bench.path("drop")).unwrap();
    drop_in(&bench, "a.csv", "Identity,CustomAttribute1\nada@contoso.com,x\n");
    let mut watcher = Watcher::start(&bench, &["--pending-wait", "1s"]);
    // Behind no other file: it is the only one.
    watcher.says(
        "a.csv: stays in accepted/, it waits for the mailbox that the licence brings, tried again in 1 s",
    );
    until("the receipt", || bench.path("drop/done/a.csv.receipt.json").exists());
    assert_eq!(bench.written(), ["Update-MgUser", "Set-MgUserLicense", "Set-Mailbox"]);
    assert_eq!(receipt(&bench, "done/a.csv")["counts"]["created"], 1);
}
