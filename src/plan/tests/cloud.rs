//! Changes in Exchange Online.

use super::*;
use crate::plan::{CloudContext, UserMaker, Wait};
use crate::recipient::{GraphUser, MailboxType, Side, Sku};

const E3: Uuid = Uuid::from_u128(0xe3);

fn sku(part_number: &str, id: Uuid, has_exchange: bool, free: u32) -> Sku {
    Sku { id, part_number: part_number.into(), enabled: 10, consumed: 10 - free, has_exchange }
}

fn context() -> Context {
    let cloud = CloudContext {
        licence: Some("ENTERPRISEPACK".into()),
        skus: vec![
            sku("ENTERPRISEPACK", E3, true, 3),
            sku("VISIOCLIENT", Uuid::from_u128(5), false, 3),
            sku("EXCHANGESTANDARD", Uuid::from_u128(4), true, 0),
        ],
        usage_location: Some("DE".into()),
        ..CloudContext::default()
    };
    Context { infrastructure: Infrastructure::Cloud, cloud, ..Context::default() }
}

fn graph_user(location: Option<&str>, direct: &[Uuid]) -> GraphUser {
    GraphUser {
        id: guid(),
        user_principal_name: "jane@contoso.com".into(),
        account_enabled: true,
        usage_location: location.map(str::to_owned),
        is_dir_synced: false,
        immutable_id: None,
        licences: direct.iter().copied().collect(),
        direct: direct.iter().copied().collect(),
        by_group: [].into(),
        exchange: !direct.is_empty(),
    }
}

fn with_user(user: GraphUser) -> Context {
    let mut context = context();
    context.cloud.user = Some(user);
    context
}

fn enable() -> Policy {
    Policy::default()
}

fn new() -> Policy {
    Policy { create_method: CreateMethod::New, ..Policy::default() }
}

fn person() -> Change {
    let mut change = Change::new(Operation::Ensure, "jane@contoso.com");
    change.addresses = Some(AddressFlow::List(strings(&["smtp:jr@contoso.com", "SMTP:jane@contoso.com"])));
    change.attributes.insert("CustomAttribute1".into(), "x".into());
    change.attributes.insert("DisplayName".into(), "Jane Roe".into());
    change
}

fn cmdlets(planned: &Planned) -> Vec<&str> {
    planned.steps.iter().map(|step| step.cmdlet.as_str()).collect()
}

#[track_caller]
fn refused(planned: &Planned, class: ErrorClass, words: &str) {
    let refusal = planned.refusal().unwrap_or_else(|| panic!("{planned:?}"));
    assert_eq!(refusal.class, Some(class), "{refusal}");
    assert!(refusal.to_string().contains(words), "{refusal}");
    assert!(planned.steps.is_empty());
}

#[test]
fn a_user_is_licensed_waited_for_and_then_written() {
    let planned = plan(Some(&user()), &person(), &enable(), &with_user(graph_user(None, &[])));
    assert_eq!(cmdlets(&planned), ["Update-MgUser", "Set-MgUserLicense", "Get-Mailbox", "Set-Mailbox"]);
    let [place, licence, wait, set] = planned.steps.as_slice() else { panic!() };
    assert_eq!(place.parameter("UsageLocation"), Some(&text("DE")));
    assert_eq!(licence.parameter("UserId"), Some(&guid_text()));
    assert_eq!(licence.parameter("AddLicenses"), Some(&list(&[&E3.to_string()])));
    assert_eq!(wait.after, Some(Wait::Mailbox));
    assert_eq!(
        set.parameter("EmailAddresses"),
        Some(&list(&["smtp:jr@contoso.com", "SMTP:jane@contoso.com"]))
    );
    assert_eq!(set.parameter("DomainController"), None);
    assert!(planned.steps.iter().all(|step| step.side == Side::Cloud));
    assert_eq!(planned.action, crate::recipient::Action::Created);
}

