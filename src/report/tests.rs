//! The words and shapes that others read.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::address::{AddressLine, Sign};
use crate::plan::{Finding, ParameterValue, Planned, Step};
use crate::recipient::{Action, Change, ErrorClass, Operation, SecretSource, Side, Source};

fn result(action: Action) -> ChangeResult {
    ChangeResult {
        change_id: "c1".into(),
        source: Source { file: "joiners.csv".into(), line: 2 },
        connection: "corp".into(),
        identity: "ada".into(),
        guid: Some(Uuid::from_u128(1)),
        action,
        error: None,
        warnings: Vec::new(),
        steps: vec![StepResult {
            cmdlet: "New-Mailbox".into(),
            parameters: json!({"Name": "O'Brien", "Password": "***", "Languages": ["de", "en"]}),
            side: Side::Here,
        }],
        attempts: 1,
    }
}

fn planned(action: Action) -> PlannedChange {
    let line = |sign, address: &str, was: Option<&str>| AddressLine {
        sign,
        address: address.into(),
        was: was.map(str::to_owned),
    };
    let mut change = Change::new(Operation::Create, "ada");
    change.source = Source { file: "joiners.csv".into(), line: 2 };
    let secret = SecretSource::Flow { file: "joiners.csv".into(), line: 2, column: "_param_password".into() };
    change.password = Some(secret.clone());
    let mut planned = Planned::new(action, None);
    planned.steps.push(
        Step::new("New-Mailbox", "create")
            .with("Name", ParameterValue::Text("O'Brien\u{1b}[2J".into()))
            .with("Password", ParameterValue::Secret(secret))
            .with("Languages", ParameterValue::List(vec!["de".into(), "en".into()])),
    );
    planned.findings = vec![Finding::info("kept"), Finding::warning("odd")];
    planned.address_lines = vec![
        line(Sign::Added, "smtp:a@x.de", None),
        line(Sign::Removed, "smtp:b@x.de", None),
        line(Sign::Changed, "SMTP:c@x.de", Some("smtp:c@x.de")),
        line(Sign::Kept, "X500:/o=x", None),
    ];
    PlannedChange::new(change, "corp", planned, Some("h".into()))
}

/// Field for field what the contract names.
#[test]
fn the_result_object() {
    let mut failed = result(Action::Failed);
    failed.steps.clear();
    failed.error =
        Some(ResultError { owner: Some("eve".into()), ..ResultError::new(ErrorClass::Conflict, "taken") });
    assert_eq!(
        serde_json::to_string(&failed).unwrap(),
        r#"{"change_id":"c1","source":{"file":"joiners.csv","line":2},"connection":"corp","identity":"ada","guid":"00000000-0000-0000-0000-000000000001","action":"failed","error":{"class":"conflict","message":"taken","hint":null,"owner":"eve"},"warnings":[],"steps":[],"attempts":1}"#
    );
    let done = serde_json::to_value(result(Action::Created)).unwrap();
    assert_eq!((&done["error"], &done["steps"][0]["cmdlet"]), (&json!(null), &json!("New-Mailbox")));
}

#[test]
fn the_text_of_a_plan() {
    let text = planned(Action::Created).to_text(Style::new(false));
    assert_eq!(
        text,
        "+ ada: create (joiners.csv:2)\n    warning: odd\n    + smtp:a@x.de\n    - smtp:b@x.de\n    \
         ^ SMTP:c@x.de (was smtp:c@x.de)\n    = X500:/o=x\n    note: kept\n    \
         New-Mailbox -Name 'O''Brien\\u{1b}[2J' -Password *** -Languages @('de','en')\n"
    );
    let symbols: Vec<char> =
        [Action::Created, Action::Updated, Action::Unchanged, Action::Refused, Action::Pending]
            .map(|action| planned(action).symbol())
            .into();
    assert_eq!(symbols, ['+', '~', '=', '!', '?']);
    let blind = PlannedChange { not_previewed: true, ..planned(Action::Updated) };
    assert!(blind.to_text(Style::new(false)).contains("NOT PREVIEWED"));
    let summary = plan_summary(&[planned(Action::Created), planned(Action::Unchanged)], Style::new(false));
    assert!(summary.starts_with("Plan: 1 to create, 0 to update"), "{summary}");
    assert!(summary.contains("2 cmdlets, 2 addresses added, 2 removed"), "{summary}");
}

#[test]
fn totals_and_exit_codes() {
    let of =
        |actions: &[Action]| Totals::of(&actions.iter().map(|&action| result(action)).collect::<Vec<_>>());
    assert_eq!(of(&[Action::Created, Action::Unchanged]).exit_code(), 0);
    assert_eq!(of(&[Action::Created, Action::Pending]).exit_code(), 5);
    assert_eq!(of(&[Action::Pending, Action::Refused]).exit_code(), 1, "1 wins over 5");
    assert_eq!(of(&[Action::Failed]).exit_code(), 1);
    assert_eq!(of(&[Action::Created, Action::Created, Action::Failed]).line(), "2 created, 1 failed of 3");
    assert_eq!(of(&[]).line(), "nothing to do");
}

#[test]
fn a_plan_is_saved_and_read_back() {
    let plan = SavedPlan {
        mailwright_plan: PLAN_VERSION,
        run: Uuid::from_u128(3),
        connection: "corp".into(),
        flow: "joiners.csv".into(),
        changes: vec![planned(Action::Created)],
    };
    let bytes = plan.to_bytes().unwrap();
    assert!(SavedPlan::is_one(&bytes));
    assert_eq!(SavedPlan::from_bytes(&bytes).unwrap(), plan);
    assert!(!SavedPlan::is_one(b"{\"Identity\":\"ada\"}") && !SavedPlan::is_one(b"Identity\nada"));
    let newer =
        String::from_utf8(bytes.clone()).unwrap().replace("\"mailwright_plan\": 1", "\"mailwright_plan\": 2");
    assert_eq!(SavedPlan::from_bytes(newer.as_bytes()), Err(SavedPlanError::Version(2)));
    assert!(matches!(SavedPlan::from_bytes(&bytes[..100]), Err(SavedPlanError::Damaged { .. })));
}

#[test]
fn the_summary_names_what_needs_attention_only() {
    let mut refused = result(Action::Refused);
    refused.error = Some(ResultError::new(ErrorClass::RefusedByRule, "no\u{1b}[2J").hint("do"));
    let text = summary(&[result(Action::Created), refused], Style::new(false));
    assert_eq!(
        text,
        "! ada: refused (joiners.csv:2)\n    refused_by_rule: no\\u{1b}[2J\n    hint: do\nDone: 1 created, 1 refused of 2\n"
    );
}

#[test]
fn a_refusal_keeps_its_reason() {
    let refusal = Finding::refusal(ErrorClass::Conflict, "taken", "ask");
    let refused = PlannedChange::new(
        Change::new(Operation::Update, "ada"),
        "corp",
        Planned::refused(refusal, None),
        None,
    );
    assert_eq!(refused.symbol(), '!');
    let error = refused.result.error.as_ref().unwrap();
    assert_eq!(
        (error.class, error.message.as_str(), error.hint.as_deref()),
        (ErrorClass::Conflict, "taken", Some("ask"))
    );
}
