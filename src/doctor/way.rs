//! From here to the server's first answer: host, port, proxy, TLS, HTTP, schemes.

use std::net::IpAddr;
use std::time::SystemTime;

use wsman::client::probe::{self, Clocks, Knock};
use wsman::client::{ConnectionConfig, Error, SignInError, TlsProblem};

use super::{Check, Verdict, hints, judge, kerberos, names, needs_before};
use crate::config::{Authentication, Connection};

/// Why a sign-in is not tried: it would only count as a wrong one.
pub(super) enum Stop {
    /// It needs what failed before
    Needs(String),
    /// What becomes of it is known already
    Judged(Check),
}

/// Who answers.
pub(super) struct Server {
    /// The host, without the brackets of IPv6
    pub(super) host: String,
    /// Its clock and ours
    pub(super) clocks: Option<Clocks>,
}

/// Everything before the sign-in.
pub(super) async fn way(
    connection: &Connection,
    config: &ConnectionConfig,
    checks: &mut Vec<Check>,
) -> Result<(), Stop> {
    let Some(knock) = first_hop(connection, config, checks).await else {
        return Err(give_up(connection, checks));
    };
    let host = host_of(&knock.url).unwrap_or_default();
    if let Some(check) = judge::proxy(connection, &host, &knock) {
        let is_open = check.status == Verdict::Ok;
        checks.push(check);
        if !is_open {
            return Err(give_up(connection, checks));
        }
    }
    let refused_certificate =
        matches!(&knock.result, Err(Error::Tls { reason: TlsProblem::ClientCertificate(_), .. }));
    if connection.endpoint.is_tls() {
        let refused = match &knock.result {
            Err(error @ Error::Tls { .. }) if !refused_certificate => Some(error),
            Err(error) if knock.certificates.is_empty() => Some(error),
            _ => None,
        };
        checks.push(judge::tls(&host, &knock.certificates, refused, connection, SystemTime::now()));
        if refused.is_some() {
            return Err(give_up(connection, checks));
        }
    }
    let greeting = match &knock.result {
        Ok(greeting) => greeting,
        Err(error) if refused_certificate => {
            let hint = hints::sign_in(connection, &SignInError::CertificateRefused);
            let check = Check::failed(names::SIGN_IN, error.to_string(), hint);
            rest(connection, checks, &needs_before(names::SIGN_IN));
            return Err(Stop::Judged(check));
        }
        Err(error) => {
            checks.push(Check::failed(names::HTTP, error.to_string(), hints::http(error)));
            return Err(give_up(connection, checks));
        }
    };
    let answers = judge::http(connection, greeting, &knock.url);
    let mut result = Ok(());
    if answers.status != Verdict::Ok {
        result = Err(Stop::Needs(needs_before(names::HTTP)));
    }
    checks.push(answers);
    if is_greeted(connection) {
        let check = match result {
            Ok(()) => judge::schemes(connection, greeting),
            Err(_) => Check::unknown(names::SCHEMES, needs_before(names::HTTP)),
        };
        if check.status == Verdict::Failed {
            result = Err(Stop::Needs(needs_before(names::SCHEMES)));
        }
        checks.push(check);
    }
    let server = Server { host, clocks: greeting.clock };
    let tickets = kerberos::tickets(connection, config, &server, checks).await;
    result.and(tickets)
}

/// Host and port of the server, or of the proxy, and what a request to the server comes to.
async fn first_hop(
    connection: &Connection,
    config: &ConnectionConfig,
    checks: &mut Vec<Check>,
) -> Option<Knock> {
    let through = connection.proxy.as_ref().map(|proxy| &proxy.url);
    let first = through.unwrap_or(connection.endpoint.url()).host_str().unwrap_or_default();
    let addresses = match probe::resolve(config).await {
        Ok(addresses) => addresses,
        Err(error) => {
            let hint = "check the name, the search list and the DNS servers of this machine";
            checks.push(Check::failed(names::DNS, error.to_string(), hint));
            return None;
        }
    };
    let is_address = first.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let listed = addresses.iter().take(5).map(|address| address.ip().to_string()).collect::<Vec<_>>();
    let detail = if is_address {
        format!("{first} is an address")
    } else {
        format!("{first} is {}", listed.join(", "))
    };
    checks.push(Check::ok(names::DNS, detail));
    match probe::connect(config, &addresses).await {
        Ok(address) => {
            let proxy = if through.is_some() { " (the proxy)" } else { "" };
            checks.push(Check::ok(names::PORT, format!("{address} answers{proxy}")));
        }
        Err(error) => {
            let hint = match through {
                Some(_) => "check proxy.url, and firewalls between",
                None => {
                    "check host and port, and firewalls between; Exchange is at 80 and 443, WinRM at 5985 and 5986"
                }
            };
            checks.push(Check::failed(names::PORT, error.to_string(), hint));
            return None;
        }
    }
    Some(probe::knock(config.clone()).await)
}

/// What comes after the line that failed cannot be checked.
fn give_up(connection: &Connection, checks: &mut Vec<Check>) -> Stop {
    let reason = needs_before(checks.last().map_or(names::DNS, |last| last.check));
    rest(connection, checks, &reason);
    Stop::Needs(reason)
}

/// The lines before the sign-in that are not there yet.
fn rest(connection: &Connection, checks: &mut Vec<Check>, reason: &str) {
    let with_tickets = kerberos::plays_a_part(connection);
    let all = [
        (names::PORT, true),
        (names::PROXY, connection.proxy.is_some()),
        (names::TLS, connection.endpoint.is_tls()),
        (names::HTTP, true),
        (names::SCHEMES, is_greeted(connection)),
        (names::SPN, with_tickets),
        (names::CLOCK, true),
        (names::TICKET, with_tickets),
    ];
    for (name, _) in all.into_iter().filter(|(_, applies)| *applies) {
        if checks.iter().all(|check| check.check != name) {
            checks.push(Check::unknown(name, reason));
        }
    }
}

/// Whether the server names schemes: for a certificate there is none.
fn is_greeted(connection: &Connection) -> bool {
    connection.authentication != Authentication::Certificate
}

fn host_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(url.host_str()?.trim_matches(['[', ']']).to_owned())
}
