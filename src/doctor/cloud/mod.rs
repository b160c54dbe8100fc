//! Exchange Online and Graph: from the hosts to what the application may do there.

mod judge;

use std::time::{SystemTime, UNIX_EPOCH};

use url::Url;
use wsman::client::probe::{self, Clocks};
use wsman::client::{Error, Trace};

use super::{Check, Verdict, judge as general, names, needs_before};
use crate::config::{Cloud, Connection};
use crate::exchange::{Call, Exchange as _, Led, Online, graph};
use crate::plan::{CreateMethod, UserMaker};

/// Answers to one call that are followed: the host may send its clients on.
const HOPS: usize = 5;

/// Looks at the cloud's side. `here` are the domains that the server of a hybrid connection accepts, or why nobody knows.
pub(super) async fn examine(
    connection: &Connection,
    cloud: &Cloud,
    here: Option<Result<Vec<String>, String>>,
    trace: Option<&Trace>,
    checks: &mut Vec<Check>,
) {
    checks.extend(judge::sign_in_way(cloud));
    let login = host(connection, cloud, names::LOGIN_HOST, &cloud.login, checks).await;
    let exchange = host(connection, cloud, names::EXCHANGE_HOST, &cloud.exchange, checks).await;
    let with_graph = needs_graph(connection, cloud);
    let graph = match with_graph {
        true => host(connection, cloud, names::GRAPH_HOST, &cloud.graph, checks).await,
        false => Ok(None),
    };
    let clocks = [&login, &exchange].into_iter().find_map(|host| host.as_ref().ok().copied().flatten());
    checks.push(judge::clock(cloud, clocks));
    if let Some(held) = Online::held(connection, cloud, trace).await {
        checks.push(judge::certificate(held, now()));
    }
    let is_sound = |name: &str, checks: &[Check]| {
        checks.iter().all(|check| check.check != name || check.status != Verdict::Failed)
    };
    let stop = [names::LOGIN_HOST, names::CERTIFICATE].into_iter().find(|name| !is_sound(name, checks));
    let online = match stop {
        Some(name) => {
            checks.push(Check::unknown(names::CLOUD_SIGN_IN, needs_before(name)));
            None
        }
        None => sign_in(connection, cloud, trace, checks).await,
    };
    let reason = match (&online, &exchange) {
        (None, _) => Some(needs_before(names::CLOUD_SIGN_IN)),
        (_, Err(())) => Some(needs_before(names::EXCHANGE_HOST)),
        (Some(_), Ok(_)) => None,
    };
    let accepted = match (&online, reason) {
        (Some(online), None) => inside(connection, online, checks).await,
        (_, reason) => {
            let reason = reason.unwrap_or_default();
            checks.push(Check::unknown(names::PERMISSION, reason.clone()));
            checks.push(Check::unknown(names::CLOUD_CMDLETS, reason.clone()));
            Err(reason)
        }
    };
    if !connection.policy.merge.excluded.is_empty() {
        checks.push(match (accepted, here) {
            (Ok(there), None) => general::domains(connection, &there),
            (Ok(there), Some(Ok(here))) => general::domains(connection, &[here, there].concat()),
            (Err(reason), _) | (_, Some(Err(reason))) => Check::unknown(names::DOMAINS, reason),
        });
    }
    if with_graph {
        match (&online, graph) {
            (Some(online), Ok(_)) => licences(connection, cloud, online, checks).await,
            (None, _) => without_graph(cloud, &needs_before(names::CLOUD_SIGN_IN), checks),
            (_, Err(())) => without_graph(cloud, &needs_before(names::GRAPH_HOST), checks),
        }
    }
}

/// Whether the settings lead to Graph: licences, and users that are made there.
fn needs_graph(connection: &Connection, cloud: &Cloud) -> bool {
    let makes = connection.policy.create_method == CreateMethod::New && cloud.maker == UserMaker::Graph;
    cloud.licence.is_some() || makes
}

/// One host: its name, its port, its certificate. Its clock, where it tells it.
async fn host(
    connection: &Connection,
    cloud: &Cloud,
    name: &'static str,
    url: &Url,
    checks: &mut Vec<Check>,
) -> Result<Option<Clocks>, ()> {
    let shown = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let mut failed = |detail: String, hint: &str| {
        checks.push(Check::failed(name, detail, hint));
        Err(())
    };
    let config = match Online::way(connection, cloud, url).await {
        Ok(config) => config,
        Err(error) => return failed(error.to_string(), "mend that setting"),
    };
    let through = if connection.proxy.is_some() { " by the proxy" } else { "" };
    let addresses = match probe::resolve(&config).await {
        Ok(addresses) => addresses,
        Err(error) => {
            let hint = "check `environment` or the URL, and the DNS servers of this machine; a proxy is named by [connections.NAME.proxy]";
            return failed(error.to_string(), hint);
        }
    };
    if let Err(error) = probe::connect(&config, &addresses).await {
        return failed(error.to_string(), "let port 443 to this host through the firewall, or name a proxy");
    }
    let knock = probe::knock(config).await;
    let refused = match &knock.result {
        Err(error @ Error::Tls { .. }) => Some(error),
        Err(error) if knock.certificates.is_empty() => Some(error),
        _ => None,
    };
    if let Some(error @ Error::Proxy { .. }) = refused {
        return failed(
            error.to_string(),
            "check proxy.url, proxy.username and proxy.password, and that it lets this host through",
        );
    }
    let tls = general::tls(&shown, &knock.certificates, refused, connection, SystemTime::now());
    let is_open = tls.status == Verdict::Ok;
    let detail = format!("{shown} answers{through}, {}", tls.detail);
    checks.push(Check { check: name, detail: if is_open { detail } else { tls.detail }, ..tls });
    if is_open { Ok(knock.result.ok().and_then(|greeting| greeting.clock)) } else { Err(()) }
}

