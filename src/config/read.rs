//! From the tree of a document to checked connections.

use std::time::Duration;

use super::cloud::{self, Cloud};
use super::connection::{
    Authentication, Connection, Danger, ExchangeLoader, Infrastructure, Kerberos, Proxy, Timeouts, Tls,
};
use super::document::{Entry, Kind, Node, Source};
use super::endpoint::{Endpoint, EndpointError, shown_url};
use super::export;
use super::fields::{Fields, Sited};
use super::mail::{self, Mail};
use super::problem::Problem;
use super::{rules, vault};
use crate::address::{DomainError, ExcludedDomains, MergePolicy};
use crate::plan::{CreateMethod, Policy};
use crate::secret::Secrets;

/// Lanes and runspaces at once, unless told otherwise.
const DEFAULT_CONCURRENCY: u32 = 3;
/// Exchange's own limit of shells per user is 18; some are left for people.
const MAX_CONCURRENCY: i64 = 15;

/// Reads a whole file: every connection, and `[mail]`. What comes is only meaningful when no problem was found.
pub(super) fn file(source: &Source, root: Node) -> (Vec<Connection>, Option<Mail>, Vec<Problem>) {
    let mut problems = Vec::new();
    let Kind::Table(entries) = root.kind else {
        return (Vec::new(), None, vec![source.problem(root.span.start, "the document must be a table")]);
    };
    let mut top = Fields::new(source, &mut problems, String::new(), 0, entries);
    let named = top.table("connections", |all| all.rest());
    let secrets = Secrets::new(top.table("vault", vault::read).unwrap_or_default());
    if named.as_ref().is_none_or(Vec::is_empty) {
        top.missing(
            "connections",
            "add a table [connections.NAME]; `mailwright init` writes a commented example",
        );
    }
    let mail = top.table("mail", |f| mail::read(f, &secrets)).flatten();
    top.finish();
    let mut list = Vec::new();
    for Entry { key: name, key_span, value } in named.unwrap_or_default() {
        let path = format!("connections.{name}");
        if let Some(character) = rules::bad_name_character(&name) {
            let message = format!("`{character}` cannot be in the name of a connection");
            problems.push(source.problem(key_span.start, message).key(&path));
        }
        let Kind::Table(entries) = value.kind else {
            problems.push(source.problem(value.span.start, "a connection must be a table").key(&path));
            continue;
        };
        let mut fields = Fields::new(source, &mut problems, path, key_span.start, entries);
        let connection = connection(&mut fields, name, &secrets);
        fields.finish();
        list.extend(connection);
    }
    (list, mail, problems)
}

