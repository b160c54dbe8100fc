//! `Set-Mailbox` and `Set-User`.

use super::guard;
use crate::lab::cmdlet::call::{Call, Fail, attribute};
use crate::lab::cmdlet::convert::Bound;
use crate::lab::cmdlet::create::check_principal;
use crate::lab::cmdlet::errors::Problem;
use crate::lab::cmdlet::modify::{self, DIRECTIVES};
use crate::lab::directory::Entry;

pub(super) fn mailbox(call: &mut Call<'_>) -> Result<(), Fail> {
    let old = call.identified(Entry::is_mailbox)?;
    if let Some(managed) = call.arguments.flag("IsExchangeCloudManaged") {
        return source_of_authority(call, &old, managed);
    }
    guard::write_scope(call, &old)?;
    modify::set(call, false)
}

/// Whether Exchange's attributes of a synchronised mailbox are managed in the cloud.
fn source_of_authority(call: &mut Call<'_>, old: &Entry, managed: bool) -> Result<(), Fail> {
    if !old.flag("IsDirSynced") {
        let message = format!(
            "The mailbox \"{}\" isn't synchronized from an on-premises organization, so IsExchangeCloudManaged can't be set.",
            old.text("Name")
        );
        return Err(Problem::new("RecipientTaskException", message).into());
    }
    let mut entry = old.clone();
    call.store(&mut entry, "IsExchangeCloudManaged", Some(managed.into()));
    if call.should_process("Setting mailbox", old.text("Identity"), false)? {
        call.commit(old, &entry, None);
    }
    Ok(())
}

pub(super) fn user(call: &mut Call<'_>) -> Result<(), Fail> {
    let old = call.identified(Entry::is_user)?;
    guard::write_scope(call, &old)?;
    let mut entry = Entry::clone(&old);
    let arguments = call.arguments;
    for (name, bound) in arguments.iter().filter(|(name, _)| !DIRECTIVES.contains(name)) {
        let value = match (name, bound) {
            ("Manager", Bound::Text(manager)) => Some(call.recipient(manager)?.into()),
            _ => attribute(bound),
        };
        call.store(&mut entry, name, value);
    }
    if call.should_process("Setting user", old.text("Identity"), false)? {
        call.commit(&old, &entry, None);
    }
    Ok(())
}

/// Another principal name.
pub(in crate::lab::cmdlet) fn principal(call: &mut Call<'_>, entry: &mut Entry) -> Result<(), Fail> {
    if let Some(principal) = call.arguments.text("MicrosoftOnlineServicesID") {
        check_principal(call, entry, principal)?;
        call.store(entry, "UserPrincipalName", Some(principal.into()));
    }
    Ok(())
}
