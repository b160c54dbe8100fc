//! `InvokeCommand`: one cmdlet per request.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;
use wsman::clixml::{SecureText, Value};
use wsman::psrp::{Command, Outcome, Record};

use super::token::Bearer;
use super::{Request, Response, Tenant, errors, record};
use crate::lab::cmdlet;

/// Records in a page at most, and without being asked for fewer.
const PAGE: usize = 1000;
/// How long a link to a page is good, in milliseconds.
pub(super) const PAGE_LIFETIME_MS: u64 = 600_000;
/// The warning of a list that is not all there is.
const MORE: &str = "There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter.";
/// Why nobody without a role is let in, for who reads header fields.
const NO_ROLE: &str = "2000003;reason=\"The role assigned to application isn't supported in this scenario.\";error_category=\"invalid_grant\"";
/// The name of the cookie that ties pages to the server that began them.
const AFFINITY: &str = "exchangecookie";

/// What is left of a list whose first page was sent.
#[derive(Clone)]
pub(super) struct List {
    all: Arc<Vec<Json>>,
    /// Where the next page begins
    at: usize,
    /// What was asked for at most: a page ends there, with a link to more all the same
    limit: Option<usize>,
    /// Who may ask for it: the token's application, anchor, cookie and body
    bound_to: String,
    end_ms: u64,
}

impl Tenant {
    /// Who asks, if it may ask at all.
    pub(super) fn caller(
        &self,
        tenant: &str,
        request: &Request<'_>,
        now_ms: u64,
    ) -> Result<Bearer, Response> {
        let checked = self.issuer.check(request.header("Authorization"), &self.hosts.main, now_ms / 1000);
        let Some(bearer) = checked else {
            return Err(Response::empty(401).with("WWW-Authenticate", "Bearer realm=\"\""));
        };
        if let Some(challenge) = self.issuer.unmet(&bearer, &self.hosts.main) {
            return Err(Response::empty(401).with("WWW-Authenticate", challenge));
        }
        let has = |wanted: &str| bearer.roles.iter().any(|role| role == wanted);
        let (own, other) = match bearer.person {
            None => ("Exchange.ManageAsApp", "Exchange.ManageAsAppV2"),
            Some(_) => ("Exchange.Manage", "Exchange.ManageV2"),
        };
        if !has(own) {
            let is_other = has(other);
            return Err(if is_other { forbidden("") } else { Response::empty(401) });
        }
        let is_own = Uuid::try_parse(tenant) == Ok(self.issuer.tenant);
        let anchor = request.header("X-AnchorMailbox");
        let is_anchored = match &bearer.person {
            None => anchor.contains(&self.issuer.tenant.to_string()),
            Some(person) => anchor.eq_ignore_ascii_case(&format!("UPN:{person}")),
        };
        if !is_own || !is_anchored {
            return Err(Response::empty(400));
        }
        if let Some(person) = &bearer.person
            && !self.is_administrator(person)
        {
            return Err(forbidden(NO_ROLE));
        }
        Ok(bearer)
    }

    /// Whether somebody is in a role group of Exchange.
    fn is_administrator(&self, person: &str) -> bool {
        self.exchange.directory.replica(0).lookup(person).any(|entry| entry.flag("IsExchangeAdministrator"))
    }

    pub(super) fn invoke(&mut self, tenant: &str, url: &Url, request: &Request<'_>, now_ms: u64) -> Response {
        let bearer = match self.caller(tenant, request, now_ms) {
            Ok(bearer) => bearer,
            Err(refused) => return refused,
        };
        let anchor = request.header("X-AnchorMailbox");
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
            let is_good = |list: &&List| {
                list.end_ms > now_ms && cookie.is_some_and(|cookie| list.bound_to == bound_to(cookie))
            };
            let found = self.lists.get(&token).filter(is_good).cloned();
            return match found.filter(|_| !self.behaviour().pages_without_affinity) {
                Some(list) => self.page(list, Vec::new(), request, now_ms),
                None => {
                    let (status, body) = errors::expired_page();
                    Response::json(status, &body)
                }
            };
        }
        let select = argument("$select").unwrap_or_default();
        let select: Vec<String> =
            select.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let mut command = match self.command(request.body) {
            Ok(command) => command,
            Err((status, body)) => return Response::json(status, &body),
        };
        if let Some(refused) = self.out_of_role(&bearer, &command) {
            return refused;
        }
        let cookie = cookie.map_or_else(|| format!("lab{}", self.requests), str::to_owned);
        let bound_to = bound_to(&cookie);
        self.session.user.clone_from(bearer.person.as_ref().unwrap_or(&bearer.application));
        let limit = beyond_limit(&mut command);
        let (records, mut warnings, failed) = self.run(command, &select, now_ms);
        if let Some(limit) = limit {
            // What was asked for, not what was looked for.
            if let Some(entry) = self.exchange.log.last_mut() {
                entry.parameters.insert("ResultSize".to_owned(), limit.into());
            }
            if records.len() > limit && warnings.is_empty() {
                warnings.push(MORE.to_owned());
            }
        }
        if let Some((status, body)) = failed {
            return Response::json(status, &body);
        }
        let list = List { all: Arc::new(records), at: 0, limit, bound_to, end_ms: now_ms + PAGE_LIFETIME_MS };
        self.page(list, warnings, request, now_ms)
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

