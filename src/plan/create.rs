//! Making a mailbox: the creating cmdlet, then Set- for what it does not take, then the archive.

use super::{
    Context, Finding, Infrastructure, ParameterValue, Planned, Policy, Step, UserMaker, addresses, archive,
    attributes::{self, Attributes, cmdlet, initial, known, not_a_parameter, on, pinned},
    cloud, licence,
    update::elsewhere,
};
use crate::{
    address::{self, Outcome},
    recipient::{
        Action, AddressFlow, Change, ErrorClass, MailboxType, ObjectType, Recipient, Side, Wanted, column,
        parameters::{Cmdlet, Parameter},
    },
};

pub(super) fn plan(
    user: Option<&Recipient>,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Planned, Finding> {
    if context.is_cloud() {
        let regular = change.mailbox_type.unwrap_or_default() == MailboxType::Regular;
        if user.is_some() || regular && context.cloud.maker == UserMaker::Graph {
            return licence::plan(user, change, policy, context);
        }
    }
    let remote = context.infrastructure == Infrastructure::Hybrid;
    let noun = if remote { "RemoteMailbox" } else { "Mailbox" };
    let verb = if user.is_some() { "Enable" } else { "New" };
    let make = cmdlet(&format!("{verb}-{noun}"))?;
    let (set, enable) = (cmdlet(&format!("Set-{noun}"))?, cmdlet(&format!("Enable-{noun}"))?);
    let mut wanted = attributes::managed(change)?;
    let mut create_only = attributes::create_only(change)?;
    addresses::exclusive(change, &wanted)?;
    if context.is_cloud() {
        cloud::principal(&mut wanted);
        cloud::principal(&mut create_only);
    }
    if remote {
        cloud::drop_needless_authority(&mut wanted);
    }
    let wants_archive = archive::take(&mut wanted, &mut create_only);
    add_routing_address(remote, user, &mut wanted, context);

    let mut planned = Planned::new(Action::Created, user.map(|user| user.guid));
    let mut step =
        Step::new(make.name, format!("make the {}", if remote { "remote mailbox" } else { "mailbox" }));
    if let Some(user) = user {
        step.push("Identity", ParameterValue::Text(user.guid.hyphenated().to_string()));
    }
    let set_name =
        parameter_set(context, change.mailbox_type.unwrap_or_default(), make, &create_only, &wanted)?;
    if matches!(set_name, "Shared" | "Room" | "Equipment") {
        step.push(set_name, ParameterValue::Switch(true));
    }
    // What goes with the archive must be out of the way before the rest is dealt out.
    let identity = identity_after(user, change, &wanted, context);
    let archive_step = archive::step(
        wants_archive,
        enable,
        &identity,
        user,
        change,
        context,
        &mut wanted,
        &mut create_only,
    )?;

    let addressed = address(user, change, &wanted, policy, context)?;
    let held = user.map(|user| user.email_addresses.as_slice()).unwrap_or_default();
    check_given_primary(&create_only, held, policy, context)?;
    if let Some(primary) = &addressed.primary {
        step.push("PrimarySmtpAddress", ParameterValue::Text(primary.clone()));
    }
    let later = deal_out(&mut step, make, set, set_name, context, &wanted, &create_only)?;
    password(&mut step, change, make, set_name, user.is_none())?;
    required(&step, make, set_name, context)?;
    planned.steps.push(pinned(step, change, context, user));

    let mut second = on(set.name, &identity, "set what creating does not take");
    if let Some(value) = addressed.value {
        second.push("EmailAddresses", value);
    }
    let mut rest = initial(set, &later);
    if let Some(user) = user {
        // What the directory user is known to have needs no second call.
        rest.retain(|(name, _)| {
            let wanted = later.get(name.as_str());
            let held = set.parameter(name).zip(wanted);
            held.is_none_or(|(parameter, wanted)| known(user, parameter, wanted, context) != Some(true))
        });
    }
    rest.into_iter().for_each(|(name, value)| second.push(&name, value));
    if second.parameters.len() > 1 {
        planned.steps.push(pinned(second, change, context, user));
    }
    planned.steps.extend(archive_step);
    if context.is_cloud() && change.mailbox_type.unwrap_or_default() == MailboxType::Regular {
        // Exchange takes a mailbox away that stays without one.
        let licence = licence::giving(&identity, true, change, context)?;
        planned.steps.extend(licence.into_iter().map(|step| pinned(step, change, context, user)));
    }
    planned.findings.extend(addressed.findings);
    if remote && !wanted.contains_key("RemoteRoutingAddress") && change.addresses.is_some() {
        planned.findings.push(Finding::info(
            "the routing address is left to Exchange; it is kept, so the list that is sent is longer by it",
        ));
    }
    planned.address_lines = addressed.lines;
    Ok(planned)
}

/// How the object is named once it is made.
fn identity_after(
    user: Option<&Recipient>,
    change: &Change,
    wanted: &Attributes,
    context: &Context,
) -> String {
    if let Some(user) = user {
        return user.guid.hyphenated().to_string();
    }
    let names: &[&str] = match context.side() {
        Side::Here => &["UserPrincipalName", "SamAccountName", "PrimarySmtpAddress", "Alias", "Name"],
        Side::Cloud => &["MicrosoftOnlineServicesID", "PrimarySmtpAddress", "Alias", "Name"],
    };
    let named = names.iter().find_map(|name| match wanted.get(name) {
        Some(Wanted::Text(text)) => Some(text.clone()),
        _ => None,
    });
    named.unwrap_or_else(|| change.identity.trim().to_owned())
}

/// The routing address that Exchange would calculate, where its parts are known: so the plan can show it.
fn add_routing_address(remote: bool, user: Option<&Recipient>, wanted: &mut Attributes, context: &Context) {
    let domain = context.accepted_domains.as_ref().and_then(address::AcceptedDomains::routing_domain);
    let (true, false, Some(domain)) = (remote, wanted.contains_key("RemoteRoutingAddress"), domain) else {
        return;
    };
    let given = |name: &str| match wanted.get(name) {
        Some(Wanted::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let alias = given("Alias")
        .or_else(|| user.and_then(|user| user.alias.clone()).filter(|alias| !alias.is_empty()))
        .or_else(|| {
            given("UserPrincipalName").and_then(|name| name.split_once('@').map(|(user, _)| user.to_owned()))
        })
        .or_else(|| {
            user.and_then(|user| {
                user.user_principal_name.as_deref()?.split_once('@').map(|(user, _)| user.to_owned())
            })
        });
    let Some(address) = alias.map(|alias| format!("{alias}@{domain}")) else { return };
    if address::check_smtp(&address).is_ok() {
        wanted.insert("RemoteRoutingAddress", Wanted::Text(address));
    }
}

/// The parameter set, by the type of mailbox.
fn parameter_set(
    context: &Context,
    wanted: MailboxType,
    make: &Cmdlet,
    create_only: &Attributes,
    managed: &Attributes,
) -> Result<&'static str, Finding> {
    let disabled =
        [create_only, managed].iter().any(|from| from.get("AccountDisabled") == Some(&Wanted::Bool(true)));
    let remote = context.infrastructure == Infrastructure::Hybrid;
    Ok(match (wanted, remote) {
        (MailboxType::Regular, _) if context.is_cloud() => "MicrosoftOnlineServicesID",
        (MailboxType::Linked, _) if context.is_cloud() => {
            return Err(Finding::refusal(
                ErrorClass::Unsupported,
                "a mailbox in the cloud cannot be linked",
                "Type is one of Regular, Shared, Room, Equipment here",
            ));
        }
        (MailboxType::Regular, false) if disabled && make.name.starts_with("New") => "DisabledUser",
        (MailboxType::Regular, true) if disabled && make.name.starts_with("New") => "AccountDisabled",
        (MailboxType::Regular, false) => "User",
        (MailboxType::Regular, true) => "Default",
        (MailboxType::Shared, _) => "Shared",
        (MailboxType::Room, _) => "Room",
        (MailboxType::Equipment, _) => "Equipment",
        (MailboxType::Linked, false) => "Linked",
        (MailboxType::Linked, true) => {
            return Err(Finding::refusal(
                ErrorClass::Unsupported,
                "a remote mailbox cannot be linked",
                "Type is one of Regular, Shared, Room, Equipment here",
            ));
        }
    })
}

/// Whether a parameter belongs to the set. The reference leaves the sign-in name out of the set that bears its name.
fn in_set(parameter: &Parameter, set_name: &str) -> bool {
    parameter.in_set(set_name) || parameter.name == set_name
}

/// What the addresses of a mailbox to be made come to.
#[derive(Default)]
pub(super) struct Addressed {
    pub(super) primary: Option<String>,
    pub(super) value: Option<ParameterValue>,
    pub(super) lines: Vec<address::AddressLine>,
    pub(super) findings: Vec<Finding>,
}

pub(super) fn address(
    user: Option<&Recipient>,
    change: &Change,
    wanted: &Attributes,
    policy: &Policy,
    context: &Context,
) -> Result<Addressed, Finding> {
    let mut base = user.map(|user| user.email_addresses.clone()).unwrap_or_default();
    let routing = match wanted.get("RemoteRoutingAddress") {
        Some(Wanted::Text(text)) => address::smtp_part(text).map(str::to_owned),
        _ => None,
    };
    let before = base.clone();
    // Exchange puts the routing address among the addresses by itself, so it is there when the second call runs. It is
    // checked for conflicts all the same.
    if let Some(routing) = routing
        .as_ref()
        .filter(|routing| !base.iter().any(|held| address::key(held) == address::key(routing)))
    {
        let add = [routing.clone()];
        let add = address::Flow::Delta { add: &add, remove: &[] };
        addresses::merge(&base, add, None, policy, context)?;
        base.push(format!("smtp:{routing}"));
    }
    if change.addresses.is_none() {
        check_given_primary(wanted, &base, policy, context)?;
        return Ok(Addressed::default());
    }
    if wanted.get("EmailAddressPolicyEnabled") == Some(&Wanted::Bool(true)) {
        return Err(Finding::refusal(
            ErrorClass::RefusedByRule,
            "the flow gives the addresses of a new mailbox and wants an address policy to own them",
            "keep one of EmailAddresses and EmailAddressPolicyEnabled",
        )
        .by(address::Rule::PolicyOwnsPrimary));
    }
    let merged = addresses::merge(&base, addresses::flow(change), routing.as_deref(), policy, context)?;
    let whole = matches!(change.addresses, Some(AddressFlow::List(_) | AddressFlow::Clear));
    let value = match &merged.outcome {
        // The list is sent even when creating should have set it: what a policy stamps beside it is not known.
        Outcome::NoChange | Outcome::Set(_) if whole => Some(ParameterValue::List(merged.result.clone())),
        outcome => addresses::parameter(outcome),
    };
    Ok(Addressed {
        primary: merged.primary.filter(|_| whole),
        value,
        lines: address::line::compare(&before, &merged.result),
        findings: merged.notes.into_iter().map(Finding::from).collect(),
    })
}

/// A primary address in a column of its own is held to the same rules as one in the list.
fn check_given_primary(
    wanted: &Attributes,
    base: &[String],
    policy: &Policy,
    context: &Context,
) -> Result<(), Finding> {
    let Some(Wanted::Text(primary)) = wanted.get("PrimarySmtpAddress") else { return Ok(()) };
    let list = [primary.clone()];
    let merge = crate::address::MergePolicy { max_removed_addresses: None, ..policy.merge.clone() };
    let policy = Policy { merge, ..policy.clone() };
    addresses::merge(base, address::Flow::List(&list), None, &policy, context)?;
    Ok(())
}

/// Puts each attribute to the creating cmdlet if that has it in this parameter set; gives back what is left for Set-.
fn deal_out(
    step: &mut Step,
    make: &Cmdlet,
    set: &Cmdlet,
    set_name: &str,
    context: &Context,
    wanted: &Attributes,
    create_only: &Attributes,
) -> Result<Attributes, Finding> {
    let side = context.side();
    let remote = context.infrastructure == Infrastructure::Hybrid;
    for (name, value) in create_only {
        let name =
            if remote && *name == "OrganizationalUnit" { "OnPremisesOrganizationalUnit" } else { name };
        let parameter = make
            .parameter(name)
            .filter(|parameter| parameter.works(side))
            .ok_or_else(|| not_a_parameter(make, name, ""))?;
        if !in_set(parameter, set_name) {
            return Err(Finding::refusal(
                ErrorClass::InvalidInput,
                format!("{} takes no {} together with a {set_name} mailbox", make.name, parameter.name),
                format!("its parameter sets are {}", parameter.sets.join(", ")),
            ));
        }
        initial(make, [(&parameter.name, value)])
            .into_iter()
            .for_each(|(name, value)| step.push(&name, value));
    }
    let mut later = Attributes::new();
    for (name, value) in wanted {
        let at_once = make
            .parameter(name)
            .is_some_and(|parameter| parameter.works(side) && in_set(parameter, set_name));
        let takes = |cmdlet: &Cmdlet| cmdlet.parameter(name).is_some_and(|parameter| parameter.works(side));
        if create_only.contains_key(name) && at_once {
            // The create-only column is the more special one; both would be the same parameter twice.
            continue;
        } else if at_once {
            initial(make, [(name, value)]).into_iter().for_each(|(name, value)| step.push(&name, value));
        } else if takes(set) {
            later.insert(name, value.clone());
        } else {
            let known =
                column::parameter(ObjectType::Mailbox, name).is_some_and(|parameter| !parameter.works(side));
            let why = match known {
                true => format!("; it works {} only", elsewhere(side)),
                false => ", and neither has Set-".to_owned(),
            };
            return Err(not_a_parameter(make, name, &why));
        }
    }
    Ok(later)
}

fn password(
    step: &mut Step,
    change: &Change,
    make: &Cmdlet,
    set_name: &str,
    new: bool,
) -> Result<(), Finding> {
    let invalid =
        |message: String, hint: &str| Err(Finding::refusal(ErrorClass::InvalidInput, message, hint));
    match &change.password {
        Some(_) if make.parameter("Password").is_none() => invalid(
            format!("{} takes no password; the directory user has one already", make.name),
            "leave _param_password empty for users who are there",
        ),
        Some(source) => {
            step.push("Password", ParameterValue::Secret(source.clone()));
            Ok(())
        }
        None if new && matches!(set_name, "User" | "Default" | "MicrosoftOnlineServicesID") => invalid(
            format!("{} needs a password for a regular mailbox", make.name),
            "give _param_password or _param_password_ref",
        ),
        None => Ok(()),
    }
}

/// What Exchange would ask for at a prompt that nobody sees.
fn required(step: &Step, make: &Cmdlet, set_name: &str, context: &Context) -> Result<(), Finding> {
    let upn_too = make.name == "New-RemoteMailbox" && set_name == "Default";
    let missing = make.parameters.iter().find(|parameter| {
        let asked = parameter.required && parameter.works(context.side()) && in_set(parameter, set_name);
        let asked = asked || (upn_too && parameter.name == "UserPrincipalName");
        // Resource mailboxes get a disabled account, which needs no password. The reference marks the last one as required
        // in every set of Enable-RemoteMailbox; all its examples do without.
        let free = ["Password", "Identity", "ACLableSyncedObjectEnabled", "Shared", "Room", "Equipment"];
        asked && !free.contains(&parameter.name) && step.parameter(parameter.name).is_none()
    });
    match missing {
        None => Ok(()),
        Some(parameter) => Err(Finding::refusal(
            ErrorClass::InvalidInput,
            format!("{} needs {} for this type of mailbox", make.name, parameter.name),
            format!(
                "give the column {}",
                if parameter.name.starts_with("Linked") {
                    format!("_param_{}", parameter.name)
                } else {
                    parameter.name.to_owned()
                }
            ),
        )),
    }
}
