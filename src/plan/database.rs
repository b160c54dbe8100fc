//! Mailbox databases.

use super::{
    Context, Finding, ParameterValue, Planned, Policy, Step,
    attributes::{self, cmdlet, differences, initial, known, not_a_parameter, on, pinned},
};
use crate::recipient::{
    Action, Change, ErrorClass, ObjectType, Operation, Recipient, RecipientKind, Wanted, column,
};

pub(super) fn plan(
    current: Option<&Recipient>,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    if let Some(other) = current.filter(|current| current.kind != RecipientKind::MailboxDatabase) {
        let message = format!("`{}` is a {}, not a mailbox database", change.identity, other.type_name());
        return Err(Finding::refusal(
            ErrorClass::Conflict,
            message,
            "set ObjectType to Mailbox, or name a database",
        ));
    }
    match (change.operation, current) {
        (Operation::Ensure | Operation::Create, None) => create(change, context),
        (Operation::Ensure | Operation::Create | Operation::Update, Some(current)) => {
            update(current, change, context)
        }
        (Operation::Update, None) => Err(Finding::refusal(
            ErrorClass::NotFound,
            format!("there is no mailbox database `{}`", change.identity),
            "use the operation ensure or create to make it",
        )),
        (Operation::Disable, _) => Err(Finding::refusal(
            ErrorClass::InvalidInput,
            "a mailbox database cannot be disabled",
            "dismount it with Dismount-Database, or use the operation remove",
        )),
        (Operation::Remove, None) => Ok(Planned::new(Action::Unchanged, None)),
        (Operation::Remove, Some(current)) => remove(current, change, policy, context),
    }
}

fn create(change: &Change, context: &Context) -> Result<Planned, Finding> {
    let (make, set) = (cmdlet("New-MailboxDatabase")?, cmdlet("Set-MailboxDatabase")?);
    let mut wanted = attributes::managed(change)?;
    let create_only = attributes::create_only(change)?;
    let name = match wanted.remove("Name") {
        Some(Wanted::Text(name)) => name,
        _ => change.identity.trim().to_owned(),
    };
    let mut step = Step::new(make.name, "make the database").with("Name", ParameterValue::Text(name.clone()));
    let (at_once, later): (attributes::Attributes, attributes::Attributes) =
        wanted.into_iter().partition(|(name, _)| make.parameter(name).is_some());
    for (name, value) in initial(make, create_only.iter().chain(&at_once)) {
        step.push(&name, value);
    }
    if step.parameter("Server").is_none() {
        return Err(Finding::refusal(
            ErrorClass::InvalidInput,
            "New-MailboxDatabase needs Server",
            "give the column _param_Server",
        ));
    }
    let mut planned = Planned::new(Action::Created, None);
    planned.steps.push(pinned(step, change, context, None));
    let mut second = on(set.name, &name, "set what creating does not take");
    initial(set, &later).into_iter().for_each(|(name, value)| second.push(&name, value));
    if second.parameters.len() > 1 {
        planned.steps.push(pinned(second, change, context, None));
    }
    planned.findings.push(Finding::info("a new database is not mounted; run Mount-Database"));
    Ok(planned)
}

fn update(current: &Recipient, change: &Change, context: &Context) -> Result<Planned, Finding> {
    let set = cmdlet("Set-MailboxDatabase")?;
    let mut wanted = attributes::managed(change)?;
    attributes::create_only(change)?;
    let fixed: Vec<&'static str> =
        wanted.keys().filter(|name| set.parameter(name).is_none()).copied().collect();
    for name in fixed {
        let value = wanted.remove(name);
        let same = column::parameter(ObjectType::MailboxDatabase, name)
            .zip(value)
            .and_then(|(parameter, value)| known(current, parameter, &value, context));
        if same != Some(true) {
            return Err(not_a_parameter(
                set,
                name,
                &format!("; write the column as _param_{name} to use it on create only"),
            ));
        }
    }
    let mut step = on(set.name, &current.guid.hyphenated().to_string(), "make the database as wanted");
    differences(set, current, &wanted, context).into_iter().for_each(|(name, value)| step.push(&name, value));
    let changes = step.parameters.len() > 1;
    let mut planned =
        Planned::new(if changes { Action::Updated } else { Action::Unchanged }, Some(current.guid));
    if changes {
        planned.steps.push(pinned(step, change, context, Some(current)));
    }
    Ok(planned)
}

fn remove(
    current: &Recipient,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    if !policy.allow_remove {
        return Err(Finding::refusal(
            ErrorClass::RefusedByRule,
            "remove deletes the mailbox database",
            "set allow_remove = true",
        ));
    }
    let step = on("Remove-MailboxDatabase", &current.guid.hyphenated().to_string(), "delete the database")
        .with("Confirm", ParameterValue::Switch(false));
    let mut planned = Planned::new(Action::Removed, Some(current.guid));
    planned.steps.push(pinned(step, change, context, Some(current)));
    Ok(planned)
}
