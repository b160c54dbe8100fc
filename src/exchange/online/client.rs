//! One connection to Exchange Online, and to Graph beside it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;
use wsman::clixml::Value;

use super::conversation::{Conversation, Site};
use super::http::Http;
use super::request::{self, Caller};
use super::sign_in::Tokens;
use super::talk::{Received, Step, Talk, Trouble};
use super::token;
use crate::config::{Cloud, Connection};
use crate::exchange::gate::Gate;
use crate::exchange::{Answer, Call, Exchange, ExchangeError, graph};
use crate::recipient::ErrorClass;

/// How often a call is asked again that was throttled or, where that does no harm, not answered.
const AGAIN: u32 = 5;
/// The longest wait between two of them, unless the server names another one.
const LONGEST: Duration = Duration::from_secs(32);

/// Exchange Online of one tenant.
pub(in crate::exchange) struct Online {
    connection: String,
    http: Http,
    exchange: Service,
    graph: Service,
    site: Site,
    signed_in: String,
    /// How long one call may take with all of its waits
    patience: Duration,
}

/// One of the services, with what is known of it.
struct Service {
    base: Url,
    tokens: Tokens,
    gate: Gate,
    /// What a token that is not taken lacks
    permission: &'static str,
}

/// Takes objects as they come.
type Each<'a> = &'a mut (dyn FnMut(Value) -> ControlFlow<()> + Send);

impl Online {
    /// Signs in, so that a tenant that is not there or a wrong secret shows before anything is tried.
    pub(in crate::exchange) async fn open(
        connection: &Connection,
        cloud: &Cloud,
    ) -> Result<Self, ExchangeError> {
        let http = Http::new(connection).await?;
        let service = |base: &Url, permission| Service {
            base: base.clone(),
            tokens: Tokens::new(http.clone(), connection, cloud, base),
            gate: Gate::new(connection.concurrency),
            permission,
        };
        let exchange = service(&cloud.exchange, "Exchange.ManageAsApp with an administrator's consent");
        let graph = service(
            &cloud.graph,
            "User.ReadWrite.All and Organization.Read.All of Microsoft Graph with an administrator's consent",
        );
        let token = exchange.tokens.get().await?;
        let claims = token::payload(token.expose_secret()).unwrap_or_default();
        let claim = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        // A page of a list is not found again under a domain's name.
        let tenant = claim("tid").unwrap_or_else(|| cloud.tenant.clone());
        let caller = match claim("upn") {
            Some(name) => Caller::User(name),
            None => Caller::Application,
        };
        let signed_in = match &caller {
            Caller::User(name) => format!("signed in to tenant {tenant} as {name}"),
            Caller::Application => {
                format!("signed in to tenant {tenant} as application {}", claim("appid").unwrap_or_default())
            }
        };
        let anchor = request::anchor(&caller, &tenant);
        let site =
            Site { url: invoke(&cloud.exchange, &tenant), anchor, connection_id: Uuid::new_v4().to_string() };
        Ok(Self {
            connection: connection.name.clone(),
            http,
            exchange,
            graph,
            site,
            signed_in,
            patience: connection.timeouts.change,
        })
    }

    /// Carries out one call, with every page of its answer.
    async fn attempt(
        &self,
        service: &Service,
        talk: &mut dyn Talk,
        mut each: Option<Each<'_>>,
        came: &mut bool,
    ) -> Result<Result<Answer, Trouble>, ExchangeError> {
        let mut token = service.tokens.get().await?;
        loop {
            let step = match self.exchange(talk, &token).await {
                Ok(step) => step,
                Err(trouble) => return Ok(Err(trouble)),
            };
            if let Some(each) = &mut each {
                for object in talk.take_objects() {
                    *came = true;
                    if each(object).is_break() {
                        return Ok(Ok(talk.broken_off()));
                    }
                }
            }
            match step {
                Step::Send => {}
                Step::NewToken { claims } => token = service.tokens.renew(&token, claims.as_deref()).await?,
                Step::Done(answer) => return Ok(Ok(answer)),
                Step::Failed(trouble) => return Ok(Err(trouble)),
            }
        }
    }

    async fn exchange(&self, talk: &mut dyn Talk, token: &SecretString) -> Result<Step, Trouble> {
        let request = talk.request();
        let sent =
            self.http.send(request.method, request.url, &request.headers, Some(token), request.body.to_vec());
        match sent.await {
            Ok(received) => {
                let given = Received {
                    reply: received.reply(),
                    location: received.location.as_deref(),
                    cookies: received.cookies.iter().map(String::as_str).collect(),
                };
                Ok(talk.receive(&given, SystemTime::now()))
            }
            Err(error) if error.sent => Err(Trouble::Unavailable { text: error.reason, after: None }),
            Err(error) => Err(Trouble::Unreachable(error.reason)),
        }
    }

