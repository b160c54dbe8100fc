//! `New-Mailbox`, `New-RemoteMailbox`, `Enable-Mailbox`, `Enable-RemoteMailbox`.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::addresses;
use super::call::{Call, Fail, attribute};
use super::convert::Bound;
use super::errors::Problem;
use crate::lab::directory::{
    Attribute, Entry, Proxy, account_name, alias_from, is_alias_character, local_part,
};
use crate::lab::output::Shape;

/// What an alias may be made of, in the words of Exchange.
const ALIAS_RULE: &str = "Valid values are: Strings formed with characters from A to Z (uppercase or lowercase), digits from 0 to 9, !, #, $, %, &, ', *, +, -, /, =, ?, ^, _, `, {, |, } or ~. One or more periods may be embedded in an alias, but each period should be preceded and followed by at least one of the other characters. Unicode characters from U+00A1 to U+00FF are also valid in an alias, but they will be mapped to a best-fit US-ASCII string in the e-mail address, which is generated from such an alias.";

/// Parameters that are stored under their own name when an object is made.
const PLAIN: [&str; 22] = [
    "DisplayName",
    "FirstName",
    "LastName",
    "Initials",
    "Office",
    "Phone",
    "ImmutableId",
    "RetentionPolicy",
    "AddressBookPolicy",
    "RoleAssignmentPolicy",
    "SharingPolicy",
    "ThrottlingPolicy",
    "ActiveSyncMailboxPolicy",
    "ResourceCapacity",
    "ResetPasswordOnNextLogon",
    "RemotePowerShellEnabled",
    "ModerationEnabled",
    "SendModerationNotifications",
    "LinkedMasterAccount",
    "ArchiveName",
    "ArchiveDomain",
    "ManagedFolderMailboxPolicy",
];

pub(super) fn new(call: &mut Call<'_>, remote: bool) -> Result<(), Fail> {
    let arguments = call.arguments;
    let name = arguments.text("Name").unwrap_or_default().trim().to_owned();
    let unit_name = arguments.text("OrganizationalUnit").or(arguments.text("OnPremisesOrganizationalUnit"));
    let unit = match unit_name {
        Some(unit) => call
            .exchange
            .directory
            .find_unit(unit)
            .ok_or_else(|| Problem::missing("organizational unit", unit))?,
        None => call.exchange.directory.default_unit(),
    };
    let mut entry = Entry::new(call.exchange.directory.ids.next());
    put(call, &mut entry, "Name", name.clone());
    put(call, &mut entry, "OrganizationalUnit", unit);
    let details = details(call, remote);
    put(call, &mut entry, "RecipientTypeDetails", details);
    let default_domain = call.exchange.directory.configuration.default_domain().to_owned();
    let principal = match arguments.text("UserPrincipalName") {
        Some(principal) => principal.to_owned(),
        None => format!(
            "{}@{default_domain}",
            alias_from(arguments.text("Alias").unwrap_or(&name)).replace('?', "")
        ),
    };
    check_principal(call, &entry, &principal)?;
    put(call, &mut entry, "UserPrincipalName", principal.clone());
    let alias = match arguments.text("Alias") {
        Some(alias) => {
            check_alias(call, &entry, alias)?;
            alias.to_owned()
        }
        None => free(call, "Alias", &alias_from(&local_part(&principal)), 64),
    };
    put(call, &mut entry, "Alias", alias.clone());
    let account = match arguments.text("SamAccountName") {
        Some(account) => {
            check_account(call, &entry, account)?;
            account.to_owned()
        }
        None => free(call, "SamAccountName", &account_name(&alias), 20),
    };
    put(call, &mut entry, "SamAccountName", account);
    let password = arguments.get("Password").or(arguments.get("RoomMailboxPassword"));
    if let Some(Bound::Secret(password)) = password {
        check_password(call, &entry, password)?;
        let stamp = call.exchange.directory.stamp(call.now_ms);
        entry.set_password(password.clone(), stamp);
    }
    if arguments.on("AccountDisabled") {
        call.store(&mut entry, "AccountDisabled", Some(true.into()));
    } else if arguments.on("EnableRoomMailboxAccount") {
        call.store(&mut entry, "AccountDisabled", Some(false.into()));
        call.store(&mut entry, "RoomMailboxAccountEnabled", Some(true.into()));
    }
    plain(call, &mut entry)?;
    mail_enable(call, &mut entry, remote)?;
    let taken = call
        .replica()
        .lookup(entry.text("Identity"))
        .any(|other| other.text("Identity").eq_ignore_ascii_case(entry.text("Identity")));
    if taken {
        let message = format!(
            "Active Directory operation failed on {}. The object '{}' already exists.",
            call.replica().name(),
            entry.text("DistinguishedName")
        );
        return Err(Problem::new("ADObjectAlreadyExistsException", message).into());
    }
    if arguments.on("Archive") {
        call.exchange.directory.add_archive(&mut entry, call.now_ms);
    }
    if call.should_process("Creating mailbox", entry.text("Identity"), false)? {
        let guid = entry.guid;
        call.create(entry);
        output(call, guid, remote);
    }
    Ok(())
}

