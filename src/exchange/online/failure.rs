//! What an answer other than a page means: every shape in which Exchange Online was seen to refuse.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Deserializer, Value as Json};
use wsman::clixml::Value;
use wsman::psrp::{ErrorCategory, ErrorRecord};

/// A longer delay than this is a mistake of the server.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// Characters of a text of the server that a person is shown.
const MOST_TEXT: usize = 2000;
/// An error that was handed on holds another one; which may hold another one.
const MAX_NESTING: usize = 4;
/// Places of a text where that other one may begin.
const MAX_STARTS: usize = 8;

/// An answer as far as it tells what went wrong.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct Reply<'a> {
    /// The HTTP status
    pub(in crate::exchange) status: u16,
    /// `Retry-After`
    pub(in crate::exchange) retry_after: Option<&'a str>,
    /// `WWW-Authenticate`
    pub(in crate::exchange) challenge: Option<&'a str>,
    /// `x-ms-diagnostics`
    pub(in crate::exchange) diagnostics: Option<&'a str>,
    /// The body
    pub(in crate::exchange) body: &'a [u8],
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::exchange) enum Failure {
    /// Exchange does not do what the cmdlet says, as remoting would have told it
    Refused(Box<ErrorRecord>),
    /// The link to this page is not good any more
    PageExpired,
    /// The token is not taken; these claims are asked for in a new one
    Unauthorized { claims: Option<String> },
    /// The token is good, its owner may not do this
    Forbidden(String),
    /// The server asks for fewer calls
    Throttled { text: String, after: Option<Duration> },
    /// The server did not get to it, or did and could not tell
    Unavailable { text: String, after: Option<Duration> },
    /// Nothing that can be understood
    Unreadable(String),
}

/// Understands an answer.
pub(super) fn failure(reply: &Reply<'_>, now: SystemTime) -> Failure {
    let after = reply.retry_after.and_then(|text| delay(text, now));
    let told = told(reply.body);
    let text = |otherwise: &str| match &told {
        Some(told) => or(&told.text, otherwise),
        None => or(&sentence(reply.body), otherwise),
    };
    if reply.status == 429 || is_too_often(reply.body) {
        return Failure::Throttled { text: text("the tenant is asked too often"), after };
    }
    match (reply.status, &told) {
        (401, _) => Failure::Unauthorized { claims: reply.challenge.and_then(claims) },
        (403, Some(told)) => Failure::Forbidden(told.text.clone()),
        (403, None) => Failure::Forbidden(or(
            reply.diagnostics.unwrap_or_default(),
            "without a reason; the application needs an Entra role or a role group for this cmdlet, and the permission \
             Exchange.ManageAsApp, not ManageAsAppV2",
        )),
        (502..=504, _) => Failure::Unavailable { text: text("the service is not available"), after },
        (_, Some(told)) if is_expired_page(&told.text) => Failure::PageExpired,
        (_, Some(told)) => Failure::Refused(Box::new(told.clone().into_record())),
        (500.., None) => Failure::Unavailable { text: text("the service has an internal error"), after },
        (status, None) => Failure::Unreadable(format!("status {status}, {}", describe(reply.body))),
    }
}

/// Whether a body is the text of a tenant that is asked too often. It comes with any status.
pub(super) fn is_too_often(body: &[u8]) -> bool {
    std::str::from_utf8(body)
        .is_ok_and(|text| text.contains("maximum number of concurrent requests per tenant"))
}

/// An error that did not end the cmdlet: a text, in the form of `details`.
pub(super) fn record(text: String) -> ErrorRecord {
    let told = of_details(&text, 0);
    Told { text: shown(&told.text), ..told }.into_record()
}

/// What a body that is no envelope looks like.
pub(in crate::exchange) fn describe(body: &[u8]) -> String {
    if body.is_empty() {
        return "an empty body".into();
    }
    if body.iter().all(|byte| *byte == 0) {
        return format!("a body of {} zero bytes", body.len());
    }
    let text = plain_text(body);
    if text.trim_start().starts_with('<') {
        return "a web page instead of an answer; a proxy or a sign-in page may be in the way".into();
    }
    format!("a body that is not understood: {}", or(&text, "not text"))
}

/// How long `Retry-After` asks to wait: seconds, with a fraction too, or a date.
pub(in crate::exchange) fn delay(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    (wait <= LONGEST_WAIT).then_some(wait)
}

/// The claims that a challenge asks for, as the token endpoint takes them: JSON, which is in the challenge as base64 ("Claims
/// challenges, claims requests, and client capabilities").
pub(in crate::exchange) fn claims(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("claims=\"")?;
    let (encoded, _) = rest.split_once('"')?;
    let encoded = encoded.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    serde_json::from_str::<Json>(&claims).is_ok_and(|json| json.is_object()).then_some(claims)
}

