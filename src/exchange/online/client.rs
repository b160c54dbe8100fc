//! One connection to Exchange Online, and to Graph beside it.

pub(crate) mod look;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use url::Url;
use uuid::Uuid;
use wsman::client::Trace;
use wsman::clixml::{SecureText, Value};
use wsman::psrp::Outcome;

use super::conversation::{Conversation, Site};
use super::failure;
use super::http::{Http, Outgoing};
use super::password::{self, PasswordKey};
use super::redirect;
use super::request::{self, Caller};
use super::sign_in::{Audience, Tokens};
use super::talk::{Received, Step, Talk, Trouble};
use super::token;
use crate::config::{Cloud, Connection, Timeouts};
use crate::exchange::gate::Gate;
use crate::exchange::meter::Meter;
use crate::exchange::{Answer, Call, Exchange, ExchangeError, Traffic, graph};
use crate::recipient::ErrorClass;

/// How often a call is asked again that was throttled or, where that does no harm, not answered.
const AGAIN: u32 = 5;
/// The longest wait between two of them, unless the server names another one.
const LONGEST: Duration = Duration::from_secs(32);

/// What a refusal of one cmdlet says, as against one of everything.
const NOT_ALLOWED: &str = "is not allowed to call";

/// A version of the module that the service knows; what it ships does not depend on it much.
const MODULE_VERSION: &str = "3.9.2";

/// Exchange Online of one tenant.
pub(crate) struct Online {
    http: Http,
    exchange: Service,
    graph: Service,
    site: Site,
    signed_in: String,
    /// The user's name or the application's id
    account: Option<String>,
    meter: Arc<Meter>,
    timeouts: Timeouts,
    /// For passwords; fetched when the first one is sent
    key: Mutex<Option<PasswordKey>>,
}

/// One of the services, with what is known of it.
struct Service {
    is_graph: bool,
    base: Url,
    tokens: Tokens,
    gate: Gate,
    /// What a token that is not taken lacks
    permission: &'static str,
    /// It has done something already: what it forbids from then on it forbids to a cmdlet, not to the application
    is_open: AtomicBool,
}

/// Takes objects as they come.
type Each<'a> = &'a mut (dyn FnMut(Value) -> ControlFlow<()> + Send);