pub(super) fn enable(call: &mut Call<'_>, remote: bool) -> Result<(), Fail> {
    let arguments = call.arguments;
    if arguments.on("Archive") || arguments.on("RemoteArchive") {
        return enable_archive(call, remote);
    }
    let user = call.identified(Entry::is_user)?;
    if !remote && user.is_remote() && user.text("RemoteRecipientType").contains("Migrated") {
        let message = "Enable-Mailbox on this mail user is disallowed because the mailbox has been migrated.";
        return Err(Problem::new("RecipientTaskException", message).into());
    }
    if user.is_mail_enabled() {
        return Err(Problem::wrong_type(user.text("Identity"), user.details()).into());
    }
    let mut entry = Entry::clone(&user);
    let details = details(call, remote);
    put(call, &mut entry, "RecipientTypeDetails", details);
    let alias = match arguments.text("Alias") {
        Some(alias) => {
            check_alias(call, &entry, alias)?;
            alias.to_owned()
        }
        None => {
            let principal = local_part(entry.text("UserPrincipalName"));
            let from = if principal.is_empty() { entry.text("SamAccountName").to_owned() } else { principal };
            free(call, "Alias", &alias_from(&from), 64)
        }
    };
    put(call, &mut entry, "Alias", alias);
    if matches!(entry.details(), "SharedMailbox" | "RoomMailbox" | "EquipmentMailbox" | "LinkedMailbox") {
        call.store(&mut entry, "AccountDisabled", Some(true.into()));
    }
    plain(call, &mut entry)?;
    mail_enable(call, &mut entry, remote)?;
    if call.should_process("Enabling mailbox", user.text("Identity"), false)? {
        call.commit(&user, &entry, None);
        output(call, user.guid, remote);
    }
    Ok(())
}

fn enable_archive(call: &mut Call<'_>, remote: bool) -> Result<(), Fail> {
    let user = call.identified(Entry::is_user)?;
    let fits = if remote { user.is_remote() } else { user.is_mailbox() };
    if !fits {
        return Err(Problem::wrong_type(user.text("Identity"), user.details()).into());
    }
    if !user.text("ArchiveGuid").is_empty() {
        let message = format!("The user \"{}\" already has an archive.", user.text("Identity"));
        return Err(Problem::new("RecipientTaskException", message).into());
    }
    let mut entry = Entry::clone(&user);
    database(call, &mut entry, "ArchiveDatabase")?;
    plain(call, &mut entry)?;
    call.exchange.directory.add_archive(&mut entry, call.now_ms);
    if call.should_process("Enabling archive", user.text("Identity"), false)? {
        call.commit(&user, &entry, None);
        output(call, user.guid, remote);
    }
    Ok(())
}

fn output(call: &mut Call<'_>, guid: uuid::Uuid, remote: bool) {
    if let Some(entry) = call.replica().get(guid).map(Arc::clone) {
        call.output_entry(&entry, if remote { Shape::RemoteMailbox } else { Shape::Mailbox });
    }
}

