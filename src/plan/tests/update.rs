//! Updating: only what differs, addresses, address policies, types.

use super::*;
use crate::{
    plan::{Severity, mass_removal},
    recipient::{Action, ArchiveState, Delta, MailboxType},
};

fn run(current: &Recipient, change: &Change) -> Planned {
    plan(Some(current), change, &policy(), &here())
}

#[test]
fn only_what_differs_is_sent() {
    let change = with(
        ensure(),
        &[
            ("DisplayName", "Jane Roe".into()),
            ("ProhibitSendQuota", "30GB".into()),
            ("HiddenFromAddressListsEnabled", true.into()),
            ("CustomAttribute1", Wanted::Clear),
            ("ForwardingAddress", Wanted::Clear),
            ("CustomAttribute2", "never read".into()),
        ],
    );
    let planned = run(&mailbox(), &change);
    assert_eq!(planned.action, Action::Updated);
    assert_eq!(
        parameters(&planned.steps[0]),
        ["Identity", "CustomAttribute2", "HiddenFromAddressListsEnabled", "DomainController"]
    );
}

/// Acceptance scenario 4.
#[test]
fn the_list_is_sent_whole_with_prefixes() {
    let mut current = mailbox();
    current.email_addresses.push("smtp:jane@t.mail.onmicrosoft.com".into());
    let change = addressed(ensure(), &["jane@contoso.com", "jane.smith@contoso.com"]);
    let planned = plan(Some(&current), &change, &excluding("onmicrosoft.com"), &here());
    assert_eq!(
        planned.steps[0].parameter("EmailAddresses"),
        Some(&list(&[
            "X500:/o=x/cn=jane",
            "smtp:jane@t.mail.onmicrosoft.com",
            "smtp:jane@contoso.com",
            "SMTP:jane.smith@contoso.com",
        ]))
    );
    assert_eq!(planned.removed_addresses(), 1);
    let done = toy::apply(Some(current), &planned.steps).unwrap();
    assert_eq!(plan(Some(&done), &change, &excluding("onmicrosoft.com"), &here()).action, Action::Unchanged);
}

#[test]
fn r18_the_routing_address_of_a_remote_mailbox_stays() {
    let planned = run(&remote(), &addressed(ensure(), &["new@contoso.com"]));
    let Some(ParameterValue::List(sent)) = planned.steps[0].parameter("EmailAddresses") else { panic!() };
    assert!(sent.contains(&"smtp:jane@t.mail.onmicrosoft.com".to_owned()));
}

#[test]
fn r26_a_policy_that_owns_the_primary_refuses_or_is_switched_off() {
    let mut current = mailbox();
    current.email_address_policy_enabled = Some(true);
    let renamed = addressed(ensure(), &["jr@contoso.com", "new@contoso.com"]);
    let refused = run(&current, &renamed);
    assert_eq!(class(&refused), Some(ErrorClass::RefusedByRule));
    assert_eq!(refused.refusal().unwrap().rule.as_deref(), Some("R26 PolicyOwnsPrimary"));

    let disable = Policy { disable_email_address_policy: true, ..policy() };
    let planned = plan(Some(&current), &renamed, &disable, &here());
    assert_eq!(
        parameters(&planned.steps[0]),
        ["Identity", "EmailAddresses", "EmailAddressPolicyEnabled", "DomainController"]
    );
    assert_eq!(planned.steps[0].parameter("EmailAddressPolicyEnabled"), Some(&ParameterValue::Bool(false)));

    // A column overrides the option, either way.
    let off = with(renamed.clone(), &[("EmailAddressPolicyEnabled", false.into())]);
    assert_eq!(run(&current, &off).action, Action::Updated);
    let on = with(renamed, &[("EmailAddressPolicyEnabled", true.into())]);
    assert_eq!(class(&plan(Some(&current), &on, &disable, &here())), Some(ErrorClass::RefusedByRule));
}

#[test]
fn r27_with_a_policy_secondaries_may_change_and_the_drift_is_told() {
    let mut current = mailbox();
    current.email_address_policy_enabled = Some(true);
    let planned = run(&current, &addressed(ensure(), &["more@contoso.com", "jane@contoso.com"]));
    assert_eq!(planned.steps[0].parameter("EmailAddressPolicyEnabled"), None);
    assert!(planned.findings.iter().any(|finding| finding.rule.as_deref() == Some("R27 PolicyMayAdd")));
}

#[test]
fn r31_planning_again_on_a_newer_read_keeps_what_came_in_between() {
    let change = addressed(ensure(), &["new@contoso.com"]);
    let mut current = mailbox();
    current.email_addresses.push("X500:/o=x/cn=later".into());
    let Some(ParameterValue::List(sent)) =
        run(&current, &change).steps[0].parameter("EmailAddresses").cloned()
    else {
        panic!()
    };
    assert!(sent.contains(&"X500:/o=x/cn=later".to_owned()));
}

