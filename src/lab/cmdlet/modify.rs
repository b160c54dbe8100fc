//! `Set-Mailbox` and `Set-RemoteMailbox`.

use secrecy::SecretString;

use super::addresses;
use super::call::{Call, Fail, attribute};
use super::convert::Bound;
use super::create::{check_account, check_alias, check_password, check_principal};
use super::errors::Problem;
use super::online::principal;
use crate::lab::directory::{Attribute, Entry, Proxy};
use crate::lab::output;

/// Parameters that say how to work, not what to store.
pub(super) const DIRECTIVES: [&str; 24] = [
    "Identity",
    "DomainController",
    "Confirm",
    "WhatIf",
    "Force",
    "IgnoreDefaultScope",
    "ApplyMandatoryProperties",
    "CreateDTMFMap",
    "LinkedCredential",
    "LinkedDomainController",
    "ManagedFolderMailboxPolicyAllowed",
    "SkipDualWrite",
    "PublicFolder",
    "Arbitration",
    "AuditLog",
    "AuxAuditLog",
    "Migration",
    "ErrorAction",
    "WarningAction",
    "InformationAction",
    "Verbose",
    "Debug",
    "OutBuffer",
    "RemovePicture",
];

/// Parameters that name other recipients.
pub(in crate::lab) const REFERENCES: [&str; 12] = [
    "ForwardingAddress",
    "GrantSendOnBehalfTo",
    "AcceptMessagesOnlyFrom",
    "AcceptMessagesOnlyFromDLMembers",
    "AcceptMessagesOnlyFromSendersOrMembers",
    "RejectMessagesFrom",
    "RejectMessagesFromDLMembers",
    "RejectMessagesFromSendersOrMembers",
    "BypassModerationFromSendersOrMembers",
    "ModeratedBy",
    "ArbitrationMailbox",
    "DefaultPublicFolderMailbox",
];

pub(super) fn set(call: &mut Call<'_>, remote: bool) -> Result<(), Fail> {
    set_any(call, |entry| if remote { entry.is_remote() } else { entry.is_mailbox() })
}

/// The same for what `accept` lets through.
pub(super) fn set_any(call: &mut Call<'_>, accept: impl Fn(&Entry) -> bool) -> Result<(), Fail> {
    let arguments = call.arguments;
    if arguments.has("EmailAddresses") && arguments.has("PrimarySmtpAddress") {
        let message = "The EmailAddresses and PrimarySmtpAddress parameters can't be used together.";
        return Err(Problem::terminating("RecipientTaskException", message).into());
    }
    let old = call.identified(accept)?;
    let remote = old.is_remote();
    let mut entry = Entry::clone(&old);
    let mut password: Option<SecretString> = None;
    let mut kind_online = None;
    names(call, &mut entry)?;
    principal(call, &mut entry)?;
    for (name, bound) in arguments.iter() {
        match (name, bound) {
            (
                "Name"
                | "UserPrincipalName"
                | "SamAccountName"
                | "Alias"
                | "EmailAddresses"
                | "PrimarySmtpAddress"
                | "WindowsEmailAddress"
                | "EmailAddressPolicyEnabled",
                _,
            ) => {}
            (name, _) if DIRECTIVES.contains(&name) => {}
            ("Password" | "NewPassword" | "RoomMailboxPassword", Bound::Secret(secret)) => {
                check_password(call, &entry, secret)?;
                password = Some(secret.clone());
            }
            ("OldPassword", _) => {}
            ("MicrosoftOnlineServicesID", _) => {}
            ("Type", Bound::Text(kind)) if call.exchange.directory.is_online() => {
                kind_online = Some(kind.clone());
            }
            ("Type", Bound::Text(kind)) => convert_type(call, &mut entry, kind, remote),
            ("Database" | "ArchiveDatabase", Bound::Text(database)) => {
                let known = call.exchange.directory.find_database(database);
                let known = known
                    .map(|database| database.name.clone())
                    .ok_or_else(|| Problem::missing("database", database))?;
                store(call, &mut entry, name, Some(known.into()));
            }
            ("EnableRoomMailboxAccount", Bound::Flag(flag)) => {
                store(call, &mut entry, "RoomMailboxAccountEnabled", Some((*flag).into()));
                store(call, &mut entry, "AccountDisabled", Some((!flag).into()));
            }
            ("RemoteRoutingAddress", Bound::Text(text)) => routing(call, &mut entry, text)?,
            (name, bound) => {
                let resolved = if REFERENCES.contains(&name) { resolve(call, bound)? } else { bound.clone() };
                let value = match &resolved {
                    Bound::Delta { add, remove } => {
                        Some(Attribute::List(changed(entry.list(name), add, remove)))
                    }
                    other => attribute(other),
                };
                store(call, &mut entry, name, value);
            }
        }
    }
    mail_addresses(call, &mut entry, &old)?;
    if !call.should_process("Setting mailbox", old.text("Identity"), false)? {
        return Ok(());
    }
    let is_converted = kind_online.is_some();
    if let Some(kind) = kind_online {
        let kind = if kind == "Regular" { "User" } else { &kind };
        call.exchange.convert_later(old.guid, format!("{kind}Mailbox"), call.now_ms);
        call.wrote = true;
    }
    if !call.commit(&old, &entry, password) && !is_converted && call.warnings.is_empty() {
        call.warn(format!(
            "The command completed successfully but no settings of '{}' have been modified.",
            old.text("Identity")
        ));
    }
    Ok(())
}

