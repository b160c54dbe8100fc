//! What Graph answers: objects with the names that PowerShell gives their properties, or a refusal.

use std::time::SystemTime;

use serde_json::{Map, Value as Json};
use url::Url;
use wsman::clixml::Value;
use wsman::psrp::{ErrorCategory, ErrorRecord};

use super::request::Expects;
use crate::exchange::online::failure::{self, Failure, Reply};
use crate::exchange::online::response;

/// Characters of a text of Graph that a person is shown.
const MOST_TEXT: usize = 2000;

/// A good answer.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) objects: Vec<Value>,
    /// Where there is more
    pub(super) next: Option<Url>,
}

/// Reads the body of an answer of the two hundreds. None when it is not what was asked for.
pub(super) fn page(body: &[u8], expects: Expects) -> Option<Page> {
    if expects == Expects::Nothing {
        return Some(Page { objects: Vec::new(), next: None });
    }
    let Json::Object(mut members) = serde_json::from_slice(body).ok()? else { return None };
    if expects == Expects::Object {
        return Some(Page { objects: vec![object(Json::Object(members))], next: None });
    }
    let Json::Array(items) = members.remove("value")? else { return None };
    let next = match members.get("@odata.nextLink") {
        None | Some(Json::Null) => None,
        // A link that cannot be followed is not the end of the list.
        Some(link) => Some(Url::parse(link.as_str()?).ok()?),
    };
    Some(Page { objects: items.into_iter().map(object).collect(), next })
}

fn object(json: Json) -> Value {
    response::value(&capitalized(json))
}

/// Names as PowerShell writes them: `userPrincipalName` is `UserPrincipalName`.
fn capitalized(json: Json) -> Json {
    match json {
        Json::Array(items) => items.into_iter().map(capitalized).collect(),
        Json::Object(members) => {
            let renamed = members.into_iter().map(|(name, value)| {
                let mut letters = name.chars();
                let first = letters.next().map(|first| first.to_ascii_uppercase());
                (first.into_iter().chain(letters).collect(), capitalized(value))
            });
            Json::Object(renamed.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// Understands an answer that is none of the two hundreds. `cmdlet` names the call in the error, as PowerShell does.
pub(super) fn failure(reply: &Reply<'_>, cmdlet: &str, now: SystemTime) -> Failure {
    let after = reply.retry_after.and_then(|text| failure::delay(text, now));
    let told = told(reply.body);
    let text = |otherwise: &str| told.as_ref().map_or_else(|| otherwise.to_owned(), |told| told.text.clone());
    match reply.status {
        401 => Failure::Unauthorized { claims: reply.challenge.and_then(failure::claims) },
        429 => Failure::Throttled { text: text("Graph is asked too often"), after },
        // 509: the bandwidth limit; Graph reference, "Microsoft Graph error responses"
        500 | 502..=504 | 509 => Failure::Unavailable { text: text("Graph is not available"), after },
        _ => match told {
            Some(told) => Failure::Refused(Box::new(record(&told.code, told.text, cmdlet))),
            None if reply.status == 403 => {
                let text = "Graph refuses this without a reason".to_owned();
                Failure::Refused(Box::new(record("accessDenied", text, cmdlet)))
            }
            None => {
                let body = failure::describe(reply.body);
                Failure::Unreadable(format!("Graph answers with status {} and {body}", reply.status))
            }
        },
    }
}

/// An error as Microsoft Graph PowerShell makes one of it: the code is the id, with the cmdlet's class behind it.
pub(super) fn record(code: &str, message: String, cmdlet: &str) -> ErrorRecord {
    let class = cmdlet.replace('-', "");
    ErrorRecord {
        exception_types: vec!["Microsoft.Graph.PowerShell.Runtime.RestException".into()],
        message,
        target_object: Value::Nil,
        fully_qualified_error_id: format!("{code},Microsoft.Graph.PowerShell.Cmdlets.{class}"),
        category: ErrorCategory { reason: code.to_owned(), ..ErrorCategory::default() },
        details_message: None,
        recommended_action: None,
        raw: Value::Nil,
    }
}

struct Told {
    code: String,
    text: String,
}

/// `{"error": {"code", "message", "details": [{"code", "message", "target"}]}}` (Graph reference, "Microsoft Graph error
/// responses and resource types"). The innermost code says most.
fn told(body: &[u8]) -> Option<Told> {
    let json: Json = serde_json::from_slice(body).ok()?;
    let error = json.get("error")?;
    let text = |value: &Json, name: &str| value.get(name).and_then(Json::as_str).map(shown);
    let code = text(error, "code").unwrap_or_default();
    let detail = error.pointer("/details/0");
    let mut message = text(error, "message").unwrap_or_default();
    if let Some(more) = detail.and_then(|detail| text(detail, "message"))
        && !message.contains(&more)
    {
        message = format!("{message} {more}").trim().to_owned();
    }
    if let Some(target) = detail.and_then(|detail| text(detail, "target"))
        && !target.is_empty()
        && !message.contains(&target)
    {
        message = format!("{message} ({target})");
    }
    // A conflict is a bad request with this detail.
    let conflict = detail.and_then(|detail| text(detail, "code")).filter(|code| code.ends_with("Conflict"));
    let is_named = !code.is_empty() || !message.is_empty();
    is_named.then(|| Told { code: conflict.unwrap_or(code), text: message })
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_TEXT).collect()
}
