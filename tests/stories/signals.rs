//! A signal ends the program with 130.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::cli::Place;

/// Starts a command that waits for standard input, sends it the signal, and returns exit code and the rest of stderr.
fn interrupted(command: &str, signal: &str) -> (Option<i32>, String) {
    let place = Place::new();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(place.path())
        .args([command, "-", "-v"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "reading standard input\n");
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    // Standard input stays open until the end: only the signal can end the wait.
    let stdin = child.stdin.take();
    let code = child.wait().unwrap().code();
    drop(stdin);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    (code, rest)
}

#[test]
fn a_signal_ends_the_wait_for_input() {
    for command in ["plan", "apply"] {
        for signal in ["-INT", "-TERM"] {
            let (code, rest) = interrupted(command, signal);
            assert_eq!(
                (code, rest.as_str()),
                (Some(130), "error: stopped by a signal\n"),
                "{command} {signal}"
            );
        }
    }
}
