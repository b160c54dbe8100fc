//! From what the cloud answered to a verdict; without I/O.

use wsman::client::probe::Clocks;

use crate::config::{Cloud, CloudSignIn, Connection};
use crate::doctor::judge::SKEW;
use crate::doctor::{Check, names};
use crate::exchange::{Claims, ExchangeError, Held, Led, LookupError, Seen};
use crate::recipient::Sku;

const DAY: u64 = 86_400;
/// From here on a certificate that ends soon is worth a word.
const SOON: u64 = 30;
/// From here on seats are.
const FEW: u32 = 10;

const MANAGE: &str = "Exchange.ManageAsApp";
const MANAGE_V2: &str = "Exchange.ManageAsAppV2";
/// What a person consents to in place of [`MANAGE`].
const MANAGE_PERSON: &str = "Exchange.Manage";

const CONSENT: &str = "in the Entra admin centre, App registrations, API permissions, add Exchange.ManageAsApp of Office 365 Exchange \
                       Online (an application permission) and grant admin consent";
const ROLE: &str = "give the application the Entra role Exchange Recipient Administrator, or no more than it needs by New-ServicePrincipal \
                    and Add-RoleGroupMember; until it takes effect everywhere may take a while";

/// Ways to sign in that are worth a word.
pub(super) fn sign_in_way(cloud: &Cloud) -> Option<Check> {
    let (detail, warning) = match &cloud.sign_in {
        CloudSignIn::Password { .. } => (
            "sign-in with a name and a password",
            "Microsoft is retiring it, and it fails with a second factor",
        ),
        CloudSignIn::Secret { .. } => (
            "sign-in with a client secret",
            "Microsoft's documentation of application sign-in to Exchange Online names certificates only",
        ),
        _ => return None,
    };
    Some(Check::ok(names::CLOUD_WAY, detail).warn(warning).hint("use a certificate"))
}

/// Our clock against the directory's: an assertion is good for some minutes by that one.
pub(super) fn clock(cloud: &Cloud, clocks: Option<Clocks>) -> Check {
    let Some(ahead) = clocks.map(|clocks| clocks.ahead()) else {
        return Check::unknown(names::CLOUD_CLOCK, "no host tells the time");
    };
    let side = if ahead < 0 { "behind" } else { "ahead" };
    let detail = format!("the cloud's clock is {} s {side}", ahead.abs());
    let hint = "set this machine's clock by NTP";
    match &cloud.sign_in {
        _ if ahead.abs() <= SKEW => Check::ok(names::CLOUD_CLOCK, detail),
        CloudSignIn::Certificate { .. } => Check::failed(names::CLOUD_CLOCK, detail, hint),
        _ => Check::ok(names::CLOUD_CLOCK, detail).warn("more than five minutes").hint(hint),
    }
}

/// The certificate of the application.
pub(super) fn certificate(held: Result<Held, ExchangeError>, now: u64) -> Check {
    let held = match held {
        Ok(held) => held,
        Err(error) => {
            let hint = "the file holds a certificate and its RSA key, as PFX or PEM; certificate_password opens a PFX file, and \
                        certificate_thumbprint must be that of the certificate which is uploaded to the application's registration";
            return Check::failed(names::CERTIFICATE, error.to_string(), hint);
        }
    };
    let named = held.file.as_ref().map_or_else(|| held.thumbprint.clone(), |file| file.display().to_string());
    if held.end < now {
        let hint =
            "make a new one, upload it to the application's registration, and name it by certificate_file";
        let ago = (now - held.end) / DAY;
        return Check::failed(names::CERTIFICATE, format!("{named} has expired, {ago} days ago"), hint);
    }
    if now < held.begin {
        let detail = format!("{named} is not valid yet");
        return Check::failed(names::CERTIFICATE, detail, "set this machine's clock by NTP, or wait");
    }
    let days = held.end.saturating_sub(now) / DAY;
    let detail = format!("{}, RSA with {} bits, {days} days left", held.thumbprint, held.bits);
    let check = Check::ok(names::CERTIFICATE, detail);
    match held.file.filter(|file| is_shared(file)) {
        Some(file) => check
            .warn(format!("others may read {}, which holds the private key", file.display()))
            .hint(format!("chmod 600 {}", file.display())),
        None if days < SOON => check
            .warn("the certificate ends soon")
            .hint("make a new one and upload it to the application's registration before this one ends; both may be there"),
        None => check,
    }
}

