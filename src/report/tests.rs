//! The words and shapes that others read.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::recipient::{Action, Change, ErrorClass, Operation, SecretSource, Source};

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
            parameters: json!({"Name": "O'Brien", "Password": "***", "Confirm": false, "Languages": ["de", "en"], "MailTip": null}),
        }],
        attempts: 1,
    }
}

fn planned(action: Action) -> PlannedChange {
    let line = |sign, address: &str| AddressLine { sign, address: address.into() };
    let mut change = Change::new(Operation::Create, "ada");
    change.password =
        Some(SecretSource::Flow { file: "joiners.csv".into(), line: 2, column: "_param_password".into() });
    PlannedChange {
        result: result(action),
        addresses: vec![
            line(Sign::Add, "smtp:a@x.de"),
            line(Sign::Remove, "smtp:b@x.de"),
            line(Sign::Promote, "SMTP:c@x.de"),
            line(Sign::Keep, "X500:/o=x"),
        ],
        not_previewed: false,
        base_hash: Some("h".into()),
        change: Some(change),
    }
}

/// Field for field what the contract names.
#[test]
fn the_result_object() {
    let mut failed = result(Action::Failed);
    failed.steps.clear();
    failed.error = Some(ResultError {
        class: ErrorClass::Conflict,
        message: "taken".into(),
        hint: None,
        owner: Some("eve".into()),
    });
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
        "+ ada: create (joiners.csv:2)\n    + smtp:a@x.de\n    - smtp:b@x.de\n    ^ SMTP:c@x.de\n    = X500:/o=x\n    \
         New-Mailbox -Name 'O''Brien' -Password *** -Confirm:$false -Languages 'de', 'en' -MailTip $null\n"
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
    refused.error = Some(ResultError {
        class: ErrorClass::RefusedByRule,
        message: "no\u{1b}[2J".into(),
        hint: Some("do".into()),
        owner: None,
    });
    let text = summary(&[result(Action::Created), refused], Style::new(false));
    assert_eq!(
        text,
        "! ada: refused (joiners.csv:2)\n    refused_by_rule: no\\u{1b}[2J\n    hint: do\nDone: 1 created, 1 refused of 2\n"
    );
}
