//! Making mailboxes: which cmdlet gets what, and that the second look changes nothing.

use super::*;
use crate::{
    plan::plan_after_create,
    recipient::{Action, MailboxType},
};

/// Acceptance scenario 1: New with password, database and three addresses.
#[test]
fn a_new_mailbox_takes_two_calls() {
    let mut change = addressed(joiner(), &["j.roe@contoso.com", "jr@contoso.com", "jane.roe@contoso.com"]);
    change.create_only.insert("Database".into(), "DB1".into());
    let change =
        with(change, &[("CustomAttribute1", "HR".into()), ("HiddenFromAddressListsEnabled", false.into())]);
    let planned = plan(None, &change, &new_policy(), &here());
    assert_eq!(planned.action, Action::Created);
    assert_eq!(cmdlets(&planned), ["New-Mailbox", "Set-Mailbox"]);
    let (new, set) = (&planned.steps[0], &planned.steps[1]);
    assert_eq!(
        parameters(new),
        [
            "PrimarySmtpAddress",
            "Database",
            "Alias",
            "Name",
            "UserPrincipalName",
            "Password",
            "DomainController"
        ]
    );
    assert_eq!(new.parameter("PrimarySmtpAddress"), Some(&text("jane.roe@contoso.com")));
    assert!(matches!(
        new.parameter("Password"),
        Some(ParameterValue::Secret(SecretSource::Flow { line: 2, .. }))
    ));
    assert_eq!(set.parameter("Identity"), Some(&text("jane@contoso.com")));
    assert_eq!(
        set.parameter("EmailAddresses"),
        Some(&list(&["smtp:j.roe@contoso.com", "smtp:jr@contoso.com", "SMTP:jane.roe@contoso.com"]))
    );
    assert_eq!(
        parameters(set),
        [
            "Identity",
            "EmailAddresses",
            "CustomAttribute1",
            "HiddenFromAddressListsEnabled",
            "DomainController"
        ]
    );
    let shown: Vec<String> = planned.address_lines.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["+ smtp:j.roe@contoso.com", "+ smtp:jr@contoso.com", "+ SMTP:jane.roe@contoso.com"]);
}

#[test]
fn enabling_uses_the_users_guid_and_sends_only_what_the_user_lacks() {
    let change = with(
        ensure(),
        &[
            ("UserPrincipalName", "JANE@contoso.com".into()),
            ("SamAccountName", "jroe2".into()),
            ("DisplayName", "Jane".into()),
            ("MailTip", Wanted::Clear),
        ],
    );
    let planned = plan(Some(&user()), &change, &policy(), &here());
    assert_eq!(cmdlets(&planned), ["Enable-Mailbox", "Set-Mailbox"]);
    assert_eq!(parameters(&planned.steps[0]), ["Identity", "DisplayName", "DomainController"]);
    assert_eq!(parameters(&planned.steps[1]), ["Identity", "SamAccountName", "DomainController"]);
    assert_eq!(planned.steps[1].parameter("Identity"), Some(&guid_text()));
}

/// Acceptance scenario 3: Enable-RemoteMailbox and the archive are two calls, and only the first has the routing address.
#[test]
fn a_remote_mailbox_with_archive() {
    let change = with(
        addressed(ensure(), &["jane@contoso.com"]),
        &[("Archive", true.into()), ("ArchiveName", "Old".into())],
    );
    let planned = plan(Some(&user()), &change, &policy(), &hybrid());
    assert_eq!(cmdlets(&planned), ["Enable-RemoteMailbox", "Set-RemoteMailbox", "Enable-RemoteMailbox"]);
    assert_eq!(
        planned.steps[0].parameter("RemoteRoutingAddress"),
        Some(&text("jane@t.mail.onmicrosoft.com"))
    );
    assert_eq!(planned.steps[0].parameter("Archive"), None);
    assert_eq!(
        planned.steps[1].parameter("EmailAddresses"),
        Some(&list(&["smtp:jane@t.mail.onmicrosoft.com", "SMTP:jane@contoso.com"]))
    );
    assert_eq!(parameters(&planned.steps[2]), ["Identity", "Archive", "ArchiveName", "DomainController"]);
}

#[test]
fn a_new_remote_mailbox_has_its_own_parameter_names() {
    let mut change = joiner();
    change.create_only.insert("OrganizationalUnit".into(), "contoso.com/Staff".into());
    let planned = plan(None, &change, &new_policy(), &hybrid());
    assert_eq!(cmdlets(&planned), ["New-RemoteMailbox"]);
    assert_eq!(planned.steps[0].parameter("OnPremisesOrganizationalUnit"), Some(&text("contoso.com/Staff")));
    assert_eq!(planned.steps[0].parameter("OrganizationalUnit"), None);
    change.create_only.insert("Database".into(), "DB1".into());
    assert_eq!(class(&plan(None, &change, &new_policy(), &hybrid())), Some(ErrorClass::InvalidInput));
}