    fn page(&mut self, list: List, warnings: Vec<String>, request: &Request<'_>, now_ms: u64) -> Response {
        let wanted = request.header("Prefer").split("odata.maxpagesize=").nth(1);
        let wanted = wanted.and_then(|text| text.split(';').next()?.trim().parse::<usize>().ok());
        let rest = list.all.get(list.at..).unwrap_or_default();
        let size = wanted.unwrap_or(PAGE).min(list.limit.unwrap_or(PAGE)).clamp(1, PAGE).min(rest.len());
        let invoke = format!("{}/adminapi/beta/{}", self.hosts.base(request.host), self.issuer.tenant);
        let mut body = json!({
            "@odata.context": format!("{invoke}/$metadata#Collection(Exchange.GenericHashTable)"),
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": warnings,
            "value": rest.get(..size).unwrap_or_default(),
        });
        if let (true, Some(members)) = (rest.len() > size, body.as_object_mut()) {
            let token = format!("{:032x}lab", self.requests);
            let link = format!("{invoke}/InvokeCommand?%24skiptoken={token}");
            members.insert("@odata.nextLink".into(), link.into());
            self.lists.retain(|_, list| list.end_ms > now_ms);
            self.lists.insert(token, List { at: list.at + size, end_ms: now_ms + PAGE_LIFETIME_MS, ..list });
        }
        Response::json(200, &body)
    }

    /// The cmdlet of a body. Keys are taken letter by letter, as the service does.
    fn command(&self, body: &[u8]) -> Result<Command, (u16, Json)> {
        let malformed = || errors::parameters("The request body is not what InvokeCommand takes.");
        let body: Json = serde_json::from_slice(body).map_err(|_| malformed())?;
        let input = body.get("CmdletInput").ok_or_else(malformed)?;
        let name = input.get("CmdletName").and_then(Json::as_str).ok_or_else(malformed)?;
        let parameters = input.get("Parameters").and_then(Json::as_object).ok_or_else(malformed)?;
        let mut command = Command::new(name);
        for (name, value) in parameters.iter().filter(|(name, _)| !name.contains('@')) {
            let value = match value {
                Json::String(sent) if cmdlet::is_secret_online(command.name.as_str(), name) => {
                    let password = self.password(sent).map_err(|text| errors::parameters(&text))?;
                    Value::SecureString(SecureText::Clear(password))
                }
                value => record::parameter(value).map_err(|text| errors::transformation(name, &text))?,
            };
            command = command.parameter(name, value);
        }
        Ok(command)
    }

    /// The refusal of what no role of the caller has.
    fn out_of_role(&self, bearer: &Bearer, command: &Command) -> Option<Response> {
        let restrictions = self.restrictions(&bearer.application);
        let known = cmdlet::online_cmdlet(&command.name);
        let Some(name) = known.filter(|name| !restrictions.hides(name)) else {
            return Some(forbidden(NO_ROLE));
        };
        let names = command.arguments.iter().filter_map(|argument| argument.name.as_deref());
        let hidden: Vec<&str> = names.filter(|it| restrictions.hides_parameter(name, it)).collect();
        if hidden.is_empty() {
            return None;
        }
        let (status, body) = errors::parameters(&format!(
            "Some of the parameters specified (-{}) for the cmdlet '{name}' aren't present in the role definition of the current user. Check the management roles assigned to this user, and try again.",
            hidden.join(",-")
        ));
        Some(Response::json(status, &body))
    }
}

/// A `ResultSize` that is a number does not end the list: the service finds more than that and links to it. Here one more.
fn beyond_limit(command: &mut Command) -> Option<usize> {
    let is_it =
        |name: &Option<String>| name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("ResultSize"));
    let argument = command.arguments.iter_mut().find(|argument| is_it(&argument.name))?;
    let limit = argument.value.as_i64().or_else(|| argument.value.as_str()?.parse().ok())?;
    argument.value = Value::Int32(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
    usize::try_from(limit).ok()
}

/// The refusal that nobody can read.
fn forbidden(diagnostics: &str) -> Response {
    let response = Response { status: 403, body: errors::ZEROS.to_vec(), ..Response::default() };
    if diagnostics.is_empty() { response } else { response.with("x-ms-diagnostics", diagnostics) }
}
