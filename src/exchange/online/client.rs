//! One connection to Exchange Online.

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Notify;
use url::Url;
use uuid::Uuid;
use wsman::clixml::Value;

use super::conversation::{Conversation, Received, Site, Step, Trouble};
use super::http::Http;
use super::request::{self, Caller};
use super::sign_in::Tokens;
use super::token;
use crate::config::{Cloud, Connection};
use crate::exchange::pace::{Pace, Turn};
use crate::exchange::{Answer, Call, Exchange, ExchangeError};
use crate::recipient::ErrorClass;

/// How often a read is asked again that was throttled or not answered.
const AGAIN: u32 = 5;
/// The longest wait between two of them, unless the server names another one.
const LONGEST: Duration = Duration::from_secs(32);

/// Exchange Online of one tenant.
pub(in crate::exchange) struct Online {
    connection: String,
    http: Http,
    tokens: Tokens,
    site: Site,
    signed_in: String,
    pace: Mutex<Pace>,
    /// Tells those who wait that a call has ended
    ended: Notify,
}

/// The turn of one call; ends when it is dropped.
struct Slot<'a>(&'a Online);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.pace().done();
        self.0.ended.notify_one();
    }
}

impl Online {
    /// Signs in, so that a tenant that is not there or a wrong secret shows before anything is tried.
    pub(in crate::exchange) async fn open(
        connection: &Connection,
        cloud: &Cloud,
    ) -> Result<Self, ExchangeError> {
        let http = Http::new(connection).await?;
        let tokens = Tokens::new(http.clone(), connection, cloud, &cloud.exchange);
        let token = tokens.get().await?;
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
            tokens,
            site,
            signed_in,
            pace: Mutex::new(Pace::new(connection.concurrency)),
            ended: Notify::new(),
        })
    }

    /// Carries out one cmdlet, with every page of its answer. `each` takes objects as they come.
    async fn attempt(
        &self,
        call: &Call,
        mut each: Option<&mut (dyn FnMut(Value) -> ControlFlow<()> + Send)>,
        came: &mut bool,
    ) -> Result<Result<Answer, Trouble>, ExchangeError> {
        let setting =
            |message: String| ExchangeError::Setting { connection: self.connection.clone(), message };
        let body = request::body(call, &no_key).map_err(setting)?;
        let limit = limit(call);
        let id = Uuid::new_v4().to_string();
        let mut talk = Conversation::new(&self.site, &call.cmdlet, body, id, limit, each.is_some());
        let mut token = self.tokens.get().await?;
        loop {
            let step = match self.exchange(&mut talk, &token).await {
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
                Step::NewToken { claims } => token = self.tokens.renew(&token, claims.as_deref()).await?,
                Step::Done(answer) => return Ok(Ok(answer)),
                Step::Failed(trouble) => return Ok(Err(trouble)),
            }
        }
    }

    async fn exchange(&self, talk: &mut Conversation<'_>, token: &SecretString) -> Result<Step, Trouble> {
        let request = talk.request();
        let sent =
            self.http.send(Method::POST, request.url, &request.headers, Some(token), request.body.to_vec());
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

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the server allows a call, and no more run than it takes.
    async fn slot(&self) -> Slot<'_> {
        loop {
            let ended = self.ended.notified();
            let turn = self.pace().turn(Instant::now());
            match turn {
                Turn::Now => return Slot(self),
                Turn::At(at) => tokio::time::sleep_until(at.into()).await,
                Turn::Later => ended.await,
            }
        }
    }

    fn heed(&self, result: &Result<Answer, Trouble>) {
        let complaint = match result {
            Err(Trouble::Throttled { after, .. } | Trouble::Unavailable { after: after @ Some(_), .. }) => {
                Some(*after)
            }
            Err(_) => return,
            Ok(answer) => match answer.refusal() {
                Some(refusal) if refusal.class == ErrorClass::Throttled => Some(refusal.retry_after),
                _ => None,
            },
        };
        match complaint {
            Some(after) => self.pace().complaint(after, Instant::now()),
            None => {
                self.pace().well();
                self.ended.notify_one();
            }
        }
    }

    async fn carried_out(
        &self,
        call: &Call,
        mut each: Option<&mut (dyn FnMut(Value) -> ControlFlow<()> + Send)>,
    ) -> Result<Answer, ExchangeError> {
        let is_read = call.cmdlet.starts_with("Get-");
        let mut tries = 0;
        loop {
            tries += 1;
            let mut came = false;
            let slot = self.slot().await;
            let again =
                each.as_mut().map(|each| &mut **each as &mut (dyn FnMut(Value) -> ControlFlow<()> + Send));
            let result = self.attempt(call, again, &mut came).await?;
            drop(slot);
            self.heed(&result);
            let trouble = match result {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            // What was throttled was not done; whether anything else was, a write does not know.
            let harmless = matches!(trouble, Trouble::Throttled { .. } | Trouble::Unreachable(_));
            let temporary = harmless || matches!(trouble, Trouble::Unavailable { .. });
            if came || tries > AGAIN || !temporary || !(is_read || harmless) {
                return Err(self.no_answer(trouble));
            }
            if !matches!(trouble, Trouble::Throttled { .. }) {
                tokio::time::sleep(Duration::from_secs(1 << tries.min(5)).min(LONGEST)).await;
            }
        }
    }

    fn no_answer(&self, trouble: Trouble) -> ExchangeError {
        let endpoint = self.site.url.origin().ascii_serialization();
        let sign_in =
            |message: &str| ExchangeError::SignIn { endpoint: endpoint.clone(), message: message.to_owned() };
        match trouble {
            Trouble::Unauthorized => sign_in(
                "the token is not taken; the application needs the permission Exchange.ManageAsApp with an administrator's consent",
            ),
            Trouble::Forbidden(text) => sign_in(&text),
            Trouble::Throttled { text, .. } => ExchangeError::Throttled(text),
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
