//! Mailbox databases: `Get-`, `New-`, `Set-` and `Remove-MailboxDatabase`, `Mount-` and `Dismount-Database`.
//!
//! The refusal of `Remove-MailboxDatabase` and the warnings are those that Microsoft documents; what a server says to mounting
//! twice is not published, so the text here is only of the form in which other failures to mount come.

use std::collections::BTreeMap;

use super::call::{Call, Fail, attribute};
use super::errors::Problem;
use super::modify::DIRECTIVES;
use crate::lab::directory::{Attribute, Database};
use crate::lab::output;

/// Parameters with which `New-MailboxDatabase` says how to work, not what to store.
const NOT_STORED: [&str; 6] = [
    "Name",
    "Server",
    "IsExcludedFromProvisioning",
    "SkipDatabaseLogFolderCreation",
    "PublicFolderDatabase",
    "JournalRecipient",
];

pub(super) fn get(call: &mut Call<'_>) -> Result<(), Fail> {
    let identity = call.arguments.text("Identity").map(str::to_owned);
    if let Some(server) = call.arguments.text("Server") {
        check_server(call, server)?;
    }
    let found: Vec<Database> = match &identity {
        Some(identity) => vec![identified(call, identity)?],
        None => call.exchange.directory.configuration.databases.clone(),
    };
    let status = call.arguments.on("Status");
    for database in found {
        show(call, &database, status);
    }
    Ok(())
}

pub(super) fn new(call: &mut Call<'_>) -> Result<(), Fail> {
    let arguments = call.arguments;
    let name = arguments.text("Name").unwrap_or_default().trim().to_owned();
    check_server(call, arguments.text("Server").unwrap_or_default())?;
    check_name(call, &name)?;
    let folder = format!("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Mailbox\\{name}");
    let file = arguments.text("EdbFilePath").map_or_else(|| format!("{folder}\\{name}.edb"), str::to_owned);
    let logs = arguments.text("LogFolderPath").map_or(folder, str::to_owned);
    check_paths(call, &file, &logs)?;
    if !call.should_process("Creating mailbox database", &name, false)? {
        return Ok(());
    }
    let mut properties: BTreeMap<String, Attribute> = arguments
        .iter()
        .filter(|(name, _)| !NOT_STORED.contains(name) && !DIRECTIVES.contains(name))
        .filter_map(|(name, bound)| Some((name.to_owned(), attribute(bound)?)))
        .collect();
    properties.insert("EdbFilePath".to_owned(), file.into());
    properties.insert("LogFolderPath".to_owned(), logs.into());
    properties.insert("WhenCreated".to_owned(), now(call));
    properties.insert("WhenChanged".to_owned(), now(call));
    let database = Database {
        name,
        mounted: false,
        excluded_from_provisioning: arguments.on("IsExcludedFromProvisioning"),
        guid: Some(call.exchange.directory.ids.next()),
        properties,
    };
    call.exchange.directory.configuration.databases.push(database.clone());
    call.wrote = true;
    show(call, &database, false);
    let server = call.exchange.server().to_owned();
    call.warn(format!(
        "Please restart the Microsoft Exchange Information Store service on server {server} after adding new mailbox databases."
    ));
    Ok(())
}

pub(super) fn set(call: &mut Call<'_>) -> Result<(), Fail> {
    let arguments = call.arguments;
    let old = named(call)?;
    let mut new = old.clone();
    for (name, bound) in arguments.iter().filter(|(name, _)| !DIRECTIVES.contains(name)) {
        match name {
            "Name" => new.name = arguments.text("Name").unwrap_or_default().trim().to_owned(),
            "IsExcludedFromProvisioning" => new.excluded_from_provisioning = arguments.on(name),
            _ => {
                let value = match (name, arguments.text(name)) {
                    ("JournalRecipient", Some(recipient)) => Some(call.recipient(recipient)?.into()),
                    _ => attribute(bound),
                };
                // What the object shows anyway needs no property of its own.
                match value.filter(|value| Some(value) != output::database_default(name).as_ref()) {
                    Some(value) => new.properties.insert(name.to_owned(), value),
                    None => new.properties.remove(name),
                };
            }
        }
    }
    if !new.name.eq_ignore_ascii_case(&old.name) {
        check_name(call, &new.name)?;
    }
    if !call.should_process("Setting mailbox database", &old.name, false)? {
        return Ok(());
    }
    let same = new.name == old.name
        && new.properties == old.properties
        && new.excluded_from_provisioning == old.excluded_from_provisioning;
    if same {
        call.warn(format!(
            "The command completed successfully but no settings of '{}' have been modified.",
            old.name
        ));
        return Ok(());
    }
    new.properties.insert("WhenChanged".to_owned(), now(call));
    let name = std::mem::replace(&mut new.name, old.name.clone());
    if let Some(database) = call.exchange.directory.find_database_mut(&old.name) {
        *database = new;
    }
    if name != old.name {
        call.exchange.directory.rename_database(&old.name, &name);
    }
    call.wrote = true;
    Ok(())
}