pub(super) fn put(call: &mut Call<'_>, entry: &mut Entry, name: &str, text: String) {
    call.store(entry, name, Some(text.into()));
}

fn details(call: &Call<'_>, remote: bool) -> String {
    let linked = call.arguments.has("LinkedMasterAccount") && !call.arguments.on("LinkedRoom");
    let kind = [("Shared", "Shared"), ("Room", "Room"), ("LinkedRoom", "Room"), ("Equipment", "Equipment")];
    let found = kind.iter().find(|(switch, _)| call.arguments.on(switch)).map(|(_, kind)| *kind);
    match (remote, linked, found) {
        (false, true, _) => "LinkedMailbox".to_owned(),
        (false, false, kind) => format!("{}Mailbox", kind.unwrap_or("User")),
        (true, _, kind) => format!("Remote{}Mailbox", kind.unwrap_or("User")),
    }
}

/// Addresses, database, routing address: what makes a user a mailbox.
fn mail_enable(call: &mut Call<'_>, entry: &mut Entry, remote: bool) -> Result<(), Fail> {
    let primary = call.arguments.text("PrimarySmtpAddress").map(str::to_owned);
    call.store(entry, "EmailAddressPolicyEnabled", Some(primary.is_none().into()));
    call.store(entry, "LegacyExchangeDN", None);
    if remote {
        let given = call
            .arguments
            .text("RemoteRoutingAddress")
            .map(|text| format!("SMTP:{}", Proxy::parse(text).address));
        let routing = given.unwrap_or_else(|| call.exchange.directory.routing_address(entry.text("Alias")));
        put(call, entry, "RemoteRoutingAddress", routing);
    } else {
        database(call, entry, "Database")?;
    }
    let wanted = call.exchange.directory.policy_addresses(entry, primary.as_deref());
    let routing = Proxy::parse(entry.text("RemoteRoutingAddress")).key();
    let own: Vec<String> =
        wanted.iter().filter(|text| Proxy::parse(text).key() != routing).cloned().collect();
    addresses::check(call, entry, &[], &own)?;
    // The routing address may be of a domain that is accepted only in the cloud; it must be free all the same.
    addresses::check(call, entry, &own, &wanted).or_else(|fail| match &fail {
        Fail::Problem(problem) if problem.exception == "NotAcceptedDomainException" => Ok(()),
        _ => Err(fail),
    })?;
    call.store(entry, "EmailAddresses", Some(Attribute::List(wanted)));
    let now_ms = call.now_ms;
    call.exchange
        .directory
        .complete(entry, now_ms)
        .map_err(|message| Fail::from(Problem::new("RecipientTaskException", message)))
}

fn database(call: &mut Call<'_>, entry: &mut Entry, parameter: &str) -> Result<(), Fail> {
    if let Some(name) = call.arguments.text(parameter) {
        let known = call.exchange.directory.find_database(name);
        let known =
            known.map(|database| database.name.clone()).ok_or_else(|| Problem::missing("database", name))?;
        put(call, entry, parameter, known);
    }
    Ok(())
}

pub(super) fn plain(call: &mut Call<'_>, entry: &mut Entry) -> Result<(), Fail> {
    let arguments = call.arguments;
    for (name, bound) in arguments.iter().filter(|(name, _)| PLAIN.contains(name)) {
        call.store(entry, name, attribute(bound));
    }
    if let Some(Bound::List(names)) = arguments.get("ModeratedBy") {
        let resolved = names.iter().map(|name| call.recipient(name)).collect::<Result<_, _>>()?;
        call.store(entry, "ModeratedBy", Some(Attribute::List(resolved)));
    }
    Ok(())
}

