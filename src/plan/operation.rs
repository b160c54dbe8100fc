//! The table of operations: what a change comes to, by what is there.

use super::{
    Context, CreateMethod, Finding, Infrastructure, ParameterValue, Planned, Policy, Wait,
    attributes::{details, on, pinned},
    cloud, create, database, update,
};
use crate::recipient::{
    Action, Change, ErrorClass, Identity, MailboxType, ObjectType, Operation, Recipient, RecipientKind,
    Wanted,
};

/// Plans a change of what is there (nothing, a directory user, a mailbox).
#[must_use]
pub fn plan(current: Option<&Recipient>, change: &Change, policy: &Policy, context: &Context) -> Planned {
    let guid = current.map(|current| current.guid);
    match decide(current, change, policy, context) {
        Ok(planned) => with_what_is_left_out(planned, change, context),
        Err(finding) => Planned::refused(finding, guid),
    }
}

/// Says what the change asks for and nobody does here.
fn with_what_is_left_out(mut planned: Planned, change: &Change, context: &Context) -> Planned {
    let columns = [("Licence", &change.licence), ("UsageLocation", &change.usage_location)];
    let given: Vec<&str> =
        columns.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect();
    if !context.is_cloud() && !given.is_empty() {
        let text = format!(
            "{} is not heeded: licences are given where the cloud masters the account, and this one is mastered on-premises",
            given.join(" and ")
        );
        planned.findings.push(Finding::warning(text));
    }
    planned
}

fn decide(
    current: Option<&Recipient>,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    Identity::parse(&change.identity).map_err(|error| {
        Finding::refusal(
            ErrorClass::InvalidInput,
            error.to_string(),
            "name the object in the column Identity",
        )
    })?;
    if context.is_cloud() {
        in_the_cloud(change)?;
    }
    if change.object_type == ObjectType::MailboxDatabase {
        return database::plan(current, change, policy, context);
    }
    match current.map(|current| (current, &current.kind)) {
        None => nothing_there(change, policy, context),
        Some((user, RecipientKind::User | RecipientKind::MailUser)) => {
            user_there(user, change, policy, context)
        }
        Some((mailbox, RecipientKind::Mailbox(_))) => mailbox_there(mailbox, false, change, policy, context),
        Some((mailbox, RecipientKind::RemoteMailbox(_))) => {
            mailbox_there(mailbox, true, change, policy, context)
        }
        Some((other, RecipientKind::Other(_) | RecipientKind::MailboxDatabase)) => Err(Finding::refusal(
            ErrorClass::Conflict,
            format!("`{}` is a {}, not a user or mailbox", change.identity, other.type_name()),
            "name another object",
        )),
    }
}

/// What Exchange Online does not have.
fn in_the_cloud(change: &Change) -> Result<(), Finding> {
    let refuse = |message: String, hint: &str| Err(Finding::refusal(ErrorClass::InvalidInput, message, hint));
    match &change.domain_controller {
        _ if change.object_type == ObjectType::MailboxDatabase => refuse(
            "Exchange Online has no mailbox databases of one's own".into(),
            "name a connection on-premises in the column Connection",
        ),
        Some(server) => refuse(
            format!("Exchange Online has no domain controller `{server}`"),
            "leave the column DomainController empty for this account",
        ),
        None => Ok(()),
    }
}

fn nothing_there(change: &Change, policy: &Policy, context: &Context) -> Result<Planned, Finding> {
    let not_found = |hint: &str| {
        Err(Finding::refusal(ErrorClass::NotFound, format!("there is no object `{}`", change.identity), hint))
    };
    match (change.operation, policy.create_method) {
        (Operation::Ensure | Operation::Create, CreateMethod::New) => {
            create::plan(None, change, policy, context)
        }
        // In the cloud these have no user before they have a mailbox.
        (Operation::Ensure | Operation::Create, CreateMethod::Enable)
            if context.is_cloud()
                && change.mailbox_type.is_some_and(|wanted| wanted != MailboxType::Regular) =>
        {
            create::plan(None, change, policy, context)
        }
        (Operation::Ensure | Operation::Create, CreateMethod::Enable) => {
            not_found("with create_method = \"enable\" the directory user must be there first")
        }
        (Operation::Update, _) => not_found("use the operation ensure or create to make it"),
        (Operation::Disable | Operation::Remove, _) => Ok(Planned::new(Action::Unchanged, None)),
    }
}

