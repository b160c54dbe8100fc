//! Accepted domains, and which domain controller a session uses.

use std::sync::Arc;

use wsman::clixml::{Object, Value};

use super::call::{Call, Fail, unreachable_server};
use super::errors::Problem;
use crate::lab::output;

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

/// As much of the organisation as connections look at.
pub(super) fn configuration(call: &mut Call<'_>) -> Result<(), Fail> {
    let configuration = &call.exchange.directory.configuration;
    let Some(cloud) = &configuration.cloud else { return Ok(()) };
    let text = |text: &str| Value::from(text);
    let object = Object::of_type(&[
        "Microsoft.Exchange.Data.Directory.Management.OrganizationConfig",
        "System.Object",
    ])
    .with_text(cloud.initial_domain.as_str())
    .with_adapted("Name", text(&cloud.initial_domain))
    .with_adapted("Identity", text(&cloud.initial_domain))
    .with_adapted("DisplayName", text(&configuration.organization))
    .with_adapted("ExternalDirectoryOrganizationId", text(&cloud.tenant.to_string()))
    .with_adapted("ExchangeAttributesCloudManagedByDefault", Value::Bool(false))
    .with_adapted("IsDehydrated", Value::Bool(false));
    call.output(Value::Object(Arc::new(object)));
    Ok(())
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
