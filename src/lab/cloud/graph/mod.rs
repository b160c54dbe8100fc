//! Microsoft Graph as far as a bridge asks it: users, licences (Graph reference 1.0, "user", "subscribedSku").

mod error;
mod filter;
mod licence;
mod list;
mod user;

use serde_json::{Map, Value as Json, json};
use url::Url;

use self::error::Problem;
use super::token::Bearer;
use super::{Host, Request, Response, Tenant};
use crate::lab::LogEntry;

/// What is done, named as Microsoft Graph PowerShell names it.
struct Operation {
    cmdlet: &'static str,
    /// One of these permissions is needed
    roles: &'static [&'static str],
}

const READ: &[&str] =
    &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const WRITE: &[&str] = &["User.ReadWrite.All", "Directory.ReadWrite.All"];
const ASSIGN: &[&str] = &["User.ReadWrite.All", "LicenseAssignment.ReadWrite.All", "Directory.ReadWrite.All"];
const SKUS: &[&str] = &["Organization.Read.All", "LicenseAssignment.Read.All", "Directory.Read.All"];

/// A good answer: the status and the body, if there is one.
type Good = (u16, Option<Json>);

fn operation(method: &str, parts: &[&str]) -> Option<Operation> {
    let (cmdlet, roles) = match (method, parts) {
        ("GET", ["v1.0", "users"] | ["v1.0", "users", _]) => ("Get-MgUser", READ),
        ("POST", ["v1.0", "users"]) => ("New-MgUser", WRITE),
        ("PATCH", ["v1.0", "users", _]) => ("Update-MgUser", WRITE),
        ("DELETE", ["v1.0", "users", _]) => ("Remove-MgUser", WRITE),
        ("POST", ["v1.0", "users", _, "assignLicense"]) => ("Set-MgUserLicense", ASSIGN),
        ("GET", ["v1.0", "subscribedSkus"]) => ("Get-MgSubscribedSku", SKUS),
        _ => return None,
    };
    Some(Operation { cmdlet, roles })
}

/// The name of what a request asks for, where there is such a thing.
pub(super) fn cmdlet(request: &Request<'_>, url: &Url) -> Option<&'static str> {
    let parts: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
    operation(request.method, &parts).filter(|_| request.host == Host::Graph).map(|it| it.cmdlet)
}

/// The user in its path.
pub(super) fn user(url: &Url) -> Option<String> {
    let mut parts = url.path_segments()?.skip_while(|part| *part != "users");
    parts.nth(1).map(decoded)
}

impl Tenant {
    pub(super) fn graph(&mut self, request: &Request<'_>, url: &Url, now_ms: u64) -> Response {
        let Some(bearer) =
            self.issuer.check(request.header("Authorization"), &self.hosts.graph, now_ms / 1000)
        else {
            return error::unauthorized().with("WWW-Authenticate", "Bearer realm=\"\"");
        };
        if let Some(challenge) = self.issuer.unmet(&bearer, &self.hosts.graph) {
            return error::unauthorized().with("WWW-Authenticate", challenge);
        }
        let parts: Vec<String> = url.path_segments().into_iter().flatten().map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let Some(operation) = operation(request.method, &parts) else {
            return error::no_segment(parts.last().copied().unwrap_or_default()).response();
        };
        let body: Json = serde_json::from_slice(request.body).unwrap_or(Json::Null);
        let result = if operation.roles.iter().any(|role| bearer.roles.iter().any(|held| held == role)) {
            self.carried_out(&operation, &parts, url, &body, now_ms)
        } else {
            Err(Problem::denied())
        };
        self.note(&operation, &bearer, shown(&parts, url, &body), &result, now_ms);
        match result {
            Ok((status, Some(body))) => Response::json(status, &body),
            Ok((status, None)) => Response::empty(status),
            Err(problem) => problem.response(),
        }
    }

    fn carried_out(
        &mut self,
        operation: &Operation,
        parts: &[&str],
        url: &Url,
        body: &Json,
        now_ms: u64,
    ) -> Result<Good, Problem> {
        match (operation.cmdlet, parts) {
            ("Get-MgSubscribedSku", _) => Ok((200, Some(self.skus()))),
            ("Get-MgUser", [_, _]) => self.users(url),
            ("Get-MgUser", [_, _, id]) => self.one_user(id, url),
            ("New-MgUser", _) => self.new_user(body, now_ms),
            ("Update-MgUser", [_, _, id]) => self.update_user(id, body, now_ms),
            ("Remove-MgUser", [_, _, id]) => self.remove_user(id, now_ms),
            ("Set-MgUserLicense", [_, _, id, ..]) => self.assign_licence(id, body, now_ms),
            _ => Err(error::no_segment("")),
        }
    }

    fn note(
        &mut self,
        operation: &Operation,
        bearer: &Bearer,
        parameters: Map<String, Json>,
        result: &Result<Good, Problem>,
        now_ms: u64,
    ) {
        let refused = result.as_ref().err();
        self.exchange.log.push(LogEntry {
            time_ms: now_ms,
            side: "cloud",
            user: bearer.person.clone().unwrap_or_else(|| bearer.application.clone()),
            endpoint: "Graph",
            cmdlet: operation.cmdlet.to_owned(),
            parameters,
            outcome: if refused.is_none() { "completed" } else { "failed" },
            reason: refused.map(|problem| problem.code.to_owned()),
            message: refused.map(|problem| problem.message.clone()),
            warnings: Vec::new(),
            wrote: refused.is_none() && !operation.cmdlet.starts_with("Get-"),
        });
    }
}

/// What was asked, for the log: members in capitals, as PowerShell names parameters; no password.
fn shown(parts: &[&str], url: &Url, body: &Json) -> Map<String, Json> {
    let mut shown = Map::new();
    if let [_, "users", id, ..] = parts {
        shown.insert("UserId".to_owned(), (*id).into());
    }
    if let Some((_, filter)) = url.query_pairs().find(|(name, _)| name == "$filter") {
        shown.insert("Filter".to_owned(), filter.into());
    }
    for (name, value) in body.as_object().into_iter().flatten() {
        let mut letters = name.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let name: String = first.into_iter().chain(letters).collect();
        let value = if name.contains("assword") { json!("***") } else { value.clone() };
        shown.insert(name, value);
    }
    shown
}

fn decoded(part: &str) -> String {
    // A segment is decoded as a value of a query, where a plus sign must not become a blank.
    let pair = format!("x={}", part.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}
