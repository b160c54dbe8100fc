//! Tokens: one for each service, kept until shortly before its end, and asked for by one caller at a time.

mod fault;
mod identity;
mod key;
mod store;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use self::store::Store;
use super::failure;
use super::http::{Http, Outgoing, Received};
use super::token::{self, Certificate, Claims, Grant, Granted, Proof, TokenError};
use crate::config::{Cloud, CloudSignIn, Connection, FirstToken};
use crate::exchange::ExchangeError;
use crate::secret::{SecretRef, Secrets};

/// Tries where the directory asks to come again, or does not know a certificate everywhere yet.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_secs(3);
/// The longest wait that the directory may ask for.
const LONGEST: Duration = Duration::from_secs(60);
/// For how long a secret is left alone that was refused.
const REST: Duration = Duration::from_secs(300);
/// Bytes of an answer that are read.
const MOST: usize = 1024 * 1024;

/// For which service a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Exchange,
    Graph,
}

/// Where tokens for one service come from.
pub(super) struct Tokens {
    http: Http,
    cloud: Cloud,
    secrets: Secrets,
    connection: String,
    audience: Audience,
    /// What is asked for, such as `https://outlook.office365.com/.default`
    scope: String,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    refused: Option<Refused>,
}

struct Held {
    access: SecretString,
    renew_at: Instant,
}

/// A secret that was refused.
struct Refused {
    which: Which,
    until: Instant,
    error: TokenError,
}

/// Tells secrets apart without keeping them.
type Which = [u8; 32];

/// What is shown to the directory.
struct Shown {
    which: Which,
    form: SecretString,
}

/// Why there is no token.
enum Failed {
    /// On this side
    Here(ExchangeError),
    /// On the other, for what was shown; and how long it asks to wait
    There { which: Option<Which>, error: TokenError, after: Option<Duration> },
}

impl From<ExchangeError> for Failed {
    fn from(error: ExchangeError) -> Self {
        Self::Here(error)
    }
}

impl Tokens {
    pub(super) fn new(http: Http, connection: &Connection, cloud: &Cloud, audience: Audience) -> Self {
        let (base, scope) = match audience {
            Audience::Exchange => (&cloud.exchange, &cloud.exchange_scope),
            Audience::Graph => (&cloud.graph, &cloud.graph_scope),
        };
        let default = || format!("{}/.default", base.as_str().trim_end_matches('/'));
        Self {
            http,
            cloud: cloud.clone(),
            secrets: connection.secrets.clone(),
            connection: connection.name.clone(),
            audience,
            scope: scope.clone().unwrap_or_else(default),
            patience: connection.timeouts.sign_in,
            state: Mutex::default(),
        }
    }

    /// A token that is good for a while. Whoever comes meanwhile waits for the one that is asked for.
    pub(super) async fn get(&self) -> Result<SecretString, ExchangeError> {
        let mut state = self.state.lock().await;
        match &state.held {
            Some(held) if held.renew_at > Instant::now() => Ok(held.access.clone()),
            _ => self.fetch(&mut state, None).await,
        }
    }

    /// Another token than `refused`, with the claims that were asked for.
    pub(super) async fn renew(
        &self,
        refused: &SecretString,
        claims: Option<&str>,
    ) -> Result<SecretString, ExchangeError> {
        let mut state = self.state.lock().await;
        match &state.held {
            // Somebody else was faster.
            Some(held) if held.access.expose_secret() != refused.expose_secret() => Ok(held.access.clone()),
            _ => self.fetch(&mut state, claims).await,
        }
    }

