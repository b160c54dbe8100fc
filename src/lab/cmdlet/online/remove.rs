//! `Remove-Mailbox`, and what is left of it for a while.

use std::sync::Arc;

use super::guard;
use crate::lab::cmdlet::call::{Call, Fail};
use crate::lab::cmdlet::errors::Problem;
use crate::lab::directory::Entry;
use crate::lab::output::Shape;

pub(super) fn remove(call: &mut Call<'_>) -> Result<(), Fail> {
    let permanently = call.arguments.on("PermanentlyDelete");
    let old = call.identified(Entry::is_mailbox)?;
    if old.flag("IsDirSynced") {
        return Err(guard::out_of_scope(call, &old, "Identity"));
    }
    if call.should_process("Removing mailbox", old.text("Identity"), true)? {
        call.delete(&old);
        if !permanently {
            call.exchange.soft_deleted.push(Entry::clone(&old));
        }
    }
    Ok(())
}

/// Mailboxes that were removed.
pub(super) fn soft_deleted(call: &mut Call<'_>) -> Result<(), Fail> {
    let identity = call.arguments.text("Identity").map(str::to_owned);
    let fits = |entry: &&Entry| {
        identity.as_deref().is_none_or(|identity| {
            ["Identity", "Name", "Alias", "UserPrincipalName", "ExchangeGuid"]
                .iter()
                .any(|name| entry.text(name).eq_ignore_ascii_case(identity))
        })
    };
    let found: Vec<Arc<Entry>> =
        call.exchange.soft_deleted.iter().filter(fits).map(|entry| Arc::new(entry.clone())).collect();
    if let (Some(identity), true) = (&identity, found.is_empty()) {
        return Err(Problem::not_found(identity, call.replica().name()).into());
    }
    for entry in &found {
        call.output_found(entry, Shape::Mailbox);
    }
    Ok(())
}