#[test]
fn what_is_there_already_is_not_given_again() {
    let steps = |user_there: GraphUser| {
        let planned = plan(Some(&user()), &person(), &enable(), &with_user(user_there));
        planned.steps.iter().map(|step| step.cmdlet.clone()).collect::<Vec<_>>()
    };
    assert_eq!(steps(graph_user(Some("FR"), &[])), ["Set-MgUserLicense", "Get-Mailbox", "Set-Mailbox"]);
    assert_eq!(steps(graph_user(Some("FR"), &[E3])), ["Get-Mailbox", "Set-Mailbox"]);
    let by_group = GraphUser { by_group: [E3].into(), licences: [E3].into(), ..graph_user(None, &[]) };
    assert_eq!(steps(by_group), ["Get-Mailbox", "Set-Mailbox"], "a group gives it");
    let another = GraphUser { exchange: true, ..graph_user(Some("FR"), &[]) };
    assert_eq!(steps(another), ["Get-Mailbox", "Set-Mailbox"], "another licence brings a mailbox too");
    let mut elsewhere = with_user(graph_user(None, &[]));
    elsewhere.cloud.licence = None;
    let planned = plan(Some(&user()), &person(), &enable(), &elsewhere);
    assert_eq!(cmdlets(&planned), ["Get-Mailbox", "Set-Mailbox"], "somebody else gives it");
}

#[test]
fn a_licence_that_cannot_be_given_is_refused_before_anything_is_written() {
    let ask = |change: &Change, context: &Context| plan(Some(&user()), change, &enable(), context);
    let there = with_user(graph_user(Some("DE"), &[]));
    let named = |name: &str| Change { licence: Some(name.into()), ..person() };
    refused(
        &ask(&named("exchangestandard"), &there),
        ErrorClass::RefusedByRule,
        "no seat of EXCHANGESTANDARD",
    );
    refused(&ask(&named("E9"), &there), ErrorClass::InvalidInput, "ENTERPRISEPACK");
    refused(&ask(&named("VISIOCLIENT"), &there), ErrorClass::InvalidInput, "brings no mailbox");
    let mut nowhere = with_user(graph_user(None, &[]));
    nowhere.cloud.usage_location = None;
    refused(&ask(&person(), &nowhere), ErrorClass::InvalidInput, "usage location");
    let here = Change { usage_location: Some("at".into()), ..person() };
    assert_eq!(ask(&here, &nowhere).steps[0].parameter("UsageLocation"), Some(&text("AT")));
    let mut synced = user();
    synced.kind = RecipientKind::MailUser;
    synced.is_dir_synced = true;
    refused(&plan(Some(&synced), &person(), &enable(), &there), ErrorClass::RefusedByRule, "on-premises");
}

#[test]
fn a_new_user_is_made_in_the_directory_or_by_exchange() {
    let mut change = person();
    change.attributes.insert("UserPrincipalName".into(), "jane@contoso.com".into());
    change.create_only.insert("FirstName".into(), "Jane".into());
    change.create_only.insert("ResetPasswordOnNextLogon".into(), true.into());
    refused(&plan(None, &change, &new(), &context()), ErrorClass::InvalidInput, "password");
    change.password = Some(SecretSource::Reference("env:X".into()));
    let planned = plan(None, &change, &new(), &context());
    assert_eq!(cmdlets(&planned), ["New-MgUser", "Set-MgUserLicense", "Get-Mailbox", "Set-Mailbox"]);
    let made = &planned.steps[0];
    for (name, value) in [
        ("UserPrincipalName", text("jane@contoso.com")),
        ("MailNickname", text("jane")),
        ("DisplayName", text("Jane Roe")),
        ("GivenName", text("Jane")),
        ("UsageLocation", text("DE")),
        ("AccountEnabled", ParameterValue::Bool(true)),
        ("ForceChangePasswordNextSignIn", ParameterValue::Bool(true)),
    ] {
        assert_eq!(made.parameter(name), Some(&value), "{name}");
    }
    assert!(matches!(made.parameter("PasswordProfile"), Some(ParameterValue::Secret(_))));
    assert_eq!(planned.steps[1].parameter("UserId"), Some(&text("jane@contoso.com")));
    // The same change, when the user is made and nothing more: it goes on.
    let again = plan(Some(&user()), &change, &new(), &with_user(graph_user(Some("DE"), &[])));
    assert_eq!(cmdlets(&again), ["Set-MgUserLicense", "Get-Mailbox", "Set-Mailbox"]);

    let mut by_exchange = context();
    by_exchange.cloud.maker = UserMaker::Exchange;
    change.attributes.insert("Name".into(), "Jane Roe".into());
    let planned = plan(None, &change, &new(), &by_exchange);
    assert_eq!(cmdlets(&planned), ["New-Mailbox", "Set-Mailbox", "Update-MgUser", "Set-MgUserLicense"]);
    assert_eq!(planned.steps[3].parameter("UserId"), Some(&text("jane@contoso.com")));
    by_exchange.cloud.licence = None;
    let planned = plan(None, &change, &new(), &by_exchange);
    assert_eq!(cmdlets(&planned), ["New-Mailbox", "Set-Mailbox"], "somebody else gives it");
    assert_eq!(planned.steps[0].parameter("MicrosoftOnlineServicesID"), Some(&text("jane@contoso.com")));
    assert!(planned.steps[0].parameter("UserPrincipalName").is_none());
}