pub(super) fn remove(call: &mut Call<'_>) -> Result<(), Fail> {
    let database = named(call)?;
    if call.exchange.directory.is_in_use(call.dc, &database.name) {
        let message = "This mailbox database contains one or more mailboxes, mailbox plans, archive mailboxes, public folder mailboxes or arbitration mailboxes, Audit mailboxes. To get a list of all mailboxes in this database, run the command Get-Mailbox -Database <Database ID>.";
        return Err(Problem::new("AssociatedUserMailboxExistException", message).into());
    }
    if !call.should_process("Removing mailbox database", &database.name, true)? {
        return Ok(());
    }
    call.exchange.directory.configuration.databases.retain(|other| other.name != database.name);
    call.wrote = true;
    let file = match output::database_path(&database) {
        Attribute::Text(file) => file,
        _ => String::new(),
    };
    call.warn(format!(
        "The specified database has been removed. You must remove the database file located in {file} from your computer manually if it exists. Specified database: {}",
        database.name
    ));
    Ok(())
}

/// `Mount-Database`, or `Dismount-Database`, which asks first.
pub(super) fn mount(call: &mut Call<'_>, mounted: bool) -> Result<(), Fail> {
    let database = named(call)?;
    if database.mounted == mounted {
        let (verb, state) = if mounted { ("mount", "already mounted") } else { ("dismount", "not mounted") };
        let message = format!(
            "Couldn't {verb} the database that you specified. Specified database: {0}; Error code: An Active Manager operation failed. Error: The database action failed. Error: Database '{0}' is {state} [Database: {0}, Server: {1}].",
            database.name,
            call.exchange.server()
        );
        return Err(Problem::new("InvalidOperationException", message).into());
    }
    let operation = if mounted { "Mounting database" } else { "Dismounting database" };
    if call.should_process(operation, &database.name, !mounted)? {
        if let Some(database) = call.exchange.directory.find_database_mut(&database.name) {
            database.mounted = mounted;
        }
        call.wrote = true;
    }
    Ok(())
}

fn show(call: &mut Call<'_>, database: &Database, status: bool) {
    let dc = call.replica().name().to_owned();
    let value = output::database(&call.exchange.directory, &dc, database, status);
    call.output(value);
}

fn named(call: &Call<'_>) -> Result<Database, Fail> {
    identified(call, call.arguments.text("Identity").unwrap_or_default())
}

fn identified(call: &Call<'_>, identity: &str) -> Result<Database, Fail> {
    let found = call.exchange.directory.find_database(identity).cloned();
    found.ok_or_else(|| Problem::not_found(identity, call.replica().name()).into())
}

fn check_server(call: &Call<'_>, server: &str) -> Result<(), Fail> {
    let short = server.split('.').next().unwrap_or_default();
    if short.eq_ignore_ascii_case(call.exchange.server()) {
        return Ok(());
    }
    let message = format!("The operation couldn't be performed because server '{server}' couldn't be found.");
    Err(Problem::new("ManagementObjectNotFoundException", message).into())
}

fn check_name(call: &Call<'_>, name: &str) -> Result<(), Fail> {
    if name.is_empty() {
        let message = "The name of a mailbox database can't be empty.";
        return Err(Problem::new("DataValidationException", message).into());
    }
    if call.exchange.directory.find_database(name).is_none() {
        return Ok(());
    }
    let message = format!(
        "Active Directory operation failed on {}. The object '{}' already exists.",
        call.replica().name(),
        call.exchange.directory.database_dn(name)
    );
    Err(Problem::new("ADObjectAlreadyExistsException", message).into())
}

/// Paths are those of the server: on a drive of its own, and nobody else's.
fn check_paths(call: &Call<'_>, file: &str, logs: &str) -> Result<(), Fail> {
    let on_a_drive = |path: &str| {
        let mut chars = path.chars();
        chars.next().is_some_and(|drive| drive.is_ascii_alphabetic()) && chars.as_str().starts_with(":\\")
    };
    let invalid = |message: String| Err(Fail::from(Problem::new("DataValidationException", message)));
    if !on_a_drive(file) || !file.to_lowercase().ends_with(".edb") {
        return invalid(format!(
            "The path \"{file}\" isn't a full local path of a file with the extension .edb."
        ));
    }
    if !on_a_drive(logs) {
        return invalid(format!("The path \"{logs}\" isn't a full local path of a folder."));
    }
    let taken = |other: &&Database| matches!(output::database_path(other), Attribute::Text(path) if path.eq_ignore_ascii_case(file));
    match call.exchange.directory.configuration.databases.iter().find(taken) {
        Some(other) => {
            let message = format!("The path \"{file}\" is already used by the database \"{}\".", other.name);
            Err(Problem::new("InvalidOperationException", message).into())
        }
        None => Ok(()),
    }
}

fn now(call: &Call<'_>) -> Attribute {
    Attribute::Number(i64::try_from(call.now_ms).unwrap_or(i64::MAX))
}
