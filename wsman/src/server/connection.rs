//! One connection: sign-in, unsealing, sealing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Mutex;

use super::authenticate::{Policy, SignIn, SignedIn, Verdict};
use super::dispatch::{self, Caller, Reply};
use super::listen::Shared;
use super::service::Exchange;
use crate::auth::{Scheme, UserName, multipart};

const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// One connection from its first byte to its last.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    peer: SocketAddr,
    number: u64,
    tls: bool,
    /// Whom the client's certificate stands for
    certified: Option<UserName>,
    /// Requests come one after another; the lock only makes that plain.
    sign_in: Mutex<SignIn>,
}

/// An answer before it is counted and logged.
struct Answer {
    status: StatusCode,
    content_type: Option<String>,
    body: Vec<u8>,
    authenticate: Vec<String>,
    action: Option<String>,
    sealed: bool,
    close: bool,
}

impl Answer {
    fn empty(status: StatusCode) -> Self {
        let body = Vec::new();
        Self {
            status,
            content_type: None,
            body,
            authenticate: Vec::new(),
            action: None,
            sealed: false,
            close: false,
        }
    }

    /// For requests that make no sense: the connection ends, whatever else is in it.
    fn bad_request() -> Self {
        Self { close: true, ..Self::empty(StatusCode::BAD_REQUEST) }
    }

    fn challenge(authenticate: Vec<String>) -> Self {
        Self { authenticate, ..Self::empty(StatusCode::UNAUTHORIZED) }
    }

    fn soap(reply: Reply) -> Self {
        let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (content_type, action) = (Some(SOAP.to_owned()), reply.action);
        Self { content_type, body: reply.body, action, ..Self::empty(status) }
    }
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        peer: SocketAddr,
        number: u64,
        tls: bool,
        certified: Option<UserName>,
    ) -> Self {
        Self { shared, peer, number, tls, certified, sign_in: Mutex::new(SignIn::Anonymous) }
    }

    /// Answers one request.
    pub(super) async fn handle(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let limits = &self.shared.config.limits;
        let body = Limited::new(body, limits.max_body).collect();
        let mut sign_in = self.sign_in.lock().await;
        let mut request_bytes = 0;
        let answer = match tokio::time::timeout(limits.connection_idle, body).await {
            Ok(Ok(body)) => {
                let body = body.to_bytes();
                request_bytes = body.len();
                self.answer(&head, &body, &mut sign_in).await
            }
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                Answer { close: true, ..Answer::empty(StatusCode::PAYLOAD_TOO_LARGE) }
            }
            Ok(Err(_)) => Answer::bad_request(),
            Err(_) => Answer { close: true, ..Answer::empty(StatusCode::REQUEST_TIMEOUT) },
        };
        self.shared.service.on_exchange(&Exchange {
            peer: self.peer,
            connection: self.number,
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            action: answer.action.clone(),
            status: answer.status.as_u16(),
            user: sign_in.user().cloned(),
            sealed: answer.sealed,
            request_bytes,
            response_bytes: answer.body.len(),
        });
        Ok(response(answer))
    }

    async fn answer(&self, head: &hyper::http::request::Parts, body: &[u8], sign_in: &mut SignIn) -> Answer {
        let Some(endpoint) = self.shared.config.endpoint(head.uri.path()) else {
            return Answer::empty(StatusCode::NOT_FOUND);
        };
        if head.method != Method::POST {
            return Answer::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        // [DSP0226] 11: the one question that is answered to anybody, and the one answer in clear.
        if header("WSMANIDENTIFY").is_some_and(|value| value.eq_ignore_ascii_case("unauthenticated")) {
            return dispatch::identify(body).map_or_else(Answer::bad_request, Answer::soap);
        }
        let binding = self.shared.identity.as_ref().filter(|_| self.tls).map(|identity| &identity.binding);
        let authorization = header(AUTHORIZATION.as_str());
        let credssp = match authorization.is_some_and(is_credssp) {
            true => self.shared.credssp_identity().await,
            false => None,
        };
        let (config, service) = (&self.shared.config, &*self.shared.service);
        let certified = self.certified.as_ref();
        let policy = Policy { config, service, binding, certified, credssp };
        let token = match sign_in.authorize(authorization, &policy) {
            Verdict::Challenge(headers) => return Answer::challenge(headers),
            Verdict::Accepted(token) => token,
        };
        let content_type = header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let mut answer = match (body.is_empty(), &mut *sign_in) {
            (true, _) => Answer::empty(StatusCode::OK),
            (false, SignIn::Done(signed_in)) => {
                let caller = Caller {
                    path: endpoint.path.clone(),
                    query: head.uri.query().unwrap_or_default().to_owned(),
                    resource_uris: endpoint.resource_uris.clone(),
                    user: signed_in.user.clone(),
                    mechanism: signed_in.mechanism,
                };
                match self.soap(signed_in, content_type, body, &caller).await {
                    Some(answer) => answer,
                    // Over http without a seal: nothing is done, and whoever it was has to sign in again.
                    None => match sign_in.refuse(&policy) {
                        Verdict::Challenge(headers) => return Answer::challenge(headers),
                        Verdict::Accepted(_) => return Answer::bad_request(),
                    },
                }
            }
            (false, _) => return Answer::bad_request(),
        };
        answer.authenticate.extend(token);
        answer
    }

    /// `None`: not sealed where it must be.
    async fn soap(
        &self,
        signed_in: &mut SignedIn,
        content_type: &str,
        body: &[u8],
        caller: &Caller,
    ) -> Option<Answer> {
        if !multipart::is_encrypted(content_type) {
            if !self.tls {
                return None;
            }
            return Some(Answer::soap(dispatch::dispatch(&self.shared.shells, caller, body).await));
        }
        let Some(context) = &mut signed_in.context else { return Some(Answer::bad_request()) };
        let Ok(soap) = multipart::unseal(context, content_type, body) else {
            return Some(Answer::bad_request());
        };
        let mut answer = Answer::soap(dispatch::dispatch(&self.shared.shells, caller, &soap).await);
        let Ok(sealed) = multipart::seal(context, &answer.body) else { return Some(Answer::bad_request()) };
        answer.content_type = Some(sealed.content_type);
        answer.body = sealed.body;
        answer.sealed = true;
        Some(answer)
    }
}

fn is_credssp(authorization: &str) -> bool {
    authorization.split(' ').next().and_then(Scheme::parse) == Some(Scheme::CredSsp)
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if let Some(value) = answer.content_type.and_then(|value| HeaderValue::from_str(&value).ok()) {
        headers.insert(CONTENT_TYPE, value);
    }
    for value in answer.authenticate.iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
        headers.append(WWW_AUTHENTICATE, value);
    }
    if answer.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
