//! The table of operations, cell by cell.

use super::*;
use crate::{
    plan::Wait,
    recipient::{Action, ArchiveState},
};

fn run(current: Option<&Recipient>, operation: Operation, policy: &Policy) -> Planned {
    let change = Change { operation, ..joiner() };
    let change = if policy.create_method == CreateMethod::Enable {
        Change { password: None, ..change }
    } else {
        change
    };
    plan(current, &change, policy, &here())
}

#[test]
fn nothing_there() {
    for operation in [Operation::Ensure, Operation::Create] {
        let made = run(None, operation, &new_policy());
        assert_eq!((made.action, cmdlets(&made)), (Action::Created, vec!["New-Mailbox"]));
        assert_eq!(class(&run(None, operation, &policy())), Some(ErrorClass::NotFound));
    }
    assert_eq!(class(&run(None, Operation::Update, &new_policy())), Some(ErrorClass::NotFound));
    for operation in [Operation::Disable, Operation::Remove] {
        let planned = run(None, operation, &policy());
        assert_eq!((planned.action, planned.steps.len()), (Action::Unchanged, 0));
    }
}

#[test]
fn a_directory_user() {
    let user = user();
    for operation in [Operation::Ensure, Operation::Create] {
        let made = run(Some(&user), operation, &policy());
        assert_eq!((made.action, cmdlets(&made)), (Action::Created, vec!["Enable-Mailbox"]));
        assert_eq!(made.steps[0].parameter("Identity"), Some(&guid_text()));
        assert_eq!(class(&run(Some(&user), operation, &new_policy())), Some(ErrorClass::Conflict));
    }
    assert_eq!(class(&run(Some(&user), Operation::Update, &policy())), Some(ErrorClass::NotFound));
    assert_eq!(run(Some(&user), Operation::Disable, &policy()).action, Action::Unchanged);
    let removing = Policy { allow_remove: true, ..policy() };
    assert_eq!(class(&run(Some(&user), Operation::Remove, &removing)), Some(ErrorClass::RefusedByRule));
}

#[test]
fn a_mailbox() {
    let mailbox = mailbox();
    for operation in [Operation::Ensure, Operation::Create, Operation::Update] {
        let planned = run(Some(&mailbox), operation, &new_policy());
        assert_eq!((planned.action, planned.steps.len()), (Action::Unchanged, 0), "{planned:?}");
    }
    let disabled = run(Some(&mailbox), Operation::Disable, &policy());
    assert_eq!(disabled.action, Action::Disabled);
    assert_eq!(
        disabled.steps[0].parameters,
        [
            ("Identity".to_owned(), guid_text()),
            ("Confirm".to_owned(), ParameterValue::Switch(false)),
            ("DomainController".to_owned(), text("dc1.contoso.com")),
        ]
    );
    assert_eq!(cmdlets(&disabled), ["Disable-Mailbox"]);
    assert_eq!(class(&run(Some(&mailbox), Operation::Remove, &policy())), Some(ErrorClass::RefusedByRule));
    let removed = run(Some(&mailbox), Operation::Remove, &Policy { allow_remove: true, ..policy() });
    assert_eq!((removed.action, cmdlets(&removed)), (Action::Removed, vec!["Remove-Mailbox"]));
    assert_eq!(removed.steps[0].parameter("Confirm"), Some(&ParameterValue::Switch(false)));
}

#[test]
fn a_remote_mailbox() {
    let mut remote = remote();
    let planned =
        plan(Some(&remote), &with(ensure(), &[("CustomAttribute1", "x".into())]), &policy(), &here());
    assert_eq!(cmdlets(&planned), ["Set-RemoteMailbox"]);
    assert_eq!(cmdlets(&run(Some(&remote), Operation::Disable, &policy())), ["Disable-RemoteMailbox"]);
    let removed = run(Some(&remote), Operation::Remove, &Policy { allow_remove: true, ..policy() });
    assert_eq!(cmdlets(&removed), ["Remove-RemoteMailbox"]);

    remote.archive = ArchiveState::HostedProvisioned;
    let disabled = run(Some(&remote), Operation::Disable, &policy());
    assert_eq!(cmdlets(&disabled), ["Disable-RemoteMailbox", "Disable-RemoteMailbox"]);
    assert_eq!(disabled.steps[0].parameter("Archive"), Some(&ParameterValue::Switch(true)));
    assert_eq!(
        (disabled.steps[1].parameter("Archive"), disabled.steps[1].after),
        (None, Some(Wait::DirectorySync))
    );
}

#[test]
fn create_is_idempotent_for_the_same_target_and_a_conflict_for_another() {
    let create = |change: Change| Change { operation: Operation::Create, ..change };
    assert_eq!(plan(Some(&mailbox()), &create(joiner()), &new_policy(), &here()).action, Action::Unchanged);
    let other = create(with(joiner(), &[("UserPrincipalName", "other@contoso.com".into())]));
    assert_eq!(class(&plan(Some(&mailbox()), &other, &new_policy(), &here())), Some(ErrorClass::Conflict));
    let shared = Change { mailbox_type: Some(crate::recipient::MailboxType::Shared), ..create(joiner()) };
    assert_eq!(class(&plan(Some(&mailbox()), &shared, &new_policy(), &here())), Some(ErrorClass::Conflict));
    assert_eq!(
        class(&plan(Some(&remote()), &create(joiner()), &new_policy(), &here())),
        Some(ErrorClass::Conflict)
    );
    assert_eq!(plan(Some(&remote()), &create(joiner()), &new_policy(), &hybrid()).action, Action::Unchanged);
}