/// Reads one connection.
pub(super) fn connection(f: &mut Fields<'_>, name: String, secrets: &Secrets) -> Option<Connection> {
    let infrastructure = f.choice(
        "infrastructure",
        &[
            ("on-premises", Infrastructure::OnPremises),
            ("hybrid", Infrastructure::Hybrid),
            ("cloud", Infrastructure::Cloud),
        ],
    );
    let authentication = authentication(f);
    let exchange_loader = f.choice(
        "exchange_loader",
        &[("snap-in", ExchangeLoader::SnapIn), ("remote-exchange", ExchangeLoader::RemoteExchange)],
    );
    let is_cloud = infrastructure.as_ref().is_some_and(|choice| choice.value == Infrastructure::Cloud);
    let endpoint = endpoint(f, is_cloud);
    let configuration_name = f.text("configuration_name");
    let (username, password) = (f.text("username"), f.secret("password"));
    let danger = Danger {
        basic_over_http: f.flag("danger_basic_over_http", false).value,
        skip_tls_verification: f.flag("danger_skip_tls_verification", false).value,
        skip_channel_binding: f.flag("danger_skip_channel_binding", false).value,
        old_credssp: f.flag("danger_old_credssp", false).value,
    };
    let allow_ntlm = f.flag("allow_ntlm", true).value;
    let policy = policy(f);
    let max_removing_percent = f.number("max_removing_percent", 0..=100);
    let concurrency = f.number("concurrency", 1..=MAX_CONCURRENCY).unwrap_or(DEFAULT_CONCURRENCY);
    let domain_controller = f.text("domain_controller").map(|text| text.value);
    let replication_wait = f.duration("replication_wait", Duration::from_secs(120));
    let kerberos = f.table("kerberos", kerberos).unwrap_or_default();
    let tls = f.table("tls", tls).unwrap_or_default();
    let proxy = f.table("proxy", proxy).flatten();
    let redirect_hosts = f.texts("redirect_hosts").into_iter().map(|text| text.value).collect();
    let timeouts = f.table("timeouts", timeouts).unwrap_or_default();
    let export = f.table("export", export::read).unwrap_or_default();
    let has_cloud = f.has("cloud");
    let cloud = f.table("cloud", cloud::read).flatten();

    let required = infrastructure.is_some();
    if !required {
        f.missing("infrastructure", "infrastructure = \"on-premises\" or \"hybrid\"");
    }
    let endpoint = match is_cloud {
        true => in_cloud(f, endpoint, has_cloud, cloud.as_ref()),
        false => endpoint,
    };
    if let (true, Some(cloud)) = (is_cloud, &cloud) {
        rules::graph(f, cloud, policy.create_method);
    }
    let (Sited { value: infrastructure, .. }, authentication, endpoint) =
        (infrastructure?, authentication?, endpoint?);
    let given = rules::Given {
        authentication: &authentication,
        endpoint: &endpoint,
        danger,
        has_username: username.is_some(),
        has_password: password.is_some(),
        kerberos: &kerberos,
        tls: &tls,
    };
    if !is_cloud {
        rules::sign_in(f, &given);
    }
    let configuration_name =
        configuration_name.map_or_else(|| endpoint.value.configuration_name().to_owned(), |text| text.value);
    Some(Connection {
        name,
        infrastructure,
        endpoint: endpoint.value,
        configuration_name,
        exchange_loader: exchange_loader.map_or(ExchangeLoader::SnapIn, |choice| choice.value),
        authentication: authentication.value,
        allow_ntlm,
        username: username.map(|text| text.value),
        password,
        secrets: secrets.clone(),
        policy,
        max_removing_percent,
        concurrency,
        domain_controller,
        replication_wait,
        kerberos,
        tls,
        proxy,
        redirect_hosts,
        timeouts,
        export,
        cloud,
        danger,
    })
}

/// Where Exchange Online answers stands with the rest of the cloud.
fn in_cloud(
    f: &mut Fields<'_>,
    server: Option<Sited<Endpoint>>,
    has_cloud: bool,
    cloud: Option<&Cloud>,
) -> Option<Sited<Endpoint>> {
    if let Some(server) = server {
        let hint = "leave it out; cloud.environment says which cloud, cloud.exchange_url another address";
        f.wrong("server", server.at, "Exchange Online has no server of one's own", Some(hint));
    }
    let Some(cloud) = cloud else {
        // What is wrong in a table that is there has been said.
        if !has_cloud {
            f.missing(
                "cloud",
                "add a table [connections.NAME.cloud] with tenant, application_id and certificate_file",
            );
        }
        return None;
    };
    let value = Endpoint::from_url(cloud.exchange.as_str()).ok()?;
    Some(Sited { value, at: f.at() })
}

const AUTHENTICATIONS: [(&str, Authentication); 6] = [
    ("basic", Authentication::Basic),
    ("ntlm", Authentication::Ntlm),
    ("negotiate", Authentication::Negotiate),
    ("kerberos", Authentication::Kerberos),
    ("credssp", Authentication::CredSsp),
    ("certificate", Authentication::Certificate),
];