/// A value that nobody has: the wanted one, else with a number behind.
pub(super) fn free(call: &Call<'_>, property: &str, wanted: &str, limit: usize) -> String {
    let taken = |value: &str| {
        call.replica().lookup(value).any(|other| other.text(property).eq_ignore_ascii_case(value))
    };
    let start = if wanted.is_empty() { "user" } else { wanted };
    let numbered = (1..).map(|number: u32| {
        let number = number.to_string();
        let kept: String = start.chars().take(limit - number.len()).collect();
        kept + &number
    });
    std::iter::once(start.to_owned()).chain(numbered).find(|value| !taken(value)).unwrap_or_default()
}

fn unique(call: &Call<'_>, entry: &Entry, property: &str, value: &str) -> Result<(), Fail> {
    let mut others = call.replica().lookup(value);
    match others.find(|other| other.guid != entry.guid && other.text(property).eq_ignore_ascii_case(value)) {
        Some(_) => Err(Problem::value_exists(property, value).into()),
        None => Ok(()),
    }
}

pub(super) fn check_principal(call: &Call<'_>, entry: &Entry, principal: &str) -> Result<(), Fail> {
    let configuration = &call.exchange.directory.configuration;
    let invalid = |message: String| Err(Fail::from(Problem::new("DataValidationException", message)));
    match principal.rsplit_once('@') {
        Some((local, suffix)) if !local.is_empty() && !principal.contains(' ') => {
            if !configuration.accepts(suffix) && !suffix.eq_ignore_ascii_case(&configuration.forest) {
                return invalid(format!(
                    "The domain suffix \"{suffix}\" of the user principal name \"{principal}\" isn't known in this forest."
                ));
            }
        }
        _ => {
            return invalid(format!(
                "The user principal name \"{principal}\" isn't valid. It must have the form user@domain."
            ));
        }
    }
    unique(call, entry, "UserPrincipalName", principal)
}

pub(super) fn check_alias(call: &Call<'_>, entry: &Entry, alias: &str) -> Result<(), Fail> {
    let fits = |c: char| is_alias_character(c) || ('\u{a1}'..='\u{ff}').contains(&c);
    let dots = alias.starts_with('.') || alias.ends_with('.') || alias.contains("..");
    if alias.is_empty() || alias.chars().count() > 64 || dots || !alias.chars().all(fits) {
        let message = format!("Property expression \"{alias}\" isn't valid. {ALIAS_RULE}");
        return Err(Problem::new("DataValidationException", message).into());
    }
    unique(call, entry, "Alias", alias)
}

pub(super) fn check_account(call: &Call<'_>, entry: &Entry, account: &str) -> Result<(), Fail> {
    if account.chars().count() > 20 || account.is_empty() || account_name(account) != account {
        let message = format!(
            "The value \"{account}\" of property \"SamAccountName\" isn't valid: it may have 20 characters and none of \"/\\[]:;|=,+*?<>@."
        );
        return Err(Problem::new("DataValidationException", message).into());
    }
    unique(call, entry, "SamAccountName", account)
}

/// The password policy of a new domain: seven characters, three classes, not the account's name.
pub(super) fn check_password(call: &Call<'_>, entry: &Entry, password: &SecretString) -> Result<(), Fail> {
    let text = password.expose_secret();
    let class = |fits: fn(char) -> bool| usize::from(text.chars().any(fits));
    let classes = class(|c| c.is_lowercase())
        + class(|c| c.is_uppercase())
        + class(|c| c.is_ascii_digit())
        + class(|c| c.is_ascii() && !c.is_ascii_alphanumeric())
        + class(|c| c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase());
    let account = entry.text("SamAccountName").to_lowercase();
    let names = account.chars().count() > 2 && text.to_lowercase().contains(&account);
    if text.chars().count() >= 7 && classes >= 3 && !names {
        return Ok(());
    }
    let message = format!(
        "Active Directory operation failed on {}. This error is not retriable. Additional information: The password does not meet the password policy requirements. Check the minimum password length, password complexity and password history requirements. Active directory response: 0000052D: SvcErr: DSID-031A126C, problem 5003 (WILL_NOT_PERFORM), data 0",
        call.replica().name()
    );
    Err(Problem::new("ADOperationException", message).into())
}
