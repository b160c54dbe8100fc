//! `--lab`: a command with an embedded Exchange of its own.

use serde_json::Value as Json;

use crate::cli::{Place, Ran};

fn objects(ran: &Ran) -> Vec<Json> {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A flow for three of the lab's connections: a user made, a user enabled, a remote mailbox made.
const FLOW: &str = "\
ChangeId,Connection,Identity,Name,UserPrincipalName,_param_password\n\
c1,,nadia@contoso.com,Nadia New,nadia@contoso.com,Canary-7c1f!pw\n\
c2,lab-enable,enable001,,,\n\
c3,lab-hybrid,rene@contoso.com,Rene Remote,rene@contoso.com,Canary-7c1f!pw\n";

#[test]
fn both_endpoints_answer_without_a_configuration() {
    let place = Place::new();
    for connection in ["lab", "lab-wsman", "lab-https"] {
        let arguments = [
            "invoke",
            "Get-Mailbox",
            "Identity=Administrator",
            "--lab",
            "-n",
            connection,
            "--output",
            "jsonl",
        ];
        let found = objects(&place.run(&arguments));
        assert_eq!(found.len(), 1, "{connection}");
        assert_eq!(found[0]["SamAccountName"], "Administrator");
    }
    let missing = place.run(&["invoke", "Get-Mailbox", "Identity=nobody", "--lab"]);
    missing.refuses(1, &["couldn't be found"]);
    place
        .run(&["invoke", "Get-Mailbox", "--lab", "-n", "lab-wsmann"])
        .refuses(2, &["did you mean `lab-wsman`?"]);
}

#[test]
fn a_file_in_the_folder_has_no_say_and_one_that_is_named_keeps_its_rules_and_path() {
    let place = Place::new();
    let get = ["invoke", "Get-Mailbox", "Identity=Administrator", "--lab", "--output", "jsonl"];
    // Nobody listens behind the file's own connection, and its sign-in is another one.
    assert_eq!(objects(&place.run(&get)).len(), 1);
    assert_eq!(objects(&place.run(&[&get[..], &["-n", "corp"]].concat())).len(), 1);
    place.write(
        "other.toml",
        &crate::cli::CONNECTION
            .replace("/PowerShell/", "/wsman")
            .replace("ntlm", "kerberos")
            .replace("127.0.0.1", "ex01"),
    );
    let ran = place.run(&[&get[..], &["-c", "other.toml", "-v"]].concat());
    assert_eq!(objects(&ran).len(), 1);
    place.run(&[&get[..], &["-n", "nobody"]].concat()).refuses(2, &["no connection `nobody`"]);
    place.run(&[&get[..], &["-c", "none.toml"]].concat()).refuses(2, &["no such configuration file"]);
}

#[test]
fn rows_choose_among_the_labs_connections_and_the_journal_is_a_temporary_one() {
    let place = Place::new();
    place.write("flow.csv", FLOW);
    let results = objects(&place.run(&["apply", "flow.csv", "--lab", "--output", "jsonl"]));
    let actions: Vec<_> = results
        .iter()
        .map(|it| (it["connection"].as_str().unwrap(), it["action"].as_str().unwrap()))
        .collect();
    assert_eq!(actions, [("lab", "created"), ("lab-enable", "created"), ("lab-hybrid", "created")]);
    assert!(!place.path().join("state").exists(), "no journal in the user's state folder");
    // Each run has an Exchange of its own, so the same is created again.
    let again =
        objects(&place.run(&["apply", "flow.csv", "--lab", "--journal", "kept.db", "--output", "jsonl"]));
    assert_eq!(again[0]["action"], "created");
    assert!(place.path().join("kept.db").exists());
}
