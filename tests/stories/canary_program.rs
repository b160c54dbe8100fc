//! The whole program with passwords that must show up nowhere: not in its output, not in any file that it writes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

use crate::cli::{CANARY, Place};
use crate::hunt::Hunt;

/// The password of the connection.
const SIGN_IN: &str = "Canary-9d2e!Sign-in";
/// The seed of the lab, the flow and the secrets: files that hold them on purpose. The lab keeps the password of its
/// account beside the connection file.
pub(super) const OURS: [&str; 9] = [
    "seed.json",
    "flow.csv",
    "broken.csv",
    "secret",
    "sign-in",
    "wrong-sign-in",
    "value.toml",
    "lab.toml.password",
    "lab.toml.client-secret",
];

pub(super) fn hunt() -> Hunt {
    Hunt::default().text("the new user's password", CANARY).text("the connection's password", SIGN_IN)
}

/// A lab whose account has the password that is looked for.
pub(super) struct Lab {
    child: Child,
    pub(super) given: Json,
}

impl Lab {
    pub(super) fn start(place: &Place) -> Self {
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/directory.json");
        let seed = std::fs::read_to_string(sample).unwrap();
        assert!(seed.contains("Lab-Passw0rd!"));
        place.write("seed.json", &seed.replace("Lab-Passw0rd!", SIGN_IN));
        for (name, secret) in [("secret", CANARY), ("sign-in", SIGN_IN), ("wrong-sign-in", CANARY)] {
            let file = place.write(name, secret);
            assert!(Command::new("chmod").arg("600").arg(file).status().unwrap().success());
        }
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(place.path())
            .args(["lab", "--seed", "seed.json", "--log", "lab.log", "--dump", "dump.json"])
            .args(["--write-config", "lab.toml"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let given = serde_json::from_str(&line).unwrap();
        Self { child, given }
    }

    pub(super) fn end(mut self) {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(ended.success() && self.child.wait().unwrap().success());
    }
}

impl Drop for Lab {
    /// It must not outlive a test that fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A flow of changes of each kind: one that succeeds, one that Exchange refuses (the name is taken), one that is refused
/// before.
fn flow(prefix: &str) -> String {
    format!(
        "ChangeId,Identity,Name,UserPrincipalName,_param_password,EmailAddresses,_param_OrganizationalUnit\n\
         {prefix}1,{prefix}@contoso.com,{prefix},{prefix}@contoso.com,{CANARY},{prefix}@contoso.com,contoso.com/Staff\n\
         {prefix}2,{prefix}o@contoso.com,{prefix},{prefix}o@contoso.com,{CANARY},{prefix}o@contoso.com,contoso.com/Staff\n\
         {prefix}3,enable001,{prefix},{prefix}t@contoso.com,{CANARY},{prefix}t@contoso.com,contoso.com/Staff\n"
    )
}

#[test]
fn no_command_lets_it_out() {
    let place = Place::new();
    let lab = Lab::start(&place);
    place.write("flow.csv", &flow("c"));
    place.write("broken.csv", &format!("Identity,_param_password,Nonsense\nx,{CANARY},1\n"));
    let config = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
    let with_password = |password: &str| -> String {
        let line = |line: &str| match line.starts_with("password") {
            true => format!("password = \"{password}\"\n"),
            false => format!("{line}\n"),
        };
        config.lines().map(line).collect()
    };
    place.write("wrong.toml", &with_password("file:secret"));
    // A value where a reference belongs is refused without being repeated.
    place.write("value.toml", &with_password(CANARY));

    let at = ["-c", "lab.toml", "-n", "lab", "-v", "--journal", "journal.db", "--trace", "trace"];
    let new_mailbox =
        ["invoke", "New-Mailbox", "Name=Inv", "UserPrincipalName=inv@contoso.com", "Password=file:secret"];
    let runs: [(&[&str], i32); 18] = [
        (&["plan", "flow.csv"], 1),
        (&["plan", "flow.csv", "--output", "jsonl"], 1),
        (&["plan", "flow.csv", "--out", "plan.json", "--what-if", "--output", "json"], 1),
        (&["plan", "broken.csv"], 2),
        (&["apply", "broken.csv"], 2),
        (&["apply", "flow.csv"], 1),
        (&["apply", "flow.csv", "--output", "jsonl"], 1),
        (&["apply", "plan.json", "--output", "json"], 1),
        (&["retry", "--all-failed", "--output", "json"], 1),
        (&["report"], 0),
        (&["report", "--html", "-"], 0),
        (&["report", "--report", "reported", "--output", "json"], 0),
        (&["status"], 0),
        (&["status", "--failed", "--output", "json"], 0),
        (&new_mailbox, 0),
        (&new_mailbox, 1),
        (&["invoke", "Set-Mailbox", "Identity=inv@contoso.com", "Password=file:secret", "Nonsense=1"], 1),
        (&["doctor", "--output", "json"], 0),
    ];
    let mut said = String::new();
    for (arguments, code) in runs {
        let ran = place.run(&[arguments, &at].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        said += &format!("{}{}", ran.stdout, ran.stderr);
    }
    for (file, code) in [("wrong.toml", 3), ("value.toml", 2)] {
        for command in [&["invoke", "Get-Mailbox", "Identity=inv"][..], &["doctor"]] {
            let ran = place.run(&[command, &["-c", file, "-n", "lab", "-v", "--trace", "trace"]].concat());
            assert_eq!(ran.code, Some(code), "{}", ran.stderr);
            said += &format!("{}{}", ran.stdout, ran.stderr);
        }
    }
    lab.end();

    assert!(said.contains("***"), "nothing was masked, so nothing was shown:\n{said}");
    hunt().search("the output", said.as_bytes());
    let searched = hunt().search_below(place.path(), &OURS);
    for wanted in [
        "lab.log",
        "dump.json",
        "journal.db",
        "plan.json",
        "trace/000001-sign-in.txt",
        "reported/run.json",
        "reported/report.html",
        "failures.csv",
        "reported/audit.jsonl",
    ] {
        assert!(searched.iter().any(|path| path.ends_with(wanted)), "{wanted} was not written: {searched:?}");
    }
}

/// Each way to sign in, with everything traced: the trace shows the cmdlets and the new user, and no secret.
#[test]
fn no_sign_in_lets_it_into_a_trace() {
    let place = Place::new();
    let lab = Lab::start(&place);
    let text = |key: &str| lab.given[key].as_str().unwrap();
    let mut said = String::new();
    for (authentication, server) in [
        ("basic", "https_powershell"),
        ("ntlm", "powershell"),
        ("ntlm", "https_powershell"),
        ("negotiate", "powershell"),
        ("credssp", "powershell"),
        ("credssp", "https_powershell"),
    ] {
        let name = format!("{authentication}{}", if server.starts_with("https") { "s" } else { "" });
        let connection = |password: &str| {
            format!(
                "[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"{}\"\nauthentication = \"{authentication}\"\n\
                 username = '{}'\npassword = \"file:{password}\"\ncreate_method = \"new\"\n\
                 [connections.it.tls]\nca_file = \"{}\"\n",
                text(server),
                text("user"),
                text("ca_file"),
            )
        };
        place.write("it.toml", &connection("sign-in"));
        place.write("wrong.toml", &connection("wrong-sign-in"));
        place.write("flow.csv", &flow(&name));
        let (journal, trace) = (format!("{name}.db"), format!("trace-{name}"));
        let options = ["-v", "--journal", &journal, "--trace", &trace];
        let new = format!("UserPrincipalName={name}i@contoso.com");
        let named = format!("Name={name}i");
        for (arguments, code) in [
            (&["-c", "it.toml", "apply", "flow.csv", "--output", "jsonl"][..], 1),
            (&["-c", "it.toml", "doctor"], 0),
            (&["-c", "it.toml", "invoke", "New-Mailbox", &named, &new, "Password=file:secret"], 0),
            (&["-c", "wrong.toml", "apply", "flow.csv"], 3),
        ] {
            let ran = place.run(&[arguments, &options].concat());
            assert_eq!(ran.code, Some(code), "{name} {arguments:?}: {}{}", ran.stdout, ran.stderr);
            said += &format!("{}{}", ran.stdout, ran.stderr);
        }
        let traced = hunt().search_below(&place.path().join(&trace), &[]);
        let traced: String = traced.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        for shown in [
            "Type=\"CREATE_PIPELINE\"",
            "<S N=\"Cmd\">New-Mailbox</S>",
            "<SS N=\"V\">***</SS>",
            "Type=\"ENCRYPTED_SESSION_KEY\">***<",
            "Type=\"ERROR_RECORD\"",
            &format!("{name}@contoso.com"),
        ] {
            assert!(traced.contains(shown), "{name}: `{shown}` is not in the trace");
        }
    }
    lab.end();
    hunt().search("the output", said.as_bytes());
    hunt().search_below(place.path(), &OURS);
}

/// The password by each kind of reference that this machine keeps, and by one that gives another value when it is asked again.
#[test]
fn no_kind_of_reference_lets_it_out() {
    let place = Place::new();
    let lab = Lab::start(&place);
    let config = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
    // The program's own line in the list of processes, seen while it fetches; then wrong at first and right later.
    place.write("look", "cat /proc/$PPID/cmdline >seen; cat sign-in");
    place.write("turn", "if mkdir once; then cat wrong-sign-in; else cat sign-in; fi");
    for reference in
        ["env:SIGN_IN", "file:sign-in", "cred:sign-in", r#"exec:["sh","look"]"#, r#"exec:["sh","turn"]"#]
    {
        let line = |line: &str| match line.starts_with("password") {
            true => format!("password = '{reference}'\n"),
            false => format!("{line}\n"),
        };
        place.write("it.toml", &config.lines().map(line).collect::<String>());
        for command in
            [&["invoke", "Get-Mailbox", "Identity=Administrator"][..], &["doctor", "--output", "json"]]
        {
            let ran = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
                .current_dir(place.path())
                .env("SIGN_IN", SIGN_IN)
                .env("CREDENTIALS_DIRECTORY", place.path())
                .args(["-c", "it.toml", "-n", "lab", "-v", "--trace", "trace"])
                .args(command)
                .output()
                .unwrap();
            assert_eq!(ran.status.code(), Some(0), "{reference}: {ran:?}");
            hunt().search("the output", &[ran.stdout, ran.stderr].concat());
        }
    }
    lab.end();
    let searched = hunt().search_below(place.path(), &OURS);
    for wanted in ["seen", "lab.log", "trace/000001-sign-in.txt"] {
        assert!(searched.iter().any(|path| path.ends_with(wanted)), "{wanted} was not written: {searched:?}");
    }
    assert!(std::fs::read(place.path().join("seen")).unwrap().windows(7).any(|part| part == b"it.toml"));
}

/// A trace that cannot be written is one line on stderr and nothing else.
#[test]
fn a_trace_that_cannot_be_written_disturbs_nothing() {
    let place = Place::new();
    place.write("taken", "mine");
    let ran = place.run(&["--lab", "--trace", "taken", "invoke", "Get-Mailbox", "Identity=Administrator"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stderr.matches("warning: the trace in taken ends here").count(), 1, "{ran:?}");
    assert_eq!(std::fs::read_to_string(place.path().join("taken")).unwrap(), "mine");
}
