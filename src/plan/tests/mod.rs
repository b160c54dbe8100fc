//! Tests of planning, and the toy Exchange they use.

mod cloud;
mod create;
mod errors;
mod operations;
mod properties;
mod toy;
mod update;

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Context, CreateMethod, Infrastructure, ParameterValue, Planned, Policy, Step, plan};
use crate::{
    address::{AcceptedDomains, ExcludedDomains, MergePolicy},
    recipient::{
        AddressFlow, Change, ErrorClass, MailboxDetails, Operation, Property, Recipient, RecipientKind,
        SecretSource, Wanted,
    },
};

fn guid() -> Uuid {
    Uuid::from_u128(0xc07d_2fbc)
}

fn guid_text() -> ParameterValue {
    text(&guid().hyphenated().to_string())
}

fn text(text: &str) -> ParameterValue {
    ParameterValue::Text(text.to_owned())
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn list(values: &[&str]) -> ParameterValue {
    ParameterValue::List(strings(values))
}

fn user() -> Recipient {
    let mut user = Recipient::new(RecipientKind::User, guid());
    user.identity = "contoso.com/Staff/Jane Roe".into();
    user.name = Some("Jane Roe".into());
    user.user_principal_name = Some("jane@contoso.com".into());
    user.sam_account_name = Some("jroe".into());
    user
}

fn mailbox() -> Recipient {
    let mut mailbox = user();
    mailbox.kind = RecipientKind::Mailbox(MailboxDetails::User);
    mailbox.alias = Some("jane".into());
    mailbox.primary_smtp_address = Some("jane@contoso.com".into());
    mailbox.email_addresses = strings(&["SMTP:jane@contoso.com", "smtp:jr@contoso.com", "X500:/o=x/cn=jane"]);
    mailbox.email_address_policy_enabled = Some(false);
    mailbox.properties = BTreeMap::from([
        ("DisplayName".into(), Property::Text("Jane Roe".into())),
        ("CustomAttribute1".into(), Property::Text(String::new())),
        ("HiddenFromAddressListsEnabled".into(), Property::Bool(false)),
        ("ProhibitSendQuota".into(), Property::Text("30 GB (32,212,254,720 bytes)".into())),
        ("Database".into(), Property::Text("DB1".into())),
        ("ForwardingAddress".into(), Property::Null),
    ]);
    mailbox
}

fn remote() -> Recipient {
    let mut remote = mailbox();
    remote.kind = RecipientKind::RemoteMailbox(MailboxDetails::User);
    remote.remote_routing_address = Some("SMTP:jane@t.mail.onmicrosoft.com".into());
    remote.email_addresses.push("smtp:jane@t.mail.onmicrosoft.com".into());
    remote.properties.remove("ProhibitSendQuota");
    remote.properties.remove("Database");
    remote
}

fn change(operation: Operation) -> Change {
    Change::new(operation, "jane@contoso.com")
}

fn ensure() -> Change {
    change(Operation::Ensure)
}

/// A change with everything that New-Mailbox asks for.
fn joiner() -> Change {
    let mut change = ensure();
    change.attributes = BTreeMap::from([
        ("Name".into(), "Jane Roe".into()),
        ("UserPrincipalName".into(), "jane@contoso.com".into()),
        ("Alias".into(), "jane".into()),
    ]);
    change.password =
        Some(SecretSource::Flow { file: "f.csv".into(), line: 2, column: "_param_password".into() });
    change
}

fn with(mut change: Change, attributes: &[(&str, Wanted)]) -> Change {
    change.attributes.extend(attributes.iter().map(|(name, wanted)| ((*name).to_owned(), wanted.clone())));
    change
}

fn addressed(mut change: Change, addresses: &[&str]) -> Change {
    change.addresses = Some(AddressFlow::List(strings(addresses)));
    change
}

fn policy() -> Policy {
    Policy::default()
}

fn new_policy() -> Policy {
    Policy { create_method: CreateMethod::New, ..Policy::default() }
}

fn excluding(domain: &str) -> Policy {
    let excluded = ExcludedDomains::parse([domain]).unwrap();
    Policy { merge: MergePolicy { excluded, ..MergePolicy::default() }, ..Policy::default() }
}

fn here() -> Context {
    Context {
        accepted_domains: Some(AcceptedDomains::new(["contoso.com", "t.mail.onmicrosoft.com"])),
        domain_controller: Some("dc1.contoso.com".into()),
        ..Context::default()
    }
}

fn hybrid() -> Context {
    Context { infrastructure: Infrastructure::Hybrid, ..here() }
}

fn cmdlets(planned: &Planned) -> Vec<&str> {
    planned.steps.iter().map(|step| step.cmdlet.as_str()).collect()
}

fn parameters(step: &Step) -> Vec<&str> {
    step.parameters.iter().map(|(name, _)| name.as_str()).collect()
}

fn class(planned: &Planned) -> Option<ErrorClass> {
    if planned.refusal().is_some() {
        assert!(planned.steps.is_empty(), "a refusal with steps: {planned:?}");
    }
    planned.refusal_class()
}
