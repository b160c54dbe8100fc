//! Mailbox databases.
//!
//! A database is made under the name that its row is about, so that a second run finds it. `Mounted` is a state like any
//! other: `Mount-Database` and `Dismount-Database` bring it about, after everything else.

use super::{
    Context, Finding, ParameterValue, Planned, Policy, Step,
    attributes::{self, Attributes, cmdlet, differences, initial, known, not_a_parameter, on, pinned},
};
use crate::recipient::{
    Action, Change, ErrorClass, Identity, ObjectType, Operation, Property, Recipient, RecipientKind, Wanted,
    column, parameters::Cmdlet,
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
            "dismount it with the column Mounted, or use the operation remove",
        )),
        (Operation::Remove, None) => Ok(Planned::new(Action::Unchanged, None)),
        (Operation::Remove, Some(current)) => remove(current, change, policy, context),
    }
}

fn create(change: &Change, context: &Context) -> Result<Planned, Finding> {
    let (make, set) = (cmdlet("New-MailboxDatabase")?, cmdlet("Set-MailboxDatabase")?);
    let mut wanted = attributes::managed(change)?;
    let create_only = attributes::create_only(change)?;
    let mounted = take_mounted(&mut wanted);
    let name = name(change, wanted.remove("Name"), create_only.get("Name"))?;
    let mut step = Step::new(make.name, "make the database").with("Name", ParameterValue::Text(name.clone()));
    let (at_once, later): (Attributes, Attributes) =
        wanted.into_iter().partition(|(name, _)| make.parameter(name).is_some());
    let given = create_only.iter().filter(|(given, _)| **given != "Name");
    for (name, value) in initial(make, given.chain(&at_once)) {
        step.push(&name, value);
    }
    if step.parameter("Server").is_none() {
        return Err(Finding::refusal(
            ErrorClass::InvalidInput,
            "New-MailboxDatabase needs Server",
            "give the column Server",
        ));
    }
    let mut planned = Planned::new(Action::Created, None);
    planned.steps.push(pinned(step, change, context, None));
    let mut second = on(set.name, &name, "set what creating does not take");
    initial(set, &later).into_iter().for_each(|(name, value)| second.push(&name, value));
    if second.parameters.len() > 1 {
        planned.steps.push(pinned(second, change, context, None));
    }
    match mounted {
        Some(true) => planned.steps.push(pinned(mount(&name, true), change, context, None)),
        Some(false) => {}
        None => planned
            .findings
            .push(Finding::info("a new database is not mounted; the column Mounted = true mounts it")),
    }
    Ok(planned)
}

/// The name of a new database: that of the row. Under another one the next run would not find it.
fn name(change: &Change, managed: Option<Wanted>, given: Option<&Wanted>) -> Result<String, Finding> {
    let refuse = |message: String, hint| Err(Finding::refusal(ErrorClass::InvalidInput, message, hint));
    let identity = match Identity::parse(&change.identity) {
        Ok(Identity::Name(name)) => name,
        _ => {
            return refuse(
                format!(
                    "there is no mailbox database `{}`, and that is no name for a new one",
                    change.identity
                ),
                "write the name of the database into the column Identity",
            );
        }
    };
    match managed.as_ref().or(given) {
        Some(Wanted::Text(name)) if name.trim().to_lowercase() != identity.to_lowercase() => refuse(
            format!("there is no mailbox database `{identity}` that could be called {name}"),
            "a new database is made under the name in the column Identity; leave Name out",
        ),
        Some(Wanted::Text(name)) => Ok(name.trim().to_owned()),
        _ => Ok(identity),
    }
}

fn update(current: &Recipient, change: &Change, context: &Context) -> Result<Planned, Finding> {
    let set = cmdlet("Set-MailboxDatabase")?;
    let mut wanted = attributes::managed(change)?;
    attributes::create_only(change)?;
    let mounted = take_mounted(&mut wanted);
    fixed(set, current, &mut wanted, context)?;
    let identity = current.guid.hyphenated().to_string();
    let mut step = on(set.name, &identity, "make the database as wanted");
    differences(set, current, &wanted, context).into_iter().for_each(|(name, value)| step.push(&name, value));
    let mut planned = Planned::new(Action::Unchanged, Some(current.guid));
    if step.parameters.len() > 1 {
        planned.steps.push(pinned(step, change, context, Some(current)));
    }
    if let Some(mounted) = mounted {
        match current.property("Mounted") {
            Some(Property::Bool(held)) if held == mounted => {}
            Some(Property::Bool(_)) => {
                planned.steps.push(pinned(mount(&identity, mounted), change, context, Some(current)));
            }
            _ => {
                return Err(Finding::refusal(
                    ErrorClass::Transient,
                    format!("Exchange does not say whether `{}` is mounted", change.identity),
                    "see whether the server of the database can be reached, then run the flow again",
                ));
            }
        }
    }
    if !planned.steps.is_empty() {
        planned.action = Action::Updated;
    }
    Ok(planned)
}

/// Takes out what only creating can set: it must be so already, where that is known.
fn fixed(
    set: &Cmdlet,
    current: &Recipient,
    wanted: &mut Attributes,
    context: &Context,
) -> Result<(), Finding> {
    let fixed: Vec<&'static str> =
        wanted.keys().filter(|name| set.parameter(name).is_none()).copied().collect();
    for name in fixed {
        let Some(value) = wanted.remove(name) else { continue };
        let parameter = column::parameter(ObjectType::MailboxDatabase, name);
        let same = match (&value, current.text(name)) {
            // Exchange shows the first label of a server, and Windows knows no case in paths.
            (Wanted::Text(wanted), Some(held)) => {
                let short = |text: &str| match name {
                    "Server" => text.split('.').next().unwrap_or_default().trim().to_lowercase(),
                    _ => text.trim().to_lowercase(),
                };
                Some(short(wanted) == short(held))
            }
            _ => parameter.and_then(|parameter| known(current, parameter, &value, context)),
        };
        if same != Some(true) {
            return Err(not_a_parameter(
                set,
                name,
                &format!("; write the column as _param_{name} to use it on create only"),
            ));
        }
    }
    Ok(())
}

fn take_mounted(wanted: &mut Attributes) -> Option<bool> {
    match wanted.remove("Mounted") {
        Some(Wanted::Bool(mounted)) => Some(mounted),
        _ => None,
    }
}

fn mount(identity: &str, mounted: bool) -> Step {
    if mounted {
        return on("Mount-Database", identity, "mount the database");
    }
    on("Dismount-Database", identity, "dismount the database").with("Confirm", ParameterValue::Switch(false))
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
