//! The help of every command, word for word, and the usage errors.

use super::Place;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/help.txt");

/// After a wanted change: `MAILWRIGHT_BLESS=1 cargo test --test main help`.
#[test]
fn the_help_is_what_was_agreed() {
    let help = mailwright::cli::help();
    if std::env::var_os("MAILWRIGHT_BLESS").is_some() {
        std::fs::write(SNAPSHOT, &help).unwrap();
    }
    let agreed = std::fs::read_to_string(SNAPSHOT).unwrap();
    assert!(help == agreed, "the help has changed:\n{help}");
}

/// Names of the contract, not of the implementation.
#[test]
fn commands_and_options_of_the_contract() {
    let help = mailwright::cli::help();
    for command in [
        "plan", "apply", "fulfill", "export", "invoke", "doctor", "status", "retry", "report", "watch",
        "lab", "init",
    ] {
        assert!(help.contains(&format!("=== {command} ===")), "{command}");
    }
    for option in [
        "--config",
        "--connection",
        "--lab",
        "--journal",
        "--output",
        "--no-progress",
        "--color",
        "--verbose",
        "--trace",
        "--out",
        "--what-if",
        "--detailed-exitcode",
        "--allow-mass-removal",
        "--orders",
        "--results",
        "--change",
        "--failed",
        "--all-failed",
        "--html",
        "--listen",
        "--seed",
        "--mailboxes",
        "--latency",
        "--replication-delay",
        "--log",
        "--dump",
        "--write-config",
    ] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let place = Place::new();
    place.run(&[]).refuses(2, &["Usage: mailwright"]);
    place.run(&["aply", "x"]).refuses(2, &["aply", "apply"]);
    place.run(&["plan"]).refuses(2, &["<FLOW>"]);
    place.run(&["plan", "x", "--outt", "y"]).refuses(2, &["--out"]);
    place.run(&["status", "--output", "yaml"]).refuses(2, &["text", "jsonl"]);
}

#[test]
fn help_and_version_are_data() {
    let place = Place::new();
    let version = place.run(&["--version"]);
    assert_eq!(
        (version.code, version.stdout.as_str()),
        (Some(0), concat!("mailwright ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    let help = place.run(&["apply", "--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("FLOW|PLAN") && help.stderr.is_empty(), "{help:?}");
}
