//! From what was found to a verdict; without I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use wsman::client::probe::{Clocks, Greeting, Knock, ShownCertificate};
use wsman::client::{Error, ProxyProblem, TlsProblem};

use super::{Check, names};
use crate::config::{Authentication, Connection, ExchangeLoader};

/// What Kerberos allows clocks to differ by, RFC 4120 1.6: five minutes.
pub(super) const SKEW: i64 = 300;
/// The cure for clocks that differ.
pub(super) const NTP: &str = "set the clocks by NTP; Kerberos allows five minutes";
/// From here on a certificate that ends soon is worth a word.
const SOON: i64 = 30;

/// The switches that give up protection.
pub(super) fn danger(connection: &Connection) -> Option<Check> {
    let danger = connection.danger;
    let on = [
        (danger.basic_over_http, "danger_basic_over_http sends the password in the clear"),
        (danger.skip_tls_verification, "danger_skip_tls_verification takes anybody for the server"),
        (danger.skip_channel_binding, "danger_skip_channel_binding lets a sign-in be passed on by others"),
        (danger.old_credssp, "danger_old_credssp takes CredSSP servers that can be impersonated"),
    ];
    let on: Vec<&str> = on.into_iter().filter(|(on, _)| *on).map(|(_, text)| text).collect();
    let given_up = Check::ok(names::DANGER, format!("{} given up", on.len()));
    (!on.is_empty()).then(|| given_up.warn(on.join("; ")).hint("take the switches out of the configuration"))
}

/// Whether a password of a flow gets from an ordinary endpoint to the domain controller.
pub(super) fn second_hop(connection: &Connection) -> Option<Check> {
    let is_ordinary = !connection.endpoint.is_exchange();
    is_ordinary.then(|| match connection.check_password_flow() {
        Ok(()) => Check::ok(names::SECOND_HOP, "a flow may carry passwords"),
        Err(reason) => Check::ok(names::SECOND_HOP, "a flow without passwords goes")
            .warn(format!("a flow with passwords is refused: {reason}"))
            .hint(reason.hint()),
    })
}

/// The proxy, where there is one.
pub(super) fn proxy(connection: &Connection, host: &str, knock: &Knock) -> Option<Check> {
    let proxy = connection.proxy.as_ref()?;
    let shown = &proxy.url;
    let to_proxy = "the proxy must be allowed to connect to";
    Some(match &knock.result {
        Err(error @ Error::Proxy { reason: ProxyProblem::SignIn, .. }) => Check::failed(
            names::PROXY,
            error.to_string(),
            "check proxy.username and proxy.password; the proxy must take Basic, or a SOCKS5 user and password",
        ),
        Err(error @ Error::Proxy { .. }) => {
            let hint =
                format!("{to_proxy} {host}, and to find it; check proxy.url and its kind (http or socks5)");
            Check::failed(names::PROXY, error.to_string(), hint)
        }
        // RFC 9110 15.6.3 and 15.6.5: only who passes requests on says so.
        Ok(Greeting { status: status @ (502 | 504), .. }) if !connection.endpoint.is_tls() => {
            let detail = format!("{shown} answers with HTTP status {status}: it does not reach {host}");
            Check::failed(names::PROXY, detail, format!("{to_proxy} {host}, and to find it"))
        }
        _ => Check::ok(names::PROXY, format!("{shown} lets the connection through")),
    })
}

/// What the path is answered with.
pub(super) fn http(connection: &Connection, greeting: &Greeting, url: &str) -> Check {
    let Greeting { status, schemes, .. } = greeting;
    let own = connection.endpoint.url();
    let path = own.path();
    match status {
        404 => Check::failed(
            names::HTTP,
            format!("nothing at {path} (HTTP status 404)"),
            "check the path: /PowerShell is Exchange's own, /wsman the ordinary one",
        ),
        500.. if schemes.is_empty() => Check::failed(
            names::HTTP,
            format!("{path} answers with HTTP status {status}"),
            "try again in a minute; then look at the server: application pool MSExchangePowerShellAppPool, service WinRM",
        ),
        _ if url.trim_end_matches('/') == own.as_str().trim_end_matches('/') => {
            Check::ok(names::HTTP, format!("{path} answers with status {status}"))
        }
        _ => Check::ok(names::HTTP, format!("sent on to {url}, which answers with status {status}")),
    }
}

