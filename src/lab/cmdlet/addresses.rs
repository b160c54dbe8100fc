//! Proxy addresses of a recipient: what a parameter makes of them, and what Exchange checks.

use super::call::{Call, Fail};
use super::convert::Bound;
use super::errors::Problem;
use crate::lab::directory::{Attribute, Entry, Proxy};

/// What Exchange says when a policy owns the primary address.
const POLICY_WARNING: &str = "Couldn't update the primary SMTP address because this mailbox is configured to use an email address policy. To disable the email address policy for this mailbox, run the command with the EmailAddressPolicyEnabled parameter set to $false.";

/// The list that an `EmailAddresses` argument makes of the current one.
pub(super) fn requested(current: &[String], bound: &Bound) -> Vec<String> {
    match bound {
        Bound::List(items) => overwritten(items),
        Bound::Delta { add, remove } => changed(current, add, remove),
        _ => Vec::new(),
    }
}

/// A whole list: without an explicit `SMTP:`, the first SMTP address becomes primary.
fn overwritten(items: &[String]) -> Vec<String> {
    let mut proxies: Vec<Proxy> = items.iter().map(|text| written(text)).collect();
    let marked = proxies.iter().any(|proxy| proxy.prefix == "SMTP");
    if let Some(first) = proxies.iter_mut().find(|proxy| !marked && proxy.is_smtp()) {
        first.prefix = "SMTP".to_owned();
    }
    proxies.iter().map(Proxy::to_string).collect()
}

fn changed(current: &[String], add: &[String], remove: &[String]) -> Vec<String> {
    let mut proxies: Vec<Proxy> = current.iter().map(|text| Proxy::parse(text)).collect();
    let gone: Vec<String> = remove.iter().map(|text| Proxy::parse(text).key()).collect();
    proxies.retain(|proxy| !gone.contains(&proxy.key()));
    for proxy in add.iter().map(|text| written(text)) {
        if proxy.prefix == "SMTP" {
            for other in proxies.iter_mut().filter(|other| other.prefix == "SMTP") {
                other.prefix = "smtp".to_owned();
            }
            proxies.retain(|other| other.key() != proxy.key());
        }
        if !proxies.iter().any(|other| other.key() == proxy.key()) {
            proxies.push(proxy);
        }
    }
    proxies.iter().map(Proxy::to_string).collect()
}

/// SMTP addresses get one of the two spellings of their type; others stay as written.
fn written(text: &str) -> Proxy {
    let mut proxy = Proxy::parse(text);
    if proxy.is_smtp() && proxy.prefix != "SMTP" {
        proxy.prefix = "smtp".to_owned();
    }
    proxy
}

/// The current list with another primary; the old one stays as secondary.
pub(super) fn with_primary(current: &[String], address: &str) -> Vec<String> {
    changed(current, &[format!("SMTP:{address}")], &[])
}

fn primary_of(addresses: &[String]) -> Option<String> {
    addresses
        .iter()
        .map(|text| Proxy::parse(text))
        .find(|proxy| proxy.prefix == "SMTP")
        .map(|proxy| proxy.key())
}

/// Puts `addresses` into `entry` (still with its old ones), unless a policy owns the primary or a check fails.
pub(super) fn put(call: &mut Call<'_>, entry: &mut Entry, mut addresses: Vec<String>) -> Result<(), Fail> {
    let current = entry.list("EmailAddresses").to_vec();
    if entry.flag("EmailAddressPolicyEnabled") {
        if primary_of(&addresses) != primary_of(&current) {
            call.warn(POLICY_WARNING.to_owned());
            return Ok(());
        }
        // What the policy makes comes back.
        for text in call.exchange.directory.policy_addresses(entry, None) {
            let proxy = Proxy { prefix: Proxy::parse(&text).prefix.to_lowercase(), ..Proxy::parse(&text) };
            if !addresses.iter().any(|known| Proxy::parse(known).key() == proxy.key()) {
                addresses.push(proxy.to_string());
            }
        }
    }
    if primary_of(&addresses).is_none() {
        let message =
            format!("The recipient \"{}\" must have one primary SMTP address.", entry.text("Identity"));
        return Err(Problem::new("DataValidationException", message).into());
    }
    check(call, entry, &current, &addresses)?;
    call.store(entry, "EmailAddresses", Some(Attribute::List(addresses)));
    Ok(())
}

/// Refuses new addresses of foreign domains and addresses of others.
pub(super) fn check(
    call: &Call<'_>,
    entry: &Entry,
    current: &[String],
    addresses: &[String],
) -> Result<(), Fail> {
    let known: Vec<String> = current.iter().map(|text| Proxy::parse(text).key()).collect();
    for text in addresses {
        let proxy = Proxy::parse(text);
        if known.contains(&proxy.key()) {
            continue;
        }
        if let Some(owner) = owner(call, entry, &proxy) {
            return Err(Problem::address_taken(&proxy.shouted(), &owner).into());
        }
        if proxy.is_smtp() && !call.exchange.directory.configuration.accepts(proxy.domain()) {
            return Err(Problem::not_accepted().into());
        }
    }
    Ok(())
}

/// The canonical name of another object that has the address, or has it as its LegacyExchangeDN.
fn owner(call: &Call<'_>, entry: &Entry, proxy: &Proxy) -> Option<String> {
    let by_address = call.replica().lookup(&proxy.key()).find(|other| other.guid != entry.guid);
    let by_legacy = || {
        let x500 = proxy.prefix.eq_ignore_ascii_case("x500");
        let mut others = call.replica().lookup(&proxy.address);
        others.find(|other| {
            x500 && other.guid != entry.guid
                && other.text("LegacyExchangeDN").eq_ignore_ascii_case(&proxy.address)
        })
    };
    by_address.or_else(by_legacy).map(|other| other.text("Identity").to_owned())
}

/// Applies the policy anew: its primary, its secondaries, and all that was there.
pub(super) fn reapply_policy(call: &mut Call<'_>, entry: &mut Entry) -> Result<(), Fail> {
    let current = entry.list("EmailAddresses").to_vec();
    let wanted = call.exchange.directory.policy_addresses(entry, None);
    let addresses = changed(&current, &wanted, &[]);
    check(call, entry, &current, &addresses)?;
    call.store(entry, "EmailAddresses", Some(Attribute::List(addresses)));
    Ok(())
}