#[test]
fn the_type_is_a_switch_and_needs_no_password() {
    for (wanted, switch) in
        [(MailboxType::Shared, "Shared"), (MailboxType::Room, "Room"), (MailboxType::Equipment, "Equipment")]
    {
        for (context, cmdlet) in [(here(), "New-Mailbox"), (hybrid(), "New-RemoteMailbox")] {
            let change = Change { mailbox_type: Some(wanted), password: None, ..joiner() };
            let planned = plan(None, &change, &new_policy(), &context);
            assert_eq!(cmdlets(&planned), [cmdlet], "{planned:?}");
            assert_eq!(planned.steps[0].parameter(switch), Some(&ParameterValue::Switch(true)));
        }
        for context in [here(), hybrid()] {
            let change = Change { mailbox_type: Some(wanted), ..ensure() };
            let planned = plan(Some(&user()), &change, &policy(), &context);
            assert_eq!(
                planned.steps[0].parameter(switch),
                Some(&ParameterValue::Switch(true)),
                "{planned:?}"
            );
        }
    }
}

#[test]
fn a_linked_mailbox_needs_its_master() {
    let mut change = Change { mailbox_type: Some(MailboxType::Linked), password: None, ..joiner() };
    let planned = plan(None, &change, &new_policy(), &here());
    assert_eq!(class(&planned), Some(ErrorClass::InvalidInput));
    assert!(planned.refusal().unwrap().hint.as_ref().unwrap().contains("_param_Linked"));
    change.create_only.insert("LinkedMasterAccount".into(), "FABRIKAM\\jane".into());
    change.create_only.insert("LinkedDomainController".into(), "dc.fabrikam.com".into());
    assert_eq!(cmdlets(&plan(None, &change, &new_policy(), &here())), ["New-Mailbox"]);
    assert_eq!(class(&plan(None, &change, &new_policy(), &hybrid())), Some(ErrorClass::Unsupported));
}

#[test]
fn the_second_look_gives_the_planned_list() {
    let change = addressed(joiner(), &["jr@contoso.com", "jane@contoso.com"]);
    for context in [here(), hybrid()] {
        let planned = plan(None, &change, &new_policy(), &context);
        let mut created = toy::apply(None, &planned.steps[..1]).unwrap();
        // An address policy may stamp what it likes beside the primary; the flow does not have it.
        created.email_addresses.push("smtp:jane.roe@contoso.com".into());
        let (steps, findings) =
            plan_after_create(&created, &change, &new_policy(), &context, &planned.steps[1..]);
        assert_eq!((steps.as_slice(), findings), (&planned.steps[1..], vec![]));
        let done = toy::apply(Some(created), &steps).unwrap();
        assert_eq!(plan(Some(&done), &change, &new_policy(), &context).steps, []);
    }
}

#[test]
fn what_exchange_stamped_and_is_not_ours_is_kept_and_told() {
    let change = addressed(joiner(), &["jane@contoso.com"]);
    let planned = plan(None, &change, &new_policy(), &here());
    let mut created = toy::apply(None, &planned.steps[..1]).unwrap();
    created.email_addresses.push("X400:c=us;a= ;p=x;".into());
    let (steps, findings) = plan_after_create(&created, &change, &new_policy(), &here(), &planned.steps[1..]);
    let Some(ParameterValue::List(sent)) = steps[0].parameter("EmailAddresses") else { panic!() };
    assert!(crate::address::same_state(sent, &strings(&["X400:c=us;a= ;p=x;", "SMTP:jane@contoso.com"])));
    assert!(findings[0].message.contains("X400"));
}

#[test]
fn a_routing_address_that_cannot_be_known_is_left_to_exchange() {
    let two = AcceptedDomains::new(["contoso.com", "a.mail.onmicrosoft.com", "b.mail.onmicrosoft.com"]);
    let context = Context { accepted_domains: Some(two), ..hybrid() };
    let planned = plan(None, &addressed(joiner(), &["jane@contoso.com"]), &new_policy(), &context);
    assert_eq!(planned.steps[0].parameter("RemoteRoutingAddress"), None);
    assert!(planned.findings.iter().any(|finding| finding.message.contains("routing address")));
}

/// Creating may stamp more than the user had, so the list is sent although the user has just these addresses.
#[test]
fn the_list_is_sent_even_when_the_user_has_it() {
    let mut known = user();
    known.kind = RecipientKind::MailUser;
    known.email_addresses = strings(&["SMTP:jane@contoso.com", "smtp:jr@contoso.com"]);
    let change = addressed(ensure(), &["jr@contoso.com", "jane@contoso.com"]);
    let planned = plan(Some(&known), &change, &policy(), &here());
    assert_eq!(cmdlets(&planned), ["Enable-Mailbox", "Set-Mailbox"]);
    let Some(ParameterValue::List(sent)) = planned.steps[1].parameter("EmailAddresses") else { panic!() };
    assert!(crate::address::same_state(sent, &known.email_addresses));
}
