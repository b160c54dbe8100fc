//! The commands that the samples come with, as a stranger types them, and what they must not leave behind.

use std::path::Path;

use mailwright::config::Secrets;
use mailwright::flow::intake;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::cli::Place;

fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name).display().to_string()
}

/// The passwords of the joiners.
fn passwords() -> Vec<String> {
    let file = sample("joiners.csv");
    let flow = intake::parse(&file, intake::read_bytes(&file).unwrap(), Uuid::nil()).unwrap();
    let secrets = Secrets::default();
    let fetched = |change| futures_util::FutureExt::now_or_never(flow.secrets.resolve(change, &secrets));
    let passwords = flow.changes().filter_map(|change| fetched(change).expect("in memory"));
    passwords.map(|secret| secret.unwrap().expose_secret().to_owned()).collect()
}

#[test]
fn the_joiners_are_planned_and_applied_and_no_password_is_left_anywhere() {
    let place = Place::new();
    let file = sample("joiners.csv");
    let plan = place.run(&["plan", &file, "--lab", "--out", "joiners.plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(4), "{}", plan.stderr);
    assert!(plan.stdout.contains("-Password ***"), "{}", plan.stdout);
    let applied = place.run(&["apply", &file, "--lab", "--journal", "journal.db"]);
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);

    let passwords = passwords();
    assert!(passwords.len() >= 50, "{}", passwords.len());
    let contents = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut left: Vec<(String, Vec<u8>)> = contents
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    assert!(left.len() >= 3, "configuration, plan and journal");
    for (name, text) in [
        ("plan", plan.stdout),
        ("what plan said", plan.stderr),
        ("apply", applied.stdout),
        ("what apply said", applied.stderr),
    ] {
        left.push((name.to_owned(), text.into_bytes()));
    }
    for (name, bytes) in left {
        for password in &passwords {
            let found = bytes.windows(password.len()).any(|part| part == password.as_bytes());
            assert!(!found, "a password is in {name}");
        }
    }
}

#[test]
fn the_mistakes_end_with_1_over_the_ordinary_endpoint() {
    let place = Place::new();
    let (flow, config) = (sample("mistakes.csv"), sample("lab-wsman.toml"));
    for command in ["plan", "apply"] {
        let ran = place.run(&[command, &flow, "--lab", "-c", &config, "-n", "lab"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        for reason in ["R6 EmptyFlow", "R29 AddressInUse", "is a MailContact", "no connection `moon`"] {
            assert!(ran.stdout.contains(reason), "{command}: {reason} is missing in {}", ran.stdout);
        }
    }
}
