//! The cloud half of the lab: a tenant with its token endpoint and its Exchange Online. Without sockets, clock or chance:
//! requests come in and answers go out, the time is an argument.

mod due;
mod errors;
mod graph;
mod hosts;
pub(super) mod licence;
mod record;
mod seed;
mod serve;
#[cfg(test)]
mod tests;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use ring::hmac;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;
use wsman::psrp::{Command, Outcome, Record};

use self::token::Issuer;
use super::{Endpoint, Exchange, LabSession, LogEntry, Serialization};

pub(super) use due::Due;
pub use hosts::{Host, Hosts};
pub use licence::{Plan, Sku};
pub use seed::CloudSeed;
pub use serve::Running;
pub(super) use serve::{Identity, Seen, Witness};
pub use token::Application;

/// Records in a page at most, and without being asked for fewer.
const PAGE: usize = 1000;
/// How long a link to a page is good, in milliseconds.
const PAGE_LIFETIME_MS: u64 = 600_000;
/// The name of the cookie that ties pages to the server that began them.
const AFFINITY: &str = "exchangecookie";

/// A tenant.
pub struct Tenant {
    issuer: Issuer,
    exchange: Exchange,
    session: LabSession,
    hosts: Hosts,
    lists: BTreeMap<String, List>,
    requests: u64,
}

/// What is left of a list whose first page was sent.
struct List {
    rest: Vec<Json>,
    /// Who may ask for it: the token's application, anchor, cookie and body
    bound_to: String,
    end_ms: u64,
}

/// A request as it came.
#[derive(Debug)]
pub struct Request<'a> {
    /// The address that was asked
    pub host: Host,
    /// `GET`, `POST`, ...
    pub method: &'a str,
    /// Path and query
    pub target: &'a str,
    /// Header fields
    pub headers: &'a [(String, String)],
    /// The body
    pub body: &'a [u8],
}

/// What is answered.
#[derive(Debug, Default)]
pub struct Response {
    /// HTTP status
    pub status: u16,
    /// Header fields
    pub headers: Vec<(&'static str, String)>,
    /// The body
    pub body: Vec<u8>,
}

impl Response {
    fn json(status: u16, json: &Json) -> Self {
        let headers =
            vec![("Content-Type", "application/json;odata.metadata=minimal;charset=utf-8".to_owned())];
        Self { status, headers, body: json.to_string().into_bytes() }
    }

    fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Request<'_> {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

impl Tenant {
    /// A tenant whose mailboxes are those of `exchange`, reached at `hosts`. `secret` is what its tokens are sealed with.
    pub fn new(
        id: Uuid,
        hosts: &Hosts,
        applications: Vec<Application>,
        secret: &[u8],
        mut exchange: Exchange,
    ) -> Self {
        let session = exchange.session(Endpoint::Online, "application", Serialization::Default);
        let issuer = Issuer {
            tenant: id,
            applications,
            services: vec![hosts.main.clone(), hosts.graph.clone()],
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            used: BTreeSet::new(),
        };
        Self { issuer, exchange, session, hosts: hosts.clone(), lists: BTreeMap::new(), requests: 0 }
    }

    /// Its GUID.
    pub fn id(&self) -> Uuid {
        self.issuer.tenant
    }

    /// The domain that came with it.
    pub fn initial_domain(&self) -> &str {
        let cloud = self.exchange.directory.configuration.cloud.as_ref();
        cloud.map_or("", |cloud| cloud.initial_domain.as_str())
    }

    /// Takes what was done since the last call.
    pub fn take_log(&mut self) -> Vec<LogEntry> {
        self.exchange.take_log()
    }

    /// What it holds now, as the part of a seed that tells a tenant; no secrets.
    pub fn dump(&self) -> Json {
        let directory = self.exchange.dump();
        json!({
            "tenant": self.issuer.tenant,
            "initial_domain": self.initial_domain(),
            "accepted_domains": directory["accepted_domains"],
            "skus": directory["cloud"]["skus"],
            "objects": directory["objects"],
        })
    }

    /// Answers a request at a time in milliseconds since 1970.
    pub fn answer(&mut self, request: &Request<'_>, now_ms: u64) -> Response {
        self.requests += 1;
        let Ok(url) = Url::parse(self.hosts.base(request.host)).and_then(|base| base.join(request.target))
        else {
            return Response::empty(400);
        };
        let parts: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
        self.exchange.settle(now_ms);
        if request.host == Host::Graph {
            return self.graph(request, &url, now_ms);
        }
        match (request.host, request.method, parts.as_slice()) {
            (Host::Main, "POST", [tenant, "oauth2", "v2.0", "token"]) => {
                let asked = format!("{}{}", self.hosts.main, url.path());
                let (status, body) = self.issuer.answer(&asked, tenant, request.body, now_ms / 1000);
                Response::json(status, &body)
            }
            (Host::Main, "POST", ["adminapi", "beta", tenant, "InvokeCommand"]) => {
                self.invoke(tenant, &url, request, now_ms)
            }
            _ => Response::empty(404),
        }
    }