async fn sign_in(
    connection: &Connection,
    cloud: &Cloud,
    trace: Option<&Trace>,
    checks: &mut Vec<Check>,
) -> Option<Online> {
    let opened = match Online::open(connection, cloud, trace).await {
        Ok(online) => online.exchange_claims().await.map(|claims| (online, claims)),
        Err(error) => Err(error),
    };
    match opened {
        Ok((online, claims)) => {
            checks.push(judge::signed_in(names::CLOUD_SIGN_IN, cloud, &claims, now()));
            Some(online)
        }
        Err(error) => {
            checks.push(Check::failed(
                names::CLOUD_SIGN_IN,
                error.to_string(),
                judge::sign_in_hint(cloud, &error),
            ));
            None
        }
    }
}

/// What Exchange lets the application do. The accepted domains, or why they are not known.
async fn inside(
    connection: &Connection,
    online: &Online,
    checks: &mut Vec<Check>,
) -> Result<Vec<String>, String> {
    let claims = online.exchange_claims().await.unwrap_or_default();
    let looked = online.look(&Call::new("Get-AcceptedDomain"), None, true, HOPS).await;
    let seen = match looked.map(|mut seen| seen.pop()) {
        Ok(Some(seen)) => seen,
        Ok(None) => return Err(unanswered(checks, "there is no answer".into())),
        Err(error) => return Err(unanswered(checks, error.to_string())),
    };
    let check = judge::permission(&seen, &claims);
    let is_in = check.status == Verdict::Ok;
    checks.push(check);
    if !is_in {
        checks.push(Check::unknown(names::CLOUD_CMDLETS, needs_before(names::PERMISSION)));
        return Err(needs_before(names::PERMISSION));
    }
    checks.push(match online.cmdlets().await {
        Ok(visible) => judge::cmdlets(connection, &visible),
        Err(error) => Check::unknown(names::CLOUD_CMDLETS, error.to_string()),
    });
    let Led::Done(answer) = seen.led else { return Err("the server does not tell them".into()) };
    let domains = answer.objects.iter().filter_map(|domain| domain.get("DomainName"));
    Ok(domains.map(|name| name.display_text().to_lowercase()).collect())
}

fn unanswered(checks: &mut Vec<Check>, reason: String) -> String {
    checks.push(Check::failed(
        names::PERMISSION,
        reason,
        "try again; it stays so where something on the way cuts connections",
    ));
    checks.push(Check::unknown(names::CLOUD_CMDLETS, needs_before(names::PERMISSION)));
    needs_before(names::PERMISSION)
}

/// Licences and users.
async fn licences(connection: &Connection, cloud: &Cloud, online: &Online, checks: &mut Vec<Check>) {
    let claims = match online.graph_claims().await {
        Ok(claims) => claims,
        Err(error) => {
            let hint = judge::sign_in_hint(cloud, &error);
            checks.push(Check::failed(names::GRAPH, error.to_string(), hint));
            return without_licences(cloud, &needs_before(names::GRAPH), checks);
        }
    };
    let makes = connection.policy.create_method == CreateMethod::New && cloud.maker == UserMaker::Graph;
    let tried = users(online).await;
    checks.push(judge::graph(cloud, makes, &claims, tried));
    if cloud.licence.is_some() {
        checks.push(judge::licence(cloud, graph::skus(online).await));
        checks.push(judge::usage_location(cloud));
    }
}

/// Whether users can be read.
async fn users(online: &Online) -> Result<(), String> {
    let call = Call::new("Get-MgUser").with("Top", wsman::clixml::Value::Int32(1));
    match online.run(&call).await {
        Ok(answer) => answer.refusal().map_or(Ok(()), |refusal| Err(refusal.message)),
        Err(error) => Err(error.to_string()),
    }
}

fn without_graph(cloud: &Cloud, reason: &str, checks: &mut Vec<Check>) {
    checks.push(Check::unknown(names::GRAPH, reason));
    without_licences(cloud, reason, checks);
}

fn without_licences(cloud: &Cloud, reason: &str, checks: &mut Vec<Check>) {
    if cloud.licence.is_some() {
        checks.push(Check::unknown(names::LICENCE, reason));
        checks.push(judge::usage_location(cloud));
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
