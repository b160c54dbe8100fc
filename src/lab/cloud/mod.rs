//! The cloud half of the lab: a tenant with its token endpoint and its Exchange Online. Without sockets, clock or chance:
//! requests come in and answers go out, the time is an argument.

mod due;
mod errors;
mod fault;
mod graph;
mod hosts;
mod invoke;
pub(super) mod licence;
mod module;
mod record;
mod seed;
mod serve;
mod sync;
#[cfg(test)]
mod tests;
mod token;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use url::Url;
use uuid::Uuid;

use self::invoke::List;
use self::module::Keys;
use self::token::{Asked, Issuer, Person};
use super::directory::{Directory, Entry};
use super::{Endpoint, Exchange, Fault, LabSession, LogEntry, Restrictions, Serialization};

pub(super) use due::Due;
pub use hosts::{Host, Hosts};
pub use licence::{Plan, Sku};
pub use seed::{Behaviour, CloudSeed, Redirect};
pub use serve::Running;
pub(super) use serve::{Identity, Seen, Witness};
pub(super) use sync::Carried;
pub use token::Application;
pub(super) use token::IDENTITY_HEADER;

/// A tenant.
pub struct Tenant {
    issuer: Issuer,
    exchange: Exchange,
    session: LabSession,
    hosts: Hosts,
    lists: BTreeMap<String, List>,
    requests: u64,
    keys: Keys,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ending {
    /// As it should
    #[default]
    Whole,
    /// After the body that there is, which is not all of it
    Truncated,
    /// Before it begins
    Reset,
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
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body
    pub body: Vec<u8>,
    ending: Ending,
}

impl Response {
    fn json(status: u16, json: &Json) -> Self {
        let headers =
            vec![("Content-Type".into(), "application/json;odata.metadata=minimal;charset=utf-8".to_owned())];
        Self { status, headers, body: json.to_string().into_bytes(), ending: Ending::Whole }
    }

    fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
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
        let services = vec![hosts.main.clone(), hosts.graph.clone()];
        let issuer = Issuer::new(id, applications, services, secret);
        Self {
            issuer,
            exchange,
            session,
            hosts: hosts.clone(),
            lists: BTreeMap::new(),
            requests: 0,
            keys: Keys::new(secret),
        }
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

    /// How it behaves where tenants differ.
    pub fn behaviour(&self) -> Behaviour {
        let cloud = self.exchange.directory.configuration.cloud.as_ref();
        cloud.map(|cloud| cloud.behaviour.clone()).unwrap_or_default()
    }

    /// Lets it behave otherwise from now on.
    pub fn behave(&mut self, behaviour: Behaviour) {
        if let Some(cloud) = &mut self.exchange.directory.configuration.cloud {
            cloud.behaviour = behaviour;
        }
    }

    /// Orders a fault for requests to come.
    pub fn inject(&mut self, fault: Fault) {
        self.exchange.inject(fault);
    }

    /// What role groups keep from an application.
    fn restrictions(&self, application: &str) -> Restrictions {
        let found = self.issuer.applications.iter().find(|it| it.id == application);
        found.map(|it| it.restrictions.clone()).unwrap_or_default()
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
            "behaviour": directory["cloud"]["behaviour"],
            "restrictions": directory["cloud"]["restrictions"],
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
        self.exchange.settle(now_ms);
        let (cmdlet, identity) = asked_for(request);
        match self.fault((&cmdlet, &identity)) {
            Some(fault) => self.faulty(&fault, request, now_ms, |it, request| it.real(request, &url, now_ms)),
            None => self.real(request, &url, now_ms),
        }
    }

