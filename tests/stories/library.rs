//! The library as another connector uses it.

use mailwright::bridge::{Action, Bridge, BridgeError, Change, ErrorClass, Operation, Request};
use mailwright::config::{Config, Connection};
use mailwright::flow::lock::LockError;
use mailwright::lab::{self, Running, Seed, ServeOptions};
use secrecy::SecretString;

use crate::cli::Place;

const PASSWORD: &str = "Canary-51b7!pw";

fn starter() -> Request {
    let mut change = Change::new(Operation::Ensure, "lib1@contoso.com").id("starter");
    change.create_only.insert("Name".into(), "Lib One".into());
    change.create_only.insert("UserPrincipalName".into(), "lib1@contoso.com".into());
    change.addresses = Some(vec!["l.one@contoso.com", "lib1@contoso.com"].into());
    Request::with_password(change, SecretString::from(PASSWORD))
}

fn mover() -> Change {
    let mut change = Change::new(Operation::Update, "Administrator").id("mover");
    change.attributes.insert("CustomAttribute1".into(), "4711".into());
    change
}

/// An embedded Exchange, and the connection to it.
async fn served() -> (Place, Running, Connection) {
    let place = Place::new();
    let running = lab::serve(Seed::sample().unwrap(), ServeOptions::default()).await.unwrap();
    let file = place.path().join("lab.toml");
    running.write_config(&file).unwrap();
    let connection = Config::load(&file).unwrap().connection(Some("lab")).unwrap().clone();
    (place, running, connection)
}

#[tokio::test]
async fn a_connector_plans_applies_and_applies_again() {
    let (place, running, connection) = served().await;
    let journal = place.path().join("state/journal.db");
    let bridge = Bridge::open(&connection, &journal, "test").await.unwrap();
    assert!(matches!(
        Bridge::open(&connection, &journal, "test").await,
        Err(BridgeError::Lock(LockError::Held { .. }))
    ));

    let before = running.directory();
    let plan = bridge.plan([starter(), mover().into()]).await.unwrap();
    assert_eq!(plan.changes().len(), 2);
    assert!(plan.text().contains("New-Mailbox") && !plan.text().contains(PASSWORD), "{}", plan.text());
    assert!(!String::from_utf8(plan.to_bytes().unwrap()).unwrap().contains(PASSWORD));
    assert_eq!(running.directory(), before, "planning writes nothing");

    let unknown = Change::new(Operation::Update, "nobody@contoso.com");
    let outcomes = bridge.apply([starter(), mover().into(), unknown.into()]).await.unwrap();
    let actions: Vec<_> = outcomes.iter().map(|outcome| outcome.action).collect();
    assert_eq!(actions, [Action::Created, Action::Updated, Action::Refused]);
    assert_eq!(outcomes[2].error.as_ref().unwrap().class, ErrorClass::NotFound);
    assert_eq!(outcomes[0].source.file, "library:test");

    // Of that run there is a report: as data, and as a folder with what failed in it, to be mended and applied.
    let report = bridge.report().await.unwrap();
    assert_eq!((report.rows.len(), report.failed().count()), (3, 1));
    let folder = place.path().join("reports/first");
    let page = bridge.write_report(&folder).await.unwrap();
    assert!(std::fs::read_to_string(&page).unwrap().contains("lib1@contoso.com"));
    for file in ["run.json", "changes.csv", "audit.jsonl", "failures.jsonl"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains("nobody@contoso.com") && !text.contains(PASSWORD), "{file}: {text}");
    }
    let denied = bridge.write_report(&place.path().join("lab.toml")).await;
    assert!(matches!(denied, Err(BridgeError::Report { .. })), "{denied:?}");

    // The same ids with the same content were done; the plan was made for another state.
    let again = bridge.apply([starter(), mover().into()]).await.unwrap();
    assert_eq!(again[..], outcomes[..2]);
    let stale = bridge.apply_plan(plan).await.unwrap();
    assert_eq!(stale.len(), 2);
    bridge.close().await;

    let later = Bridge::open(&connection, &journal, "another").await.unwrap();
    let outcomes = later.apply([starter(), mover().into()]).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.action == Action::Unchanged), "{outcomes:?}");
    later.close().await;
    running.shutdown().await.unwrap();
    for entry in std::fs::read_dir(place.path().join("state")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
    }
}

/// A dropped future loses nothing: what it began is read again, and done once.
#[tokio::test]
async fn a_run_that_is_dropped_is_taken_up_again() {
    let (place, running, connection) = served().await;
    let journal = place.path().join("journal.db");
    let mut done = None;
    for patience in (1..).step_by(9).map(std::time::Duration::from_millis) {
        let bridge = Bridge::open(&connection, &journal, "test").await.unwrap();
        if let Ok(outcomes) = tokio::time::timeout(patience, bridge.apply([starter()])).await {
            done = Some(outcomes.unwrap());
        }
        bridge.close().await;
        if done.is_some() {
            break;
        }
    }
    let done = done.unwrap();
    assert_eq!(done[0].action, Action::Created, "{done:?}");
    let directory = running.directory();
    let made = directory["objects"].as_array().unwrap().iter();
    assert_eq!(made.filter(|object| object["UserPrincipalName"] == "lib1@contoso.com").count(), 1);
    running.shutdown().await.unwrap();
}

/// `cargo test` builds the examples; `cargo test --test main` alone does not.
#[test]
fn the_example_of_another_connector_runs() {
    let exe = std::env::current_exe().unwrap();
    let example = exe.parent().unwrap().parent().unwrap().join("examples/connector");
    if !example.exists() {
        assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "{} is not there", example.display());
        println!("SKIPPED: the example connector is not built: cargo build --example connector");
        return;
    }
    let ran = std::process::Command::new(example).output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{told}");
    let last: Vec<&str> = told.lines().rev().take(3).collect();
    assert!(last[2].starts_with("Ada Lovelace: created, "), "{told}");
    assert!(last[1].starts_with("Charles Babbage: refused_by_rule: "), "{told}");
    assert_eq!(last[0], "Nobody: unchanged");
    assert!(!told.contains("Start-1!pass"));
}
