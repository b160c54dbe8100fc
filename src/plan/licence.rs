//! A mailbox for a person in the cloud: a user in the directory, a licence, and what is written once the mailbox is there.

use super::{
    Context, Finding, ParameterValue, Planned, Policy, Step, Wait, archive,
    attributes::{self, Attributes, cmdlet, initial, known, not_a_parameter, on, pinned},
    cloud, create,
};
use crate::recipient::{
    Action, Change, ErrorClass, MailboxDetails, MailboxType, Operation, Recipient, RecipientKind, Side, Sku,
    Wanted, parameters,
};

/// Columns that `New-Mailbox` takes and that a user in the directory has under another name.
const OF_USER: &[(&str, &str)] =
    &[("FirstName", "GivenName"), ("LastName", "Surname"), ("Office", "OfficeLocation")];
/// Columns that say how the user is made; they have no meaning later.
const OF_MAKING: &[&str] = &["AccountDisabled", "ResetPasswordOnNextLogon", "Name", "DisplayName", "Alias"];

pub(super) fn plan(
    user: Option<&Recipient>,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    user.map_or(Ok(()), mailbox_is_elsewhere)?;
    let (set, enable) = (cmdlet("Set-Mailbox")?, cmdlet("Enable-Mailbox")?);
    let mut wanted = attributes::managed(change)?;
    let mut create_only = attributes::create_only(change)?;
    super::addresses::exclusive(change, &wanted)?;
    cloud::principal(&mut wanted);
    cloud::principal(&mut create_only);
    let wants_archive = archive::take(&mut wanted, &mut create_only);

    let mut planned = Planned::new(Action::Created, user.map(|user| user.guid));
    let step = |step| pinned(step, change, context, user);
    let key = match user {
        Some(user) => user.guid.hyphenated().to_string(),
        None => principal_name(change, &wanted, &create_only)?,
    };
    match user {
        None => planned.steps.push(step(new_user(&key, change, &wanted, &create_only, context)?)),
        Some(_) if change.password.is_some() && policy.create_method == super::CreateMethod::New => {
            planned
                .findings
                .push(Finding::info("the user is there already; the password of the flow is not used"));
        }
        Some(_) => {}
    }
    only_of_making(&mut create_only)?;
    planned.steps.extend(giving(&key, user.is_some(), change, context)?.into_iter().map(step));
    let mut wait = on("Get-Mailbox", &key, "wait for the mailbox");
    wait.after = Some(Wait::Mailbox);
    planned.steps.push(step(wait));

    let archive_step =
        archive::step(wants_archive, enable, &key, user, change, context, &mut wanted, &mut create_only)?;
    let addressed = create::address(user, change, &wanted, policy, context)?;
    let mut second = on(set.name, &key, "set what the licence does not bring");
    if let Some(kind) = change.mailbox_type.filter(|kind| *kind != MailboxType::Regular) {
        second.push("Type", ParameterValue::Text(kind.as_str().to_owned()));
    }
    if let Some(value) = addressed.value {
        second.push("EmailAddresses", value);
    } else if let Some(Wanted::Text(primary)) = wanted.remove("PrimarySmtpAddress") {
        second.push("WindowsEmailAddress", ParameterValue::Text(primary));
    }
    wanted.remove("PrimarySmtpAddress");
    planned.findings.extend(settable(&mut wanted, user, change, context)?);
    initial(set, &wanted).into_iter().for_each(|(name, value)| second.push(&name, value));
    if second.parameters.len() > 1 {
        planned.steps.push(step(second));
    }
    planned.steps.extend(archive_step);
    planned.findings.extend(not_as_named(change, context));
    planned.findings.extend(addressed.findings);
    planned.address_lines = addressed.lines;
    Ok(planned)
}

/// A synchronised mail user has a mailbox on-premises; a licence would make a second one.
fn mailbox_is_elsewhere(user: &Recipient) -> Result<(), Finding> {
    if user.kind != RecipientKind::MailUser || !user.is_dir_synced {
        return Ok(());
    }
    Err(Finding::refusal(
        ErrorClass::RefusedByRule,
        "the user is synchronised as a mail user, so the mailbox is on-premises",
        "migrate it, or use the connection of infrastructure = \"hybrid\"",
    ))
}