    async fn fetch(&self, state: &mut State, claims: Option<&str>) -> Result<SecretString, ExchangeError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (which, error, after) = match self.ask(state, claims).await {
                Ok(granted) => return Ok(self.keep(state, granted)),
                Err(Failed::Here(error)) => return Err(error),
                Err(Failed::There { which, error, after }) => (which, error, after),
            };
            let is_workload = matches!(self.cloud.sign_in, CloudSignIn::WorkloadIdentity { .. });
            let may_pass = matches!(error, TokenError::Later { .. }) || error.is_rotation() && !is_workload;
            let wait = after.unwrap_or(WAIT);
            if tries < TRIES && may_pass && wait <= LONGEST {
                tokio::time::sleep(wait).await;
                continue;
            }
            if let (Some(which), TokenError::Refused { .. }) = (which, &error) {
                state.refused = Some(Refused { which, until: Instant::now() + REST, error: error.clone() });
            }
            return Err(self.refused(&error));
        }
    }

    fn keep(&self, state: &mut State, granted: Granted) -> SecretString {
        self.http.hide(&granted.access);
        let renew_at = Instant::now() + granted.usable();
        state.held = Some(Held { access: granted.access.clone(), renew_at });
        state.refused = None;
        granted.access
    }

    /// Asks once.
    async fn ask(&self, state: &State, claims: Option<&str>) -> Result<Granted, Failed> {
        let shown = match &self.cloud.sign_in {
            CloudSignIn::Certificate { application, place, password } => {
                let certificate = self.certificate(place, password.as_ref()).await?;
                self.with_certificate(application, &certificate, claims)?
            }
            CloudSignIn::Secret { application, secret } => {
                let secret = self.secret(secret).await?;
                self.shown(application, Grant::ClientCredentials, Proof::Secret(&secret), claims)
            }
            CloudSignIn::WorkloadIdentity { application, token_file } => {
                let assertion = key::read_text(token_file).map_err(|error| self.setting(error))?;
                self.http.hide(&assertion);
                self.shown(application, Grant::ClientCredentials, Proof::Assertion(&assertion), claims)
            }
            CloudSignIn::Password { application, username, password } => {
                let password = self.secret(password).await?;
                let grant = Grant::Password { username, password: &password };
                self.shown(application, grant, Proof::None, claims)
            }
            CloudSignIn::Token { exchange, graph } => {
                return Ok(self.given(exchange, graph.as_ref()).await?);
            }
            CloudSignIn::ManagedIdentity { client, endpoint } => {
                return self.identity(client.as_deref(), endpoint.as_ref()).await;
            }
            CloudSignIn::RefreshToken { .. } => return self.refreshed(state, claims).await,
        };
        self.exchange(state, shown).await
    }

    fn with_certificate(
        &self,
        application: &str,
        certificate: &Certificate,
        claims: Option<&str>,
    ) -> Result<Shown, ExchangeError> {
        let endpoint = self.endpoint();
        let claimed =
            Claims { audience: endpoint.as_str(), client: application, id: Uuid::new_v4(), now: now() };
        let assertion = token::assertion(&claimed, certificate).map_err(|error| self.setting(error))?;
        self.http.hide(&assertion);
        let shown = self.shown(application, Grant::ClientCredentials, Proof::Assertion(&assertion), claims);
        // Every assertion is another one; the certificate is what is refused.
        Ok(Shown { which: certificate.sha256(), ..shown })
    }

    fn shown(&self, application: &str, grant: Grant<'_>, proof: Proof<'_>, claims: Option<&str>) -> Shown {
        let is_personal = !matches!(grant, Grant::ClientCredentials);
        // What renews a person's sign-in has to be asked for.
        let scope = if is_personal { format!("{} offline_access", self.scope) } else { self.scope.clone() };
        let form = token::form(application, &scope, grant, proof, claims);
        Shown { which: Sha256::digest(form.expose_secret()).into(), form }
    }

    /// Sends a form to the token endpoint, unless it is known that what it shows is refused.
    async fn exchange(&self, state: &State, shown: Shown) -> Result<Granted, Failed> {
        let Shown { which, form } = shown;
        let known = state.refused.as_ref().filter(|it| it.which == which && it.until > Instant::now());
        if let Some(refused) = known {
            return Err(self.refused(&refused.error).into());
        }
        let endpoint = self.endpoint();
        let sent = self.http.send(Outgoing {
            name: "token",
            method: Method::POST,
            url: &endpoint,
            headers: vec![
                ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
                ("Accept", "application/json".to_owned()),
            ],
            token: None,
            body: Zeroizing::new(form.expose_secret().as_bytes().to_vec()),
            patience: self.patience,
            most: MOST,
        });
        let received = sent.await.map_err(|error| self.unreachable(&endpoint, error.reason))?;
        understood(&received).map_err(|error| Failed::There {
            which: Some(which),
            error,
            after: received.retry_after.as_deref().and_then(|text| failure::delay(text, SystemTime::now())),
        })
    }

    /// A token that renews is exchanged for one that opens, and for the next one that renews, which is on disk before anything
    /// else happens.
    async fn refreshed(&self, state: &State, claims: Option<&str>) -> Result<Granted, Failed> {
        let CloudSignIn::RefreshToken { application, secret, store, first } = &self.cloud.sign_in else {
            return Err(self.setting("there is no refresh token").into());
        };
        let fault = |error: store::StoreError| {
            self.setting(format!("refresh_token_file = \"{}\": {error}", store.display()))
        };
        let secret = match secret {
            Some(reference) => Some(self.secret(reference).await?),
            None => None,
        };
        let proof = secret.as_ref().map_or(Proof::None, Proof::Secret);
        let store = Store::open(store, self.patience).await.map_err(fault)?;
        let mut why = None;
        if let Some(held) = store.token() {
            self.http.hide(held);
            let shown = self.shown(application, Grant::RefreshToken(held), proof, claims);
            match self.exchange(state, shown).await {
                Err(Failed::There { which, error: error @ TokenError::Refused { .. }, after })
                    if first.is_some() =>
                {
                    why = Some(Failed::There { which, error, after });
                }
                other => return self.stored(store, other?).map_err(|error| fault(error).into()),
            }
        }
        let granted = match first {
            Some(FirstToken::Given(reference)) => {
                let token = self.secret(reference).await?;
                self.exchange(state, self.shown(application, Grant::RefreshToken(&token), proof, claims))
                    .await
            }
            Some(FirstToken::Code(code)) => {
                let (redirect_uri, code) = (&code.redirect_uri, self.secret(&code.code).await?);
                let grant = Grant::AuthorizationCode { code: &code, redirect_uri };
                self.exchange(state, self.shown(application, grant, proof, claims)).await
            }
            None => Err(fault(store::StoreError::Empty).into()),
        };
        match (granted, why) {
            (Ok(granted), _) => self.stored(store, granted).map_err(|error| fault(error).into()),
            // What was kept says more than what was there at the very beginning.
            (Err(_), Some(why)) => Err(why),
            (Err(error), None) => Err(error),
        }
    }

    fn stored(&self, store: Store, granted: Granted) -> Result<Granted, store::StoreError> {
        if let Some(next) = &granted.refresh {
            self.http.hide(next);
            store.replace(next)?;
        }
        Ok(granted)
    }

    /// A token that somebody else got. How long it is good it says itself.
    async fn given(&self, exchange: &SecretRef, graph: Option<&SecretRef>) -> Result<Granted, ExchangeError> {
        let reference = match (self.audience, graph) {
            (Audience::Exchange, _) => exchange,
            (Audience::Graph, Some(graph)) => graph,
            (Audience::Graph, None) => {
                let why = "access_token is for Exchange: Graph needs one of its own, graph_access_token";
                return Err(self.setting(why));
            }
        };
        let access = self.secret(reference).await?;
        let end = token::payload(access.expose_secret()).and_then(|payload| payload.get("exp")?.as_u64());
        let lifetime = Duration::from_secs(end.map_or(0, |end| end.saturating_sub(now())));
        Ok(Granted { access, lifetime, refresh: None })
    }

    async fn secret(&self, reference: &SecretRef) -> Result<SecretString, ExchangeError> {
        let secret = self.secrets.fetch(reference).await?;
        self.http.hide(&secret);
        Ok(secret)
    }

    fn endpoint(&self) -> Url {
        let mut url = self.cloud.login.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([self.cloud.tenant.as_str(), "oauth2", "v2.0", "token"]);
        }
        url
    }

    fn refused(&self, error: &TokenError) -> ExchangeError {
        // Nobody was refused: the directory is busy, or something else is in its place.
        if matches!(error, TokenError::Later { .. } | TokenError::Unreadable(_)) {
            return ExchangeError::Unreachable { endpoint: self.asked(), message: error.to_string() };
        }
        ExchangeError::SignIn { endpoint: self.asked(), message: fault::told(&self.cloud.sign_in, error) }
    }

    /// Who gives tokens: the directory, or the machine's own service.
    fn asked(&self) -> String {
        match &self.cloud.sign_in {
            CloudSignIn::ManagedIdentity { endpoint, .. } => identity::asked(endpoint.as_ref()),
            _ => self.cloud.login.to_string(),
        }
    }

    /// Why the token that is held may not be taken, as far as it says so itself.
    pub(super) async fn fault(&self) -> Option<String> {
        let state = self.state.lock().await;
        let payload = token::payload(state.held.as_ref()?.access.expose_secret());
        let services = match self.audience {
            Audience::Exchange => ("Exchange", "00000002-0000-0ff1-ce00-000000000000", &self.cloud.exchange),
            Audience::Graph => ("Microsoft Graph", "00000003-0000-0000-c000-000000000000", &self.cloud.graph),
        };
        let (name, id, base) = services;
        let known = [id, base.as_str(), self.scope.strip_suffix("/.default").unwrap_or(&self.scope)];
        let fault = fault::of_token(payload.as_ref(), name, &known, now())?;
        Some(match (&self.cloud.sign_in, self.audience) {
            (CloudSignIn::Token { .. }, Audience::Exchange) => format!("access_token: {fault}"),
            (CloudSignIn::Token { .. }, Audience::Graph) => format!("graph_access_token: {fault}"),
            _ => fault,
        })
    }

    fn unreachable(&self, url: &Url, message: String) -> ExchangeError {
        ExchangeError::Unreachable { endpoint: url.origin().ascii_serialization(), message }
    }

    fn setting(&self, message: impl std::fmt::Display) -> ExchangeError {
        ExchangeError::Setting { connection: self.connection.clone(), message: message.to_string() }
    }
}

/// What came, by this machine's clock and theirs.
fn understood(received: &Received) -> Result<Granted, TokenError> {
    let theirs = received.date.as_deref().and_then(|date| httpdate::parse_http_date(date).ok());
    let theirs = theirs.and_then(|date| Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs()));
    token::granted(received.status, &received.body, now(), theirs)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
