//! The look at a mailbox that was just made, before the second call.

use super::{Context, Finding, ParameterValue, Policy, Step, addresses};
use crate::{
    address::{self, Flow},
    recipient::{AddressFlow, Change, Recipient},
};

/// The steps that are left after creating, with the address list merged with what Exchange has really stamped.
///
/// The list is the planned one unless Exchange has put something on the mailbox that must not be taken away; then a finding
/// says so. A refusal (somebody took an address in between) is a finding too, and no step is left.
#[must_use]
pub fn plan_after_create(
    created: &Recipient,
    change: &Change,
    policy: &Policy,
    context: &Context,
    remaining: &[Step],
) -> (Vec<Step>, Vec<Finding>) {
    let mut steps = remaining.to_vec();
    let Some(AddressFlow::List(list)) = &change.addresses else { return (steps, Vec::new()) };
    let routing = created.remote_routing_address.as_deref();
    // What Exchange has stamped by itself was never the flow's, so the guard against lost addresses does not count it.
    let merge = address::MergePolicy { max_removed_addresses: None, ..policy.merge.clone() };
    let policy = Policy { merge, ..policy.clone() };
    let merged = match addresses::merge(&created.email_addresses, Flow::List(list), routing, &policy, context)
    {
        Ok(merged) => merged,
        Err(refusal) => return (Vec::new(), vec![refusal.into()]),
    };
    let mut findings = Vec::new();
    for step in &mut steps {
        let Some(ParameterValue::List(planned)) = step.parameter("EmailAddresses") else { continue };
        if address::same_state(planned, &merged.result) {
            continue;
        }
        let more: Vec<String> =
            merged.result.iter().filter(|value| !planned.contains(value)).cloned().collect();
        findings.push(Finding::info(format!(
            "Exchange has given the new mailbox {}, which stays",
            more.join(", ")
        )));
        step.push("EmailAddresses", ParameterValue::List(merged.result.clone()));
    }
    (steps, findings)
}