/// The licence that a change is about; none where somebody else gives it.
pub(super) fn wanted<'c>(change: &Change, context: &'c Context) -> Result<Option<&'c Sku>, Finding> {
    let name = change.licence.as_deref().or(context.cloud.licence.as_deref()).map(str::trim);
    let Some(name) = name.filter(|name| !name.eq_ignore_ascii_case("elsewhere")) else { return Ok(None) };
    let skus = &context.cloud.skus;
    let refuse = |message: String, hint: String| Finding::refusal(ErrorClass::InvalidInput, message, hint);
    let sku = skus.iter().find(|sku| sku.is(name)).ok_or_else(|| {
        let there: Vec<&str> =
            skus.iter().filter(|sku| sku.has_exchange).map(|sku| sku.part_number.as_str()).collect();
        refuse(
            format!("the tenant has no licence `{name}`"),
            format!("with a mailbox come {}", there.join(", ")),
        )
    })?;
    if !sku.has_exchange {
        return Err(refuse(
            format!("the licence {} brings no mailbox", sku.part_number),
            "name one that Exchange Online is part of".into(),
        ));
    }
    Ok(Some(sku))
}

/// What gives a mailbox that is there the licence that keeps it, where a change wants the mailbox and none does: one that was
/// made without, or whose licence was taken away a moment ago.
pub(super) fn keeping(mailbox: &Recipient, change: &Change, context: &Context) -> Result<Vec<Step>, Finding> {
    let will_be_a_persons = match change.mailbox_type {
        Some(wanted) => wanted == MailboxType::Regular,
        None => mailbox.kind == RecipientKind::Mailbox(MailboxDetails::User),
    };
    if !context.is_cloud() || !will_be_a_persons || change.operation == Operation::Update {
        return Ok(Vec::new());
    }
    let steps = giving(&mailbox.guid.hyphenated().to_string(), true, change, context)?;
    Ok(steps.into_iter().map(|step| pinned(step, change, context, Some(mailbox))).collect())
}

/// What a row says about licences and the user is not given, because there is another value already.
pub(super) fn not_as_named(change: &Change, context: &Context) -> Vec<Finding> {
    let Some(user) = context.cloud.user.as_ref().filter(|_| change.operation != Operation::Update) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let (Some(named), Ok(Some(sku))) = (&change.licence, wanted(change, context))
        && user.exchange
        && !user.licences.contains(&sku.id)
    {
        findings.push(Finding::warning(format!(
            "another licence brings the mailbox already, so {} is not given",
            named.trim()
        )));
    }
    if let (Some(named), Some(held)) = (&change.usage_location, &user.usage_location)
        && !named.trim().eq_ignore_ascii_case(held)
    {
        findings.push(Finding::warning(format!("the usage location of the user is {held}, and stays so")));
    }
    findings
}

/// What gives the user a licence that brings a mailbox, where one is missing.
pub(super) fn giving(
    key: &str,
    is_there: bool,
    change: &Change,
    context: &Context,
) -> Result<Vec<Step>, Finding> {
    let Some(sku) = wanted(change, context)? else { return Ok(Vec::new()) };
    let user = context.cloud.user.as_ref();
    if context.cloud.licence_is_settled
        || user.is_some_and(|user| user.exchange || user.licences.contains(&sku.id))
    {
        return Ok(Vec::new());
    }
    if sku.free() == 0 {
        return Err(Finding::refusal(
            ErrorClass::RefusedByRule,
            format!("no seat of {} is free: all {} are taken", sku.part_number, sku.enabled),
            "buy seats, or take the licence from users who do not need it",
        ));
    }
    let mut steps = Vec::new();
    let place = usage_location(change, context);
    let has_place = user.is_some_and(|user| user.usage_location.is_some());
    match place {
        // A new user is made with it.
        _ if has_place => {}
        Some(place) if is_there => steps.push(
            Step::new("Update-MgUser", "say where the user is; without that there is no licence")
                .with("UserId", ParameterValue::Text(key.to_owned()))
                .with("UsageLocation", ParameterValue::Text(place)),
        ),
        Some(_) => {}
        None => {
            return Err(Finding::refusal(
                ErrorClass::InvalidInput,
                "the user has no usage location, and without one there is no licence",
                "give the column UsageLocation, or usage_location in [connections.NAME.cloud]: two letters such as DE",
            ));
        }
    }
    steps.push(
        Step::new("Set-MgUserLicense", format!("give the licence {}", sku.part_number))
            .with("UserId", ParameterValue::Text(key.to_owned()))
            .with("AddLicenses", ParameterValue::List(vec![sku.id.to_string()])),
    );
    Ok(steps)
}

fn usage_location(change: &Change, context: &Context) -> Option<String> {
    let place = change.usage_location.as_ref().or(context.cloud.usage_location.as_ref())?;
    Some(place.trim().to_ascii_uppercase())
}

