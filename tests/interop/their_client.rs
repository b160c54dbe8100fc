//! pypsrp against `mailwright lab`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::log::log_entries;
use crate::{python, say};

/// Ends it at the end of the test.
pub struct Lab(Child);

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn start_lab(arguments: impl FnOnce(&mut Command)) -> (Lab, Json) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailwright"));
    command.arg("lab").stdout(Stdio::piped());
    arguments(&mut command);
    let mut lab = Lab(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(lab.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (lab, serde_json::from_str(&line).unwrap())
}

pub fn port(url: &Json) -> u16 {
    url.as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}

pub fn json_lines(text: &str) -> Vec<Json> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn pypsrp_signs_in_runs_cmdlets_and_sets_a_password_everywhere() {
    let Some(interpreter) = python::interpreter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (lab, given) = start_lab(|command| {
        command.arg("--log").arg(&log);
    });
    let input = json!({
        "http": port(&given["http"]),
        "https": port(&given["https"]),
        "ca_file": given["ca_file"],
        "user": given["user"],
        "password": given["password"],
        "existing": "Administrator",
        "domain": "contoso.com",
    });
    let mut client = Command::new(interpreter)
        .arg(python::script("pypsrp_client.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(client.stdin.take().unwrap(), "{input}").unwrap();
    let output = client.wait_with_output().unwrap();
    let cells = json_lines(&String::from_utf8(output.stdout).unwrap());
    for cell in &cells {
        let text = |name: &str| cell[name].as_str().unwrap_or_default().to_owned();
        let (endpoint, auth, transport) = (text("endpoint"), text("auth"), text("transport"));
        say(&format!("interop: pypsrp, our lab, /{endpoint}, {auth}, {transport}: {}", text("result")));
        assert_eq!(cell["result"], "pass", "{}", text("trace"));
    }
    assert_eq!(cells.len(), 12, "two endpoints, two transports, three mechanisms");
    assert!(output.status.success());
    drop(lab);

    let log = log_entries(&log);
    let sealed = log.iter().filter(|line| line["http"]["sealed"] == true).count();
    assert!(sealed > 100, "half of it went over http: {sealed}");
    let is_made = |cmdlet: &&Json| cmdlet["cmdlet"] == "New-Mailbox" && cmdlet["outcome"] == "completed";
    let made: Vec<&Json> = log.iter().map(|line| &line["cmdlet"]).filter(is_made).collect();
    assert_eq!(made.len(), 12, "{made:?}");
    for cmdlet in made {
        assert_eq!(cmdlet["parameters"]["Password"], "***");
    }
}
