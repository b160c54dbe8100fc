//! A password goes through intake, journal, plan and report, and shows up in none of them.

use mailwright::config::Secrets;
use mailwright::flow::intake;
use mailwright::flow::journal::{Enqueued, Journal, NewChange, PlanRecord, State, StepOutcome};
use mailwright::plan::{ParameterValue, Planned, Step};
use mailwright::recipient::Action;
use mailwright::report::{PLAN_VERSION, PlannedChange, SavedPlan, Style, summary};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::cli::CANARY;

#[tokio::test]
async fn a_password_is_in_no_file_and_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let flow_file = folder.path().join("joiners.csv");
    let text = format!("ChangeId,Operation,Identity,_param_password\nc1,create,ada,\"{CANARY}\"\n");
    std::fs::write(&flow_file, text).unwrap();
    let name = flow_file.to_str().unwrap();
    let flow = intake::parse(name, intake::read_bytes(name).unwrap(), Uuid::nil()).unwrap();
    let change = flow.changes().next().unwrap().clone();

    let mut planned = Planned::new(Action::Created, None);
    let secret = ParameterValue::Secret(change.password.clone().unwrap());
    planned.steps.push(Step::new("New-Mailbox", "create").with("Password", secret));
    let planned = PlannedChange::new(change.clone(), "corp", planned, None);

    let journal = Journal::open(&folder.path().join("j/corp.db")).await.unwrap();
    let run = Uuid::from_u128(1);
    journal.begin_run(run, "apply", "corp", name).await.unwrap();
    let enqueued = journal.enqueue(run, &[NewChange::of(&change, "corp")]).await.unwrap();
    let [Enqueued::New(seq)] = enqueued.as_slice() else { panic!("{enqueued:?}") };
    let attempt = journal.begin(*seq).await.unwrap();
    let step = &planned.result.steps[0];
    let plan =
        PlanRecord { steps: serde_json::to_value(&planned.result.steps).unwrap(), ..PlanRecord::default() };
    journal.record_plan(*seq, &plan).await.unwrap();
    journal.intent(*seq, attempt, 1, &step.cmdlet, &step.parameters).await.unwrap();
    journal.outcome(*seq, attempt, 1, StepOutcome::Done, None).await.unwrap();
    journal.finish(*seq, State::Done, &serde_json::to_value(&planned.result).unwrap()).await.unwrap();
    let again = journal.enqueue(run, &[NewChange::of(&change, "corp")]).await.unwrap();
    assert!(matches!(again.as_slice(), [Enqueued::Done(_, result)] if result["action"] == "created"));
    journal.close().await;

    let saved = SavedPlan {
        mailwright_plan: PLAN_VERSION,
        run,
        connection: "corp".into(),
        flow: name.into(),
        changes: vec![planned.clone()],
    };
    std::fs::write(folder.path().join("j/saved.plan"), saved.to_bytes().unwrap()).unwrap();

    let style = Style::new(false);
    let shown = planned.to_text(style) + &summary(std::slice::from_ref(&planned.result), style);
    assert!(shown.contains("-Password ***"), "{shown}");
    assert!(!format!("{shown}{planned:?}{flow:?}").contains(CANARY));
    for entry in std::fs::read_dir(folder.path().join("j")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
        assert!(!found, "the password is in {}", path.display());
    }
    let fetched =
        intake::SecretStore::default().resolve(&change, &Secrets::default()).await.unwrap().unwrap();
    assert_eq!(fetched.expose_secret(), CANARY, "and can still be had where it came from");
}
