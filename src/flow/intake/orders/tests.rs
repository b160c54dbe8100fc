//! Orders as agents write them, and as they should not.

use proptest::prelude::*;

use super::*;
use crate::config::Secrets;
use crate::flow::intake::RefusedRow;
use crate::recipient::{AddressFlow, Change, ObjectType, Operation, SecretSource, Wanted};

const CANARY: &str = "Canary-7c1f!pw";
const MAILBOX: &str = r#""ResourceType": {"Id": "-41", "SourceEntityType": {"Id": 51}, "TargetEntityType": {"Identifier": "MicrosoftExchange_Mailbox"}}"#;

/// A document of these orders.
fn document(orders: &[String]) -> Vec<u8> {
    format!("{{\"ProvisioningOrdersList\": [{}]}}", orders.join(",\n")).into_bytes()
}

fn order(change_type: &str, rest: &str) -> String {
    format!(
        r#"{{"AssignedResourceTypeId": "3930001", "ChangeType": "{change_type}", "WorkflowInstanceId": "81", "Owner": {{"Id": "21511"}}, {MAILBOX}{rest}}}"#
    )
}

fn read_all(orders: &[String]) -> (Flow, Vec<Order>) {
    parse("orders.json", document(orders), Uuid::nil()).unwrap()
}

#[track_caller]
fn change(change_type: &str, rest: &str) -> Change {
    match read_all(&[order(change_type, rest)]).0.rows.remove(0) {
        Row::Change(change) => *change,
        Row::Refused(refused) => panic!("{refused:?}"),
    }
}

#[track_caller]
fn refused(text: String) -> RefusedRow {
    match read_all(&[text]).0.rows.remove(0) {
        Row::Refused(refused) => refused,
        Row::Change(change) => panic!("{change:?}"),
    }
}

fn list(entries: &[&str]) -> Option<AddressFlow> {
    Some(AddressFlow::List(entries.iter().map(ToString::to_string).collect()))
}

#[test]
fn an_added_order_becomes_a_change() {
    let (flow, orders) = read_all(&[order(
        "Added",
        r#", "Changes": {"samAccountName": "jbond", "PrimarySmtpAddress": "james.bond@x.com",
            "ProxyAddress": "SMTP:james.bond@x.com smtp:jb@x.com", "Database": {"Id": "7", "Name": "DB01"},
            "HiddenFromAddressListsEnabled": "True", "CustomAttribute1": null}"#,
    )]);
    let Row::Change(change) = &flow.rows[0] else { panic!("{:?}", flow.rows) };
    assert_eq!((change.operation, change.object_type), (Operation::Ensure, ObjectType::Mailbox));
    assert_eq!(change.identity, "jbond");
    assert_eq!(change.addresses, list(&["smtp:jb@x.com", "SMTP:james.bond@x.com"]));
    assert_eq!(change.attributes["Database"], "DB01".into());
    assert_eq!(change.attributes["HiddenFromAddressListsEnabled"], true.into());
    assert_eq!(change.attributes["CustomAttribute1"], Wanted::Clear);
    assert!(!change.attributes.contains_key("PrimarySmtpAddress"), "it is in the list");
    let of = &orders[0];
    assert_eq!(
        (of.id.as_str(), of.change_type.as_str(), of.workflow_instance.as_str()),
        ("3930001", "Added", "81")
    );
    assert_eq!((of.owner.as_str(), of.owner_type.as_str(), of.number), ("21511", "51", 1));
    assert_eq!(of.change_id, change.change_id);
}