    fn real(&mut self, request: &Request<'_>, url: &Url, now_ms: u64) -> Response {
        let parts: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
        match (request.host, request.method, parts.as_slice()) {
            (Host::Graph, ..) => self.graph(request, url, now_ms),
            (Host::Hostile, ..) => Response::empty(200),
            (Host::Main, "POST", [tenant, "oauth2", "v2.0", "token"]) => {
                let asked = format!("{}{}", self.hosts.main, url.path());
                // The directory knows a tenant by the domain that came with it too.
                let id = self.id().to_string();
                let is_domain = !tenant.is_empty() && tenant.eq_ignore_ascii_case(self.initial_domain());
                let tenant = if is_domain { id.as_str() } else { tenant };
                let asked = Asked { url: &asked, tenant, form: request.body, now: now_ms / 1000 };
                let directory = &self.exchange.directory;
                let (status, body) = self.issuer.answer(&asked, &|name| person(directory, name));
                Response::json(status, &body)
            }
            (Host::Main, "GET", [_, "oauth2", "v2.0", "authorize"]) => self.authorize(url),
            (Host::Identity, "GET", _) => {
                let (status, body) = self.issuer.identity(request, url, now_ms / 1000);
                Response::json(status, &body)
            }
            (_, "POST", ["adminapi", "beta", tenant, "InvokeCommand"]) => match self.elsewhere(request) {
                Some(location) => Response::empty(302).with("Location", location),
                None => self.invoke(tenant, url, request, now_ms),
            },
            (_, "GET", [api, "v1.0", tenant, "EXOModuleFile"]) if api.eq_ignore_ascii_case("adminapi") => {
                match self.caller(tenant, request, now_ms) {
                    Ok(bearer) => self.module_file(&bearer),
                    Err(refused) => refused,
                }
            }
            _ => Response::empty(404),
        }
    }

    /// Somebody signs in in a browser, whom `login_hint` names, and is sent back with a code.
    fn authorize(&mut self, url: &Url) -> Response {
        let argument = |name: &str| url.query_pairs().find(|(held, _)| held == name).map(|(_, value)| value);
        let (Some(client), Some(back), Some(who)) =
            (argument("client_id"), argument("redirect_uri"), argument("login_hint"))
        else {
            return Response::empty(400);
        };
        let (Ok(mut location), Some(person)) = (Url::parse(&back), person(&self.exchange.directory, &who))
        else {
            return Response::empty(400);
        };
        let code = self.issuer.authorize(&client, &person.principal, &back);
        location.query_pairs_mut().append_pair("code", &code);
        Response::empty(302).with("Location", location.as_str())
    }

    /// Where the main host sends a request.
    fn elsewhere(&self, request: &Request<'_>) -> Option<String> {
        let redirect = self.behaviour().redirect.filter(|_| request.host == Host::Main)?;
        let base = match redirect {
            Redirect::Regional => self.hosts.regional.clone(),
            Redirect::Hostile => self.hosts.hostile.clone(),
            Redirect::Port446 => {
                let mut url = Url::parse(&self.hosts.regional).ok()?;
                url.set_port(Some(446)).ok()?;
                url.as_str().trim_end_matches('/').to_owned()
            }
        };
        Some(format!("{base}{}", request.target))
    }
}

/// Somebody who may sign in.
fn person(directory: &Directory, name: &str) -> Option<Person> {
    let fits = |entry: &&Arc<Entry>| {
        entry.text("UserPrincipalName").eq_ignore_ascii_case(name) && !entry.flag("AccountDisabled")
    };
    let entry = directory.replica(0).lookup(name).find(fits)?;
    Some(Person {
        principal: entry.text("UserPrincipalName").to_owned(),
        password: entry.password().map(|(_, password)| password.clone()),
        is_multi_factor: entry.flag("IsMultiFactor"),
    })
}

/// What a request is for, by the name that faults have for it, and the object that it names.
fn asked_for(request: &Request<'_>) -> (String, String) {
    let Ok(url) = Url::parse("https://lab").and_then(|lab| lab.join(request.target)) else {
        return Default::default();
    };
    if request.host == Host::Graph {
        return (
            graph::cmdlet(request, &url).unwrap_or_default().to_owned(),
            graph::user(&url).unwrap_or_default(),
        );
    }
    match url.path_segments().and_then(Iterator::last) {
        Some("InvokeCommand") => {
            let body: Json = serde_json::from_slice(request.body).unwrap_or_default();
            let text = |path| body.pointer(path).and_then(Json::as_str).unwrap_or_default().to_owned();
            (text("/CmdletInput/CmdletName"), text("/CmdletInput/Parameters/Identity"))
        }
        last => (last.unwrap_or_default().to_owned(), String::new()),
    }
}