/// The certificate, whether it was taken or refused with this reason.
pub(super) fn tls(
    host: &str,
    shown: &[ShownCertificate],
    refused: Option<&Error>,
    connection: &Connection,
    now: SystemTime,
) -> Check {
    let Some(own) = shown.first() else {
        let reason = refused.map_or_else(|| "the server showed no certificate".into(), Error::to_string);
        let hint = "check that the port speaks TLS 1.2 or 1.3; Windows Server 2012 R2 and older need ECDHE suites switched on";
        return Check::failed(names::TLS, reason, hint);
    };
    let subject = own.subject.as_deref().or(own.names.first().map(String::as_str)).unwrap_or("no name");
    let left = own.not_after.map(|end| days_between(now, end));
    let Some(error) = refused else {
        let ends = left.map_or(String::new(), |days| format!(", {days} days left"));
        let check = Check::ok(names::TLS, format!("certificate of {subject}{ends}"));
        return match left {
            Some(days) if days < 0 => {
                check.warn("the certificate has expired; it is taken by its fingerprint")
            }
            Some(days) if days < SOON => {
                check.warn("the certificate ends soon").hint("renew it on the server")
            }
            _ => check,
        };
    };
    use TlsProblem::{BadCertificate, Expired, NotYetValid, OtherCertificate, UnknownIssuer, WrongName};
    if !matches!(
        error,
        Error::Tls {
            reason: BadCertificate(_)
                | Expired { .. }
                | NotYetValid
                | OtherCertificate { .. }
                | UnknownIssuer
                | WrongName { .. },
            ..
        }
    ) {
        let hint = "look at what the server's event log (Schannel) says of the connection";
        return Check::failed(names::TLS, error.to_string(), hint);
    }
    if let Some(days) = left.filter(|days| *days < 0) {
        let detail = format!("the certificate of {subject} expired {} days ago", -days);
        return Check::failed(names::TLS, detail, "renew it on the server");
    }
    if own.not_before.is_some_and(|start| start > now) {
        let detail = format!("the certificate of {subject} is not valid yet");
        return Check::failed(names::TLS, detail, "check this machine's clock");
    }
    if connection.tls.server_certificate.is_some() {
        let detail =
            format!("the server shows another certificate than the pinned one: {}", hex(&own.sha256));
        return Check::failed(
            names::TLS,
            detail,
            "if the server's certificate was renewed, renew tls.server_certificate",
        );
    }
    if !own.names.iter().any(|name| fits(name, host)) {
        let detail = format!("the certificate is made out for {}, not for {host}", listed(&own.names));
        return Check::failed(
            names::TLS,
            detail,
            "connect by a name in the certificate, or get one for this name",
        );
    }
    let issuer = own.issuer.as_deref().unwrap_or("nobody");
    let signed = if own.is_self_issued { "signed by itself".into() } else { format!("issued by {issuer}") };
    let hint = "name the authority's certificate in tls.ca_file, or this very certificate in tls.server_certificate; the \
                server must send the certificates in between";
    Check::failed(
        names::TLS,
        format!("the certificate of {subject}, {signed}, is not trusted: {error}"),
        hint,
    )
}

/// The schemes that the server names, against the one that is wanted.
pub(super) fn schemes(connection: &Connection, greeting: &Greeting) -> Check {
    let offered = &greeting.schemes;
    if offered.is_empty() {
        let detail = format!("the server answers with HTTP status {} and names no scheme", greeting.status);
        return Check::failed(
            names::SCHEMES,
            detail,
            "check that the URL is that of Exchange or WinRM, and not of a proxy or a portal",
        );
    }
    let wanted: &[&str] = match connection.authentication {
        Authentication::Basic => &["Basic"],
        Authentication::Ntlm => &["Negotiate", "NTLM"],
        Authentication::Negotiate if connection.allow_ntlm => &["Negotiate", "Kerberos", "NTLM"],
        Authentication::Negotiate | Authentication::Kerberos => &["Negotiate", "Kerberos"],
        Authentication::CredSsp => &["CredSSP"],
        Authentication::Certificate => &[],
    };
    let names = offered.join(", ");
    if wanted.is_empty()
        || wanted.iter().any(|wanted| offered.iter().any(|it| it.eq_ignore_ascii_case(wanted)))
    {
        return Check::ok(names::SCHEMES, names);
    }
    let own = connection.authentication.name();
    let place = if connection.endpoint.is_exchange() {
        "Set-PowerShellVirtualDirectory"
    } else {
        "winrm set winrm/config/service/auth"
    };
    let detail =
        format!("the server offers {names}; authentication = \"{own}\" needs {}", wanted.join(" or "));
    Check::failed(
        names::SCHEMES,
        detail,
        format!("choose another `authentication`, or switch it on at the server: {place}"),
    )
}

/// Our clock against the server's, and against the KDC's where there is one.
pub(super) fn clock(connection: &Connection, server: Option<Clocks>, kdc: Option<i64>) -> Check {
    let all = [("the server's clock", server.map(|clocks| clocks.ahead())), ("the KDC's clock", kdc)];
    let told = || all.iter().filter_map(|(whose, ahead)| ahead.map(|ahead| (*whose, ahead)));
    let say = |(whose, ahead): (&str, i64)| {
        let side = if ahead < 0 { "behind" } else { "ahead" };
        format!("{whose} is {} s {side}", ahead.abs())
    };
    let detail = told().map(say).collect::<Vec<_>>().join(", ");
    if detail.is_empty() {
        return Check::unknown(names::CLOCK, "the server does not tell the time");
    }
    if told().all(|(_, ahead)| ahead.abs() <= SKEW) {
        return Check::ok(names::CLOCK, detail);
    }
    match connection.authentication {
        Authentication::Basic | Authentication::Certificate => {
            Check::ok(names::CLOCK, detail).warn("more than five minutes").hint(NTP)
        }
        _ => Check::failed(names::CLOCK, detail, NTP),
    }
}