impl Online {
    /// Signs in, so that a tenant that is not there or a wrong secret shows before anything is tried.
    pub(crate) async fn open(
        connection: &Connection,
        cloud: &Cloud,
        trace: Option<&Trace>,
    ) -> Result<Self, ExchangeError> {
        let http = Http::new(connection, cloud, trace).await?;
        let meter = Arc::new(Meter::default());
        let service = |base: &Url, which, permission| Service {
            is_graph: which == Audience::Graph,
            base: base.clone(),
            tokens: Tokens::new(http.clone(), connection, cloud, which),
            gate: Gate::with(connection.concurrency, Arc::clone(&meter)),
            permission,
            is_open: AtomicBool::new(false),
        };
        let exchange = service(
            &cloud.exchange,
            Audience::Exchange,
            "Exchange.ManageAsApp with an administrator's consent",
        );
        let graph = service(
            &cloud.graph,
            Audience::Graph,
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
        let account = match &caller {
            Caller::User(name) => Some(name.clone()),
            Caller::Application => claim("appid").or_else(|| claim("azp")),
        };
        let anchor = request::anchor(&caller, &tenant);
        let mut module = address(&cloud.exchange, &["AdminApi", "v1.0", &tenant, "EXOModuleFile"]);
        module.query_pairs_mut().append_pair("Version", MODULE_VERSION);
        let site = Site {
            url: address(&cloud.exchange, &["adminapi", "beta", &tenant, "InvokeCommand"]),
            module,
            anchor,
            connection_id: Uuid::new_v4().to_string(),
            redirect_hosts: connection.redirect_hosts.clone(),
        };
        let timeouts = connection.timeouts.clone();
        Ok(Self { http, exchange, graph, site, signed_in, account, meter, timeouts, key: Mutex::default() })
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
        self.meter.sent();
        let sent = self.http.send(Outgoing {
            name: request.name,
            method: request.method,
            url: request.url,
            headers: request.headers,
            token: Some(token),
            body: Zeroizing::new(request.body.to_vec()),
            patience: self.timeouts.operation,
            most: request.most,
        });
        match sent.await {
            Ok(received) => {
                let given = Received {
                    reply: received.reply(),
                    location: received.location.as_deref(),
                    cookies: received.cookies.iter().map(String::as_str).collect(),
                };
                let step = talk.receive(&given, SystemTime::now());
                if matches!(received.status, 429 | 503) || asks_for_less(&step) {
                    self.meter.turned_away();
                }
                Ok(step)
            }
            Err(error) if error.sent => Err(Trouble::Unavailable { text: error.reason, after: None }),
            Err(error) => Err(Trouble::Unreachable(error.reason)),
        }
    }

    async fn carried_out(&self, call: &Call, each: Option<Each<'_>>) -> Result<Answer, ExchangeError> {
        for (_, value) in &call.parameters {
            if let Value::SecureString(SecureText::Clear(secret)) = value {
                self.http.hide(secret);
            }
        }
        if graph::is_graph(&call.cmdlet) {
            return match graph::prepare(&self.graph.base, call) {
                Ok(prepared) => self.of_graph(call, &prepared, each).await,
                Err(why) => Ok(graph::refused(why, &call.cmdlet)),
            };
        }
        if !password::is_needed(call) {
            return self.of_exchange(call, None, each).await;
        }
        let key = self.key(None).await?;
        // No cmdlet that reads takes a secret, so nothing has come when it is asked again.
        let answer = self.of_exchange(call, Some(&key), None).await?;
        if !password::is_rotated(&answer) {
            return Ok(answer);
        }
        let renewed = self.key(Some(&key)).await?;
        if renewed == key { Ok(answer) } else { self.of_exchange(call, Some(&renewed), None).await }
    }

    async fn of_graph(
        &self,
        call: &Call,
        prepared: &graph::Prepared,
        each: Option<Each<'_>>,
    ) -> Result<Answer, ExchangeError> {
        let streams = each.is_some();
        let talk = graph::Conversation::new(&call.cmdlet, prepared.clone(), request_id(), streams);
        self.repeated(&self.graph, is_read(call), Box::new(talk), each).await
    }

    async fn of_exchange(
        &self,
        call: &Call,
        key: Option<&PasswordKey>,
        each: Option<Each<'_>>,
    ) -> Result<Answer, ExchangeError> {
        let encrypt = |secret: &SecretString| match key {
            Some(key) => key.encrypt(secret),
            None => Err("there is no key for it".into()),
        };
        let body = match request::body(call, &encrypt) {
            Ok(body) => body,
            Err(why) => return Ok(refused("ParameterTransformationException", &why)),
        };
        let (limit, streams) = (limit(call), each.is_some());
        let talk = Conversation::new(&self.site, &call.cmdlet, body, request_id(), limit, streams);
        let answer = self.repeated(&self.exchange, is_read(call), Box::new(talk), each).await;
        match answer {
            Err(ExchangeError::SignIn { .. }) if self.is_hidden(&call.cmdlet).await => {
                let why = format!(
                    "`{}` is not among the cmdlets that the service lists for this application: there is no such cmdlet, or none of \
                     its roles has it",
                    call.cmdlet
                );
                Ok(refused("CmdletAccessDeniedException", &why))
            }
            answer => answer,
        }
    }

    /// Whether the service says which cmdlets there are, and this is none of them. An application without any role and a cmdlet that
    /// no role has get the same answer; the module is told to the latter alone.
    async fn is_hidden(&self, cmdlet: &str) -> bool {
        self.cmdlets().await.is_ok_and(|names| !names.iter().any(|name| name.eq_ignore_ascii_case(cmdlet)))
    }

    /// The service's key for passwords; another one than `stale`, where there is one. Whoever comes meanwhile waits for it.
    async fn key(&self, stale: Option<&PasswordKey>) -> Result<PasswordKey, ExchangeError> {
        let mut held = self.key.lock().await;
        if let Some(key) = held.as_ref().filter(|key| stale != Some(*key)) {
            return Ok(key.clone());
        }
        let module = self.module().await?;
        let key = password::key(&module).ok_or_else(|| {
            let why = module.refusal().map_or_else(|| "its module holds none".to_owned(), |refusal| refusal.message);
            ExchangeError::Protocol(format!(
                "the service gives no key for passwords: {why}; users can be created in Graph instead, create_users = \"graph\""
            ))
        })?;
        *held = Some(key.clone());
        Ok(key)
    }

    async fn module(&self) -> Result<Answer, ExchangeError> {
        let talk = Conversation::module(&self.site, request_id());
        self.repeated(&self.exchange, true, Box::new(talk), None).await
    }

    /// One call, again where that does no harm and may help.
    async fn repeated<'t>(
        &self,
        service: &Service,
        is_read: bool,
        mut talk: Box<dyn Talk + 't>,
        mut each: Option<Each<'_>>,
    ) -> Result<Answer, ExchangeError> {
        let mut until = Instant::now() + self.timeouts.change;
        let mut tries = 0;
        let mut said = String::new();
        // The talk knows how far it is: a page that was not answered is asked for again, not the whole list.
        loop {
            let mut came = false;
            let slot = service.gate.slot_until(until).await.map_err(|after| ExchangeError::Throttled {
                text: format!("{said}the rest that it asks for is longer than a change may take"),
                after: Some(after),
            })?;
            let again = each.as_mut().map(|each| &mut **each as Each<'_>);
            let result = self.attempt(service, &mut *talk, again, &mut came).await?;
            // First what the server says, so that nobody goes in the moment between.
            heed(service, &result);
            drop(slot);
            let trouble = match result {
                Ok(answer) => {
                    service.is_open.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(Trouble::Forbidden(why))
                    if service.is_open.load(Ordering::Relaxed) || why.contains(NOT_ALLOWED) =>
                {
                    return Ok(refused("CmdletAccessDeniedException", &why));
                }
                Err(trouble) => trouble,
            };
            if let Trouble::Throttled { text, .. } = &trouble {
                said = format!("{text}; ");
            }
            if came {
                (tries, until) = (0, Instant::now() + self.timeouts.change);
            }
            // A service that says when to come again is asked then, as long as there is time.
            if !matches!(trouble, Trouble::Throttled { after: Some(_), .. }) {
                tries += 1;
            }
            // What was throttled was not done; whether anything else was, a write does not know.
            let harmless = matches!(trouble, Trouble::Throttled { .. } | Trouble::Unreachable(_));
            // A host that was there a moment ago comes back; one that never was is a mistake that waiting does not mend.
            let temporary = match trouble {
                Trouble::Throttled { .. } | Trouble::Unavailable { .. } => true,
                Trouble::Unreachable(_) => service.is_open.load(Ordering::Relaxed),
                // An answer that was lost on the way; what comes twice is no accident.
                Trouble::Garbled(_) => tries == 1,
                _ => false,
            };
            if tries > AGAIN || !temporary || !(is_read || harmless) {
                return Err(no_answer(service, trouble).await);
            }
            // Where the server names a time, the gate keeps it.
            let is_kept =
                matches!(trouble, Trouble::Throttled { .. } | Trouble::Unavailable { after: Some(_), .. });
            if !is_kept {
                let wait = Duration::from_secs(1 << tries.min(5)).min(LONGEST);
                if Instant::now() + wait > until {
                    return Err(no_answer(service, trouble).await);
                }
                let _waiting = self.meter.wait();
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn is_read(call: &Call) -> bool {
    call.cmdlet.starts_with("Get-")
}

fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// The answer to a call that Exchange would not carry out.
fn refused(exception: &str, why: &str) -> Answer {
    let outcome = Outcome::Failed(Some(Box::new(failure::record(format!("|{exception}|{why}")))));
    Answer { objects: Vec::new(), errors: Vec::new(), warnings: Vec::new(), outcome }
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

/// Whether an answer says that it was asked too much, whatever its status is.
fn asks_for_less(step: &Step) -> bool {
    match step {
        Step::Failed(trouble) => matches!(trouble, Trouble::Throttled { .. }),
        Step::Done(answer) => answer.refusal().is_some_and(|it| it.class == ErrorClass::Throttled),
        Step::Send | Step::NewToken { .. } => false,
    }
}

async fn no_answer(service: &Service, trouble: Trouble) -> ExchangeError {
    let endpoint = service.base.origin().ascii_serialization();
    match trouble {
        Trouble::Unauthorized => {
            let message = service.tokens.fault().await.unwrap_or_else(|| {
                format!("the token is not taken; the application needs the permission {}", service.permission)
            });
            ExchangeError::SignIn { endpoint, message }
        }
        Trouble::Forbidden(message) => ExchangeError::SignIn { endpoint, message },
        Trouble::Throttled { text, after } => ExchangeError::Throttled { text, after },
        Trouble::Unavailable { text, .. } => ExchangeError::SessionLost(text),
        Trouble::Unreachable(message) => ExchangeError::Unreachable { endpoint, message },
        Trouble::Torn => {
            ExchangeError::SessionLost("the pages of the list expired; nothing of it is used".into())
        }
        Trouble::Elsewhere(to) => {
            let hint = match service.is_graph {
                true => "check graph_url, and what answers there in place of Graph".to_owned(),
                false => redirect::hint(&to),
            };
            ExchangeError::Elsewhere { endpoint, to, hint }
        }
        Trouble::Unreadable(text) => ExchangeError::Protocol(text),
        Trouble::Garbled(text) => ExchangeError::SessionLost(format!("a success came with {text}")),
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

    fn traffic(&self) -> Option<Traffic> {
        Some(self.meter.traffic())
    }

    fn cloud_account(&self) -> Option<String> {
        self.account.clone()
    }

    /// Nothing is kept there.
    async fn close(&self) {}
}

fn address(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

/// What the caller wants at most: the server stops later than it is told to.
fn limit(call: &Call) -> Option<usize> {
    let (_, value) = call.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("ResultSize"))?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).and_then(|limit| usize::try_from(limit).ok())
}
