//! What is different where the mailbox is in Exchange Online: names, what directory synchronisation owns, the end by licence.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{
    Context, Finding, ParameterValue, Planned, Step, Wait,
    attributes::{Attributes, on, pinned},
    licence,
};
use crate::recipient::{Action, Change, ErrorClass, Operation, Property, Recipient, Wanted};

/// The flag that says which side owns the Exchange attributes of a synchronised object.
pub(super) const AUTHORITY: &str = "IsExchangeCloudManaged";

/// What directory synchronisation carries to the cloud: Exchange Online refuses to write it on a synchronised object.
const SYNCHRONISED: &[&str] = &[
    "AcceptMessagesOnlyFrom",
    "AcceptMessagesOnlyFromDLMembers",
    "AcceptMessagesOnlyFromSendersOrMembers",
    "Alias",
    "BypassModerationFromSendersOrMembers",
    "DisplayName",
    "EmailAddresses",
    "ForwardingAddress",
    "GrantSendOnBehalfTo",
    "HiddenFromAddressListsEnabled",
    "MailTip",
    "MailTipTranslations",
    "MicrosoftOnlineServicesID",
    "ModeratedBy",
    "ModerationEnabled",
    "Name",
    "RejectMessagesFrom",
    "RejectMessagesFromDLMembers",
    "RejectMessagesFromSendersOrMembers",
    "RequireSenderAuthenticationEnabled",
    "SimpleDisplayName",
    "WindowsEmailAddress",
];

/// What stays with the directory on-premises also when the cloud owns the Exchange attributes.
const IDENTITY: &[&str] = &["DisplayName", "MicrosoftOnlineServicesID", "Name"];

/// The sign-in name has another name in the cloud.
pub(super) fn principal(attributes: &mut Attributes) {
    if let Some(wanted) = attributes.remove("UserPrincipalName") {
        attributes.entry("MicrosoftOnlineServicesID").or_insert(wanted);
    }
}

/// Makes the attributes those of the cloud. What the flow says about the source of authority is a step of its own, because
/// Exchange takes it in a parameter set of its own.
pub(super) fn authority(wanted: &mut Attributes, current: &Recipient, identity: &str) -> Option<Step> {
    principal(wanted);
    let Some(Wanted::Bool(managed)) = wanted.remove(AUTHORITY) else { return None };
    if is_cloud_managed(current) == managed {
        return None;
    }
    let purpose = match managed {
        true => "let the cloud own the Exchange attributes",
        false => "give the Exchange attributes back to the directory on-premises",
    };
    Some(on("Set-Mailbox", identity, purpose).with(AUTHORITY, ParameterValue::Bool(managed)))
}

/// Whether a change wants the cloud to own the Exchange attributes.
pub(super) fn hands_over(change: &Change) -> bool {
    change.attributes.get(AUTHORITY) == Some(&Wanted::Bool(true))
        && matches!(change.operation, Operation::Ensure | Operation::Create | Operation::Update)
}

/// What is mastered on-premises need not be told so.
pub(super) fn drop_needless_authority(wanted: &mut Attributes) {
    if wanted.get(AUTHORITY) == Some(&Wanted::Bool(false)) {
        wanted.remove(AUTHORITY);
    }
}

/// Whether the cloud owns the Exchange attributes of a synchronised object.
pub(super) fn is_cloud_managed(mailbox: &Recipient) -> bool {
    mailbox.property(AUTHORITY) == Some(Property::Bool(true))
}

