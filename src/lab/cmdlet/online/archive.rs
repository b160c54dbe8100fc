//! `Enable-Mailbox` and `Disable-Mailbox`, which are for archives only: mailboxes come and go with licences.

use crate::lab::cmdlet::call::{Call, Fail};
use crate::lab::cmdlet::errors::Problem;
use crate::lab::cmdlet::remove;
use crate::lab::directory::Entry;
use crate::lab::output::Shape;

pub(super) fn enable(call: &mut Call<'_>) -> Result<(), Fail> {
    let user = call.identified(Entry::is_user)?;
    let refuse = |text: String| Err(Fail::from(Problem::new("RecipientTaskException", text)));
    if !user.is_mailbox() {
        return refuse(format!(
            "The user \"{}\" doesn't have a mailbox. Assign a license that includes Exchange Online to create one.",
            user.text("Name")
        ));
    }
    let mut entry = Entry::clone(&user);
    if call.arguments.on("AutoExpandingArchive") {
        call.store(&mut entry, "AutoExpandingArchiveEnabled", Some(true.into()));
    } else if call.arguments.on("Archive") {
        if !user.text("ArchiveGuid").is_empty() {
            return refuse(format!("The user \"{}\" already has an archive.", user.text("Name")));
        }
        let now_ms = call.now_ms;
        call.exchange.directory.add_archive(&mut entry, now_ms);
    } else {
        return refuse("Specify the Archive or AutoExpandingArchive switch.".to_owned());
    }
    if call.should_process("Enabling archive", user.text("Identity"), false)? {
        call.commit(&user, &entry, None);
        call.output_entry(&entry, Shape::Mailbox);
    }
    Ok(())
}

pub(super) fn disable(call: &mut Call<'_>) -> Result<(), Fail> {
    if call.arguments.on("Archive") {
        return remove::disable(call, false);
    }
    let user = call.identified(Entry::is_mailbox)?;
    let message = format!(
        "The mailbox of \"{}\" can't be disabled. Remove the Exchange Online license of the user instead.",
        user.text("Name")
    );
    Err(Problem::new("RecipientTaskException", message).into())
}