/// Stores a value unless it is what an untouched object shows anyway.
fn store(call: &mut Call<'_>, entry: &mut Entry, name: &str, value: Option<Attribute>) {
    if entry.get(name).is_none() && (value.is_none() || value == output::default_of(name)) {
        return;
    }
    call.store(entry, name, value);
}

fn names(call: &mut Call<'_>, entry: &mut Entry) -> Result<(), Fail> {
    let arguments = call.arguments;
    if let Some(principal) = arguments.text("UserPrincipalName") {
        check_principal(call, entry, principal)?;
        call.store(entry, "UserPrincipalName", Some(principal.into()));
    }
    if let Some(account) = arguments.text("SamAccountName") {
        check_account(call, entry, account)?;
        call.store(entry, "SamAccountName", Some(account.into()));
    }
    if let Some(alias) = arguments.text("Alias") {
        check_alias(call, entry, alias)?;
        call.store(entry, "Alias", Some(alias.into()));
    }
    if let Some(name) = arguments.text("Name") {
        call.store(entry, "Name", Some(name.trim().into()));
        let stamp = call.exchange.directory.stamp(call.now_ms);
        call.exchange.directory.place(entry, stamp);
        let identity = entry.text("Identity");
        if call
            .replica()
            .lookup(identity)
            .any(|other| other.guid != entry.guid && other.text("Identity").eq_ignore_ascii_case(identity))
        {
            let message = format!(
                "Active Directory operation failed on {}. The object '{}' already exists.",
                call.replica().name(),
                entry.text("DistinguishedName")
            );
            return Err(Problem::new("ADObjectAlreadyExistsException", message).into());
        }
    }
    Ok(())
}

fn mail_addresses(call: &mut Call<'_>, entry: &mut Entry, old: &Entry) -> Result<(), Fail> {
    let arguments = call.arguments;
    if let Some(owned) = arguments.flag("EmailAddressPolicyEnabled") {
        call.store(entry, "EmailAddressPolicyEnabled", Some(owned.into()));
    }
    let owned = entry.flag("EmailAddressPolicyEnabled");
    if owned && (!old.flag("EmailAddressPolicyEnabled") || entry.text("Alias") != old.text("Alias")) {
        addresses::reapply_policy(call, entry)?;
    }
    if let Some(bound) = arguments.get("EmailAddresses") {
        let wanted = addresses::requested(entry.list("EmailAddresses"), bound);
        addresses::put(call, entry, wanted)?;
    }
    let primary =
        arguments.text("PrimarySmtpAddress").or(arguments.text("WindowsEmailAddress").filter(|_| !owned));
    if let Some(primary) = primary {
        let wanted = addresses::with_primary(entry.list("EmailAddresses"), primary);
        addresses::put(call, entry, wanted)?;
    }
    Ok(())
}

fn convert_type(call: &mut Call<'_>, entry: &mut Entry, kind: &str, remote: bool) {
    let kind = if kind == "Regular" { "User" } else { kind };
    let prefix = if remote { "Remote" } else { "" };
    call.store(entry, "RecipientTypeDetails", Some(format!("{prefix}{kind}Mailbox").into()));
    if !remote {
        // Shared and resource mailboxes have no account that can sign in; a regular one is enabled again.
        call.store(entry, "AccountDisabled", Some((kind != "User").into()));
    }
}

/// A new routing address is also a secondary address.
fn routing(call: &mut Call<'_>, entry: &mut Entry, text: &str) -> Result<(), Fail> {
    let address = Proxy::parse(text).address;
    call.store(entry, "RemoteRoutingAddress", Some(format!("SMTP:{address}").into()));
    let current = entry.list("EmailAddresses").to_vec();
    let add = Bound::Delta { add: vec![format!("smtp:{address}")], remove: Vec::new() };
    let wanted = addresses::requested(&current, &add);
    addresses::check(call, entry, &current, &wanted)?;
    call.store(entry, "EmailAddresses", Some(Attribute::List(wanted)));
    Ok(())
}

fn resolve(call: &Call<'_>, bound: &Bound) -> Result<Bound, Fail> {
    let all = |names: &[String]| names.iter().map(|name| call.recipient(name)).collect::<Result<Vec<_>, _>>();
    Ok(match bound {
        Bound::Text(name) => Bound::Text(call.recipient(name)?),
        Bound::List(names) => Bound::List(all(names)?),
        Bound::Delta { add, remove } => Bound::Delta { add: all(add)?, remove: all(remove)? },
        other => other.clone(),
    })
}

fn changed(current: &[String], add: &[String], remove: &[String]) -> Vec<String> {
    let is_in = |items: &[String], item: &String| items.iter().any(|other| other.eq_ignore_ascii_case(item));
    let mut items: Vec<String> = current.iter().filter(|item| !is_in(remove, item)).cloned().collect();
    for item in add {
        if !is_in(&items, item) {
            items.push(item.clone());
        }
    }
    items
}