/// An error of Exchange, as one of its shapes tells it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    /// Such as `Ex6F9304`
    id: String,
    /// The exception's name with namespace
    exception: String,
    text: String,
}

impl Told {
    fn into_record(self) -> ErrorRecord {
        let reason = self.exception.rsplit('.').next().unwrap_or_default().to_owned();
        ErrorRecord {
            exception_types: vec![self.exception],
            message: self.text,
            target_object: Value::Nil,
            fully_qualified_error_id: self.id,
            category: ErrorCategory { reason, ..ErrorCategory::default() },
            details_message: None,
            recommended_action: None,
            raw: Value::Nil,
        }
    }
}

fn told(body: &[u8]) -> Option<Told> {
    let envelope: Json = serde_json::from_slice(body).ok()?;
    of_error(envelope.get("error")?, 0)
}

/// `error` of an envelope: the details say most, then the exception inside, then the message, which says next to nothing.
fn of_error(error: &Json, depth: usize) -> Option<Told> {
    let details = error.pointer("/details/0").and_then(message).map(|text| of_details(text, depth));
    let inner = error.get("innererror");
    let internal = inner.and_then(|inner| inner.get("internalexception"));
    let told = details
        .or_else(|| of_exception(message(internal?)?, internal))
        .or_else(|| of_exception(message(error)?, inner))
        .or_else(|| of_exception(message(inner?)?, inner))?;
    Some(nested(&told.text, depth).unwrap_or_else(|| Told { text: shown(&told.text), ..told }))
}

fn of_exception(text: &str, exception: Option<&Json>) -> Option<Told> {
    let exception = exception.and_then(|it| it.get("type")).and_then(Json::as_str).unwrap_or_default();
    Some(Told { id: String::new(), exception: exception.to_owned(), text: text.to_owned() })
}

/// What it says. One without a text says nothing, and the next one is asked.
fn message(of: &Json) -> Option<&str> {
    of.get("message").and_then(Json::as_str).filter(|text| !text.trim().is_empty())
}

/// `ExId|Exception.Type|text`, or the same as JSON in a text.
fn of_details(text: &str, depth: usize) -> Told {
    if depth < MAX_NESTING
        && let Ok(Json::Object(members)) = serde_json::from_str(text)
    {
        let member = |name: &str| members.get(name).and_then(Json::as_str).map(str::to_owned);
        let id = members.get("localizedString").and_then(|it| it.get("stringId")).and_then(Json::as_str);
        return Told {
            id: id.unwrap_or_default().to_owned(),
            exception: member("TypeName").or_else(|| member("ClassName")).unwrap_or_default(),
            text: member("Message").unwrap_or_else(|| text.to_owned()),
        };
    }
    match text.splitn(3, '|').collect::<Vec<_>>().as_slice() {
        [id, exception, text] => {
            Told { id: (*id).to_owned(), exception: (*exception).to_owned(), text: (*text).to_owned() }
        }
        _ => Told { text: text.to_owned(), ..Told::default() },
    }
}

/// What another server said, where this one only handed the cmdlet on: the text holds that server's whole answer.
fn nested(text: &str, depth: usize) -> Option<Told> {
    if depth >= MAX_NESTING || !text.contains("Proxy method") {
        return None;
    }
    // The cmdlet stands before it, with values that may look like it.
    let starts = text.match_indices(": {").take(MAX_STARTS);
    starts.filter_map(|(start, _)| text.get(start + 2..)).find_map(|rest| {
        let json = Deserializer::from_str(rest).into_iter::<Json>().next()?.ok()?;
        of_error(json.get("error").unwrap_or(&json), depth + 1)
    })
}

/// A text that a person may see: an error that was handed on repeats the cmdlet with all of its values.
fn shown(text: &str) -> String {
    let text = match text.split_once("Error on proxy command '") {
        Some((before, rest)) => {
            let after = rest.rsplit_once("' to server ").map_or("", |(_, after)| after);
            format!("{before}Error on proxy command *** to server {after}")
        }
        None => text.to_owned(),
    };
    text.chars().take(MOST_TEXT).collect()
}

fn is_expired_page(text: &str) -> bool {
    text.contains("Expired or Invalid pagination")
}

/// A body as a sentence for a person, if it is one: no page, and no envelope that is not understood.
fn sentence(body: &[u8]) -> String {
    let text = plain_text(body);
    if text.starts_with(['<', '{', '[']) { String::new() } else { text }
}

/// A body as text for a person, if it is one.
fn plain_text(body: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(body) else { return String::new() };
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(MOST_TEXT)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn or(text: &str, otherwise: &str) -> String {
    if text.trim().is_empty() { otherwise.to_owned() } else { text.trim().to_owned() }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