#[test]
fn what_has_no_user_is_made_by_exchange_whatever_the_method() {
    for (wanted, switch) in
        [(MailboxType::Shared, "Shared"), (MailboxType::Room, "Room"), (MailboxType::Equipment, "Equipment")]
    {
        let mut change = person();
        change.mailbox_type = Some(wanted);
        change.attributes.insert("Name".into(), "Info".into());
        change.attributes.insert("UserPrincipalName".into(), "info@contoso.com".into());
        for policy in [enable(), new()] {
            let planned = plan(None, &change, &policy, &context());
            assert_eq!(cmdlets(&planned), ["New-Mailbox", "Set-Mailbox"], "{planned:?}");
            let made = &planned.steps[0];
            assert_eq!(made.parameter(switch), Some(&ParameterValue::Switch(true)));
            assert_eq!(made.parameter("PrimarySmtpAddress"), Some(&text("jane@contoso.com")));
            // Exchange Online refuses the sign-in name together with these.
            assert!(made.parameter("MicrosoftOnlineServicesID").is_none());
            let set = &planned.steps[1];
            assert_eq!(set.parameter("MicrosoftOnlineServicesID"), Some(&text("info@contoso.com")));
        }
    }
}

fn synced(managed: bool) -> Recipient {
    let mut mailbox = mailbox();
    mailbox.is_dir_synced = true;
    mailbox.properties.insert("IsExchangeCloudManaged".into(), Property::Bool(managed));
    mailbox
}

#[test]
fn what_synchronisation_owns_is_not_written() {
    let with = |name: &str, value: Wanted| {
        let mut change = Change::new(Operation::Update, "jane@contoso.com");
        change.attributes.insert(name.into(), value);
        change
    };
    let ask = |current: &Recipient, change: &Change| plan(Some(current), change, &enable(), &context());
    for (name, value) in [
        ("CustomAttribute1", "x".into()),
        ("HiddenFromAddressListsEnabled", true.into()),
        ("DisplayName", "J".into()),
        ("UserPrincipalName", "other@contoso.com".into()),
        ("PrimarySmtpAddress", "other@contoso.com".into()),
    ] {
        let change = with(name, value);
        refused(&ask(&synced(false), &change), ErrorClass::RefusedByRule, "mastered on-premises");
        assert_eq!(ask(&mailbox(), &change).steps.len(), 1, "{name} of one that is not synchronised");
    }
    // What is not synchronised is the cloud's own, also of a synchronised object.
    assert_eq!(ask(&synced(false), &with("ProhibitSendQuota", "20GB".into())).steps.len(), 1);
    // Where the cloud owns the Exchange attributes, the names stay with the directory.
    assert_eq!(ask(&synced(true), &with("CustomAttribute1", "x".into())).steps.len(), 1);
    refused(
        &ask(&synced(true), &with("DisplayName", "J".into())),
        ErrorClass::RefusedByRule,
        "DisplayName is",
    );
    // A flow may hand the attributes over and write them.
    let mut hands_over = with("CustomAttribute1", "x".into());
    hands_over.attributes.insert("IsExchangeCloudManaged".into(), true.into());
    let planned = ask(&synced(false), &hands_over);
    assert_eq!(planned.steps.len(), 2);
    assert_eq!(planned.steps[0].parameter("IsExchangeCloudManaged"), Some(&ParameterValue::Bool(true)));
    let remove = Change::new(Operation::Remove, "jane@contoso.com");
    let policy = Policy { allow_remove: true, ..Policy::default() };
    refused(
        &plan(Some(&synced(true)), &remove, &policy, &context()),
        ErrorClass::RefusedByRule,
        "on-premises",
    );
    assert_eq!(cmdlets(&plan(Some(&mailbox()), &remove, &policy, &context())), ["Remove-Mailbox"]);
}

