//! Who may open a mailbox (`-MailboxPermission`), and who may send as somebody (`-RecipientPermission`).

use std::sync::Arc;

use wsman::clixml::{Object, Value};

use crate::lab::cmdlet::call::{Call, Fail};
use crate::lab::cmdlet::convert::Bound;
use crate::lab::cmdlet::errors::Problem;
use crate::lab::directory::{Attribute, Entry};

/// Which of the two.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Mailbox,
    Recipient,
}

impl Kind {
    /// Where they are kept: `SIGN-IN NAME|RIGHT` each.
    fn attribute(self) -> &'static str {
        match self {
            Self::Mailbox => "MailboxPermissions",
            Self::Recipient => "RecipientPermissions",
        }
    }

    /// The parameter that names who is allowed.
    fn who(self) -> &'static str {
        match self {
            Self::Mailbox => "User",
            Self::Recipient => "Trustee",
        }
    }

    fn accepts(self, entry: &Entry) -> bool {
        match self {
            Self::Mailbox => entry.is_mailbox(),
            Self::Recipient => entry.is_mail_enabled(),
        }
    }
}

pub(super) fn add(call: &mut Call<'_>, kind: Kind) -> Result<(), Fail> {
    let old = call.identified(|entry| kind.accepts(entry))?;
    let mut held = old.list(kind.attribute()).to_vec();
    let wanted = wanted(call, kind)?;
    let new: Vec<String> = wanted.into_iter().filter(|it| !held.contains(it)).collect();
    if new.is_empty() {
        call.warn(format!(
            "The appropriate access control entry is already present on the object \"{}\".",
            old.text("Identity")
        ));
        return Ok(());
    }
    held.extend(new.iter().cloned());
    if store(call, &old, kind, held)? {
        new.iter().for_each(|it| show(call, kind, &old, it));
    }
    Ok(())
}

pub(super) fn remove(call: &mut Call<'_>, kind: Kind) -> Result<(), Fail> {
    let old = call.identified(|entry| kind.accepts(entry))?;
    if call.arguments.on("ResetDefault") {
        return store(call, &old, kind, Vec::new()).map(drop);
    }
    let wanted = wanted(call, kind)?;
    let held = old.list(kind.attribute());
    let kept: Vec<String> = held.iter().filter(|it| !wanted.contains(it)).cloned().collect();
    if kept.len() == held.len() {
        call.warn(format!(
            "Can't remove the access control entry on the object \"{}\" because the ACE isn't present.",
            old.text("Identity")
        ));
        return Ok(());
    }
    store(call, &old, kind, kept).map(drop)
}

pub(super) fn get(call: &mut Call<'_>, kind: Kind) -> Result<(), Fail> {
    let found: Vec<Arc<Entry>> = match call.arguments.text("Identity") {
        Some(_) => vec![call.identified(|entry| kind.accepts(entry))?],
        None => call.replica().entries().filter(|entry| kind.accepts(entry)).cloned().collect(),
    };
    let who = call.arguments.text(kind.who()).map(str::to_owned);
    let who = who.map(|name| principal(call, &name)).transpose()?;
    for entry in found {
        let own = "NT AUTHORITY\\SELF|FullAccess, ReadPermission".to_owned();
        let own = Some(own).filter(|_| matches!(kind, Kind::Mailbox));
        let all = own.into_iter().chain(entry.list(kind.attribute()).iter().cloned());
        let is_asked = |it: &String| {
            who.as_ref()
                .is_none_or(|who| it.split('|').next().is_some_and(|held| held.eq_ignore_ascii_case(who)))
        };
        for permission in all.filter(is_asked).collect::<Vec<_>>() {
            show(call, kind, &entry, &permission);
        }
    }
    Ok(())
}

/// The permissions that the arguments name.
fn wanted(call: &Call<'_>, kind: Kind) -> Result<Vec<String>, Fail> {
    let Some(who) = call.arguments.text(kind.who()) else { return Ok(Vec::new()) };
    let who = principal(call, who)?;
    let rights = match call.arguments.get("AccessRights") {
        Some(Bound::List(rights)) => rights.as_slice(),
        _ => &[],
    };
    Ok(rights.iter().map(|right| format!("{who}|{right}")).collect())
}

fn principal(call: &Call<'_>, name: &str) -> Result<String, Fail> {
    if name.eq_ignore_ascii_case("NT AUTHORITY\\SELF") {
        return Ok("NT AUTHORITY\\SELF".to_owned());
    }
    let mut users = call.replica().lookup(name).filter(|entry| entry.is_user());
    let found = users.next().map(|entry| entry.text("UserPrincipalName").to_owned());
    found.ok_or_else(|| {
        let message = format!("Couldn't find object \"{name}\". Please make sure that it was spelled correctly or specify a different object.");
        Problem::new("ManagementObjectNotFoundException", message).into()
    })
}

fn store(call: &mut Call<'_>, old: &Entry, kind: Kind, permissions: Vec<String>) -> Result<bool, Fail> {
    let mut entry = old.clone();
    call.store(&mut entry, kind.attribute(), Some(Attribute::List(permissions)));
    let does = call.should_process("Changing permissions", old.text("Identity"), true)?;
    Ok(does && call.commit(old, &entry, None))
}

fn show(call: &mut Call<'_>, kind: Kind, entry: &Entry, permission: &str) {
    let (who, right) = permission.split_once('|').unwrap_or((permission, ""));
    let rights = Value::list(right.split(", ").map(Value::from).collect());
    let object = match kind {
        Kind::Mailbox => {
            Object::of_type(&["Microsoft.Exchange.Management.RecipientTasks.MailboxAcePresentationObject"])
                .with_adapted("User", Value::from(who))
                .with_adapted("AccessRights", rights)
                .with_adapted("InheritanceType", Value::from("All"))
                .with_adapted("Deny", Value::Bool(false))
        }
        Kind::Recipient => {
            Object::of_type(&["Microsoft.Exchange.Management.RecipientTasks.RecipientPermission"])
                .with_adapted("Trustee", Value::from(who))
                .with_adapted("AccessControlType", Value::from("Allow"))
                .with_adapted("AccessRights", rights)
        }
    };
    let object = object
        .with_adapted("Identity", Value::from(entry.text("Identity")))
        .with_adapted("IsInherited", Value::Bool(false))
        .with_adapted("IsValid", Value::Bool(true))
        .with_adapted("ObjectState", Value::from("Unchanged"));
    call.output(Value::Object(Arc::new(object)));
}