fn text(name: &str, from: [&Attributes; 2]) -> Option<String> {
    from.iter().find_map(|from| match from.get(name) {
        Some(Wanted::Text(text)) => Some(text.trim().to_owned()),
        _ => None,
    })
}

fn principal_name(change: &Change, wanted: &Attributes, create_only: &Attributes) -> Result<String, Finding> {
    let named = text("MicrosoftOnlineServicesID", [create_only, wanted]);
    named.or_else(|| Some(change.identity.trim().to_owned()).filter(|name| name.contains('@'))).ok_or_else(
        || {
            Finding::refusal(
                ErrorClass::InvalidInput,
                "a new user needs a sign-in name",
                "give the column UserPrincipalName, or the name as Identity",
            )
        },
    )
}

fn new_user(
    principal: &str,
    change: &Change,
    wanted: &Attributes,
    create_only: &Attributes,
    context: &Context,
) -> Result<Step, Finding> {
    let given = [create_only, wanted];
    let flag = |name: &str| given.iter().any(|from| from.get(name) == Some(&Wanted::Bool(true)));
    let local = principal.split_once('@').map_or(principal, |(local, _)| local);
    let display = text("DisplayName", given).or_else(|| text("Name", given));
    let Some(password) = &change.password else {
        return Err(Finding::refusal(
            ErrorClass::InvalidInput,
            "New-MgUser needs a password for a new user",
            "give _param_password or _param_password_ref",
        ));
    };
    let mut step = Step::new("New-MgUser", "make the user")
        .with("AccountEnabled", ParameterValue::Bool(!flag("AccountDisabled")))
        .with("DisplayName", ParameterValue::Text(display.unwrap_or_else(|| local.to_owned())))
        .with("MailNickname", ParameterValue::Text(text("Alias", given).unwrap_or_else(|| local.to_owned())))
        .with("UserPrincipalName", ParameterValue::Text(principal.to_owned()))
        .with("PasswordProfile", ParameterValue::Secret(password.clone()))
        .with("ForceChangePasswordNextSignIn", ParameterValue::Bool(flag("ResetPasswordOnNextLogon")));
    for (column, property) in OF_USER {
        if let Some(value) = text(column, given) {
            step.push(property, ParameterValue::Text(value));
        }
    }
    if let Some(place) = usage_location(change, context) {
        step.push("UsageLocation", ParameterValue::Text(place));
    }
    Ok(step)
}

/// No cmdlet makes the mailbox, so nothing can be given to one.
fn only_of_making(create_only: &mut Attributes) -> Result<(), Finding> {
    create_only.retain(|name, _| {
        let is_of_user = OF_USER.iter().any(|(column, _)| column == name);
        !is_of_user && !OF_MAKING.contains(name) && *name != "MicrosoftOnlineServicesID"
    });
    match create_only.keys().next() {
        None => Ok(()),
        Some(name) => Err(Finding::refusal(
            ErrorClass::InvalidInput,
            format!("a licence makes the mailbox, so no cmdlet takes _param_{name}"),
            "leave the column empty for this account",
        )),
    }
}

/// Leaves what `Set-Mailbox` takes. What only making a user takes is used up, or said to be.
fn settable(
    wanted: &mut Attributes,
    user: Option<&Recipient>,
    change: &Change,
    context: &Context,
) -> Result<Vec<Finding>, Finding> {
    let set = cmdlet("Set-Mailbox")?;
    let mut findings = Vec::new();
    let names: Vec<&'static str> = wanted
        .keys()
        .filter(|name| !set.parameter(name).is_some_and(|parameter| parameter.works(Side::Cloud)))
        .copied()
        .collect();
    for name in names {
        let Some(value) = wanted.remove(name) else { continue };
        let making = parameters::parameter("New-Mailbox", name).filter(|it| it.works(Side::Cloud));
        let is_used = OF_USER.iter().any(|(column, _)| *column == name) || OF_MAKING.contains(&name);
        match (making, user) {
            (Some(_), None) if is_used => {}
            (Some(parameter), Some(user)) if known(user, parameter, &value, context) == Some(true) => {}
            (Some(_), Some(_)) if change.operation != Operation::Update => {
                findings.push(Finding::warning(format!(
                    "{name} can only be given when a user is made; it is neither compared nor changed here (_param_{name} says \
                     so)"
                )));
            }
            _ => return Err(not_a_parameter(set, name, "; it works on-premises only")),
        }
    }
    Ok(findings)
}
