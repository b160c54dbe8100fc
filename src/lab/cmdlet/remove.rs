//! `Disable-` and `Remove-`, for mailboxes and remote mailboxes.

use super::call::{Call, Fail};
use super::errors::Problem;
use crate::lab::directory::Entry;

/// What stays when a user loses the mailbox.
const KEPT: [&str; 28] = [
    "Name",
    "DisplayName",
    "SimpleDisplayName",
    "OrganizationalUnit",
    "DistinguishedName",
    "Identity",
    "NetbiosDomain",
    "SamAccountName",
    "UserPrincipalName",
    "AccountDisabled",
    "FirstName",
    "LastName",
    "Initials",
    "Title",
    "Department",
    "Company",
    "Office",
    "City",
    "Phone",
    "MobilePhone",
    "Manager",
    "ImmutableId",
    "ResetPasswordOnNextLogon",
    "WhenCreated",
    "WhenChanged",
    "StreetAddress",
    "PostalCode",
    "CountryOrRegion",
];

pub(super) fn disable(call: &mut Call<'_>, remote: bool) -> Result<(), Fail> {
    let old = call.identified(|entry| if remote { entry.is_remote() } else { entry.is_mailbox() })?;
    let mut entry = Entry::clone(&old);
    let archive = call.arguments.on("Archive") || call.arguments.on("RemoteArchive");
    if archive {
        if old.text("ArchiveGuid").is_empty() {
            let message = format!("The user \"{}\" doesn't have an archive.", old.text("Identity"));
            return Err(Problem::new("RecipientTaskException", message).into());
        }
        call.store(&mut entry, "DisabledArchiveGuid", Some(old.text("ArchiveGuid").into()));
        for name in ["ArchiveGuid", "ArchiveName", "ArchiveDatabase", "ArchiveState"] {
            call.store(&mut entry, name, None);
        }
        if remote {
            call.store(
                &mut entry,
                "RemoteRecipientType",
                Some("ProvisionMailbox, DeprovisionArchive".into()),
            );
        }
    } else {
        let gone: Vec<String> = old
            .attributes()
            .map(|(name, _)| name.to_owned())
            .filter(|name| !KEPT.contains(&name.as_str()))
            .collect();
        for name in gone {
            call.store(&mut entry, &name, None);
        }
        let details = if old.flag("AccountDisabled") { "DisabledUser" } else { "User" };
        call.store(&mut entry, "RecipientTypeDetails", Some(details.into()));
    }
    let operation = if archive { "Disabling archive" } else { "Disabling mailbox" };
    if call.should_process(operation, old.text("Identity"), true)? {
        call.commit(&old, &entry, None);
    }
    Ok(())
}

pub(super) fn remove(call: &mut Call<'_>, remote: bool) -> Result<(), Fail> {
    let entry = call.identified(|entry| if remote { entry.is_remote() } else { entry.is_mailbox() })?;
    if call.should_process("Removing mailbox", entry.text("Identity"), true)? {
        call.delete(&entry);
    }
    Ok(())
}
