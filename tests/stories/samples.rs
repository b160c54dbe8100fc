//! The samples against a running embedded Exchange: what is planned is what runs, and a second time nothing is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

use crate::cli::{Place, Ran};

/// Cmdlets that write.
const WRITING: [&str; 5] = ["New-", "Enable-", "Set-", "Disable-", "Remove-"];

fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name).display().to_string()
}

/// A lab that runs as a program of its own until this is dropped.
struct Lab {
    child: Child,
    log: PathBuf,
}

impl Lab {
    fn start(place: &Place) -> Self {
        let log = place.path().join("lab.log");
        // Of an earlier lab in the same place.
        let _ = std::fs::remove_file(&log);
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(place.path())
            .args(["lab", "--log", "lab.log", "--write-config", "lab.toml"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        assert!(line.starts_with('{'), "{line}");
        // The same connections, all of them through the ordinary endpoint.
        let text = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
        place.write("wsman.toml", &text.replace("/PowerShell/", "/wsman"));
        Self { child, log }
    }

    /// The writing cmdlets that the lab was sent, as `cmdlet parameters`, sorted: accounts run side by side.
    fn writes(&self) -> Vec<String> {
        let mut writes = self.writes_in_order();
        writes.sort();
        writes
    }

    fn writes_in_order(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let entries = text.lines().filter_map(|line| {
            let line: Json = serde_json::from_str(line).unwrap();
            line.get("cmdlet").cloned()
        });
        entries
            .filter(|entry| WRITING.iter().any(|verb| entry["cmdlet"].as_str().unwrap().starts_with(verb)))
            .map(|entry| shown(&entry["cmdlet"], &entry["parameters"]))
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Parameters in a fixed order; the order on the wire is checked by nobody.
fn shown(cmdlet: &Json, parameters: &Json) -> String {
    let sorted: BTreeMap<String, Json> =
        parameters.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    format!("{} {}", cmdlet.as_str().unwrap(), serde_json::to_string(&sorted).unwrap())
}

fn results(ran: &Ran) -> Vec<Json> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn steps_of(result: &Json) -> impl Iterator<Item = String> {
    result["steps"].as_array().unwrap().iter().map(|step| shown(&step["cmdlet"], &step["parameters"]))
}

/// The steps of results, like [`Lab::writes`].
fn steps(results: &[Json]) -> Vec<String> {
    let mut steps: Vec<String> = results.iter().flat_map(steps_of).collect();
    steps.sort();
    steps
}

/// Compares two sorted lists and shows only where they differ.
fn same(what: &str, left: &[String], right: &[String]) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|one| !those.contains(one)).take(5).cloned().collect()
    };
    let (a, b) = (only(left, right), only(right, left));
    assert!(
        left == right,
        "{what}: {} and {}\nonly left: {a:#?}\nonly right: {b:#?}",
        left.len(),
        right.len()
    );
}

fn run(place: &Place, config: &str, command: &[&str], code: i32) -> Vec<Json> {
    let ran = place.run(&[command, &["-c", config, "-n", "lab", "--output", "jsonl"]].concat());
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    results(&ran)
}

fn applied_twice(config: &str, flow: &str) {
    let place = Place::new();
    let lab = Lab::start(&place);
    let flow = sample(flow);
    let planned = run(&place, config, &["plan", &flow], 0);
    assert!(planned.len() >= 300, "{}", planned.len());
    assert_eq!(lab.writes(), [""; 0], "planning wrote something");
    let applied = run(&place, config, &["apply", &flow, "--journal", "one.db"], 0);
    let first = lab.writes();
    same("ran and planned", &first, &steps(&planned));
    same("ran and reported", &first, &steps(&applied));
    for (planned, applied) in planned.iter().zip(&applied) {
        let change = &planned["change_id"];
        assert_eq!(change, &applied["change_id"]);
        assert_eq!(planned["action"], applied["action"], "{change}");
        assert_ne!(applied["action"], "unchanged", "{change} changes nothing, so it shows nothing");
        assert_eq!(applied["error"], Json::Null, "{change}");
    }
    let order = lab.writes_in_order();
    for row in &planned {
        let places = steps_of(row).map(|step| order.iter().position(|write| *write == step).unwrap());
        let places: Vec<usize> = places.collect();
        assert!(places.is_sorted(), "{places:?}: {row}");
    }
    let again = run(&place, config, &["apply", &flow, "--journal", "two.db"], 0);
    same("after the second and after the first run", &lab.writes(), &first);
    for result in &again {
        assert_eq!(result["action"], "unchanged", "{result}");
    }
    // What the joiners have changed makes none of the mistakes right.
    mistaken(&place, &lab, config);
}

#[test]
fn joiners_at_the_exchange_endpoint() {
    applied_twice("lab.toml", "joiners.csv");
}

#[test]
fn joiners_at_the_ordinary_endpoint_as_json_lines() {
    applied_twice("wsman.toml", "joiners.jsonl");
}

#[test]
fn a_saved_plan_does_exactly_that() {
    let place = Place::new();
    let lab = Lab::start(&place);
    let flow = sample("joiners.csv");
    let planned = run(&place, "lab.toml", &["plan", &flow, "--out", "plan.json"], 0);
    let applied = run(&place, "lab.toml", &["apply", "plan.json", "--journal", "one.db"], 0);
    same("ran and planned", &lab.writes(), &steps(&planned));
    same("reported and planned", &steps(&applied), &steps(&planned));
    // It was made for another state now: every account that it changed is refused, and nothing is written.
    let before = lab.writes();
    let again = run(&place, "lab.toml", &["apply", "plan.json", "--journal", "two.db"], 1);
    assert_eq!(lab.writes(), before);
    for result in &again {
        assert_eq!(result["action"], "refused", "{result}");
        assert_eq!(result["error"]["class"], "conflict", "{result}");
    }
}

#[test]
fn a_starter_signs_in_with_the_password_of_the_flow() {
    let place = Place::new();
    let _lab = Lab::start(&place);
    let flow = std::fs::read_to_string(sample("joiners.csv")).unwrap();
    assert!(flow.contains("Start-001-Pass!word") && flow.contains("Cloud-001-Pass!word"));
    let (header, rows) = flow.split_once('\n').unwrap();
    let some = rows.lines().filter(|row| row.starts_with("join-00") || row.starts_with("cloud-001"));
    let some: Vec<&str> = std::iter::once(header).chain(some).collect();
    place.write("some.csv", &some.join("\n"));
    assert_eq!(run(&place, "lab.toml", &["apply", "some.csv"], 0).len(), 10);
    let config = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
    for (user, password, code) in [
        ("starter001", "Start-001-Pass!word", 0),
        ("cloud001", "Cloud-001-Pass!word", 0),
        // A semicolon, quotation marks and an umlaut, as CSV carries them.
        ("starter007", "Wëlcome;007-\"Start!", 0),
        ("starter002", "Start-001-Pass!word", 3),
    ] {
        place.write("password", password);
        let set_mode = Command::new("chmod").args(["600", "password"]).current_dir(place.path()).status();
        assert!(set_mode.unwrap().success());
        let own: String = config
            .lines()
            .map(|line| match line.split(" = ").next() {
                Some("username") => format!("username = 'CONTOSO\\{user}'\n"),
                Some("password") => "password = \"file:password\"\n".to_owned(),
                _ => format!("{line}\n"),
            })
            .collect();
        place.write("own.toml", &own);
        let ran = place.run(&["invoke", "Get-AcceptedDomain", "-c", "own.toml", "-n", "lab"]);
        assert_eq!(ran.code, Some(code), "{user}: {}", ran.stderr);
    }
}

/// For each row of `mistakes.csv`: the class of the error, and words of its message.
const MISTAKES: [(&str, &str, &str); 55] = [
    ("empty-list", "refused_by_rule", "R6"),
    ("non-smtp-in-flow", "invalid_input", "R4"),
    ("bad-syntax", "invalid_input", "R5"),
    ("non-ascii-local-part", "invalid_input", "ASCII"),
    ("two-primaries", "invalid_input", "R7"),
    ("primary-in-excluded-domain", "refused_by_rule", "R11"),
    ("domain-not-accepted", "refused_by_rule", "R28"),
    ("address-of-a-contact", "conflict", "MailContact"),
    ("address-of-a-group", "conflict", "MailUniversalDistributionGroup"),
    ("too-many-addresses", "invalid_input", "R24"),
    ("policy-owns-the-primary", "refused_by_rule", "R26"),
    ("ambiguous-name", "conflict", "2 objects"),
    ("nobody-there", "not_found", "there is no object"),
    ("no-mailbox-to-update", "not_found", "without a mailbox"),
    ("user-is-there-already", "conflict", "directory user already"),
    ("not-found-to-enable", "not_found", "there is no object"),
    ("remove-not-allowed", "refused_by_rule", "remove deletes"),
    ("unknown-operation", "invalid_input", "destroy"),
    ("unknown-type", "invalid_input", "Dinosaur"),
    ("not-a-truth-value", "invalid_input", "perhaps"),
    ("not-a-size", "invalid_input", "very large"),
    ("name-too-long", "invalid_input", "64"),
    ("account-name-too-long", "invalid_input", "20 characters"),
    ("two-ways-to-say-primary", "invalid_input", "cannot be given together"),
    ("password-missing", "invalid_input", "needs a password"),
    ("upn-missing", "invalid_input", "needs UserPrincipalName"),
    ("password-for-enable", "invalid_input", "takes no password"),
    ("database-of-an-existing-mailbox", "unsupported", "move request"),
    ("archive-away", "refused_by_rule", "archive"),
    ("quota-of-a-remote-mailbox", "invalid_input", "Set-RemoteMailbox has no parameter"),
    ("unknown-connection", "invalid_input", "moon"),
    ("wildcard-identity", "invalid_input", "wildcard"),
    ("create-what-is-there", "conflict", "RemoteUserMailbox"),
    ("not-a-number", "invalid_input", "many"),
    ("many-addresses-lost", "refused_by_rule", "R33"),
    ("policy-and-another-primary", "refused_by_rule", "would put its own back"),
    ("create-of-another-type", "conflict", "not a SharedMailbox"),
    ("create-of-another-person", "conflict", "has the UserPrincipalName"),
    ("linked-cannot-be-converted", "unsupported", "cannot be converted"),
    ("remote-cannot-be-linked", "unsupported", "cannot be linked"),
    ("linked-without-its-master", "invalid_input", "needs LinkedDomainController"),
    ("master-of-an-ordinary-mailbox", "invalid_input", "takes no LinkedMasterAccount"),
    ("identity-missing", "invalid_input", "identity is empty"),
    ("name-missing", "invalid_input", "needs Name"),
    ("upn-malformed", "invalid_input", "jane@contoso.com"),
    ("alias-not-ascii", "invalid_input", "may not hold 'ü'"),
    ("two-passwords", "invalid_input", "there is a `_param_password` too"),
    ("password-reference-unknown", "invalid_input", "must be a reference"),
    ("routing-address-cleared", "invalid_input", "cannot be cleared"),
    ("cloud-only-parameter", "unsupported", "Exchange Online only"),
    ("unicode-domain", "invalid_input", "xn--"),
    ("not-a-mailbox-database", "invalid_input", "needs Server"),
    ("database-not-found", "not_found", "no mailbox database"),
    ("group-not-a-mailbox", "conflict", "is a MailUniversalDistributionGroup"),
    ("contact-not-a-user", "conflict", "is a MailContact"),
];

/// Applies the mistakes to a lab: each is refused for its own reason, and nothing is written.
fn mistaken(place: &Place, lab: &Lab, config: &str) {
    let before = lab.writes();
    let refused = run(place, config, &["apply", &sample("mistakes.csv"), "--journal", "mistakes.db"], 1);
    assert_eq!(refused.len(), MISTAKES.len());
    for (result, (change, class, words)) in refused.iter().zip(MISTAKES) {
        assert_eq!(result["change_id"], change);
        assert_eq!(result["action"], "refused", "{result}");
        assert_eq!(result["error"]["class"], class, "{result}");
        assert!(result["error"]["message"].as_str().unwrap().contains(words), "{words}: {result}");
        assert_eq!(result["steps"], Json::Array(vec![]), "{result}");
    }
    same("a mistake wrote something", &lab.writes(), &before);
}

#[test]
fn every_mistake_is_refused_for_its_own_reason() {
    let place = Place::new();
    let lab = Lab::start(&place);
    mistaken(&place, &lab, "lab.toml");
}