#[test]
fn the_object_is_named_by_changes_else_by_resource_and_best_by_its_guid() {
    let guid = "c07d2fbc-48f5-4a90-b7d7-5ec79d2844b4";
    let named = |rest: &str| change("Modified", rest).identity;
    assert_eq!(
        named(r#", "Changes": {"SamAccountName": "new"}, "Resource": {"SamAccountName": "old"}"#),
        "new"
    );
    assert_eq!(named(r#", "Changes": {"MailTip": "x"}, "Resource": {"SamAccountName": "old"}"#), "old");
    let rest = format!(
        r#", "Changes": {{"SamAccountName": "new"}}, "Resource": {{"SamAccountName": "old", "Guid": "{guid}"}}"#
    );
    assert_eq!(named(&rest), guid);
    assert_eq!(
        named(r#", "Changes": {"Identity": "x.com/Staff/J"}, "Resource": {"SamAccountName": "j"}"#),
        "x.com/Staff/J"
    );
}

#[test]
fn deleted_takes_the_mailbox_and_never_the_user() {
    let deleted = change("Deleted", r#", "Resource": {"SamAccountName": "j"}, "Changes": null"#);
    assert_eq!((deleted.operation, deleted.identity.as_str()), (Operation::Disable, "j"));
    assert!(deleted.attributes.is_empty() && deleted.addresses.is_none());
}

#[test]
fn databases_are_told_by_the_type_of_the_resource() {
    let text = |kind: &str, rest: &str| {
        order(kind, rest).replace("MicrosoftExchange_Mailbox", "MicrosoftExchange_Database")
    };
    let (flow, _) = read_all(&[
        text("Added", r#", "Changes": {"Name": "DB07", "Server": "EX01"}"#),
        text("Modified", r#", "Changes": {"MountAtStartup": false}, "Resource": {"Name": "DB07"}"#),
        text("Deleted", r#", "Resource": {"Name": "DB07"}"#),
    ]);
    let changes: Vec<&Change> = flow.changes().collect();
    assert!(
        changes
            .iter()
            .all(|change| change.object_type == ObjectType::MailboxDatabase && change.identity == "DB07")
    );
    let operations: Vec<Operation> = changes.iter().map(|change| change.operation).collect();
    assert_eq!(operations, [Operation::Ensure, Operation::Update, Operation::Remove]);
}

#[test]
fn what_gets_a_new_name_is_found_by_the_old_one() {
    let rest = r#", "Changes": {"PrimarySmtpAddress": "new@x.com"}, "Resource": {"PrimarySmtpAddress": "old@x.com"}"#;
    let database = r#", "Changes": {"Name": "DB08"}, "Resource": {"Name": "DB07"}"#;
    let database =
        order("Modified", database).replace("MicrosoftExchange_Mailbox", "MicrosoftExchange_Database");
    let (flow, _) = read_all(&[order("Modified", rest), database, order("Added", rest)]);
    let identities: Vec<&str> = flow.changes().map(|change| change.identity.as_str()).collect();
    assert_eq!(identities, ["old@x.com", "DB07", "new@x.com"]);
}

#[test]
fn what_is_wrong_is_named_with_order_and_field() {
    let problems = |text: String| refused(text).problems.join("\n");
    let named = |rest: &str| {
        problems(order("Modified", &format!(r#", "Resource": {{"SamAccountName": "j"}}, "Changes": {rest}"#)))
    };
    assert!(problems(order("Renamed", "")).contains("order 1: ChangeType is `Renamed`"));
    assert!(problems(order("Modified", r#", "Changes": {"MailTip": "x"}"#)).contains("SamAccountName"));
    assert!(named(r#"{"Salary": 1}"#).contains("order 1: Changes.Salary: no column"));
    assert!(named(r#"{"WhenCreated": "x"}"#).contains("Changes.WhenCreated"));
    assert!(named(r#"{"EmailAddresses": "a@x.com", "ProxyAddress": "b@x.com"}"#).contains("is the same as"));
    assert!(
        named(r#"{"EmailAddresses": "SMTP:a@x.com", "PrimarySmtpAddress": "b@x.com"}"#)
            .contains("marks a@x.com")
    );
    let placed = named("{\n\"LitigationHoldEnabled\": \"perhaps\"}");
    assert!(placed.contains("`LitigationHoldEnabled` (2:26)"), "{placed}");
    assert!(named(r#"{"Operation": "remove"}"#).contains("Changes.Operation"));
    assert!(named("[1]").contains("Changes is a list"));
    assert!(problems("7".into()).contains("not an order"));
    assert!(
        problems(order("Added", "").replace("3930001", "")).contains("AssignedResourceTypeId is missing")
    );
}

#[test]
fn one_bad_order_leaves_the_others() {
    let good = order("Deleted", r#", "Resource": {"SamAccountName": "j"}"#);
    let (flow, orders) = read_all(&[good.clone(), order("Bad", ""), "null".into(), good]);
    let kinds: Vec<bool> = flow.rows.iter().map(|row| matches!(row, Row::Change(_))).collect();
    assert_eq!(kinds, [true, false, false, true]);
    let ids: std::collections::BTreeSet<&str> = orders.iter().map(|order| order.change_id.as_str()).collect();
    assert_eq!(ids.len(), 4, "the agent's id may come again, the change's may not");
}

#[test]
fn what_is_no_list_of_orders_stops_everything() {
    for text in [
        "",
        "[]",
        "7",
        "{\"Orders\": []}",
        "{\"ProvisioningOrdersList\": 1}",
        "{\"ProvisioningOrdersList\": [",
        "\u{fffd}",
    ] {
        assert!(parse("orders.json", text.into(), Uuid::nil()).is_err(), "{text}");
    }
    let (flow, orders) = parse("o", "\u{feff}{\"provisioningorderslist\": []}".into(), Uuid::nil()).unwrap();
    assert!(flow.rows.is_empty() && orders.is_empty());
    let error = crate::flow::intake::parse("o", document(&[]), Uuid::nil()).unwrap_err();
    assert!(error.hint.unwrap().contains("fulfill"));
}

#[tokio::test]
async fn a_password_is_kept_apart() {
    let rest =
        format!(r#", "Changes": {{"SamAccountName": "j", "_param_password": "{CANARY}", "Name": "J"}}"#);
    let (flow, orders) = read_all(&[order("Added", &rest)]);
    let change = flow.changes().next().unwrap();
    assert!(matches!(&change.password, Some(SecretSource::Flow { line: 1, .. })), "{change:?}");
    assert_eq!(
        flow.secrets.resolve(change, &Secrets::default()).await.unwrap().unwrap().expose_secret(),
        CANARY
    );
    assert!(!format!("{flow:?} {orders:?}").contains(CANARY));
}

#[test]
fn what_is_written_down_is_a_flow_that_wants_the_same() {
    let rest = r#", "Resource": {"SamAccountName": "j"}, "Changes": {"MailTip": "say \"hi\"", "RecipientLimits": 5, "EmailAddresses": "smtp:a@x.com SMTP:b@x.com"}"#;
    let (flow, _) = read_all(&[order("Modified", rest)]);
    let again =
        crate::flow::intake::parse("failures.jsonl", flow.written[0].clone().into_bytes(), Uuid::nil())
            .unwrap();
    let (before, after) = (flow.changes().next().unwrap(), again.changes().next().unwrap());
    assert_eq!(crate::flow::intake::content_hash(before), crate::flow::intake::content_hash(after));
}

proptest! {
    #[test]
    fn no_order_panics(text in r#"[\[\]{}",:a-zA-Z0-9 \n]{0,60}"#, key in "[A-Za-z_]{0,12}") {
        let _ = parse("o", document(&[order("Added", &format!(", \"{key}\": \"x\"")), "{}".into()]), Uuid::nil());
        let _ = parse("o", text.into_bytes(), Uuid::nil());
    }
}
