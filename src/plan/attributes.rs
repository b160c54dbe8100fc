//! A change's attributes: checked against the table, and as parameters of a cmdlet.

use std::collections::BTreeMap;

use super::{
    Context, Finding, ParameterValue, Step,
    compare::{effective, same_value},
};
use crate::recipient::{
    Change, ErrorClass, MailboxDetails, MailboxType, Property, Recipient, Wanted,
    column::{self, Column},
    parameters::{self, Cmdlet, Parameter},
    value,
};

/// Attributes by canonical name, each of its parameter's type.
pub(super) type Attributes = BTreeMap<&'static str, Wanted>;

/// The change's attributes, checked.
pub(super) fn managed(change: &Change) -> Result<Attributes, Finding> {
    check(change, &change.attributes, "")
}

/// The change's create-only parameters, checked.
pub(super) fn create_only(change: &Change) -> Result<Attributes, Finding> {
    check(change, &change.create_only, "_param_")
}

fn check(change: &Change, given: &BTreeMap<String, Wanted>, mark: &str) -> Result<Attributes, Finding> {
    let invalid = |message: String| Finding::refusal(ErrorClass::InvalidInput, message, "");
    given
        .iter()
        .map(|(name, wanted)| {
            let found = column::column(change.object_type, &format!("{mark}{name}"));
            let canonical = match found.map_err(|error| invalid(error.to_string()))? {
                Column::Attribute(name) | Column::CreateOnly(name) => name,
                other => return Err(invalid(format!("{other:?} is a column of its own, not an attribute"))),
            };
            let parameter = column::parameter(change.object_type, canonical)
                .ok_or_else(|| invalid(format!("no cmdlet has `{canonical}`")))?;
            let wanted = value::check(canonical, parameter.kind, wanted.clone());
            Ok((canonical, wanted.map_err(|error| invalid(error.to_string()))?))
        })
        .collect()
}

/// The parameters that make the recipient have the attributes; nothing for those it has.
pub(super) fn differences(
    cmdlet: &Cmdlet,
    current: &Recipient,
    attributes: &Attributes,
    context: &Context,
) -> Vec<(String, ParameterValue)> {
    let mut parameters = Vec::new();
    for (name, wanted) in attributes {
        let Some(parameter) = cmdlet.parameter(name) else { continue };
        let held = current.property(name);
        let value = match (&held, wanted) {
            (Some(held), wanted) if same_value(parameter, held, wanted, &context.references) => continue,
            (Some(held), Wanted::Delta(delta)) => {
                ParameterValue::Delta(effective(parameter, held, delta, &context.references))
            }
            (_, wanted) => ParameterValue::from_wanted(parameter.kind, wanted),
        };
        parameters.push((parameter.name.to_owned(), value));
    }
    parameters
}

/// The parameters for an object that has nothing yet: everything that is not cleared.
pub(super) fn initial<'a>(
    cmdlet: &Cmdlet,
    attributes: impl IntoIterator<Item = (&'a &'static str, &'a Wanted)>,
) -> Vec<(String, ParameterValue)> {
    let filled = attributes.into_iter().filter_map(|(name, wanted)| {
        let parameter = cmdlet.parameter(name)?;
        let value = match wanted {
            Wanted::Clear => return None,
            Wanted::Delta(delta) if delta.add.is_empty() => return None,
            Wanted::Delta(delta) => ParameterValue::List(delta.add.clone()),
            // An absent switch is a switch that is off.
            Wanted::Bool(false) if parameter.kind == parameters::ParameterKind::Switch => return None,
            wanted => ParameterValue::from_wanted(parameter.kind, wanted),
        };
        Some((parameter.name.to_owned(), value))
    });
    filled.collect()
}

/// Whether the recipient is known to have the value, or known not to; none when nothing is known.
pub(super) fn known(
    current: &Recipient,
    parameter: &Parameter,
    wanted: &Wanted,
    context: &Context,
) -> Option<bool> {
    let held: Property = current.property(parameter.name)?;
    Some(same_value(parameter, &held, wanted, &context.references))
}

/// A step on an object that is there; the domain controller comes last, by [`pinned`].
pub(super) fn on(cmdlet: &str, identity: &str, purpose: impl Into<String>) -> Step {
    Step::new(cmdlet, purpose).with("Identity", ParameterValue::Text(identity.to_owned()))
}

/// Pins the step to a domain controller: the row's, else the lane's, else the one that the recipient was read from.
pub(super) fn pinned(step: Step, change: &Change, context: &Context, current: Option<&Recipient>) -> Step {
    if context.is_cloud() {
        return Step { side: context.side(), ..step };
    }
    let pin = change
        .domain_controller
        .as_ref()
        .or(context.domain_controller.as_ref())
        .or_else(|| current.and_then(|current| current.originating_server.as_ref()));
    match pin {
        Some(pin) => step.with("DomainController", ParameterValue::Text(pin.clone())),
        None => step,
    }
}

/// What a type of mailbox is called as a recipient.
pub(super) fn details(mailbox_type: MailboxType) -> MailboxDetails {
    match mailbox_type {
        MailboxType::Regular => MailboxDetails::User,
        MailboxType::Shared => MailboxDetails::Shared,
        MailboxType::Room => MailboxDetails::Room,
        MailboxType::Equipment => MailboxDetails::Equipment,
        MailboxType::Linked => MailboxDetails::Linked,
    }
}

/// A refusal of a parameter that the cmdlet does not have, with the name that was probably meant.
pub(super) fn not_a_parameter(cmdlet: &Cmdlet, name: &str, why: &str) -> Finding {
    let hint = parameters::nearest(name, cmdlet.parameters.iter().map(|parameter| parameter.name))
        .map(|near| format!("the nearest that it has is {near}"))
        .unwrap_or_default();
    Finding::refusal(ErrorClass::InvalidInput, format!("{} has no parameter {name}{why}", cmdlet.name), hint)
}

/// The table's entry for a cmdlet that planning names itself.
pub(super) fn cmdlet(name: &str) -> Result<&'static Cmdlet, Finding> {
    parameters::cmdlet(name)
        .ok_or_else(|| Finding::refusal(ErrorClass::Internal, format!("no table for {name}"), ""))
}
