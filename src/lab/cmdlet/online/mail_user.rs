//! `New-`, `Set-` and `Remove-MailUser`: people of the directory whose mail is elsewhere.

use super::{create, guard};
use crate::lab::cmdlet::addresses;
use crate::lab::cmdlet::call::{Call, Fail};
use crate::lab::cmdlet::convert::Bound;
use crate::lab::cmdlet::create::{check_alias, check_password, check_principal, free, plain, put};
use crate::lab::cmdlet::modify;
use crate::lab::directory::{Attribute, Entry, Proxy, alias_from, local_part};
use crate::lab::output::Shape;

fn is_mail_user(entry: &Entry) -> bool {
    entry.details() == "MailUser"
}

pub(super) fn new(call: &mut Call<'_>) -> Result<(), Fail> {
    let arguments = call.arguments;
    let name = arguments.text("Name").unwrap_or_default().trim().to_owned();
    let mut entry = Entry::new(call.exchange.directory.ids.next());
    put(call, &mut entry, "Name", name.clone());
    put(call, &mut entry, "RecipientTypeDetails", "MailUser".to_owned());
    let alias = match arguments.text("Alias") {
        Some(alias) => {
            check_alias(call, &entry, alias)?;
            alias.to_owned()
        }
        None => {
            let from = arguments.text("MicrosoftOnlineServicesID").map_or_else(|| name.clone(), local_part);
            free(call, "Alias", &alias_from(&from).replace('?', ""), 64)
        }
    };
    put(call, &mut entry, "Alias", alias.clone());
    let initial = call.exchange.directory.initial_domain();
    let principal = arguments
        .text("MicrosoftOnlineServicesID")
        .map_or_else(|| format!("{alias}@{initial}"), str::to_owned);
    check_principal(call, &entry, &principal)?;
    put(call, &mut entry, "UserPrincipalName", principal.clone());
    if let Some(Bound::Secret(password)) = arguments.get("Password") {
        check_password(call, &entry, password)?;
        let stamp = call.exchange.directory.stamp(call.now_ms);
        entry.set_password(password.clone(), stamp);
    }
    plain(call, &mut entry)?;
    // Its mail goes to the address elsewhere, which is its primary one.
    let external = Proxy::parse(arguments.text("ExternalEmailAddress").unwrap_or(&principal)).address;
    put(call, &mut entry, "ExternalEmailAddress", format!("SMTP:{external}"));
    let own = vec![format!("smtp:{principal}")];
    let is_elsewhere = !external.eq_ignore_ascii_case(&principal);
    let wanted: Vec<String> = std::iter::once(format!("SMTP:{external}"))
        .chain(own.iter().filter(|_| is_elsewhere).cloned())
        .collect();
    addresses::check(call, &entry, &[], &own)?;
    addresses::check(call, &entry, &own, &wanted).or_else(beyond_the_tenant)?;
    call.store(&mut entry, "EmailAddresses", Some(Attribute::List(wanted)));
    create::complete(call, &mut entry, &name)?;
    if call.should_process("Creating mail user", &name, false)? {
        call.create(entry.clone());
        call.output_entry(&entry, Shape::MailUser);
    }
    Ok(())
}

/// An address elsewhere is in no domain of the tenant.
fn beyond_the_tenant(fail: Fail) -> Result<(), Fail> {
    match &fail {
        Fail::Problem(problem) if problem.exception == "NotAcceptedDomainException" => Ok(()),
        _ => Err(fail),
    }
}

pub(super) fn set(call: &mut Call<'_>) -> Result<(), Fail> {
    let old = call.identified(is_mail_user)?;
    guard::write_scope(call, &old)?;
    modify::set_any(call, is_mail_user)
}

pub(super) fn remove(call: &mut Call<'_>) -> Result<(), Fail> {
    let old = call.identified(is_mail_user)?;
    if old.flag("IsDirSynced") {
        return Err(guard::out_of_scope(call, &old, "Identity"));
    }
    if call.should_process("Removing mail user", old.text("Identity"), true)? {
        call.delete(&old);
    }
    Ok(())
}