    fn invoke(&mut self, tenant: &str, url: &Url, request: &Request<'_>, now_ms: u64) -> Response {
        let Some(bearer) =
            self.issuer.check(request.header("Authorization"), &self.hosts.main, now_ms / 1000)
        else {
            return Response::empty(401).with("WWW-Authenticate", "Bearer realm=\"\"");
        };
        if !bearer.roles.iter().any(|role| role == "Exchange.ManageAsApp") {
            let is_other = bearer.roles.iter().any(|role| role == "Exchange.ManageAsAppV2");
            let body = if is_other { errors::ZEROS.to_vec() } else { Vec::new() };
            return Response { status: if is_other { 403 } else { 401 }, headers: Vec::new(), body };
        }
        let is_own = Uuid::try_parse(tenant) == Ok(self.issuer.tenant);
        let anchor = request.header("X-AnchorMailbox");
        if !is_own || !anchor.contains(&self.issuer.tenant.to_string()) {
            return Response::empty(400);
        }
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let argument =
            |name: &str| query.iter().find(|(held, _)| held == name).map(|(_, value)| value.clone());
        let cookie =
            request.header("Cookie").split("; ").find_map(|pair| pair.strip_prefix("exchangecookie="));
        let bound_to = |cookie: &str| {
            let body: String =
                Sha256::digest(request.body).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {anchor} {cookie} {body}", bearer.application)
        };
        if let Some(token) = argument("$skiptoken") {
            let found = self.lists.remove(&token).filter(|list| {
                list.end_ms > now_ms && cookie.is_some_and(|cookie| list.bound_to == bound_to(cookie))
            });
            return match found {
                Some(list) => self.page(list.rest, Vec::new(), list.bound_to, request, now_ms),
                None => {
                    let (status, body) = errors::expired_page();
                    Response::json(status, &body)
                }
            };
        }
        let select = argument("$select").unwrap_or_default();
        let select: Vec<String> =
            select.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let command = match command(request.body) {
            Ok(command) => command,
            Err((status, body)) => return Response::json(status, &body),
        };
        let cookie = cookie.map_or_else(|| format!("lab{}", self.requests), str::to_owned);
        let bound_to = bound_to(&cookie);
        self.session.user.clone_from(&bearer.application);
        let (records, warnings, failed) = self.run(command, &select, now_ms);
        if let Some((status, body)) = failed {
            return Response::json(status, &body);
        }
        self.page(records, warnings, bound_to, request, now_ms)
            .with("Set-Cookie", format!("{AFFINITY}={cookie}; path=/; secure; HttpOnly"))
    }

    fn run(
        &mut self,
        command: Command,
        select: &[String],
        now_ms: u64,
    ) -> (Vec<Json>, Vec<String>, Option<(u16, Json)>) {
        let (mut records, mut warnings, mut failed) = (Vec::new(), Vec::new(), None);
        let outcome = self.session.run(&mut self.exchange, &[command], now_ms, &mut |record| match record {
            Record::Output(value) => records.push(record::record(&value, select)),
            Record::Warning(text) => warnings.push(text.to_string()),
            Record::Error(record) => failed = Some(errors::refused(&record)),
            _ => {}
        });
        if let Outcome::Failed(Some(record)) = outcome {
            failed = Some(errors::refused(&record));
        }
        (records, warnings, failed)
    }

    fn page(
        &mut self,
        mut records: Vec<Json>,
        warnings: Vec<String>,
        bound_to: String,
        request: &Request<'_>,
        now_ms: u64,
    ) -> Response {
        let wanted = request.header("Prefer").split("odata.maxpagesize=").nth(1);
        let wanted = wanted.and_then(|text| text.split(';').next()?.trim().parse::<usize>().ok());
        let rest = records.split_off(records.len().min(wanted.unwrap_or(PAGE).clamp(1, PAGE)));
        let invoke = format!("{}/adminapi/beta/{}", self.hosts.main, self.issuer.tenant);
        let mut body = json!({
            "@odata.context": format!("{invoke}/$metadata#Collection(Exchange.GenericHashTable)"),
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": warnings,
            "value": records,
        });
        if let (false, Some(members)) = (rest.is_empty(), body.as_object_mut()) {
            let token = format!("{:032x}lab{}", self.requests, self.lists.len());
            members.insert(
                "@odata.nextLink".into(),
                format!("{invoke}/InvokeCommand?%24skiptoken={token}").into(),
            );
            self.lists.insert(token, List { rest, bound_to, end_ms: now_ms + PAGE_LIFETIME_MS });
        }
        Response::json(200, &body)
    }
}

/// The cmdlet of a body. Keys are taken letter by letter, as the service does.
fn command(body: &[u8]) -> Result<Command, (u16, Json)> {
    let malformed = || errors::parameters("The request body is not what InvokeCommand takes.");
    let body: Json = serde_json::from_slice(body).map_err(|_| malformed())?;
    let input = body.get("CmdletInput").ok_or_else(malformed)?;
    let name = input.get("CmdletName").and_then(Json::as_str).ok_or_else(malformed)?;
    let parameters = input.get("Parameters").and_then(Json::as_object).ok_or_else(malformed)?;
    let mut command = Command::new(name);
    for (name, value) in parameters.iter().filter(|(name, _)| !name.contains('@')) {
        let value = record::parameter(value).map_err(|text| errors::transformation(name, &text))?;
        command = command.parameter(name, value);
    }
    Ok(command)
}
