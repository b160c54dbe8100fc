//! A connection that is looked at: one request at a time, each with everything that came back. Nothing is asked again.

use std::path::PathBuf;
use std::time::SystemTime;

use secrecy::ExposeSecret as _;
use secrecy::zeroize::Zeroizing;
use serde_json::Value as Json;
use url::Url;
use wsman::auth::Credentials;
use wsman::client::{ConnectionConfig, Timeouts, Trace};

use super::super::conversation::Conversation;
use super::super::http::{Http, tls};
use super::super::redirect;
use super::super::request;
use super::super::sign_in::{Audience, Tokens};
use super::super::talk::{Received, Step, Talk, Trouble};
use super::super::token;
use super::{Online, Outgoing, Service, request_id};
use crate::config::{CertificatePlace, Cloud, CloudSignIn, Connection};
use crate::exchange::{Answer, Call, ExchangeError};

/// What a token says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Whether it can be read at all
    pub(crate) is_readable: bool,
    /// The tenant
    pub(crate) tenant: String,
    /// The application
    pub(crate) application: String,
    /// The person, where one has signed in
    pub(crate) person: Option<String>,
    /// What an administrator has consented to, or the person
    pub(crate) permissions: Vec<String>,
    /// Its end, in seconds since 1970
    pub(crate) end: Option<u64>,
    /// Why it may not be taken, as far as it says so
    pub(crate) fault: Option<String>,
}

/// The certificate that the application signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its file, where it is one and not found in a folder
    pub(crate) file: Option<PathBuf>,
    /// As Windows shows it
    pub(crate) thumbprint: String,
    /// Bits of the RSA key
    pub(crate) bits: usize,
    /// Its begin and its end, in seconds since 1970
    pub(crate) begin: u64,
    /// See there
    pub(crate) end: u64,
}

/// An answer as it came, and what the program makes of it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// Names of the header fields, in small letters
    pub(crate) headers: Vec<String>,
    /// `x-ms-diagnostics`
    pub(crate) diagnostics: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) led: Led,
}

/// What an answer leads to.
#[derive(Debug)]
pub(crate) enum Led {
    /// Another request of the same call: a page, or another host
    On,
    /// Another token
    NewToken,
    /// The call has ended
    Done(Answer),
    /// There is no answer
    Failed(String),
}

impl Online {
    /// The way to one of the cloud's hosts, as this connection goes it.
    pub(crate) async fn way(
        connection: &Connection,
        cloud: &Cloud,
        url: &Url,
    ) -> Result<ConnectionConfig, ExchangeError> {
        let setting =
            |message: String| ExchangeError::Setting { connection: connection.name.clone(), message };
        let mut config = ConnectionConfig::new(url.to_string(), Credentials::new("", ""));
        config.tls = tls(connection, cloud).map_err(setting)?;
        if let Some(proxy) = &connection.proxy {
            config.proxy = Some(proxy.url.to_string());
            if let (Some(user), Some(password)) = (&proxy.username, &proxy.password) {
                let password = connection.secrets.fetch(password).await?;
                config.proxy_credentials = Some(Credentials::new(user, password.expose_secret()));
            }
        }
        let (connect, sign_in) = (connection.timeouts.connect, connection.timeouts.sign_in);
        config.timeouts = Timeouts { connect, sign_in, ..Timeouts::default() };
        Ok(config)
    }

    /// The certificate, where one is used.
    pub(crate) async fn held(
        connection: &Connection,
        cloud: &Cloud,
        trace: Option<&Trace>,
    ) -> Option<Result<Held, ExchangeError>> {
        let CloudSignIn::Certificate { place, password, .. } = &cloud.sign_in else { return None };
        let http = match Http::new(connection, cloud, trace).await {
            Ok(http) => http,
            Err(error) => return Some(Err(error)),
        };
        let tokens = Tokens::new(http, connection, cloud, Audience::Exchange);
        let file = match place {
            CertificatePlace::File { file, .. } => Some(file.clone()),
            CertificatePlace::Folder { .. } => None,
        };
        let held = tokens.found(place, password.as_ref()).await;
        Some(held.map(|certificate| Held {
            file,
            thumbprint: certificate.thumbprint(),
            bits: certificate.bits(),
            begin: certificate.begin(),
            end: certificate.end(),
        }))
    }

    /// What the token for Exchange says.
    pub(crate) async fn exchange_claims(&self) -> Result<Claims, ExchangeError> {
        claims(&self.exchange).await
    }

    /// What the token for Graph says.
    pub(crate) async fn graph_claims(&self) -> Result<Claims, ExchangeError> {
        claims(&self.graph).await
    }