/// The language mode, against what is sent.
pub(super) fn language(connection: &Connection, mode: &str) -> Check {
    let needs_scripts =
        !connection.endpoint.is_exchange() && connection.exchange_loader == ExchangeLoader::RemoteExchange;
    if mode == "FullLanguage" || !needs_scripts {
        return Check::ok(names::LANGUAGE, mode);
    }
    let detail =
        format!("{mode}; exchange_loader = \"remote-exchange\" runs a script, which needs FullLanguage");
    Check::failed(
        names::LANGUAGE,
        detail,
        "exchange_loader = \"snap-in\", or the server's own endpoint /PowerShell",
    )
}

/// What the server shows: cmdlets in lower case with their parameters in lower case, where it tells these.
pub(super) type Visible = BTreeMap<String, Option<BTreeSet<String>>>;

type Needs = BTreeMap<&'static str, Vec<&'static str>>;

/// The cmdlets.
pub(super) fn cmdlets(needs: &Needs, visible: &Visible) -> Check {
    let hidden: Vec<&str> =
        needs.keys().copied().filter(|cmdlet| !visible.contains_key(&cmdlet.to_lowercase())).collect();
    if hidden.is_empty() {
        return Check::ok(names::CMDLETS, format!("{} of {} visible", needs.len(), needs.len()));
    }
    Check::failed(names::CMDLETS, format!("not visible: {}", hidden.join(", ")), ROLES)
}

const ROLES: &str = "give the account's role group a role that has them: Mail Recipients and Mail Recipient Creation \
                     (New-ManagementRoleAssignment); Get-ManagementRoleEntry '*\\NAME' shows which roles do";

/// The parameters of those that are visible.
pub(super) fn parameters(needs: &Needs, visible: &Visible) -> Check {
    let mut hidden = Vec::new();
    let mut untold = Vec::new();
    let mut count = 0;
    for (cmdlet, parameters) in needs {
        match visible.get(&cmdlet.to_lowercase()) {
            Some(Some(shown)) => {
                count += parameters.len();
                let missing = parameters.iter().filter(|name| !shown.contains(&name.to_lowercase()));
                hidden.extend(missing.map(|name| format!("{cmdlet} -{name}")));
            }
            Some(None) => untold.push(*cmdlet),
            None => {}
        }
    }
    if !hidden.is_empty() {
        return Check::failed(names::PARAMETERS, format!("not visible: {}", hidden.join(", ")), ROLES);
    }
    match (untold.is_empty(), count) {
        (true, 1..) => Check::ok(names::PARAMETERS, format!("{count} of {count} visible")),
        (true, _) => Check::unknown(names::PARAMETERS, "no cmdlet is visible"),
        _ => Check::unknown(names::PARAMETERS, format!("the server lists none for {}", untold.join(", "))),
    }
}

/// The excluded domains, against those that Exchange accepts.
pub(super) fn domains(connection: &Connection, accepted: &[String]) -> Check {
    let idle = connection.policy.merge.excluded.without_a_match(accepted);
    if idle.is_empty() {
        return Check::ok(names::DOMAINS, format!("all are accepted domains ({} accepted)", accepted.len()));
    }
    let near = |entry: &String| {
        let scored = accepted.iter().map(|domain| (strsim::damerau_levenshtein(entry, domain), domain));
        scored.filter(|(distance, _)| *distance <= 3).min().map(|(_, domain)| domain.clone())
    };
    let hint = match idle.iter().find_map(near) {
        Some(domain) => format!("did you mean `{domain}`?"),
        None => format!("Exchange accepts {}", listed(accepted)),
    };
    let detail = format!("no accepted domain, so that it protects no address: {}", idle.join(", "));
    Check::failed(names::DOMAINS, detail, hint)
}

fn days_between(from: SystemTime, to: SystemTime) -> i64 {
    let days = |seconds: u64| i64::try_from(seconds / 86_400).unwrap_or(i64::MAX);
    match to.duration_since(from) {
        Ok(left) => days(left.as_secs()),
        Err(past) => -days(past.duration().as_secs()) - 1,
    }
}

/// RFC 6125 6.4.3: a star stands for the whole first label.
fn fits(name: &str, host: &str) -> bool {
    let (name, host) = (name.to_lowercase(), host.trim_matches(['[', ']']).to_lowercase());
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => name == host,
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    if text.is_empty() { "nobody".into() } else { text }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