fn user_there(
    user: &Recipient,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    match (change.operation, policy.create_method) {
        (Operation::Ensure | Operation::Create, CreateMethod::Enable) => {
            create::plan(Some(user), change, policy, context)
        }
        // A user without a mailbox is what making one has come to on its way.
        (Operation::Ensure | Operation::Create, CreateMethod::New) if context.is_cloud() => {
            create::plan(Some(user), change, policy, context)
        }
        (Operation::Ensure | Operation::Create, CreateMethod::New) => Err(Finding::refusal(
            ErrorClass::Conflict,
            format!("`{}` is a directory user already, so it cannot be made new", change.identity),
            "set create_method = \"enable\" to give the user a mailbox",
        )),
        (Operation::Update, _) => Err(Finding::refusal(
            ErrorClass::NotFound,
            format!("`{}` is a {} without a mailbox", change.identity, user.type_name()),
            "use the operation ensure or create to make one",
        )),
        (Operation::Disable, _) => Ok(Planned::new(Action::Unchanged, Some(user.guid))),
        (Operation::Remove, _) => Err(Finding::refusal(
            ErrorClass::RefusedByRule,
            format!("`{}` is a directory user without a mailbox, and is not ours to delete", change.identity),
            "delete the user in the directory",
        )),
    }
}

fn mailbox_there(
    mailbox: &Recipient,
    remote: bool,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    match change.operation {
        Operation::Ensure | Operation::Update => update::plan(mailbox, remote, change, policy, context),
        Operation::Create => {
            same_target(mailbox, remote, change, context)?;
            update::plan(mailbox, remote, change, policy, context)
        }
        Operation::Disable if context.is_cloud() => cloud::disable(mailbox, change, context),
        Operation::Disable => Ok(disable(mailbox, remote, change, context)),
        Operation::Remove => remove(mailbox, remote, change, policy, context),
    }
}

/// Whether the mailbox is the one that creating would make.
fn same_target(mailbox: &Recipient, remote: bool, change: &Change, context: &Context) -> Result<(), Finding> {
    let conflict = |why: String| {
        let message = format!("`{}` is there already and {why}", change.identity);
        Err(Finding::refusal(
            ErrorClass::Conflict,
            message,
            "use the operation ensure or update to change it",
        ))
    };
    if remote != (context.infrastructure == Infrastructure::Hybrid) {
        return conflict(format!("is a {}", mailbox.type_name()));
    }
    let wanted = details(change.mailbox_type.unwrap_or_default());
    let kind = if remote { RecipientKind::RemoteMailbox(wanted) } else { RecipientKind::Mailbox(wanted) };
    if mailbox.kind != kind {
        return conflict(format!("is a {}, not a {}", mailbox.type_name(), kind.type_name()));
    }
    let names = [
        ("UserPrincipalName", &mailbox.user_principal_name),
        ("MicrosoftOnlineServicesID", &mailbox.user_principal_name),
        ("SamAccountName", &mailbox.sam_account_name),
    ];
    for (name, held) in names {
        if let (Some(Wanted::Text(wanted)), Some(held)) = (change.attributes.get(name), held)
            && wanted.trim().to_lowercase() != held.to_lowercase()
        {
            return conflict(format!("has the {name} {held}, not {wanted}"));
        }
    }
    Ok(())
}

fn disable(mailbox: &Recipient, remote: bool, change: &Change, context: &Context) -> Planned {
    let cmdlet = if remote { "Disable-RemoteMailbox" } else { "Disable-Mailbox" };
    let identity = mailbox.guid.hyphenated().to_string();
    let end = |step| pinned(step, change, context, Some(mailbox));
    let mut planned = Planned::new(Action::Disabled, Some(mailbox.guid));
    let archive_first = remote && mailbox.archive.exists();
    if archive_first {
        let step = on(cmdlet, &identity, "take the archive away first")
            .with("Archive", ParameterValue::Switch(true))
            .with("Confirm", ParameterValue::Switch(false));
        planned.steps.push(end(step));
        planned.findings.push(Finding::info(
            "the archive goes first; directory synchronisation should carry that to the cloud before the mailbox goes",
        ));
    }
    let mut step = end(on(cmdlet, &identity, "take the mailbox from its user")
        .with("Confirm", ParameterValue::Switch(false)));
    step.after = archive_first.then_some(Wait::DirectorySync);
    planned.steps.push(step);
    planned
}

fn remove(
    mailbox: &Recipient,
    remote: bool,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    if !policy.allow_remove {
        return Err(Finding::refusal(
            ErrorClass::RefusedByRule,
            "remove deletes the directory user together with the mailbox",
            "use the operation disable, or set allow_remove = true",
        ));
    }
    if context.is_cloud() {
        cloud::may_remove(mailbox)?;
    }
    let cmdlet = if remote { "Remove-RemoteMailbox" } else { "Remove-Mailbox" };
    let step = on(cmdlet, &mailbox.guid.hyphenated().to_string(), "delete mailbox and user")
        .with("Confirm", ParameterValue::Switch(false));
    let mut planned = Planned::new(Action::Removed, Some(mailbox.guid));
    planned.steps.push(pinned(step, change, context, Some(mailbox)));
    Ok(planned)
}
