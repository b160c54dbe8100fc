//! The address merge as a part of a plan, and the address policy that may own the primary (R26, R27).

use super::{Context, Finding, ParameterValue, Policy, Step, attributes::Attributes};
use crate::{
    address::{self, AddressLine, Flow, Merge, Outcome, Refusal, Rule, Surroundings},
    recipient::{AddressFlow, Change, Delta, ErrorClass, Recipient, Wanted},
};

/// The change's address flow as the merge takes it.
pub(super) fn flow(change: &Change) -> Flow<'_> {
    match &change.addresses {
        None => Flow::Absent,
        Some(AddressFlow::Clear) => Flow::Clear,
        Some(AddressFlow::List(list)) => Flow::List(list),
        Some(AddressFlow::Delta(delta)) => Flow::Delta { add: &delta.add, remove: &delta.remove },
    }
}

/// Merges, with everything that the context knows.
pub(super) fn merge(
    current: &[String],
    flow: Flow<'_>,
    routing: Option<&str>,
    policy: &Policy,
    context: &Context,
) -> Result<Merge, Refusal> {
    let around = Surroundings {
        routing,
        cloud: context.is_cloud(),
        accepted: context.accepted_domains.as_ref(),
        owners: Some(&context.owners),
    };
    address::merge(current, flow, &policy.merge, around)
}

/// `EmailAddresses`, as a parameter.
pub(super) fn parameter(outcome: &Outcome) -> Option<ParameterValue> {
    match outcome {
        Outcome::NoParameter | Outcome::NoChange => None,
        Outcome::Set(list) => Some(ParameterValue::List(list.clone())),
        Outcome::Delta { add, remove } => {
            Some(ParameterValue::Delta(Delta { add: add.clone(), remove: remove.clone() }))
        }
    }
}

/// Each of these sets the primary address, so only one of them may be there.
pub(super) fn exclusive(change: &Change, attributes: &Attributes) -> Result<(), Finding> {
    let columns = [
        ("EmailAddresses", change.addresses.is_some()),
        ("PrimarySmtpAddress", attributes.contains_key("PrimarySmtpAddress")),
        ("WindowsEmailAddress", attributes.contains_key("WindowsEmailAddress")),
    ];
    let given: Vec<&str> = columns.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if given.len() < 2 {
        return Ok(());
    }
    Err(Finding::refusal(
        ErrorClass::InvalidInput,
        format!("{} cannot be given together; each sets the primary address", given.join(" and ")),
        "keep EmailAddresses and put the primary address last",
    ))
}

/// What the addresses of an existing mailbox come to.
#[derive(Default)]
pub(super) struct Addressed {
    pub lines: Vec<AddressLine>,
    pub findings: Vec<Finding>,
}

/// Adds what the addresses need to a Set- step.
pub(super) fn update(
    step: &mut Step,
    current: &Recipient,
    change: &Change,
    attributes: &Attributes,
    policy: &Policy,
    context: &Context,
) -> Result<Addressed, Finding> {
    let routing = routing(current, attributes);
    let merged = merge(&current.email_addresses, flow(change), routing, policy, context)?;
    let mut addressed =
        Addressed { lines: merged.lines, findings: merged.notes.into_iter().map(Finding::from).collect() };
    let mut primary_changes = merged.primary_changes;
    let value = parameter(&merged.outcome);
    let addresses_change = value.is_some();
    if let Some(value) = value {
        step.push("EmailAddresses", value);
    }
    for name in ["PrimarySmtpAddress", "WindowsEmailAddress"] {
        if let Some(Wanted::Text(primary)) = attributes.get(name)
            && let Some(after) = primary_alone(current, primary, routing, policy, context)?
        {
            primary_changes = true;
            addressed.lines = address::line::compare(&current.email_addresses, &after);
            // The cloud has no parameter for the primary address alone.
            match context.is_cloud() {
                true => step.push("EmailAddresses", ParameterValue::List(after)),
                false => step.push(name, ParameterValue::Text(primary.clone())),
            }
        }
    }
    if context.is_cloud() {
        return Ok(addressed);
    }
    if let Some(finding) =
        address_policy(step, current, attributes, policy, primary_changes, addresses_change)?
    {
        addressed.findings.push(finding);
    }
    Ok(addressed)
}

