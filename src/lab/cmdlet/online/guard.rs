//! What synchronisation owns.

use crate::lab::cmdlet::call::{Call, Fail};
use crate::lab::cmdlet::errors::Problem;
use crate::lab::directory::Entry;

/// Attributes of Exchange that synchronisation writes.
pub(in crate::lab) const EXCHANGE: [&str; 44] = [
    "AcceptMessagesOnlyFrom",
    "AcceptMessagesOnlyFromDLMembers",
    "AcceptMessagesOnlyFromSendersOrMembers",
    "Alias",
    "BypassModerationFromSendersOrMembers",
    "CustomAttribute1",
    "CustomAttribute2",
    "CustomAttribute3",
    "CustomAttribute4",
    "CustomAttribute5",
    "CustomAttribute6",
    "CustomAttribute7",
    "CustomAttribute8",
    "CustomAttribute9",
    "CustomAttribute10",
    "CustomAttribute11",
    "CustomAttribute12",
    "CustomAttribute13",
    "CustomAttribute14",
    "CustomAttribute15",
    "EmailAddresses",
    "ExtensionCustomAttribute1",
    "ExtensionCustomAttribute2",
    "ExtensionCustomAttribute3",
    "ExtensionCustomAttribute4",
    "ExtensionCustomAttribute5",
    "HiddenFromAddressListsEnabled",
    "MailTip",
    "MailTipTranslations",
    "ModeratedBy",
    "ModerationEnabled",
    "PrimarySmtpAddress",
    "RejectMessagesFrom",
    "RejectMessagesFromDLMembers",
    "RejectMessagesFromSendersOrMembers",
    "RequireSenderAuthenticationEnabled",
    "SendModerationNotifications",
    "SimpleDisplayName",
    "Type",
    "UserCertificate",
    "UserSMimeCertificate",
    "WindowsEmailAddress",
    "GrantSendOnBehalfTo",
    "SecondaryAddress",
];

/// Attributes of the person, which stay synchronised when Exchange is managed in the cloud.
pub(in crate::lab) const PERSON: [&str; 22] = [
    "City",
    "Company",
    "CountryOrRegion",
    "Department",
    "DisplayName",
    "Fax",
    "FirstName",
    "HomePhone",
    "ImmutableId",
    "Initials",
    "LastName",
    "Manager",
    "MicrosoftOnlineServicesID",
    "MobilePhone",
    "Name",
    "Office",
    "Phone",
    "PostalCode",
    "ResetPasswordOnNextLogon",
    "StateOrProvince",
    "StreetAddress",
    "Title",
];

/// Refuses what must be changed on-premises.
pub(super) fn write_scope(call: &Call<'_>, entry: &Entry) -> Result<(), Fail> {
    if !entry.flag("IsDirSynced") {
        return Ok(());
    }
    let is_managed = entry.flag("IsExchangeCloudManaged");
    let owned = |name: &str| PERSON.contains(&name) || (!is_managed && EXCHANGE.contains(&name));
    match call.arguments.iter().map(|(name, _)| name).find(|name| owned(name)) {
        Some(name) => Err(out_of_scope(call, entry, name)),
        None => Ok(()),
    }
}

/// The refusal, in the words of the service.
pub(super) fn out_of_scope(call: &Call<'_>, entry: &Entry, parameter: &str) -> Fail {
    let name = entry.text("Name");
    let message = format!(
        "The operation on mailbox \"{name}\" failed because it's out of the current user's write scope. The action '{}', '{parameter}', can't be performed on the object '{name}' because the object is being synchronized from your on-premises organization. This action should be performed on the object in your on-premises organization.",
        call.cmdlet.name
    );
    Problem::new("InvalidOperationException", message).into()
}
