//! Requests that go wrong as it was ordered.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value as Json;

use super::token::challenge;
use super::{Ending, Host, Request, Response, Tenant, errors};
use crate::lab::{FaultKind, HttpBody, HttpFault};

const PAGE: &str = "<!DOCTYPE html><html><head><title>Service unavailable</title></head><body><h1>Try later</h1></body></html>";
const CONCURRENCY: &str =
    "The maximum number of concurrent requests per tenant has been reached. Please try again later.";

impl Tenant {
    /// The fault that hits a request for this, if there is one. A rotation of keys is done at once.
    pub(super) fn fault(&mut self, (cmdlet, identity): (&str, &str)) -> Option<HttpFault> {
        let faults = &mut self.exchange.faults;
        let hit =
            faults.iter_mut().position(|it| it.kind.is_of_the_request() && it.hits(cmdlet, identity))?;
        let kind = faults.get(hit).map(|fault| fault.kind.clone());
        faults.retain(|fault| fault.times > 0);
        match kind? {
            FaultKind::Http(answer) => Some(answer),
            _ => {
                self.rotate_key();
                None
            }
        }
    }

    /// The answer of a fault, with the work done before where it says so.
    pub(super) fn faulty(
        &mut self,
        fault: &HttpFault,
        request: &Request<'_>,
        now_ms: u64,
        work: impl FnOnce(&mut Self, &Request<'_>) -> Response,
    ) -> Response {
        let needs_work = fault.after_work || matches!(fault.body, HttpBody::Truncated | HttpBody::Errors(_));
        let real = if needs_work { work(self, request) } else { Response::default() };
        let mut answer = Response { status: fault.status, ..Response::default() };
        let json = ("Content-Type".into(), "application/json;charset=utf-8".to_owned());
        match &fault.body {
            HttpBody::Empty => {}
            HttpBody::Zeros => answer.body = errors::ZEROS.to_vec(),
            HttpBody::Page => {
                answer.headers.push(("Content-Type".into(), "text/html".to_owned()));
                answer.body = PAGE.into();
            }
            HttpBody::Concurrency => {
                answer.headers.push(("Content-Type".into(), "text/plain".to_owned()));
                answer.body = CONCURRENCY.into();
            }
            HttpBody::Truncated => {
                answer.headers.push(json);
                answer.body = real.body;
                answer.body.truncate(answer.body.len() / 2);
                answer.ending = Ending::Truncated;
            }
            HttpBody::Reset => answer.ending = Ending::Reset,
            HttpBody::Errors(texts) => {
                answer.headers.push(json);
                answer.body = with_errors(&real.body, texts);
            }
            HttpBody::Text(text) => answer.body = text.clone().into(),
            HttpBody::Json(value) => {
                answer.headers.push(json);
                answer.body = value.to_string().into_bytes();
            }
        }
        if let Some(after) = &fault.retry_after {
            let date = || httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now_ms + 2_000));
            let after = if after == "date" { date() } else { after.clone() };
            answer.headers.push(("Retry-After".into(), after));
        }
        if let Some(claims) = &fault.claims {
            // Nothing else is taken from then on.
            let hosts = &self.hosts;
            let service = if request.host == Host::Graph { &hosts.graph } else { &hosts.main };
            self.issuer.demand(service, claims);
            answer.headers.push(("WWW-Authenticate".into(), challenge(claims)));
        }
        let further = fault.headers.iter().map(|(name, value)| (name.clone().into(), value.clone()));
        answer.headers.extend(further);
        answer
    }
}

fn with_errors(body: &[u8], texts: &[String]) -> Vec<u8> {
    let Ok(Json::Object(mut members)) = serde_json::from_slice(body) else { return body.to_vec() };
    members.insert("@adminapi.errors".to_owned(), texts.iter().cloned().collect());
    Json::Object(members).to_string().into_bytes()
}
