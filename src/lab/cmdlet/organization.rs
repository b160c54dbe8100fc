//! Databases, accepted domains, and which domain controller a session uses.

use super::call::{Call, Fail, unreachable_server};
use super::errors::Problem;
use crate::lab::output;

pub(super) fn databases(call: &mut Call<'_>) -> Result<(), Fail> {
    let name = call.arguments.text("Identity").map(str::to_owned);
    let guid =
        |call: &Call<'_>, database: &str| call.exchange.directory.ids.named(&format!("database {database}"));
    if let Some(server) = call.arguments.text("Server") {
        let known = call.exchange.server();
        let short = server.split('.').next().unwrap_or_default();
        if !short.eq_ignore_ascii_case(known) {
            let message =
                format!("The operation couldn't be performed because server '{server}' couldn't be found.");
            return Err(Problem::new("ManagementObjectNotFoundException", message).into());
        }
    }
    let status = call.arguments.on("Status");
    let mut found = false;
    for database in call.exchange.directory.configuration.databases.clone() {
        let guid = guid(call, &database.name);
        let fits = |name: &str| {
            name.eq_ignore_ascii_case(&database.name) || name.eq_ignore_ascii_case(&guid.to_string())
        };
        if name.as_deref().is_none_or(fits) {
            found = true;
            let dc = call.replica().name().to_owned();
            let value = output::database(&call.exchange.directory, &dc, &database, guid, status);
            call.output(value);
        }
    }
    match name {
        Some(name) if !found => Err(Problem::not_found(&name, call.replica().name()).into()),
        _ => Ok(()),
    }
}

pub(super) fn accepted_domains(call: &mut Call<'_>) -> Result<(), Fail> {
    let name = call.arguments.text("Identity").map(str::to_owned);
    let mut found = false;
    for domain in call.exchange.directory.configuration.accepted_domains.clone() {
        if name.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(&domain.name)) {
            found = true;
            let dc = call.replica().name().to_owned();
            let value = output::accepted_domain(&call.exchange.directory, &dc, &domain);
            call.output(value);
        }
    }
    match name {
        Some(name) if !found => Err(Problem::not_found(&name, call.replica().name()).into()),
        _ => Ok(()),
    }
}

pub(super) fn server_settings(call: &mut Call<'_>) -> Result<(), Fail> {
    let preferred = match call.arguments.text("PreferredServer") {
        Some(name) => Some(
            call.exchange.directory.find_domain_controller(name).ok_or_else(|| unreachable_server(name))?,
        ),
        None => None,
    };
    if call.should_process("Setting server settings", "session", false)? {
        call.session.dc = preferred.unwrap_or(call.session.dc);
        call.session.entire_forest =
            call.arguments.flag("ViewEntireForest").unwrap_or(call.session.entire_forest);
    }
    Ok(())
}