#[test]
fn another_kind_of_recipient_is_a_conflict() {
    let group = Recipient::new(RecipientKind::Other("MailUniversalDistributionGroup".into()), guid());
    let planned = plan(Some(&group), &ensure(), &policy(), &here());
    assert_eq!(class(&planned), Some(ErrorClass::Conflict));
}

#[test]
fn a_pinned_domain_controller_is_the_rows_then_the_lanes_then_the_reads() {
    let change = with(ensure(), &[("CustomAttribute1", "x".into())]);
    let mut current = mailbox();
    current.originating_server = Some("dc3.contoso.com".into());
    let pin = |change: &Change, context: &Context| {
        plan(Some(&current), change, &policy(), context).steps[0].parameter("DomainController").cloned()
    };
    assert_eq!(pin(&change, &here()), Some(text("dc1.contoso.com")));
    assert_eq!(pin(&change, &Context::default()), Some(text("dc3.contoso.com")));
    let row = Change { domain_controller: Some("dc2.contoso.com".into()), ..change };
    assert_eq!(pin(&row, &here()), Some(text("dc2.contoso.com")));
}

#[test]
fn databases() {
    let database = |operation| Change {
        object_type: crate::recipient::ObjectType::MailboxDatabase,
        ..Change::new(operation, "DB7")
    };
    let mut made = with(
        database(Operation::Ensure),
        &[("ProhibitSendQuota", "2GB".into()), ("MountAtStartup", true.into())],
    );
    made.create_only.insert("Server".into(), "ex01".into());
    let planned = plan(None, &made, &policy(), &here());
    assert_eq!(cmdlets(&planned), ["New-MailboxDatabase", "Set-MailboxDatabase"]);
    assert_eq!(planned.steps[0].parameter("Server"), Some(&text("ex01")));
    assert_eq!(planned.steps[1].parameter("Identity"), Some(&text("DB7")));

    // A state like any other: mounted after everything else, and only where it is not so.
    let mounted = |made: &Change, so: bool| with(made.clone(), &[("Mounted", so.into())]);
    let planned = plan(None, &mounted(&made, true), &policy(), &here());
    assert_eq!(cmdlets(&planned), ["New-MailboxDatabase", "Set-MailboxDatabase", "Mount-Database"]);
    assert_eq!(parameters(&planned.steps[2]), ["Identity", "DomainController"]);
    assert_eq!(plan(None, &mounted(&made, false), &policy(), &here()).steps.len(), 2);
    // Under another name the next run would not find it.
    let other = with(made.clone(), &[("Name", "DB8".into())]);
    assert_eq!(class(&plan(None, &other, &policy(), &here())), Some(ErrorClass::InvalidInput));
    let unnamed = Change { identity: guid().to_string(), ..made.clone() };
    assert_eq!(class(&plan(None, &unnamed, &policy(), &here())), Some(ErrorClass::InvalidInput));

    let mut there = Recipient::new(RecipientKind::MailboxDatabase, guid());
    there.name = Some("DB7".into());
    there.properties.insert("ProhibitSendQuota".into(), Property::Text("2 GB (2,147,483,648 bytes)".into()));
    there.properties.insert("MountAtStartup".into(), Property::Bool(true));
    assert_eq!(plan(Some(&there), &made, &policy(), &here()).action, Action::Unchanged);
    for (held, wanted, cmdlet) in
        [(true, false, "Dismount-Database"), (false, true, "Mount-Database"), (true, true, "")]
    {
        there.properties.insert("Mounted".into(), Property::Bool(held));
        let planned = plan(Some(&there), &mounted(&made, wanted), &policy(), &here());
        assert_eq!(cmdlets(&planned).first().copied().unwrap_or_default(), cmdlet);
        assert!(planned.steps.iter().all(|step| step.parameter("Identity") == Some(&guid_text())));
    }
    there.properties.insert("Mounted".into(), Property::Null);
    let unknown = plan(Some(&there), &mounted(&made, true), &policy(), &here());
    assert_eq!(class(&unknown), Some(ErrorClass::Transient));
    assert_eq!(plan(Some(&there), &made, &policy(), &here()).action, Action::Unchanged);
    // What creating alone can set is compared: a server by its first label, a path without case.
    there.properties.insert("Server".into(), Property::Text("EX01".into()));
    there.properties.insert("EdbFilePath".into(), Property::Text("D:\\DB7\\DB7.edb".into()));
    let as_it_is = [("Server", "ex01.contoso.com".into()), ("EdbFilePath", "d:\\db7\\DB7.edb".into())];
    let same = with(database(Operation::Ensure), &as_it_is);
    assert_eq!(plan(Some(&there), &same, &policy(), &here()).action, Action::Unchanged);
    let moved = with(database(Operation::Ensure), &[("Server", "EX02".into())]);
    assert_eq!(class(&plan(Some(&there), &moved, &policy(), &here())), Some(ErrorClass::InvalidInput));
    let smaller = with(database(Operation::Update), &[("ProhibitSendQuota", "1GB".into())]);
    let planned = plan(Some(&there), &smaller, &policy(), &here());
    assert_eq!(parameters(&planned.steps[0]), ["Identity", "ProhibitSendQuota", "DomainController"]);
    assert_eq!(
        class(&plan(Some(&there), &database(Operation::Remove), &policy(), &here())),
        Some(ErrorClass::RefusedByRule)
    );
    assert_eq!(
        class(&plan(Some(&there), &database(Operation::Disable), &policy(), &here())),
        Some(ErrorClass::InvalidInput)
    );
    assert_eq!(
        class(&plan(None, &database(Operation::Ensure), &policy(), &here())),
        Some(ErrorClass::InvalidInput)
    );
    assert_eq!(class(&plan(Some(&mailbox()), &made, &policy(), &here())), Some(ErrorClass::Conflict));
}
