//! `New-Mailbox`: a user with a mailbox, or a mailbox that nobody signs in to.

use crate::lab::cmdlet::addresses;
use crate::lab::cmdlet::call::{Call, Fail};
use crate::lab::cmdlet::convert::Bound;
use crate::lab::cmdlet::create::{check_alias, check_password, check_principal, free, plain, put};
use crate::lab::cmdlet::errors::Problem;
use crate::lab::directory::{Attribute, Entry, alias_from, local_part};
use crate::lab::output::Shape;

pub(super) fn new(call: &mut Call<'_>) -> Result<(), Fail> {
    let arguments = call.arguments;
    let name = arguments.text("Name").unwrap_or_default().trim().to_owned();
    if !name.is_ascii() {
        // `New-Mailbox` in the documentation: no umlauts in the cloud.
        let message = format!("The name \"{name}\" contains characters that aren't allowed.");
        return Err(Problem::new("DataValidationException", message).into());
    }
    let kind = ["Shared", "Room", "Equipment"].into_iter().find(|kind| arguments.on(kind)).unwrap_or("User");
    let mut entry = Entry::new(call.exchange.directory.ids.next());
    put(call, &mut entry, "Name", name.clone());
    put(call, &mut entry, "RecipientTypeDetails", format!("{kind}Mailbox"));
    let alias = match arguments.text("Alias") {
        Some(alias) => {
            check_alias(call, &entry, alias)?;
            alias.to_owned()
        }
        None => {
            let from = arguments.text("MicrosoftOnlineServicesID").or(arguments.text("PrimarySmtpAddress"));
            let from = from.map_or_else(|| name.clone(), local_part);
            free(call, "Alias", &alias_from(&from).replace('?', ""), 64)
        }
    };
    put(call, &mut entry, "Alias", alias.clone());
    let principal = match arguments.text("MicrosoftOnlineServicesID") {
        Some(principal) => principal.to_owned(),
        None => format!("{alias}@{}", call.exchange.directory.initial_domain()),
    };
    check_principal(call, &entry, &principal)?;
    put(call, &mut entry, "UserPrincipalName", principal);
    if let Some(Bound::Secret(password)) = arguments.get("Password").or(arguments.get("RoomMailboxPassword"))
    {
        check_password(call, &entry, password)?;
        let stamp = call.exchange.directory.stamp(call.now_ms);
        entry.set_password(password.clone(), stamp);
    }
    if arguments.on("EnableRoomMailboxAccount") {
        call.store(&mut entry, "AccountDisabled", Some(false.into()));
        call.store(&mut entry, "RoomMailboxAccountEnabled", Some(true.into()));
    }
    plain(call, &mut entry)?;
    // The id stands in the addresses of other services.
    let id = call.exchange.directory.ids.named(&format!("entra {}", entry.guid));
    put(call, &mut entry, "ExternalDirectoryObjectId", id.to_string());
    let wanted = call.exchange.directory.addresses_online(&entry, arguments.text("PrimarySmtpAddress"));
    addresses::check(call, &entry, &[], &wanted)?;
    call.store(&mut entry, "EmailAddresses", Some(Attribute::List(wanted)));
    complete(call, &mut entry, &name)?;
    if arguments.on("Archive") {
        call.exchange.directory.add_archive(&mut entry, call.now_ms);
    }
    if !call.should_process("Creating mailbox", &name, false)? {
        return Ok(());
    }
    let visible = i64::try_from(call.now_ms.saturating_add(call.exchange.lag_ms)).unwrap_or(i64::MAX);
    if call.exchange.lag_ms > 0 {
        call.store(&mut entry, "VisibleFrom", Some(Attribute::Number(visible)));
    }
    call.create(entry.clone());
    call.output_entry(&entry, Shape::Mailbox);
    Ok(())
}

/// Gives a new object what every one has; its name must be nobody else's.
pub(super) fn complete(call: &mut Call<'_>, entry: &mut Entry, name: &str) -> Result<(), Fail> {
    let completed = call.exchange.directory.complete(entry, call.now_ms);
    completed.map_err(|message| Fail::from(Problem::new("RecipientTaskException", message)))?;
    if call.replica().lookup(name).any(|other| other.text("Name").eq_ignore_ascii_case(name)) {
        let message = format!("The name \"{name}\" is already being used. Please try another name.");
        return Err(Problem::new("NameNotAvailableException", message).into());
    }
    Ok(())
}
