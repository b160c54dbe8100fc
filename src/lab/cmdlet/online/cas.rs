//! `Set-CASMailbox`: by which protocols a mailbox is reached.

use crate::lab::cmdlet::call::{Call, Fail, attribute};
use crate::lab::cmdlet::modify::DIRECTIVES;
use crate::lab::directory::Entry;

pub(super) fn set(call: &mut Call<'_>) -> Result<(), Fail> {
    let old = call.identified(Entry::is_mailbox)?;
    let mut entry = Entry::clone(&old);
    let arguments = call.arguments;
    for (name, bound) in arguments.iter().filter(|(name, _)| !DIRECTIVES.contains(name)) {
        call.store(&mut entry, name, attribute(bound));
    }
    if call.should_process("Setting CAS mailbox", old.text("Identity"), false)?
        && !call.commit(&old, &entry, None)
    {
        call.warn(format!(
            "The command completed successfully but no settings of '{}' have been modified.",
            old.text("Identity")
        ));
    }
    Ok(())
}