#[cfg(unix)]
fn is_shared(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|held| held.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_shared(_: &std::path::Path) -> bool {
    false
}

/// A token that was had.
pub(super) fn signed_in(name: &'static str, cloud: &Cloud, claims: &Claims, now: u64) -> Check {
    if !claims.is_readable {
        return Check::ok(name, "there is a token, which says nothing of itself");
    }
    let who = match &claims.person {
        Some(person) => format!("{person} by application {}", claims.application),
        None => format!("application {}", claims.application),
    };
    let left =
        claims.end.map_or(String::new(), |end| format!(", for {} minutes", end.saturating_sub(now) / 60));
    let check = Check::ok(name, format!("tenant {}, {who}{left}", claims.tenant));
    // A tenant may be named by a domain; only a GUID can be compared.
    let wanted = uuid::Uuid::try_parse(&cloud.tenant).ok();
    match (wanted, uuid::Uuid::try_parse(&claims.tenant).ok()) {
        (Some(wanted), Some(is)) if wanted != is => Check::failed(
            name,
            format!("the token is for tenant {is}, not for {wanted}"),
            "check `tenant`, and where the token comes from",
        ),
        _ if claims.end.is_some_and(|end| end <= now) => {
            check.warn("the token has expired").hint("get a new one; or check this machine's clock")
        }
        _ => check,
    }
}

/// The cure for a sign-in that came to nothing.
pub(super) fn sign_in_hint(cloud: &Cloud, error: &ExchangeError) -> String {
    let way = match &cloud.sign_in {
        CloudSignIn::Certificate { .. } => "and that this certificate is uploaded to its registration",
        CloudSignIn::Secret { .. } => "and that client_secret is the secret's value, not its id",
        CloudSignIn::WorkloadIdentity { .. } => "and its federated credentials",
        _ => "and that the sign-in has not expired",
    };
    match error {
        ExchangeError::SignIn { .. } if matches!(cloud.sign_in, CloudSignIn::ManagedIdentity { .. }) => {
            "check that this machine has a managed identity, and identity_client_id where it has several"
                .into()
        }
        ExchangeError::SignIn { .. } => format!("check `tenant`, `application_id` {way}"),
        ExchangeError::Secret(_) => "make the secret available where the reference says it is".into(),
        ExchangeError::Setting { .. } | ExchangeError::Unusable(_) => "mend that setting".into(),
        _ => "try again; if it stays so, look for what is between here and the directory".into(),
    }
}

/// Whether the application is let in at all. Neither permission nor role, permission alone, and both are answered with 401, 403
/// and 200.
pub(super) fn permission(seen: &Seen, claims: &Claims) -> Check {
    let has = |name: &str| claims.permissions.iter().any(|held| held == name);
    let is_granted = has(MANAGE) || claims.person.is_some() && has(MANAGE_PERSON);
    let failed = |detail: String, hint: &str| Check::failed(names::PERMISSION, detail, hint);
    let reason = match &seen.led {
        Led::Failed(text) if seen.status != 401 => format!(": {text}"),
        _ => String::new(),
    };
    match (seen.status, &seen.led) {
        (200, Led::Done(answer)) => Check::ok(
            names::PERMISSION,
            format!("Exchange is open, {} accepted domains", answer.objects.len()),
        ),
        (401, _) if claims.fault.is_some() => failed(
            format!("status 401: {}", claims.fault.as_deref().unwrap_or_default()),
            "check the key of the token, and where it comes from",
        ),
        (401, _) if claims.is_readable && !is_granted && !has(MANAGE_V2) => {
            failed(format!("status 401: the token lacks the permission {MANAGE}"), CONSENT)
        }
        (401, _) => failed(
            "status 401: the token is not taken".into(),
            "wait some minutes after a change of permissions; check `environment`, and that exchange_url and exchange_scope belong \
             together",
        ),
        (403, _) if has(MANAGE_V2) && !has(MANAGE) => failed(
            format!("status 403: the permission is {MANAGE_V2}, which is for another interface"),
            CONSENT,
        ),
        (403, _) => {
            let told = seen.diagnostics.as_deref().map_or(reason, |text| format!(": {text}"));
            failed(format!("status 403: the application has no role in Exchange{told}"), ROLE)
        }
        (status, Led::Done(answer)) => {
            let told = answer.refusal().map_or_else(|| "no reason".into(), |refusal| refusal.message);
            failed(format!("status {status}: {told}"), ROLE)
        }
        (status, _) => {
            let hint = "check `environment`, exchange_url and `tenant`, and whether a proxy answers in place of Exchange";
            failed(format!("status {status}{reason}"), hint)
        }
    }
}

/// The cmdlets that this connection needs, against those that the service ships for this principal.
pub(super) fn cmdlets(connection: &Connection, visible: &[String]) -> Check {
    let mut needs =
        vec!["Get-AcceptedDomain", "Get-Mailbox", "Get-Recipient", "Get-User", "Set-Mailbox", "New-Mailbox"];
    if connection.policy.allow_remove {
        needs.push("Remove-Mailbox");
    }
    let is_there = |name: &&str| visible.iter().any(|held| held.eq_ignore_ascii_case(name));
    let hidden: Vec<&str> = needs.iter().copied().filter(|name| !is_there(name)).collect();
    if hidden.is_empty() {
        return Check::ok(
            names::CLOUD_CMDLETS,
            format!("{} of {} visible; {} in all", needs.len(), needs.len(), visible.len()),
        );
    }
    let hint = "the role group needs the roles Mail Recipients and Mail Recipient Creation; Get-ManagementRoleEntry '*\\NAME' shows which \
                roles have a cmdlet";
    Check::failed(names::CLOUD_CMDLETS, format!("not visible: {}", hidden.join(", ")), hint)
}

/// Permissions of Graph: one of each row, for what the settings lead to.
const READ: &[&str] =
    &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const WRITE: &[&str] = &["User.ReadWrite.All", "Directory.ReadWrite.All"];
const ASSIGN: &[&str] = &["LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];
const SKUS: &[&str] = &[
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "LicenseAssignment.Read.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// The token for Graph, and whether users can be read.
pub(super) fn graph(cloud: &Cloud, makes: bool, claims: &Claims, tried: Result<(), String>) -> Check {
    let gives = cloud.licence.is_some();
    let mut needs = vec![("to read users", READ)];
    if makes || gives && cloud.usage_location.is_some() {
        needs.push(("to write users", WRITE));
    }
    if gives {
        needs.extend([("to assign licences", ASSIGN), ("to read licences", SKUS)]);
    }
    let has = |names: &[&str]| claims.permissions.iter().any(|held| names.contains(&held.as_str()));
    let missing: Vec<String> = needs
        .iter()
        .filter(|(_, names)| claims.is_readable && !has(names))
        .filter_map(|(purpose, names)| Some(format!("{} ({purpose})", names.first()?)))
        .collect();
    let hint = "in the Entra admin centre, App registrations, API permissions, add them as application permissions of Microsoft Graph and \
                grant admin consent";
    match tried {
        Err(reason) if missing.is_empty() => {
            Check::failed(names::GRAPH, format!("users cannot be read: {reason}"), hint)
        }
        _ if !missing.is_empty() => {
            Check::failed(names::GRAPH, format!("missing: {}", missing.join(", ")), hint)
        }
        _ if !claims.is_readable => {
            Check::ok(names::GRAPH, "users can be read; the token does not say what else is permitted")
        }
        _ => Check::ok(names::GRAPH, format!("permitted: {}", claims.permissions.join(", "))),
    }
}

/// The licence of the settings, and what is left of it.
pub(super) fn licence(cloud: &Cloud, skus: Result<Vec<Sku>, LookupError>) -> Check {
    let wanted = cloud.licence.as_deref().unwrap_or_default();
    let skus = match skus {
        Ok(skus) => skus,
        Err(error) => {
            let hint = "Organization.Read.All of Microsoft Graph lets the application read licences";
            return Check::failed(names::LICENCE, format!("licences cannot be read: {error}"), hint);
        }
    };
    let Some(sku) = skus.iter().find(|sku| sku.is(wanted)) else {
        let with: Vec<&str> =
            skus.iter().filter(|sku| sku.has_exchange).map(|sku| sku.part_number.as_str()).collect();
        let hint = match with.is_empty() {
            true => "no licence of the tenant brings a mailbox".to_owned(),
            false => format!("with a mailbox come {}", with.join(", ")),
        };
        return Check::failed(names::LICENCE, format!("the tenant has no licence `{wanted}`"), hint);
    };
    if !sku.has_exchange {
        let detail = format!("{} brings no mailbox", sku.part_number);
        return Check::failed(names::LICENCE, detail, "name one that Exchange Online is part of");
    }
    let check = Check::ok(
        names::LICENCE,
        format!("{}: {} of {} seats are free", sku.part_number, sku.free(), sku.enabled),
    );
    match sku.free() {
        0 => check
            .warn("no seat is free: new users get no mailbox")
            .hint("buy more, or take licences away that nobody uses"),
        few if few < FEW => check.warn("few seats are free"),
        _ => check,
    }
}

/// The country, without which the directory assigns nothing.
pub(super) fn usage_location(cloud: &Cloud) -> Check {
    match &cloud.usage_location {
        Some(country) => Check::ok(names::USAGE_LOCATION, format!("users without one get {country}")),
        None => Check::ok(names::USAGE_LOCATION, "none is set")
            .warn("a user without one gets no licence, unless the flow has a column UsageLocation")
            .hint("usage_location = \"DE\" in the table of the cloud"),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