/// Words that other products have for a sign-in, and what to write instead.
const FOREIGN: [(&str, &str, &str); 8] = [
    ("digest", "WinRM's Digest is not there on Exchange, and proves less than any other", "use negotiate"),
    ("none", "neither Exchange nor WinRM lets anybody in without a sign-in", "use negotiate"),
    ("anonymous", "neither Exchange nor WinRM lets anybody in without a sign-in", "use negotiate"),
    ("default", "there is no default to take over from this machine", "use negotiate"),
    (
        "negotiatewithimplicitcredential",
        "this program is nobody by itself",
        "use kerberos with kerberos.ticket_cache or kerberos.keytab",
    ),
    ("windows", "several mechanisms go by this name", "use negotiate"),
    ("oauth", "Exchange servers of one's own do not take it here", "use negotiate or kerberos"),
    ("azuread", "Exchange servers of one's own do not take it here", "use negotiate or kerberos"),
];

fn authentication(f: &mut Fields<'_>) -> Option<Sited<Authentication>> {
    let Some(text) = f.text("authentication") else {
        // The strongest that both sides have, sealed or under TLS.
        return Some(Sited { value: Authentication::Negotiate, at: f.at() });
    };
    let word = text.value.to_ascii_lowercase();
    if let Some((_, why, hint)) = FOREIGN.iter().find(|(name, ..)| *name == word) {
        f.wrong("authentication", text.at, format!("`{}` cannot be used: {why}", text.value), Some(hint));
        return None;
    }
    f.chosen("authentication", &text, &AUTHENTICATIONS)
}

/// `authentication` where it is said.
pub(super) fn authentication_of(f: &mut Fields<'_>) -> Option<Authentication> {
    f.has("authentication").then(|| authentication(f)).flatten().map(|sited| sited.value)
}

/// `server` where it is said.
pub(super) fn server(f: &mut Fields<'_>) -> Option<Endpoint> {
    f.has("server").then(|| endpoint(f, false)).flatten().map(|sited| sited.value)
}

