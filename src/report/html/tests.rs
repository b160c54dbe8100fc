//! The page as a parser of browsers reads it.

use std::collections::BTreeMap;

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::address::{AddressLine, Sign};
use crate::recipient::{ErrorClass, Source, Traffic};
use crate::report::{AttributeLine, ChangeResult, Diff, Form, ResultError, RunInfo, RunRow, StepRecord};

/// A run in which the same text stands everywhere where text of others can stand.
fn run_with(text: &str, ending: Ending) -> RunReport {
    let result = |action, class: Option<ErrorClass>| ChangeResult {
        change_id: text.into(),
        source: Source { file: text.into(), line: 3 },
        connection: text.into(),
        identity: format!("x{text}"),
        guid: Some(Uuid::from_u128(7)),
        action,
        error: class.map(|class| ResultError {
            hint: Some(text.into()),
            owner: Some(text.into()),
            ..ResultError::new(class, text)
        }),
        warnings: vec![text.into()],
        steps: vec![],
        attempts: 2,
    };
    let address = |sign| AddressLine { sign, address: text.into(), was: Some(text.into()) };
    let attribute = |after| AttributeLine { name: text.into(), before: Some(json!(text)), after };
    let row = |result: Option<ChangeResult>| RunRow {
        change_id: text.into(),
        identity: format!("x{text}"),
        diff: Diff {
            addresses: [Sign::Added, Sign::Removed, Sign::Changed, Sign::Kept].map(address).into(),
            attributes: vec![
                attribute(json!([text, text])),
                attribute(json!({"Add": [text], "Remove": [text]})),
                attribute(json!(null)),
                AttributeLine { before: None, ..attribute(json!(true)) },
            ],
        },
        steps: vec![StepRecord {
            attempt: 1,
            step: 1,
            cmdlet: text.into(),
            parameters: json!({ "Identity": text }),
            intent_at: text.into(),
            outcome: Some("failed".into()),
            detail: Some(text.into()),
            outcome_at: None,
            millis: Some(1234),
        }],
        began_at: None,
        finished_at: None,
        millis: Some(5),
        written: Some((1, text.into())),
        content: None,
        taken_over_by: result.is_none().then(|| text.into()),
        result,
    };
    RunReport {
        run: RunInfo {
            id: text.into(),
            command: text.into(),
            connection: text.into(),
            source: format!("x{text}"),
            about: Some(json!({"program": text, "operator": text, "account": text, "endpoint": text})),
            started_at: text.into(),
            finished_at: None,
            millis: Some(70_000),
            ending,
            audit_hash: None,
            traffic: BTreeMap::from([(text.into(), Traffic { requests: 7, turned_away: 2, waited_ms: 900 })]),
        },
        rows: vec![
            row(Some(result(Action::Created, None))),
            row(Some(result(Action::Refused, Some(ErrorClass::Conflict)))),
            row(Some(result(Action::Failed, Some(ErrorClass::Throttled)))),
            row(Some(result(Action::Pending, Some(ErrorClass::Conflict)))),
            row(Some(result(Action::Unchanged, None))),
            row(None),
        ],
        forms: BTreeMap::from([(1, Form::json_lines())]),
    }
}

/// Elements with the names of their attributes, and how deep they stand; and every text.
fn read(html: &str) -> (Vec<String>, String) {
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
    let errors = dom.errors.borrow();
    assert!(errors.is_empty(), "{errors:?}\n{html}");
    let (mut elements, mut text) = (Vec::new(), String::new());
    walk(&dom.document, 0, &mut elements, &mut text);
    (elements, text)
}

fn walk(node: &Handle, depth: usize, elements: &mut Vec<String>, text: &mut String) {
    match &node.data {
        NodeData::Element { name, attrs, .. } => {
            let names: Vec<String> = attrs.borrow().iter().map(|one| one.name.local.to_string()).collect();
            elements.push(format!("{depth} {} {names:?}", name.local));
        }
        NodeData::Text { contents } => text.push_str(&contents.borrow()),
        _ => {}
    }
    node.children.borrow().iter().for_each(|child| walk(child, depth + 1, elements, text));
}

fn page(text: &str, ending: Ending) -> String {
    let report = run_with(text, ending);
    report_html(&report, &Audit::of(&report))
}

#[test]
fn every_ending_is_a_page_without_a_fault() {
    for ending in [Ending::Complete, Ending::Stopped, Ending::Open, Ending::Broken("cut <off>".into())] {
        let (elements, _) = read(&page("plain", ending));
        assert!(elements.len() > 200, "{}", elements.len());
        let barred = ["script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"];
        for element in &elements {
            let name = element.split(' ').nth(1).unwrap();
            assert!(
                !barred.contains(&name) && !element.contains("\"src\"") && !element.contains("\"on"),
                "{element}"
            );
        }
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
}

#[test]
fn an_empty_run_is_a_page_too() {
    let mut report = run_with("x", Ending::Broken("a guard".into()));
    report.rows.clear();
    let (_, text) = read(&report_html(&report, &Audit::of(&report)));
    assert!(text.contains("Broken off: a guard"));
}

#[test]
fn a_run_with_very_many_changes_stays_a_page() {
    let mut report = run_with("x", Ending::Complete);
    let mut quiet = report.rows[0].clone();
    quiet.result.as_mut().unwrap().warnings.clear();
    report.rows.extend(std::iter::repeat_n(quiet, 3000));
    let (elements, text) = read(&report_html(&report, &Audit::of(&report)));
    assert!(text.contains("1000 more changes that were done are in changes.csv."));
    assert_eq!(elements.iter().filter(|element| element.contains(" details ")).count(), 2006);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written in a flow or comes from a server, the page has the same elements, and shows the text.
    #[test]
    fn texts_change_nothing_but_texts(text in "t([<>&\"'/=!\\-\\]a-z ;#\\\\]|</p>|<script>|</style>|<!--|-->|\\PC){1,24}") {
        let (elements, shown) = read(&page(&text, Ending::Broken(text.clone())));
        prop_assert_eq!(&elements, &read(&page("plain", Ending::Complete)).0);
        prop_assert!(shown.contains(&crate::report::printable(&text)), "{}", text);
    }
}