    /// The cmdlets that the service says this principal may run.
    pub(crate) async fn cmdlets(&self) -> Result<Vec<String>, ExchangeError> {
        let module = self.module().await?;
        if let Some(refusal) = module.refusal() {
            return Err(ExchangeError::Protocol(refusal.message));
        }
        let named = module.objects.first().and_then(|module| module.get("exportedCmdlets"));
        let text = named.map(|names| names.display_text().into_owned()).unwrap_or_default();
        let names: Vec<String> =
            text.split(',').map(|name| name.trim().to_owned()).filter(|it| !it.is_empty()).collect();
        match names.is_empty() {
            true => Err(ExchangeError::Protocol("its module lists no cmdlets".into())),
            false => Ok(names),
        }
    }

    /// Carries out one call of Exchange with its secrets left out, and keeps every answer to it, at most so many. `page` is how many
    /// records one of them is to have; without the server's cookies it is another client that asks for the next one.
    pub(crate) async fn look(
        &self,
        call: &Call,
        page: Option<u32>,
        keeps_cookies: bool,
        most: usize,
    ) -> Result<Vec<Seen>, ExchangeError> {
        let none = |_: &secrecy::SecretString| Err("no secret is sent here".to_owned());
        let body = request::body(call, &none).map_err(ExchangeError::Protocol)?;
        let mut talk = Conversation::new(&self.site, &call.cmdlet, body, request_id(), None, false)
            .in_pages_of(page, keeps_cookies);
        let mut token = self.exchange.tokens.get().await?;
        let mut seen = Vec::new();
        while seen.len() < most {
            let request = talk.request();
            let sent = self.http.send(Outgoing {
                name: request.name,
                method: request.method,
                url: request.url,
                headers: request.headers,
                token: Some(&token),
                body: Zeroizing::new(request.body.to_vec()),
                patience: self.timeouts.operation,
                most: request.most,
            });
            let received = sent.await.map_err(|error| ExchangeError::Unreachable {
                endpoint: self.exchange.base.origin().ascii_serialization(),
                message: error.reason,
            })?;
            let given = Received {
                reply: received.reply(),
                location: received.location.as_deref(),
                cookies: received.cookies.iter().map(String::as_str).collect(),
            };
            let (led, claims) = match talk.receive(&given, SystemTime::now()) {
                Step::Send => (Led::On, None),
                Step::NewToken { claims } => (Led::NewToken, Some(claims)),
                Step::Done(answer) => (Led::Done(answer), None),
                Step::Failed(trouble) => (Led::Failed(told(trouble)), None),
            };
            let is_over = matches!(led, Led::Done(_) | Led::Failed(_));
            seen.push(Seen {
                status: received.status,
                headers: received.names.clone(),
                diagnostics: received.diagnostics.clone(),
                body: received.body,
                led,
            });
            if is_over {
                break;
            }
            if let Some(claims) = claims {
                token = self.exchange.tokens.renew(&token, claims.as_deref()).await?;
            }
        }
        Ok(seen)
    }
}

fn told(trouble: Trouble) -> String {
    match trouble {
        Trouble::Unauthorized => "the token is not taken".into(),
        Trouble::Forbidden(text)
        | Trouble::Throttled { text, .. }
        | Trouble::Unavailable { text, .. }
        | Trouble::Unreachable(text)
        | Trouble::Unreadable(text)
        | Trouble::Garbled(text) => text,
        Trouble::Torn => "the pages did not come together".into(),
        Trouble::Elsewhere(to) => {
            format!(
                "the server sends its clients to {to}, where a token must not go ({})",
                redirect::hint(&to)
            )
        }
    }
}

async fn claims(service: &Service) -> Result<Claims, ExchangeError> {
    let token = service.tokens.get().await?;
    let claims = token::payload(token.expose_secret()).map(|payload| of(&payload)).unwrap_or_default();
    Ok(Claims { fault: service.tokens.fault().await, ..claims })
}

fn of(payload: &Json) -> Claims {
    let text = |name: &str| payload.get(name).and_then(Json::as_str).map(str::to_owned);
    let roles = payload.get("roles").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let scopes = payload.get("scp").and_then(Json::as_str).into_iter().flat_map(str::split_whitespace);
    Claims {
        is_readable: true,
        tenant: text("tid").unwrap_or_default(),
        application: text("appid").or_else(|| text("azp")).unwrap_or_default(),
        person: text("upn"),
        permissions: roles.chain(scopes).map(str::to_owned).collect(),
        end: payload.get("exp").and_then(Json::as_u64),
        fault: None,
    }
}
