//! Reading: `Get-Mailbox`, `Get-RemoteMailbox`, `Get-User`, `Get-Recipient`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::{Call, Fail};
use super::convert::Bound;
use super::errors::{self, Problem};
use super::filter;
use crate::lab::directory::Entry;
use crate::lab::output::{self, Shape};

/// Objects that come without `-ResultSize`.
const DEFAULT_RESULT_SIZE: usize = 1000;

pub(super) fn get(call: &mut Call<'_>) -> Result<(), Fail> {
    let shape = match call.cmdlet.name {
        "Get-Mailbox" => Shape::Mailbox,
        "Get-RemoteMailbox" => Shape::RemoteMailbox,
        "Get-User" => Shape::User,
        "Get-MailUser" => Shape::MailUser,
        "Get-CASMailbox" => Shape::CasMailbox,
        _ => Shape::Recipient,
    };
    let accept = |entry: &Entry| match shape {
        Shape::Mailbox | Shape::CasMailbox => entry.is_mailbox(),
        Shape::MailUser => entry.details() == "MailUser",
        Shape::RemoteMailbox => entry.is_remote(),
        Shape::User => entry.is_user(),
        _ => entry.is_mail_enabled(),
    };
    let condition = condition(call)?;
    let narrowed = Narrowing::of(call)?;
    let directory = &call.exchange.directory;
    let fits = |entry: &Entry| {
        accept(entry)
            && call.sees(entry)
            && narrowed.fits(entry)
            && condition.as_ref().is_none_or(|condition| condition.holds(directory, entry))
    };
    let found: Vec<Arc<Entry>> = match call.arguments.text("Identity") {
        Some(identity) => {
            let found: Vec<_> = by_identity(call, identity).into_iter().filter(|entry| fits(entry)).collect();
            if found.is_empty() && !identity.contains('*') {
                return Err(Problem::not_found(identity, call.replica().name()).into());
            }
            found
        }
        None => {
            let found = match condition.as_ref().and_then(filter::Condition::names) {
                Some(names) => {
                    let named = names.iter().flat_map(|name| call.replica().lookup(name));
                    let once: BTreeMap<_, _> = named.map(|entry| (entry.guid, entry)).collect();
                    once.into_values().filter(|entry| fits(entry)).cloned().collect()
                }
                None => call.replica().entries().filter(|entry| fits(entry)).cloned().collect(),
            };
            sorted(found, call.arguments.text("SortBy"))
        }
    };
    let limit = match call.arguments.get("ResultSize") {
        Some(Bound::Number(number)) => usize::try_from(*number).unwrap_or(usize::MAX),
        Some(Bound::Text(_)) => usize::MAX,
        _ => DEFAULT_RESULT_SIZE,
    };
    for entry in found.iter().take(limit) {
        call.output_found(entry, shape);
    }
    if found.len() > limit {
        let text = if call.arguments.has("ResultSize") {
            "There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter."
        } else {
            "By default, only the first 1000 items are returned. Use the ResultSize parameter to specify the number of items returned. To return all items, specify \"-ResultSize Unlimited\". Be aware that, depending on the actual number of items, returning all items can take a long time and consume a large amount of memory. Also, we don't recommend storing the results in a variable. Instead, pipe the results to another task or script to perform batch changes."
        };
        call.warn(text.to_owned());
    }
    Ok(())
}

/// Every object with that name; with a star, every object whose name or alias fits.
fn by_identity(call: &Call<'_>, identity: &str) -> Vec<Arc<Entry>> {
    if !identity.contains('*') {
        return call.replica().lookup(identity).cloned().collect();
    }
    let fits = |entry: &&Arc<Entry>| {
        ["Name", "Alias", "SamAccountName"].iter().any(|name| filter::like(entry.text(name), identity))
    };
    sorted(call.replica().entries().filter(fits).cloned().collect(), None)
}

fn sorted(mut entries: Vec<Arc<Entry>>, by: Option<&str>) -> Vec<Arc<Entry>> {
    let name = by.filter(|name| ["Alias", "DisplayName", "Office"].contains(name)).unwrap_or("Name");
    entries.sort_by_cached_key(|entry| (entry.text(name).to_lowercase(), entry.guid));
    entries
}

/// The parsed `-Filter`.
fn condition(call: &Call<'_>) -> Result<Option<filter::Condition>, Fail> {
    let Some(text) = call.arguments.text("Filter").filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    filter::parse(text, output::is_property).map(Some).map_err(|error| {
        let message = format!(
            "Cannot bind parameter 'Filter' to the target. Exception setting \"Filter\": \"{error}\""
        );
        Fail::Record(errors::binding(call.cmdlet.name, "ParameterBindingFailed", &message))
    })
}

/// The parameters that leave objects out.
struct Narrowing {
    details: Vec<String>,
    types: Vec<String>,
    database: Option<String>,
    unit: Option<String>,
    anr: Option<String>,
    archive: bool,
    nothing: bool,
}

impl Narrowing {
    fn of(call: &Call<'_>) -> Result<Self, Fail> {
        let list = |name: &str| match call.arguments.get(name) {
            Some(Bound::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        let database = call.arguments.text("Database");
        let database = database
            .map(|name| {
                let known = call.exchange.directory.find_database(name);
                known
                    .map(|database| database.name.clone())
                    .ok_or_else(|| Fail::from(Problem::missing("database", name)))
            })
            .transpose()?;
        let unit =
            call.arguments.text("OrganizationalUnit").or(call.arguments.text("OnPremisesOrganizationalUnit"));
        let unit = unit
            .map(|name| {
                call.exchange
                    .directory
                    .find_unit(name)
                    .ok_or_else(|| Fail::from(Problem::missing("organizational unit", name)))
            })
            .transpose()?;
        let other_server = call.arguments.text("Server").is_some_and(|server| {
            !server.split('.').next().unwrap_or_default().eq_ignore_ascii_case(call.exchange.server())
        });
        let special = [
            "Arbitration",
            "AuditLog",
            "AuxAuditLog",
            "Monitoring",
            "PublicFolder",
            "Migration",
            "GroupMailbox",
            "RemoteArchive",
        ];
        Ok(Self {
            details: list("RecipientTypeDetails"),
            types: list("RecipientType"),
            database,
            unit,
            anr: call.arguments.text("Anr").map(str::to_lowercase),
            archive: call.arguments.on("Archive"),
            nothing: other_server || special.iter().any(|name| call.arguments.on(name)),
        })
    }

    fn fits(&self, entry: &Entry) -> bool {
        let unit = entry.text("OrganizationalUnit").to_lowercase();
        let below = |parent: &String| {
            let parent = parent.to_lowercase();
            unit == parent || unit.strip_prefix(&parent).is_some_and(|rest| rest.starts_with('/'))
        };
        let starts = |anr: &String| {
            ["Name", "DisplayName", "Alias", "FirstName", "LastName"]
                .iter()
                .any(|name| entry.text(name).to_lowercase().starts_with(anr))
        };
        !self.nothing
            && (self.details.is_empty() || self.details.iter().any(|details| details == entry.details()))
            && (self.types.is_empty() || self.types.iter().any(|name| name == entry.recipient_type()))
            && self
                .database
                .as_deref()
                .is_none_or(|database| entry.text("Database").eq_ignore_ascii_case(database))
            && self.unit.as_ref().is_none_or(below)
            && self.anr.as_ref().is_none_or(starts)
            && (!self.archive || !entry.text("ArchiveGuid").is_empty())
    }
}
