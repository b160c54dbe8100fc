//! `mailwright status`

use mailwright::flow::journal::{Enqueued, Journal, NewChange, State, StepOutcome};
use serde_json::{Value, json};

use super::Place;

/// A journal with one change done, one refused and one in doubt.
fn with_journal() -> Place {
    let place = Place::new();
    let file = place.path().join("state/mailwright/corp.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = Journal::open(&file).await.unwrap();
        let run = uuid::Uuid::from_u128(1);
        journal.begin_run(run, "apply", "corp", "f.csv").await.unwrap();
        let change = |id: &str| NewChange {
            change_id: id.into(),
            source: "f.csv".into(),
            line: Some(2),
            content_hash: "h".into(),
            content: json!({}),
            connection: "corp".into(),
            identity: format!("user-{id}"),
        };
        let changes = ["good", "bad", "open"].map(change);
        let mut seqs = Vec::new();
        for outcome in journal.enqueue(run, &changes).await.unwrap() {
            let Enqueued::New(seq) = outcome else { panic!("{outcome:?}") };
            seqs.push(seq);
        }
        journal.begin(seqs[0]).await.unwrap();
        journal.intent(seqs[0], 1, 1, "Set-Mailbox", &json!({})).await.unwrap();
        journal.outcome(seqs[0], 1, 1, StepOutcome::Done, None).await.unwrap();
        journal.finish(seqs[0], State::Done, &json!({"action": "updated"})).await.unwrap();
        let error = json!({"error": {"message": "the primary is excluded\u{1b}[2J"}});
        journal.finish(seqs[1], State::Refused, &error).await.unwrap();
        journal.begin(seqs[2]).await.unwrap();
        journal.intent(seqs[2], 1, 1, "New-Mailbox", &json!({"Password": "***"})).await.unwrap();
        journal.close().await;
    });
    place
}

#[test]
fn shows_every_change() {
    let ran = with_journal().run(&["status"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("done     good user-good (f.csv:2, attempts: 1)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the primary is excluded\\u{1b}[2J"), "{}", ran.stdout);
    assert!(ran.stdout.contains("outcome is not known"), "{}", ran.stdout);
    let end = "Journal: 1 running, 1 done, 1 refused\nTo try again: mailwright retry --all-failed, or --change ID\n";
    assert!(ran.stdout.ends_with(end), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
}

#[test]
fn filters_and_formats() {
    let place = with_journal();
    let lines = |arguments: &[&str]| -> Vec<Value> {
        place.run(arguments).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let failed = lines(&["status", "--failed", "--output", "jsonl"]);
    assert_eq!((failed.len(), &failed[0]["change_id"]), (1, &json!("bad")));
    let one = lines(&["status", "--change", "open", "--output", "jsonl"]);
    assert_eq!((&one[0]["state"], &one[0]["in_doubt"]), (&json!("running"), &json!(true)));
    assert_eq!(
        (&one[0]["steps"][0]["cmdlet"], &one[0]["steps"][0]["outcome"]),
        (&json!("New-Mailbox"), &Value::Null)
    );
    let text = place.run(&["status", "--change", "good"]).stdout;
    assert!(text.contains("attempt 1, step 1: Set-Mailbox done\n"), "{text}");
    place.run(&["status", "--change", "good", "--failed"]).refuses(2, &["no failed change `good`"]);
    let all: Vec<Value> = serde_json::from_str(&place.run(&["status", "--output", "json"]).stdout).unwrap();
    assert_eq!(all.len(), 3);
    place.run(&["status", "--change", "none"]).refuses(2, &["no change `none`"]);
    let verbose = place.run(&["status", "-v"]);
    assert!(verbose.stderr.contains("state/mailwright/corp.db"), "{verbose:?}");
}

#[test]
fn without_a_journal() {
    let place = Place::new();
    place.run(&["status"]).refuses(2, &["there is no journal", "corp.db"]);
    place.run(&["status", "--lab"]).refuses(2, &["--journal FILE"]);
    let file = place.write("text.db", &"no database ".repeat(500));
    place.run(&["status", "--journal", file.to_str().unwrap()]).refuses(2, &["text.db"]);
}
