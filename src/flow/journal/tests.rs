//! What must hold after a crash: dropping the journal stands for the process being killed.

use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state").join("corp.db");
    (folder, file)
}

fn change(id: &str, hash: &str) -> NewChange {
    NewChange {
        change_id: id.into(),
        source: "/flows/joiners.csv".into(),
        line: Some(2),
        content_hash: hash.into(),
        content: json!({"Identity": "ada"}),
        connection: "corp".into(),
        identity: "ada".into(),
    }
}

async fn with_run(file: &Path) -> (Journal, Uuid) {
    let journal = Journal::open(file).await.unwrap();
    let run = Uuid::now_v7();
    journal.begin_run(run, "apply", "corp", "joiners.csv").await.unwrap();
    (journal, run)
}

async fn new(journal: &Journal, run: Uuid, id: &str) -> Seq {
    match journal.enqueue(run, &[change(id, "h")]).await.unwrap().remove(0) {
        Enqueued::New(seq) => seq,
        other => panic!("expected a new change, got {other:?}"),
    }
}

#[tokio::test]
async fn an_intent_without_outcome_is_found_after_a_crash() {
    let (_keep, file) = folder();
    let (journal, run) = with_run(&file).await;
    let seq = new(&journal, run, "c1").await;
    let attempt = journal.begin(seq).await.unwrap();
    let guid = Uuid::from_u128(7);
    let read = PlanRecord { guid: Some(guid), base_hash: "base", ..PlanRecord::default() };
    journal.record_plan(seq, &read).await.unwrap();
    journal.intent(seq, attempt, 1, "Enable-Mailbox", &json!({"Identity": "ada"})).await.unwrap();
    journal.outcome(seq, attempt, 1, StepOutcome::Done, None).await.unwrap();
    journal.intent(seq, attempt, 2, "Set-Mailbox", &json!({"Password": "***"})).await.unwrap();
    drop(journal);

    let journal = Journal::open(&file).await.unwrap();
    let open = journal.open_intents().await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].seq, open[0].step, open[0].cmdlet.as_str()), (seq, 2, "Set-Mailbox"));
    assert_eq!(open[0].guid, Some(guid));
    assert!(journal.status(&Filter::default()).await.unwrap()[0].in_doubt);

    let again = journal.enqueue(run, &[change("c1", "h")]).await.unwrap();
    assert_eq!(again, [Enqueued::Again(seq)], "not done, so it is tried again under the same number");
    assert!(journal.has_made(seq).await.unwrap());
    journal.record_plan(seq, &read).await.unwrap();
    assert!(journal.open_intents().await.unwrap().is_empty());
    assert_eq!(journal.begin(seq).await.unwrap(), 2);
    journal.intent(seq, 2, 1, "Set-Mailbox", &json!({})).await.unwrap();
}

#[tokio::test]
async fn what_was_done_is_done_once() {
    let (_keep, file) = folder();
    let (journal, run) = with_run(&file).await;
    let seq = new(&journal, run, "c1").await;
    let result = json!({"change_id": "c1", "action": "created", "guid": Uuid::from_u128(9)});
    journal.finish(seq, State::Done, &result).await.unwrap();
    drop(journal);
    let journal = Journal::open(&file).await.unwrap();
    let outcomes =
        journal.enqueue(run, &[change("c1", "h"), change("c1", "other"), change("c2", "h")]).await.unwrap();
    assert_eq!(outcomes[0], Enqueued::Done(seq, result));
    assert_eq!(outcomes[1], Enqueued::Conflict { earlier_line: Some(2) });
    assert!(matches!(outcomes[2], Enqueued::New(_)));
    let other_source = NewChange { source: "-".into(), ..change("c1", "other") };
    assert!(matches!(journal.enqueue(run, &[other_source]).await.unwrap()[0], Enqueued::New(_)));
    assert_eq!(journal.status(&Filter::default()).await.unwrap()[0].guid, Some(Uuid::from_u128(9)));
}