#[test]
fn r32_a_difference_is_sent_as_one() {
    let mut change = ensure();
    change.addresses = Some(AddressFlow::Delta(Delta {
        add: strings(&["b@contoso.com"]),
        remove: strings(&["jr@contoso.com"]),
    }));
    let planned = run(&mailbox(), &change);
    let expected = Delta { add: strings(&["smtp:b@contoso.com"]), remove: strings(&["smtp:jr@contoso.com"]) };
    assert_eq!(planned.steps[0].parameter("EmailAddresses"), Some(&ParameterValue::Delta(expected)));
}

#[test]
fn r33_a_flow_that_takes_addresses_from_too_many_is_refused() {
    let losing = run(&mailbox(), &addressed(ensure(), &["jane@contoso.com"]));
    assert_eq!(losing.removed_addresses(), 1);
    let same = run(&mailbox(), &ensure());
    let flow = |losers: usize, all: usize| {
        let mut plans = vec![losing.clone(); losers];
        plans.resize(all, same.clone());
        plans
    };
    assert!(mass_removal(&flow(6, 50), Some(10)).is_some());
    assert!(mass_removal(&flow(5, 50), Some(10)).is_none());
    assert!(mass_removal(&flow(49, 49), Some(10)).is_none());
    assert!(mass_removal(&flow(50, 50), None).is_none());
}

#[test]
fn a_primary_by_itself_is_passed_on() {
    let change = with(ensure(), &[("PrimarySmtpAddress", "new@contoso.com".into())]);
    let planned = run(&mailbox(), &change);
    assert_eq!(parameters(&planned.steps[0]), ["Identity", "PrimarySmtpAddress", "DomainController"]);
    let same = with(ensure(), &[("PrimarySmtpAddress", "JANE@contoso.com".into())]);
    assert_eq!(run(&mailbox(), &same).action, Action::Unchanged);
    let mut owned = mailbox();
    owned.email_address_policy_enabled = Some(true);
    assert_eq!(class(&run(&owned, &change)), Some(ErrorClass::RefusedByRule));
    assert_eq!(
        class(&plan(Some(&mailbox()), &change, &excluding("contoso.com"), &here())),
        Some(ErrorClass::RefusedByRule)
    );
}

#[test]
fn a_type_is_converted_and_a_linked_one_is_not() {
    let shared = Change { mailbox_type: Some(MailboxType::Shared), ..ensure() };
    assert_eq!(run(&mailbox(), &shared).steps[0].parameter("Type"), Some(&text("Shared")));
    let regular = Change { mailbox_type: Some(MailboxType::Regular), ..ensure() };
    assert_eq!(run(&mailbox(), &regular).action, Action::Unchanged);
    let mut linked = mailbox();
    linked.kind = RecipientKind::Mailbox(MailboxDetails::Linked);
    assert_eq!(class(&run(&linked, &shared)), Some(ErrorClass::Unsupported));
}

#[test]
fn an_archive_is_made_once_and_never_taken_by_a_column() {
    let change = with(ensure(), &[("Archive", true.into())]);
    let planned = run(&mailbox(), &change);
    assert_eq!(cmdlets(&planned), ["Enable-Mailbox"]);
    assert_eq!(parameters(&planned.steps[0]), ["Identity", "Archive", "DomainController"]);
    let mut archived = mailbox();
    archived.archive = ArchiveState::Local;
    assert_eq!(run(&archived, &change).action, Action::Unchanged);
    let off = with(ensure(), &[("Archive", false.into())]);
    assert_eq!(class(&run(&archived, &off)), Some(ErrorClass::RefusedByRule));
    assert_eq!(run(&mailbox(), &off).action, Action::Unchanged);
}

#[test]
fn a_create_only_column_is_silent_later_and_a_plain_one_speaks() {
    let mut change = ensure();
    change.create_only.insert("FirstName".into(), "Jane".into());
    change.password = Some(SecretSource::Reference("env:X".into()));
    let planned = run(&mailbox(), &change);
    assert_eq!((planned.action, planned.findings.len()), (Action::Unchanged, 0));
    let plain = with(ensure(), &[("FirstName", "Jane".into())]);
    let planned = run(&mailbox(), &plain);
    assert_eq!((planned.action, planned.findings[0].severity), (Action::Unchanged, Severity::Warning));
    let mut known = mailbox();
    known.properties.insert("FirstName".into(), Property::Text("Joan".into()));
    assert_eq!(class(&run(&known, &plain)), Some(ErrorClass::InvalidInput));
}
