//! Each mistake is refused for its own reason, and nothing is planned.

use super::*;
use crate::{
    address::{Owner, key},
    recipient::Delta,
};

fn refused(
    current: Option<&Recipient>,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> (ErrorClass, String) {
    let planned = plan(current, change, policy, context);
    let class = class(&planned).unwrap_or_else(|| panic!("not refused: {planned:?}"));
    (class, planned.refusal().unwrap().to_string())
}

fn update(change: &Change) -> (ErrorClass, String) {
    refused(Some(&mailbox()), change, &policy(), &here())
}

fn new(change: &Change) -> (ErrorClass, String) {
    refused(None, change, &new_policy(), &here())
}

fn says((class, message): (ErrorClass, String), expected: ErrorClass, words: &str) {
    assert_eq!(class, expected, "{message}");
    assert!(message.contains(words), "{message} lacks {words}");
}

#[test]
fn an_identity_must_name_one_object() {
    for identity in ["", "   ", "*", "ja*", "a\0b"] {
        let change = Change { identity: identity.into(), ..ensure() };
        says(update(&change), ErrorClass::InvalidInput, "identity");
        for operation in [Operation::Remove, Operation::Disable] {
            let change = Change { operation, ..change.clone() };
            says(
                refused(Some(&mailbox()), &change, &Policy { allow_remove: true, ..policy() }, &here()),
                ErrorClass::InvalidInput,
                "identity",
            );
        }
    }
}

#[test]
fn names_are_checked_against_the_table() {
    says(update(&with(ensure(), &[("DisplyName", "x".into())])), ErrorClass::InvalidInput, "DisplayName");
    says(
        update(&with(ensure(), &[("ExchangeObjectId", "x".into())])),
        ErrorClass::InvalidInput,
        "kept by Exchange",
    );
    says(update(&with(ensure(), &[("Confirm", true.into())])), ErrorClass::InvalidInput, "not for a flow");
    says(update(&with(ensure(), &[("Identity", "x".into())])), ErrorClass::InvalidInput, "column of its own");
    says(
        update(&with(ensure(), &[("MailboxRegion", "EUR".into())])),
        ErrorClass::Unsupported,
        "Exchange Online",
    );
    let guid = "00000000-0000-0000-0000-000000000001";
    says(
        update(&with(ensure(), &[("ExchangeGuid", guid.into())])),
        ErrorClass::InvalidInput,
        "Set-Mailbox has no parameter",
    );
    says(
        refused(Some(&remote()), &with(ensure(), &[("ProhibitSendQuota", "1GB".into())]), &policy(), &here()),
        ErrorClass::InvalidInput,
        "Set-RemoteMailbox has no parameter ProhibitSendQuota",
    );
    let mut change = joiner();
    change.create_only.insert("MailTip".into(), "x".into());
    says(new(&change), ErrorClass::InvalidInput, "write the column as `MailTip`");
}

#[test]
fn values_are_checked_against_their_type() {
    for (name, wanted, words) in [
        ("HiddenFromAddressListsEnabled", Wanted::from("perhaps"), "true or false"),
        ("ProhibitSendQuota", "lots".into(), "size"),
        ("ResourceCapacity", "many".into(), "whole number"),
        ("RetainDeletedItemsFor", "soon".into(), "time span"),
        ("SendModerationNotifications", "Sometimes".into(), "Always, Internal, Never"),
        ("StartDateForRetentionHold", "12/01/2026".into(), "date"),
        ("PrimarySmtpAddress", "no address".into(), "e-mail address"),
        ("DisplayName", Wanted::List(strings(&["a", "b"])), "text"),
        ("Office", Wanted::Delta(Delta::default()), "lists"),
        ("HiddenFromAddressListsEnabled", Wanted::Clear, "cannot be cleared"),
        ("SamAccountName", "a.name.of.more.than.twenty".into(), "20"),
        ("UserPrincipalName", "jane".into(), "jane@contoso.com"),
        ("Alias", "jörg".into(), "Alias"),
    ] {
        says(update(&with(ensure(), &[(name, wanted)])), ErrorClass::InvalidInput, words);
    }
    says(new(&with(joiner(), &[("Name", "x".repeat(65).as_str().into())])), ErrorClass::InvalidInput, "64");
}

#[test]
fn what_a_new_mailbox_needs() {
    for name in ["Name", "UserPrincipalName"] {
        let mut change = joiner();
        change.attributes.remove(name);
        says(new(&change), ErrorClass::InvalidInput, name);
    }
    says(new(&Change { password: None, ..joiner() }), ErrorClass::InvalidInput, "_param_password");
    says(
        refused(None, &Change { password: None, ..joiner() }, &new_policy(), &hybrid()),
        ErrorClass::InvalidInput,
        "_param_password",
    );
    says(
        refused(Some(&user()), &joiner(), &policy(), &here()),
        ErrorClass::InvalidInput,
        "takes no password",
    );
}

#[test]
fn combinations_that_exchange_refuses() {
    let both =
        with(addressed(ensure(), &["a@contoso.com"]), &[("PrimarySmtpAddress", "a@contoso.com".into())]);
    says(update(&both), ErrorClass::InvalidInput, "together");
    let both =
        with(addressed(joiner(), &["a@contoso.com"]), &[("PrimarySmtpAddress", "a@contoso.com".into())]);
    says(new(&both), ErrorClass::InvalidInput, "together");
    let owned = with(addressed(joiner(), &["a@contoso.com"]), &[("EmailAddressPolicyEnabled", true.into())]);
    says(new(&owned), ErrorClass::RefusedByRule, "R26");
    let mut capacity = joiner();
    capacity.create_only.insert("ResourceCapacity".into(), 4.into());
    says(new(&capacity), ErrorClass::InvalidInput, "parameter sets are Room");
    says(update(&with(ensure(), &[("Database", "DB2".into())])), ErrorClass::Unsupported, "move");
}

#[test]
fn addresses_are_held_to_their_rules() {
    let go = |addresses: &[&str]| update(&addressed(ensure(), addresses));
    says(go(&[]), ErrorClass::RefusedByRule, "R6");
    says(go(&["nonsense", "jane@contoso.com"]), ErrorClass::InvalidInput, "R5");
    says(go(&["X500:/o=y", "jane@contoso.com"]), ErrorClass::InvalidInput, "R4");
    says(go(&["SMTP:a@contoso.com", "SMTP:b@contoso.com"]), ErrorClass::InvalidInput, "R7");
    says(go(&["jane@elsewhere.example"]), ErrorClass::RefusedByRule, "R28");
    let owner =
        Owner { guid: None, name: "contoso.com/Bob".into(), kind: "UserMailbox".into(), soft_deleted: false };
    let context = Context { owners: [(key("bob@contoso.com").unwrap(), owner)].into(), ..here() };
    for (current, change, policy) in [
        (Some(mailbox()), ensure(), policy()),
        (None, joiner(), new_policy()),
        (Some(user()), ensure(), policy()),
    ] {
        let change = addressed(change, &["bob@contoso.com", "new@contoso.com"]);
        let planned = plan(current.as_ref(), &change, &policy, &context);
        assert_eq!(class(&planned), Some(ErrorClass::Conflict));
        assert!(planned.refusal().unwrap().owner.as_ref().unwrap().contains("contoso.com/Bob"));
    }
}