/// Refuses what directory synchronisation owns: Exchange Online would, and a value that got through would be overwritten.
pub(super) fn may_write(
    current: &Recipient,
    authority: Option<&Step>,
    steps: &[Step],
) -> Result<(), Finding> {
    if !current.is_dir_synced {
        return Ok(());
    }
    let is_handed_over =
        authority.and_then(|step| step.parameter(AUTHORITY)) == Some(&ParameterValue::Bool(true));
    let is_managed = is_handed_over || is_cloud_managed(current);
    let owned = |name: &str| match is_managed {
        true => IDENTITY.contains(&name),
        false => {
            SYNCHRONISED.contains(&name)
                || name.starts_with("CustomAttribute")
                || name.starts_with("ExtensionCustomAttribute")
        }
    };
    let names: Vec<&str> = steps
        .iter()
        .flat_map(|step| step.parameters.iter().map(|(name, _)| name.as_str()))
        .filter(|name| owned(name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let hint = match is_managed {
        true => "change it in the directory on-premises",
        false => {
            "use the connection of infrastructure = \"hybrid\", or let the cloud own the Exchange attributes of this object \
             (IsExchangeCloudManaged)"
        }
    };
    let message = format!("the object is synchronised, and {} mastered on-premises", listed(&names));
    Err(Finding::refusal(ErrorClass::RefusedByRule, message, hint))
}

fn listed(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        more => format!("{} are", more.join(", ")),
    }
}

/// A synchronised object goes where it came from.
pub(super) fn may_remove(mailbox: &Recipient) -> Result<(), Finding> {
    if !mailbox.is_dir_synced {
        return Ok(());
    }
    Err(Finding::refusal(
        ErrorClass::RefusedByRule,
        "the object is synchronised; it is deleted on-premises, and synchronisation takes it away here",
        "use the connection of infrastructure = \"hybrid\"",
    ))
}

/// Takes a mailbox from its user: the licence goes, and with it the mailbox, some time later.
pub(super) fn disable(mailbox: &Recipient, change: &Change, context: &Context) -> Result<Planned, Finding> {
    let refuse = |class, message: String, hint: &str| Err(Finding::refusal(class, message, hint));
    let key = mailbox.guid.hyphenated().to_string();
    let mut planned = Planned::new(Action::Disabled, Some(mailbox.guid));
    let user = context.cloud.user.as_ref();
    let sku = licence::wanted(change, context)?;
    let has = |held: &BTreeSet<Uuid>| sku.is_some_and(|sku| held.contains(&sku.id));
    // Nothing gives it any more: it goes, only not at once.
    let is_on_its_way = mailbox.type_name() == "UserMailbox"
        && user.is_some_and(|user| !user.exchange && !has(&user.direct) && !has(&user.by_group));
    if !is_on_its_way {
        let Some(sku) = sku else {
            return refuse(
                ErrorClass::Unsupported,
                format!(
                    "in the cloud a {} ends with its licence, which somebody else gives",
                    mailbox.type_name()
                ),
                "take the licence away where it was given, name it in `licence`, or use the operation remove",
            );
        };
        let Some(user) = user.filter(|user| has(&user.direct) || has(&user.by_group)) else {
            return refuse(
                ErrorClass::Unsupported,
                format!(
                    "the {} does not have its mailbox from the licence {}",
                    mailbox.type_name(),
                    sku.part_number
                ),
                "a shared mailbox, a room and equipment end with the operation remove",
            );
        };
        if has(&user.by_group) {
            return refuse(
                ErrorClass::RefusedByRule,
                format!("the licence {} comes from a group", sku.part_number),
                "take the user out of that group",
            );
        }
        let skus = context.cloud.skus.iter().filter(|other| other.id != sku.id && other.has_exchange);
        if let Some(other) = skus.clone().find(|other| user.licences.contains(&other.id)) {
            return refuse(
                ErrorClass::RefusedByRule,
                format!("the mailbox would stay: the user has the licence {} too", other.part_number),
                "take that licence away first",
            );
        }
        let step = Step::new("Set-MgUserLicense", format!("take the licence {} away", sku.part_number))
            .with("UserId", ParameterValue::Text(key.clone()))
            .with("RemoveLicenses", ParameterValue::List(vec![sku.id.to_string()]));
        planned.steps.push(pinned(step, change, context, Some(mailbox)));
    }
    let mut wait = on("Get-Mailbox", &key, "wait until the mailbox is gone");
    wait.after = Some(Wait::NoMailbox);
    planned.steps.push(pinned(wait, change, context, Some(mailbox)));
    Ok(planned)
}