    async fn carried_out(&self, call: &Call, mut each: Option<Each<'_>>) -> Result<Answer, ExchangeError> {
        let is_read = call.cmdlet.starts_with("Get-");
        let service = if graph::is_graph(&call.cmdlet) { &self.graph } else { &self.exchange };
        let until = Instant::now() + self.patience;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut came = false;
            let slot = service.gate.slot_until(until).await.map_err(|after| ExchangeError::Throttled {
                text: "the server's rest is longer than the time that is left".into(),
                after: Some(after),
            })?;
            let again = each.as_mut().map(|each| &mut **each as Each<'_>);
            let streams = again.is_some();
            let id = Uuid::new_v4().to_string();
            let result = if graph::is_graph(&call.cmdlet) {
                let prepared = match graph::prepare(&service.base, call) {
                    Ok(prepared) => prepared,
                    Err(why) => return Ok(graph::refused(why, &call.cmdlet)),
                };
                let mut talk = graph::Conversation::new(&call.cmdlet, prepared, id, streams);
                self.attempt(service, &mut talk, again, &mut came).await?
            } else {
                let body = request::body(call, &no_key).map_err(|message| self.setting(message))?;
                let mut talk = Conversation::new(&self.site, &call.cmdlet, body, id, limit(call), streams);
                self.attempt(service, &mut talk, again, &mut came).await?
            };
            drop(slot);
            heed(service, &result);
            let trouble = match result {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            // What was throttled was not done; whether anything else was, a write does not know.
            let harmless = matches!(trouble, Trouble::Throttled { .. } | Trouble::Unreachable(_));
            let temporary = harmless || matches!(trouble, Trouble::Unavailable { .. });
            if came || tries > AGAIN || !temporary || !(is_read || harmless) {
                return Err(no_answer(service, trouble));
            }
            // Where the server names a time, the gate keeps it.
            let is_kept =
                matches!(trouble, Trouble::Throttled { .. } | Trouble::Unavailable { after: Some(_), .. });
            if !is_kept {
                let wait = Duration::from_secs(1 << tries.min(5)).min(LONGEST);
                if Instant::now() + wait > until {
                    return Err(no_answer(service, trouble));
                }
                tokio::time::sleep(wait).await;
            }
        }
    }

    fn setting(&self, message: String) -> ExchangeError {
        ExchangeError::Setting { connection: self.connection.clone(), message }
    }
}

/// What an answer says about the pace.
fn heed(service: &Service, result: &Result<Answer, Trouble>) {
    match result {
        Err(Trouble::Throttled { after, .. } | Trouble::Unavailable { after: after @ Some(_), .. }) => {
            service.gate.complaint(*after);
        }
        Err(_) => {}
        Ok(answer) => match answer.refusal() {
            Some(refusal) if refusal.class == ErrorClass::Throttled => {
                service.gate.complaint(refusal.retry_after);
            }
            _ => service.gate.well(),
        },
    }
}

fn no_answer(service: &Service, trouble: Trouble) -> ExchangeError {
    let endpoint = service.base.origin().ascii_serialization();
    match trouble {
        Trouble::Unauthorized => ExchangeError::SignIn {
            endpoint,
            message: format!(
                "the token is not taken; the application needs the permission {}",
                service.permission
            ),
        },
        Trouble::Forbidden(message) => ExchangeError::SignIn { endpoint, message },
        Trouble::Throttled { text, after } => ExchangeError::Throttled { text, after },
        Trouble::Unavailable { text, .. } => ExchangeError::SessionLost(text),
        Trouble::Unreachable(message) => ExchangeError::Unreachable { endpoint, message },
        Trouble::Torn => {
            ExchangeError::SessionLost("the pages of the list expired; nothing of it is used".into())
        }
        Trouble::Elsewhere(host) => ExchangeError::Protocol(format!(
            "the server sends its clients to {host}, where a token must not go"
        )),
        Trouble::Unreadable(text) => ExchangeError::Protocol(text),
    }
}

#[async_trait]
impl Exchange for Online {
    async fn run(&self, call: &Call) -> Result<Answer, ExchangeError> {
        self.carried_out(call, None).await
    }

    async fn read(
        &self,
        call: &Call,
        each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
    ) -> Result<Answer, ExchangeError> {
        self.carried_out(call, Some(each)).await
    }

    fn signed_in(&self) -> Option<String> {
        Some(self.signed_in.clone())
    }

    /// Nothing is kept there.
    async fn close(&self) {}
}

fn invoke(base: &Url, tenant: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["adminapi", "beta", tenant, "InvokeCommand"]);
    }
    url
}

/// What the caller wants at most: the server stops later than it is told to.
fn limit(call: &Call) -> Option<usize> {
    let (_, value) = call.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("ResultSize"))?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).and_then(|limit| usize::try_from(limit).ok())
}

fn no_key(_: &SecretString) -> Result<String, String> {
    Err("the server's key for passwords is not fetched yet".into())
}