#[test]
fn what_is_mastered_on_premises_need_not_be_told_so() {
    let mut change = Change::new(Operation::Ensure, "jane@contoso.com");
    change.attributes.insert("CustomAttribute1".into(), "x".into());
    change.attributes.insert("IsExchangeCloudManaged".into(), false.into());
    let hybrid = Context { infrastructure: Infrastructure::Hybrid, ..Context::default() };
    assert_eq!(cmdlets(&plan(Some(&remote()), &change, &enable(), &hybrid)), ["Set-RemoteMailbox"]);
    let made = plan(Some(&user()), &change, &enable(), &hybrid);
    assert_eq!(cmdlets(&made), ["Enable-RemoteMailbox", "Set-RemoteMailbox"]);
    change.attributes.insert("IsExchangeCloudManaged".into(), true.into());
    let planned = plan(Some(&remote()), &change, &enable(), &hybrid);
    refused(&planned, ErrorClass::InvalidInput, "IsExchangeCloudManaged");
}

#[test]
fn what_a_row_says_about_a_licence_and_the_user_has_otherwise_is_said() {
    let mut change = Change::new(Operation::Ensure, "jane");
    change.licence = Some("EXCHANGESTANDARD".into());
    change.usage_location = Some("ch".into());
    let said = |change: &Change| {
        let planned = plan(Some(&mailbox()), change, &enable(), &with_user(graph_user(Some("DE"), &[E3])));
        assert!(planned.steps.is_empty() && planned.refusal().is_none(), "{planned:?}");
        planned.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let both = said(&change);
    assert!(both.contains("EXCHANGESTANDARD is not given") && both.contains("is DE, and stays so"), "{both}");
    change.licence = Some("ENTERPRISEPACK".into());
    change.usage_location = Some("de".into());
    assert_eq!(said(&change), "");
}

#[test]
fn a_licence_that_is_not_given_is_said() {
    let mut change = person();
    change.licence = Some("ENTERPRISEPACK".into());
    let warned = |infrastructure| {
        let context = Context { infrastructure, ..with_user(graph_user(Some("DE"), &[E3])) };
        let planned = plan(Some(&remote()), &change, &enable(), &context);
        planned.findings.iter().any(|finding| finding.to_string().contains("Licence is not heeded"))
    };
    assert!(warned(Infrastructure::Hybrid) && !warned(Infrastructure::Cloud));
}

#[test]
fn a_mailbox_ends_with_its_licence() {
    let disable = Change::new(Operation::Disable, "jane@contoso.com");
    let ask =
        |current: &Recipient, user: GraphUser| plan(Some(current), &disable, &enable(), &with_user(user));
    let planned = ask(&mailbox(), graph_user(Some("DE"), &[E3]));
    assert_eq!(cmdlets(&planned), ["Set-MgUserLicense", "Get-Mailbox"]);
    assert_eq!(planned.steps[0].parameter("RemoveLicenses"), Some(&list(&[&E3.to_string()])));
    assert_eq!(planned.steps[1].after, Some(Wait::NoMailbox));
    // Taken away, and not gone yet.
    let waits = ask(&mailbox(), graph_user(Some("DE"), &[]));
    assert_eq!(cmdlets(&waits), ["Get-Mailbox"]);
    let by_group =
        GraphUser { by_group: [E3].into(), licences: [E3].into(), exchange: true, ..graph_user(None, &[]) };
    refused(&ask(&mailbox(), by_group), ErrorClass::RefusedByRule, "comes from a group");
    // Something else that the user has is no matter, a second licence with a mailbox is.
    let visio = GraphUser { exchange: false, ..graph_user(Some("DE"), &[Uuid::from_u128(5)]) };
    assert_eq!(cmdlets(&ask(&mailbox(), visio)), ["Get-Mailbox"]);
    let both = graph_user(Some("DE"), &[E3, Uuid::from_u128(4)]);
    refused(&ask(&mailbox(), both), ErrorClass::RefusedByRule, "EXCHANGESTANDARD too");
    let mut shared = mailbox();
    shared.kind = RecipientKind::Mailbox(MailboxDetails::Shared);
    refused(&ask(&shared, graph_user(None, &[])), ErrorClass::Unsupported, "remove");
    assert_eq!(ask(&user(), graph_user(None, &[])).action, crate::recipient::Action::Unchanged);
}

#[test]
fn a_mailbox_that_a_flow_wants_keeps_its_licence() {
    let steps = |mailbox: &Recipient, change: &Change, user: GraphUser| {
        let planned = plan(Some(mailbox), change, &enable(), &with_user(user));
        planned.steps.iter().map(|step| step.cmdlet.clone()).collect::<Vec<_>>()
    };
    let ensure = Change::new(Operation::Ensure, "jane");
    let without = || graph_user(Some("DE"), &[]);
    assert_eq!(steps(&mailbox(), &ensure, without()), ["Set-MgUserLicense"], "it would go otherwise");
    assert!(steps(&mailbox(), &ensure, graph_user(Some("DE"), &[E3])).is_empty());
    let another = GraphUser { exchange: true, ..without() };
    assert!(steps(&mailbox(), &ensure, another).is_empty(), "another licence brings it");
    let update = Change { operation: Operation::Update, ..ensure.clone() };
    assert!(steps(&mailbox(), &update, without()).is_empty(), "an update does not say that it shall stay");
    let mut shared = mailbox();
    shared.kind = RecipientKind::Mailbox(MailboxDetails::Shared);
    assert!(steps(&shared, &ensure, without()).is_empty());
    let converted = Change { mailbox_type: Some(MailboxType::Regular), ..ensure.clone() };
    assert_eq!(steps(&shared, &converted, without()), ["Set-MgUserLicense", "Set-Mailbox"]);
    let mut full = with_user(without());
    full.cloud.skus[0].consumed = 10;
    refused(&plan(Some(&mailbox()), &ensure, &enable(), &full), ErrorClass::RefusedByRule, "no seat");
}

#[test]
fn what_the_cloud_does_not_have_is_refused() {
    let mut change = person();
    change.domain_controller = Some("dc01".into());
    refused(&plan(Some(&mailbox()), &change, &enable(), &context()), ErrorClass::InvalidInput, "dc01");
    for (name, value) in [("Database", "DB7"), ("RemoteRoutingAddress", "a@t.mail.onmicrosoft.com")] {
        let mut change = Change::new(Operation::Update, "jane@contoso.com");
        change.attributes.insert(name.into(), value.into());
        let planned = plan(Some(&mailbox()), &change, &enable(), &context());
        assert!(planned.refusal().is_some(), "{name}: {planned:?}");
    }
    let linked = Change { mailbox_type: Some(MailboxType::Linked), ..person() };
    refused(&plan(None, &linked, &enable(), &context()), ErrorClass::Unsupported, "linked");
}

#[test]
fn the_tenants_own_address_and_what_is_not_smtp_stay() {
    let mut current = mailbox();
    current.email_addresses.extend(strings(&[
        "smtp:jane@t.onmicrosoft.com",
        "SPO:SPO_1@SPO_2",
        "SIP:jane@contoso.com",
    ]));
    let mut change = Change::new(Operation::Update, "jane@contoso.com");
    change.addresses = Some(AddressFlow::List(strings(&["jane.roe@contoso.com"])));
    let policy = Policy { merge: MergePolicy { protect_moera: true, ..MergePolicy::default() }, ..enable() };
    let planned = plan(Some(&current), &change, &policy, &context());
    let Some(ParameterValue::List(sent)) = planned.steps[0].parameter("EmailAddresses") else { panic!() };
    let mut sent = sent.clone();
    sent.sort();
    assert_eq!(
        sent,
        [
            "SIP:jane@contoso.com",
            "SMTP:jane.roe@contoso.com",
            "SPO:SPO_1@SPO_2",
            "X500:/o=x/cn=jane",
            "smtp:jane@t.onmicrosoft.com"
        ]
    );
    // A primary address of its own keeps the former one, as on-premises.
    let mut change = Change::new(Operation::Update, "jane@contoso.com");
    change.attributes.insert("PrimarySmtpAddress".into(), "jane.roe@contoso.com".into());
    let planned = plan(Some(&current), &change, &policy, &context());
    let Some(ParameterValue::List(sent)) = planned.steps[0].parameter("EmailAddresses") else { panic!() };
    assert!(
        sent.contains(&"SMTP:jane.roe@contoso.com".to_owned())
            && sent.contains(&"smtp:jane@contoso.com".to_owned())
    );
    assert!(planned.steps[0].parameter("PrimarySmtpAddress").is_none(), "the cloud has no such parameter");
}
