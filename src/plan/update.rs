//! Updating a mailbox that is there: one Set-, with what differs and nothing else.

use super::{
    Context, Finding, ParameterValue, Planned, Policy, addresses, archive,
    attributes::{self, Attributes, differences, known, not_a_parameter, on, pinned},
    cloud, licence,
};
use crate::recipient::{
    Action, Change, ErrorClass, MailboxDetails, MailboxType, ObjectType, Operation, Recipient, RecipientKind,
    Side, column,
    parameters::{self, Cmdlet},
};

pub(super) fn plan(
    current: &Recipient,
    remote: bool,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    let (set, enable) = if remote {
        ("Set-RemoteMailbox", "Enable-RemoteMailbox")
    } else {
        ("Set-Mailbox", "Enable-Mailbox")
    };
    let (set, enable) = (attributes::cmdlet(set)?, attributes::cmdlet(enable)?);
    let mut wanted = attributes::managed(change)?;
    let mut create_only = attributes::create_only(change)?;
    addresses::exclusive(change, &wanted)?;
    let identity = current.guid.hyphenated().to_string();
    let mut planned = Planned::new(Action::Unchanged, Some(current.guid));
    let authority = if context.is_cloud() { cloud::authority(&mut wanted, current, &identity) } else { None };
    if remote {
        cloud::drop_needless_authority(&mut wanted);
    }

    let archive = archive::take(&mut wanted, &mut create_only);
    let archive = archive::step(
        archive,
        enable,
        &identity,
        Some(current),
        change,
        context,
        &mut wanted,
        &mut create_only,
    )?;
    let mut step = on(set.name, &identity, "make the mailbox as wanted");
    if let Some(new) = conversion(current, change.mailbox_type)? {
        step.push("Type", ParameterValue::Text(new.as_str().to_owned()));
    }
    let addressed = addresses::update(&mut step, current, change, &wanted, policy, context)?;
    for name in ["PrimarySmtpAddress", "WindowsEmailAddress"] {
        wanted.remove(name);
    }
    if !context.is_cloud() {
        wanted.remove("EmailAddressPolicyEnabled");
        no_move(current, &mut wanted, context)?;
    }
    planned.findings.extend(addressed.findings);
    planned.findings.extend(not_settable(set, remote, current, &mut wanted, change, context)?);
    differences(set, current, &wanted, context).into_iter().for_each(|(name, value)| step.push(&name, value));
    planned.address_lines = addressed.lines;

    if step.parameters.len() > 1 {
        planned.steps.push(pinned(step, change, context, Some(current)));
    }
    planned.steps.extend(archive);
    if context.is_cloud() {
        cloud::may_write(current, authority.as_ref(), &planned.steps)?;
    }
    if let Some(step) = authority {
        // What is handed over can be written afterwards, and what is given back before.
        let hands_over = step.parameter(cloud::AUTHORITY) == Some(&ParameterValue::Bool(true));
        let at = if hands_over { 0 } else { planned.steps.len() };
        if at > 0 {
            planned.findings.push(Finding::warning(
                "the directory on-premises owns the attributes from now on: what is written here before holds until it is synchronised",
            ));
        }
        planned.steps.insert(at, pinned(step, change, context, Some(current)));
    }
    planned.steps.splice(0..0, licence::keeping(current, change, context)?);
    planned.findings.extend(licence::not_as_named(change, context));
    if !planned.steps.is_empty() {
        planned.action = Action::Updated;
    }
    Ok(planned)
}

/// The type to convert to, when another one is wanted.
fn conversion(current: &Recipient, wanted: Option<MailboxType>) -> Result<Option<MailboxType>, Finding> {
    let (RecipientKind::Mailbox(held) | RecipientKind::RemoteMailbox(held)) = &current.kind else {
        return Ok(None);
    };
    let Some(wanted) = wanted.filter(|wanted| attributes::details(*wanted) != *held) else { return Ok(None) };
    let convertible = !matches!(held, MailboxDetails::Linked | MailboxDetails::Other(_));
    if convertible && wanted != MailboxType::Linked {
        return Ok(Some(wanted));
    }
    Err(Finding::refusal(
        ErrorClass::Unsupported,
        format!("a {} cannot be converted to {wanted}", current.type_name()),
        "Regular, Shared, Room and Equipment can be converted into each other",
    ))
}

/// `Set-Mailbox -Database` would change the record and leave the mailbox where it is.
fn no_move(current: &Recipient, wanted: &mut Attributes, context: &Context) -> Result<(), Finding> {
    let Some(database) = wanted.remove("Database") else { return Ok(()) };
    let Some(parameter) = parameters::parameter("Set-Mailbox", "Database") else { return Ok(()) };
    match known(current, parameter, &database, context) {
        Some(true) => Ok(()),
        Some(false) => Err(Finding::refusal(
            ErrorClass::Unsupported,
            "the mailbox is in another database, and moving it is a move request",
            "run New-MoveRequest, or write the column as _param_Database to use it on create only",
        )),
        None => Err(Finding::refusal(
            ErrorClass::Unsupported,
            format!("a {} has no database on this side", current.type_name()),
            "write the column as _param_Database to use it on create only",
        )),
    }
}

/// Attributes that this Set- does not have: refused where they differ or can never be set, said where they are not known.
fn not_settable(
    set: &Cmdlet,
    remote: bool,
    current: &Recipient,
    wanted: &mut Attributes,
    change: &Change,
    context: &Context,
) -> Result<Vec<Finding>, Finding> {
    let mut findings = Vec::new();
    let side = context.side();
    let names: Vec<&'static str> = wanted
        .keys()
        .filter(|name| set.parameter(name).is_none_or(|found| !found.works(side)))
        .copied()
        .collect();
    for name in names {
        let Some(value) = wanted.remove(name) else { continue };
        let creates = column::creating_cmdlets(ObjectType::Mailbox)
            .iter()
            .filter(|cmdlet| cmdlet.contains("Remote") == remote)
            .find_map(|cmdlet| parameters::parameter(cmdlet, name));
        let Some(parameter) = creates.filter(|parameter| parameter.works(side)) else {
            return Err(match set.parameter(name) {
                Some(_) => Finding::refusal(
                    ErrorClass::Unsupported,
                    format!("{} {name} works {} only", set.name, elsewhere(side)),
                    "leave the column empty for this account",
                ),
                None if remote => {
                    not_a_parameter(set, name, "; the mailbox is in the cloud, and it is set there")
                }
                None => not_a_parameter(set, name, ""),
            });
        };
        match known(current, parameter, &value, context) {
            Some(true) => {}
            None if change.operation != Operation::Update => findings.push(Finding::warning(format!(
                "{name} can only be given when a mailbox is made; it is neither compared nor changed here (_param_{name} \
                 says so)"
            ))),
            _ => {
                return Err(Finding::refusal(
                    ErrorClass::InvalidInput,
                    format!("{name} can only be given when a mailbox is made, and this one is there"),
                    format!("write the column as _param_{name}"),
                ));
            }
        }
    }
    Ok(findings)
}

/// Where a parameter works that does not work on this side.
pub(super) fn elsewhere(side: Side) -> &'static str {
    match side {
        Side::Here => "in Exchange Online",
        Side::Cloud => "on-premises",
    }
}