/// The routing address that must stay: the one that is there, and when the change brings another one, that.
fn routing<'a>(current: &'a Recipient, attributes: &'a Attributes) -> Option<&'a str> {
    match attributes.get("RemoteRoutingAddress") {
        Some(Wanted::Text(text)) => Some(text),
        _ => current.remote_routing_address.as_deref(),
    }
}

/// The addresses after a primary address was given by itself: Exchange keeps the former one as a secondary. None when it is
/// primary already.
fn primary_alone(
    current: &Recipient,
    primary: &str,
    routing: Option<&str>,
    policy: &Policy,
    context: &Context,
) -> Result<Option<Vec<String>>, Finding> {
    let wanted = address::key(primary);
    let held = current.email_addresses.iter().find(|value| address::is_primary(value));
    let held = held.map(String::as_str).or(current.primary_smtp_address.as_deref());
    if held.and_then(address::key) == wanted {
        return Ok(None);
    }
    if wanted.as_ref().is_some_and(|key| policy.merge.excluded.contains(key))
        && !policy.merge.promote_excluded_primary
    {
        let message = format!("{primary} would become primary, but its domain is excluded");
        let hint = "use an address of another domain, or set excluded_primary = \"promote\"";
        return Err(Refusal::new(Rule::PrimaryExcluded, message, hint).into());
    }
    let add = [primary.to_owned()];
    merge(&current.email_addresses, Flow::Delta { add: &add, remove: &[] }, routing, policy, context)?;
    let demoted = |value: &String| match value.strip_prefix("SMTP:") {
        Some(address) => format!("smtp:{address}"),
        None => value.clone(),
    };
    let mut after: Vec<String> =
        current.email_addresses.iter().filter(|value| address::key(value) != wanted).map(demoted).collect();
    after.push(format!("SMTP:{primary}"));
    Ok(Some(after))
}

/// R26 and R27: with an address policy on, Exchange answers a change of the primary with a mere warning.
fn address_policy(
    step: &mut Step,
    current: &Recipient,
    attributes: &Attributes,
    policy: &Policy,
    primary_changes: bool,
    addresses_change: bool,
) -> Result<Option<Finding>, Finding> {
    let on = current.email_address_policy_enabled == Some(true);
    let wanted = match attributes.get("EmailAddressPolicyEnabled") {
        Some(Wanted::Bool(wanted)) => Some(*wanted),
        _ => None,
    };
    if primary_changes && wanted == Some(true) {
        return Err(Finding::refusal(
            ErrorClass::RefusedByRule,
            "the flow wants another primary address and EmailAddressPolicyEnabled; the policy would put its own back",
            "set EmailAddressPolicyEnabled to false, or leave the addresses to the policy",
        )
        .by(Rule::PolicyOwnsPrimary));
    }
    if primary_changes && on {
        if wanted.is_none() && !policy.disable_email_address_policy {
            return Err(Finding::refusal(
                ErrorClass::RefusedByRule,
                "an address policy owns the primary address; Exchange would answer with a warning and change nothing",
                "set email_address_policy = \"disable\", or give the column EmailAddressPolicyEnabled as false",
            )
            .by(Rule::PolicyOwnsPrimary));
        }
        step.push("EmailAddressPolicyEnabled", ParameterValue::Bool(false));
        return Ok(Some(
            Finding::info("the address policy is switched off, so that the primary address can change")
                .by(Rule::PolicyOwnsPrimary),
        ));
    }
    if let Some(wanted) = wanted.filter(|wanted| current.email_address_policy_enabled != Some(*wanted)) {
        step.push("EmailAddressPolicyEnabled", ParameterValue::Bool(wanted));
    }
    let drifts = addresses_change && (wanted == Some(true) || (on && wanted.is_none()));
    Ok(drifts.then(|| {
        Finding::info("an address policy is on and may add its own addresses again").by(Rule::PolicyMayAdd)
    }))
}