#[tokio::test]
async fn an_outcome_needs_an_intent_and_is_written_once() {
    let (_keep, file) = folder();
    let (journal, run) = with_run(&file).await;
    let seq = new(&journal, run, "c1").await;
    assert!(matches!(
        journal.outcome(seq, 1, 1, StepOutcome::Done, None).await,
        Err(JournalError::Unknown(_))
    ));
    journal.intent(seq, 1, 1, "Set-Mailbox", &json!({})).await.unwrap();
    assert!(journal.intent(seq, 1, 1, "Set-Mailbox", &json!({})).await.is_err(), "never the same step twice");
    journal.outcome(seq, 1, 1, StepOutcome::Failed, Some("refused")).await.unwrap();
    assert!(journal.outcome(seq, 1, 1, StepOutcome::Done, None).await.is_err());
    assert!(journal.begin(Seq(99)).await.is_err());
}

#[tokio::test]
async fn enqueueing_is_all_or_nothing() {
    let (_keep, file) = folder();
    let (journal, _) = with_run(&file).await;
    let unknown_run = Uuid::from_u128(1);
    assert!(journal.enqueue(unknown_run, &[change("c1", "h")]).await.is_err());
    assert!(journal.status(&Filter::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn status_filters() {
    let (_keep, file) = folder();
    let (journal, run) = with_run(&file).await;
    let (a, b) = (new(&journal, run, "a").await, new(&journal, run, "b").await);
    journal.finish(a, State::Done, &json!({})).await.unwrap();
    journal.finish(b, State::Refused, &json!({})).await.unwrap();
    let failed = journal.status(&Filter { failed: true, ..Filter::default() }).await.unwrap();
    assert_eq!(failed.iter().map(|entry| entry.change_id.as_str()).collect::<Vec<_>>(), ["b"]);
    let one = journal.status(&Filter { change_id: Some("a".into()), ..Filter::default() }).await.unwrap();
    assert_eq!((one.len(), one[0].state), (1, State::Done));
    journal.end_run(run, &RunEnd::Complete).await.unwrap();
    assert!(journal.runs().await.unwrap()[0].finished_at.is_some());
}

#[tokio::test]
async fn files_that_are_no_journal() {
    let (_keep, file) = folder();
    assert!(matches!(Journal::open_existing(&file).await, Err(JournalError::Missing(_))));
    let journal = Journal::open(&file).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&journal.pool).await.unwrap();
    journal.close().await;
    assert!(matches!(Journal::open(&file).await, Err(JournalError::Newer { found: 99, .. })));
    std::fs::write(&file, "not a database, and long enough to be seen as none".repeat(50)).unwrap();
    assert!(matches!(Journal::open(&file).await, Err(JournalError::Unusable { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_keep, file) = folder();
    let (journal, run) = with_run(&file).await;
    new(&journal, run, "c1").await;
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
#[test]
fn where_it_is_kept() {
    let home = |name: &str| (name == "HOME").then(|| "/home/ada".into());
    assert_eq!(default_path("corp", home).unwrap(), Path::new("/home/ada/.local/state/mailwright/corp.db"));
    let state = |name: &str| (name == "XDG_STATE_HOME").then(|| "/var/state".into());
    assert_eq!(default_path("corp", state).unwrap(), Path::new("/var/state/mailwright/corp.db"));
    assert_eq!(default_path("corp", |_| None), None);
}

/// A journal of layout 1 with one change that failed.
async fn of_layout_1(file: &Path) {
    path::prepare(file).unwrap();
    let options = SqliteConnectOptions::new().filename(file);
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    sqlx::raw_sql(include_str!("schema.sql")).execute(&pool).await.unwrap();
    sqlx::raw_sql(
        "PRAGMA user_version = 1;
         INSERT INTO runs VALUES ('r1', 'apply', 'corp', 'f.csv', '2026-01-01T10:00:00.000Z', '2026-01-01T10:00:01.500Z');
         INSERT INTO changes VALUES (1, 'r1', '/f.csv', 2, 'c1', 'h', '{}', 'corp', 'ada', NULL, NULL, NULL, 'failed', 1,
             '{\"change_id\":\"c1\"}', '2026-01-01T10:00:00.100Z', '2026-01-01T10:00:01.000Z');
         INSERT INTO steps VALUES (1, 1, 1, 'Set-Mailbox', '{}', '2026-01-01T10:00:00.200Z', 'failed', 'no',
             '2026-01-01T10:00:00.450Z');",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_journal_of_the_first_layout_is_brought_up_to_date() {
    let (_keep, file) = folder();
    of_layout_1(&file).await;
    let journal = Journal::open(&file).await.unwrap();
    let report = journal.run_report(None).await.unwrap();
    assert_eq!((report.run.millis, &report.run.ending), (Some(1500), &crate::report::Ending::Complete));
    let [row] = report.rows.as_slice() else { panic!("{report:?}") };
    assert_eq!((row.change_id.as_str(), row.identity.as_str()), ("c1", "ada"));
    assert_eq!(row.steps.iter().map(|step| step.millis).collect::<Vec<_>>(), [Some(250)]);
    journal.close().await;
    let again = Journal::open(&file).await.unwrap();
    assert_eq!(again.run_report(Some("R")).await.unwrap(), report, "and only once");
}

#[tokio::test]
async fn rows_follow_a_change_from_run_to_run() {
    let (_keep, file) = folder();
    let (journal, first) = with_run(&file).await;
    let seq = new(&journal, first, "c1").await;
    let form = crate::report::Form { head: "Identity\r\n".into(), ..crate::report::Form::json_lines() };
    let row = |change, result| NewRow { change, written: Some("ada".into()), result };
    let refused = json!({"change_id": "c0"});
    journal.record_rows(first, Some(&form), &[row(None, Some(refused)), row(Some(seq), None)]).await.unwrap();
    journal.begin(seq).await.unwrap();
    let diff = json!({"addresses": [], "attributes": [{"name": "A", "after": 1}]});
    journal.record_plan(seq, &PlanRecord { diff, ..PlanRecord::default() }).await.unwrap();
    journal.intent(seq, 1, 1, "Set-Mailbox", &json!({})).await.unwrap();

    let second = Uuid::now_v7();
    journal.begin_run(second, "retry", "corp", "journal").await.unwrap();
    journal.requeue(second, &[seq]).await.unwrap();
    journal.begin(seq).await.unwrap();
    journal.intent(seq, 2, 1, "Get-Mailbox", &json!({})).await.unwrap();
    journal.end_run(second, &RunEnd::Broken("cut".into())).await.unwrap();

    let report = journal.run_report(Some(&first.to_string())).await.unwrap();
    assert_eq!(report.run.ending, crate::report::Ending::Open);
    let [_, went_on] = report.rows.as_slice() else { panic!("{report:?}") };
    assert_eq!(went_on.taken_over_by, Some(second.to_string()));
    assert_eq!((went_on.diff.attributes.len(), went_on.steps[0].cmdlet.as_str()), (1, "Set-Mailbox"));
    let report = journal.run_report(None).await.unwrap();
    assert_eq!(report.run.ending, crate::report::Ending::Broken("cut".into()));
    let [row] = report.rows.as_slice() else { panic!("{report:?}") };
    assert_eq!((&row.written.as_ref().unwrap().1, row.steps[0].attempt), (&"ada".to_owned(), 2));
    assert_eq!(report.forms.values().collect::<Vec<_>>(), [&form], "the form that it had");
    assert!(journal.run_report(Some("nonsense")).await.is_err());
    assert!(journal.run_report(Some("0")).await.is_err(), "two begin so");
}