fn endpoint(f: &mut Fields<'_>, is_cloud: bool) -> Option<Sited<Endpoint>> {
    let server = f.text("server");
    let hostname = f.text("hostname");
    let port = f.number("port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let path = f.text("path");
    if let (Some(path), Some(_)) = (&path, &server) {
        f.wrong(
            "path",
            path.at,
            "`path` goes with `hostname`",
            Some("write the path into the URL of `server`"),
        );
    }
    let path = path.map(|path| path.value);
    let (key, result, text) = match (server, hostname) {
        (Some(server), Some(_)) => {
            f.wrong(
                "hostname",
                server.at,
                "both `server` and `hostname` are there",
                Some("keep one of them"),
            );
            return None;
        }
        (Some(server), None) => {
            if port.is_some() {
                f.wrong(
                    "port",
                    server.at,
                    "`port` goes with `hostname`",
                    Some("write the port into the URL of `server`"),
                );
            }
            ("server", Endpoint::from_url(&server.value), server)
        }
        (None, Some(host)) => ("hostname", Endpoint::from_host(&host.value, port, path.as_deref()), host),
        (None, None) => {
            if !is_cloud {
                f.missing(
                    "server",
                    "server = \"http://ex01.contoso.com/PowerShell/\", or `hostname` and `port`",
                );
            }
            return None;
        }
    };
    match result {
        Ok(value) => Some(Sited { value, at: text.at }),
        Err(error) => {
            let message = match error {
                EndpointError::Credentials => error.to_string(),
                _ => format!("`{}`: {error}", shown_url(&text.value)),
            };
            f.wrong(key, text.at, message, Some("for example http://ex01.contoso.com/PowerShell/"));
            None
        }
    }
}

fn policy(f: &mut Fields<'_>) -> Policy {
    let mut either = |key, normal, other| {
        f.choice(key, &[(normal, false), (other, true)]).is_some_and(|choice| choice.value)
    };
    let is_literal = either("domain_match", "label", "literal");
    let disable_email_address_policy = either("email_address_policy", "refuse", "disable");
    let keep_primary_when_empty = either("empty_addresses", "refuse", "keep_primary");
    let primary_is_last = either("primary", "marked", "last");
    let promote_excluded_primary = either("excluded_primary", "refuse", "promote");
    let drop_excluded_secondary = either("excluded_secondary", "add", "drop");
    let merge = MergePolicy {
        excluded: excluded(f, is_literal),
        keep_primary_when_empty,
        primary_is_last,
        promote_excluded_primary,
        drop_excluded_secondary,
        keep_old_primary: f.flag("keep_old_primary", false).value,
        protect_moera: f.flag("protect_moera", true).value,
        force_case: f.flag("force_case", false).value,
        managed_types: f.texts("managed_types").into_iter().map(|text| text.value).collect(),
        max_removed_addresses: f
            .number("max_removed_addresses", 0..=10_000)
            .map_or(MergePolicy::default().max_removed_addresses, |number| usize::try_from(number).ok()),
    };
    let create_method =
        f.choice("create_method", &[("new", CreateMethod::New), ("enable", CreateMethod::Enable)]);
    Policy {
        merge,
        disable_email_address_policy,
        allow_remove: f.flag("allow_remove", false).value,
        create_method: create_method.map_or(CreateMethod::Enable, |choice| choice.value),
    }
}

/// Each entry is tried by itself first, so that a wrong one is named with its place.
fn excluded(f: &mut Fields<'_>, is_literal: bool) -> ExcludedDomains {
    let parse = |entries: &[&str]| -> Result<ExcludedDomains, DomainError> {
        if is_literal { ExcludedDomains::parse_literal(entries) } else { ExcludedDomains::parse(entries) }
    };
    let key = "excluded_smtp_domains";
    let mut good = Vec::new();
    for domain in f.texts(key) {
        match parse(&[&domain.value]) {
            Ok(_) => good.push(domain.value),
            Err(error) => {
                let hint = Some("write a domain, for example contoso.com");
                f.wrong(key, domain.at, format!("`{}`: {error}", domain.value), hint);
            }
        }
    }
    parse(&good.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default()
}

fn kerberos(f: &mut Fields<'_>) -> Kerberos {
    Kerberos {
        kdc: f.one_or_more("kdc"),
        realm: f.text("realm").map(|text| text.value),
        spn: f.text("spn").map(|text| text.value),
        keytab: f.path("keytab"),
        ticket_cache: f.path("ticket_cache"),
        service_realm: f.text("service_realm").map(|text| text.value),
        service_kdc: f.one_or_more("service_kdc"),
        krb5_conf: f.path("krb5_conf"),
        delegate: f.flag("delegate", false).value,
        allow_rc4: f.flag("allow_rc4", false).value,
    }
}

fn tls(f: &mut Fields<'_>) -> Tls {
    Tls {
        ca_file: f.path("ca_file"),
        server_certificate: f.text("server_certificate").map(|text| text.value),
        client_certificate: f.path("client_certificate"),
        client_key: f.path("client_key"),
    }
}

fn proxy(f: &mut Fields<'_>) -> Option<Proxy> {
    let url = f.text("url");
    let (username, password) = (f.text("username").map(|text| text.value), f.secret("password"));
    let Some(text) = url else {
        f.missing("url", "url = \"http://proxy.contoso.com:8080\"");
        return None;
    };
    if username.is_some() != password.is_some() {
        f.wrong("url", text.at, "`username` and `password` go together", Some("write both or neither"));
    }
    match url::Url::parse(&text.value) {
        Ok(url) if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") => {
            let message = format!("`{}`: not the URL of a proxy", shown_url(&text.value));
            f.wrong(
                "url",
                text.at,
                message,
                Some("it begins with http://, https://, socks5:// or socks5h://"),
            );
            None
        }
        Ok(url) if url.password().is_none() && url.username().is_empty() && url.has_host() => {
            Some(Proxy { url, username, password })
        }
        Ok(url) if url.has_host() => {
            let hint = "use the keys `username` and `password`";
            f.wrong("url", text.at, "the URL carries a user or a password (not shown)", Some(hint));
            None
        }
        _ => {
            f.wrong("url", text.at, format!("`{}` is not a URL", shown_url(&text.value)), None);
            None
        }
    }
}

fn timeouts(f: &mut Fields<'_>) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: f.duration("connect", default.connect),
        sign_in: f.duration("sign_in", default.sign_in),
        operation: f.duration("operation", default.operation),
        change: f.duration("change", default.change),
    }
}
