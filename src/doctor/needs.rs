//! Which cmdlets and parameters a connection needs.

use std::collections::BTreeMap;

use crate::config::{Connection, Infrastructure};
use crate::plan::CreateMethod;

/// Cmdlets with the parameters that are used of them.
pub(super) fn needs(connection: &Connection) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut needs = BTreeMap::new();
    let pinned = connection.domain_controller.is_some();
    let mut add = |cmdlet, parameters: &[&'static str]| {
        let mut parameters = parameters.to_vec();
        if pinned {
            parameters.push("DomainController");
        }
        needs.insert(cmdlet, parameters);
    };
    add("Get-AcceptedDomain", &[]);
    add("Get-User", &["Identity"]);
    add("Get-Mailbox", &["Identity"]);
    add("Get-Recipient", &["Identity", "Filter", "ResultSize"]);
    let mut set = vec!["Identity", "EmailAddresses"];
    if connection.policy.disable_email_address_policy {
        set.push("EmailAddressPolicyEnabled");
    }
    add("Set-Mailbox", &set);
    let hybrid = connection.infrastructure != Infrastructure::OnPremises;
    if hybrid {
        add("Get-RemoteMailbox", &["Identity"]);
        add("Set-RemoteMailbox", &set);
    }
    let made: &[&str] = &["Name", "UserPrincipalName", "Password", "PrimarySmtpAddress"];
    let enabled: &[&str] = &["Identity", "PrimarySmtpAddress"];
    match (connection.policy.create_method, hybrid) {
        (CreateMethod::New, false) => add("New-Mailbox", made),
        (CreateMethod::New, true) => add("New-RemoteMailbox", made),
        (CreateMethod::Enable, false) => add("Enable-Mailbox", enabled),
        (CreateMethod::Enable, true) => add("Enable-RemoteMailbox", enabled),
    }
    if connection.policy.allow_remove {
        add("Remove-Mailbox", &["Identity"]);
        if hybrid {
            add("Remove-RemoteMailbox", &["Identity"]);
        }
    }
    needs
}
