//! Tokens: one for each service, kept until shortly before its end, and asked for by one caller at a time.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::http::Http;
use super::token::{self, Certificate, Claims, Grant, Granted, Proof, TokenError};
use crate::config::{CertificatePlace, Cloud, CloudSignIn, Connection};
use crate::exchange::ExchangeError;
use crate::secret::{SecretRef, Secrets};

/// Tries where the directory asks to come again, or does not know a certificate everywhere yet.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_secs(3);
/// Largest certificate, or token, in a file.
const MAX_FILE: u64 = 1024 * 1024;
/// The service of a machine in Azure that says who the machine is.
const IDENTITY: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Where tokens for one service come from.
pub(super) struct Tokens {
    http: Http,
    cloud: Cloud,
    secrets: Secrets,
    connection: String,
    /// The service, such as `https://outlook.office365.com`
    resource: String,
    held: Mutex<Option<Held>>,
}

struct Held {
    access: SecretString,
    renew_at: Instant,
}

impl Tokens {
    pub(super) fn new(http: Http, connection: &Connection, cloud: &Cloud, service: &Url) -> Self {
        Self {
            http,
            cloud: cloud.clone(),
            secrets: connection.secrets.clone(),
            connection: connection.name.clone(),
            resource: service.as_str().trim_end_matches('/').to_owned(),
            held: Mutex::default(),
        }
    }

    /// A token that is good for a while. Whoever comes meanwhile waits for the one that is asked for.
    pub(super) async fn get(&self) -> Result<SecretString, ExchangeError> {
        let mut held = self.held.lock().await;
        match &*held {
            Some(held) if held.renew_at > Instant::now() => Ok(held.access.clone()),
            _ => self.fetch(&mut held, None).await,
        }
    }

    /// Another token than `refused`, with the claims that were asked for.
    pub(super) async fn renew(
        &self,
        refused: &SecretString,
        claims: Option<&str>,
    ) -> Result<SecretString, ExchangeError> {
        let mut held = self.held.lock().await;
        match &*held {
            // Somebody else was faster.
            Some(held) if held.access.expose_secret() != refused.expose_secret() => Ok(held.access.clone()),
            _ => self.fetch(&mut held, claims).await,
        }
    }

    async fn fetch(
        &self,
        held: &mut Option<Held>,
        claims: Option<&str>,
    ) -> Result<SecretString, ExchangeError> {
        let mut tries = 0;
        let granted = loop {
            tries += 1;
            match self.ask(claims).await? {
                Ok(granted) => break granted,
                Err(error)
                    if tries < TRIES
                        && (matches!(error, TokenError::Later { .. }) || error.is_rotation()) =>
                {
                    tokio::time::sleep(WAIT).await;
                }
                Err(error) => return Err(self.refused(&error)),
            }
        };
        let access = granted.access.clone();
        let renew_at = Instant::now() + granted.lifetime.saturating_sub(token::RESERVE);
        *held = Some(Held { access: granted.access, renew_at });
        Ok(access)
    }

    /// Asks once. The outer error is one on this side.
    async fn ask(&self, claims: Option<&str>) -> Result<Result<Granted, TokenError>, ExchangeError> {
        let scope = format!("{}/.default", self.resource);
        let form = match &self.cloud.sign_in {
            CloudSignIn::Certificate { application, place, password } => {
                let certificate = self.certificate(place, password.as_ref()).await?;
                let endpoint = self.endpoint();
                let claimed = Claims {
                    audience: endpoint.as_str(),
                    client: application,
                    id: Uuid::new_v4(),
                    now: now(),
                };
                let assertion =
                    token::assertion(&claimed, &certificate).map_err(|error| self.setting(error))?;
                token::form(
                    application,
                    &scope,
                    Grant::ClientCredentials,
                    Proof::Assertion(&assertion),
                    claims,
                )
            }
            CloudSignIn::Secret { application, secret } => {
                let secret = self.secrets.fetch(secret).await?;
                token::form(application, &scope, Grant::ClientCredentials, Proof::Secret(&secret), claims)
            }
            CloudSignIn::WorkloadIdentity { application, token_file } => {
                let assertion = read_text(token_file).map_err(|error| self.setting(error))?;
                token::form(
                    application,
                    &scope,
                    Grant::ClientCredentials,
                    Proof::Assertion(&assertion),
                    claims,
                )
            }
            CloudSignIn::Password { application, username, password } => {
                let password = self.secrets.fetch(password).await?;
                let grant = Grant::Password { username, password: &password };
                token::form(application, &scope, grant, Proof::None, claims)
            }
            CloudSignIn::Token(reference) => return self.given(reference).await.map(Ok),
            CloudSignIn::ManagedIdentity { client, endpoint } => {
                return self.identity(client.as_deref(), endpoint.as_ref()).await;
            }
            CloudSignIn::RefreshToken { .. } => {
                return Err(self.setting("authentication = \"refresh-token\" is not there yet"));
            }
        };
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
            ("Accept", "application/json".to_owned()),
        ];
        let body = form.expose_secret().as_bytes().to_vec();
        let received = self.http.send(Method::POST, &self.endpoint(), &headers, None, body).await;
        let received = received.map_err(|error| self.unreachable(&self.endpoint(), error.reason))?;
        Ok(token::granted(received.status, &received.body))
    }

    /// A token that somebody else got. How long it is good it says itself.
    async fn given(&self, reference: &SecretRef) -> Result<Granted, ExchangeError> {
        let access = self.secrets.fetch(reference).await?;
        let end = token::payload(access.expose_secret()).and_then(|payload| payload.get("exp")?.as_u64());
        let lifetime = Duration::from_secs(end.map_or(0, |end| end.saturating_sub(now())));
        Ok(Granted { access, lifetime, refresh: None })
    }

    async fn identity(
        &self,
        client: Option<&str>,
        endpoint: Option<&Url>,
    ) -> Result<Result<Granted, TokenError>, ExchangeError> {
        // App Service says where to ask and with what, a virtual machine always has the same address.
        let service = std::env::var("IDENTITY_ENDPOINT").ok().zip(std::env::var("IDENTITY_HEADER").ok());
        let (url, version, header) = match (endpoint, service) {
            (Some(url), _) => (url.to_string(), "2018-02-01", ("Metadata", "true".to_owned())),
            (None, Some((url, secret))) => (url, "2019-08-01", ("X-IDENTITY-HEADER", secret)),
            (None, None) => (IDENTITY.to_owned(), "2018-02-01", ("Metadata", "true".to_owned())),
        };
        let mut url = Url::parse(&url).map_err(|_| self.setting("IDENTITY_ENDPOINT is no URL"))?;
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", &self.resource);
        if let Some(client) = client {
            url.query_pairs_mut().append_pair("client_id", client);
        }
        let received = self.http.send(Method::GET, &url, &[header], None, Vec::new()).await;
        let received = received.map_err(|error| self.unreachable(&url, error.reason))?;
        Ok(token::granted(received.status, &received.body))
    }

    async fn certificate(
        &self,
        place: &CertificatePlace,
        password: Option<&SecretRef>,
    ) -> Result<Certificate, ExchangeError> {
        let password = match password {
            Some(reference) => Some(self.secrets.fetch(reference).await?),
            None => None,
        };
        let password = password.as_ref();
        let certificate = match place {
            CertificatePlace::File { file, thumbprint } => {
                let fault = |error: String| {
                    self.setting(format!("certificate_file = \"{}\": {error}", file.display()))
                };
                let bytes = read(file).map_err(fault)?;
                let certificate =
                    Certificate::parse(&bytes, password).map_err(|error| fault(error.to_string()))?;
                if let Some(text) = thumbprint {
                    let wanted = text.parse().map_err(|error| self.setting(error))?;
                    if !certificate.has(&wanted) {
                        return Err(fault(format!("its thumbprint is not {wanted}")));
                    }
                }
                certificate
            }
            CertificatePlace::Folder { folder, thumbprint } => {
                let fault = |error: String| {
                    self.setting(format!("certificate_directory = \"{}\": {error}", folder.display()))
                };
                let wanted = thumbprint.parse().map_err(|error| self.setting(error))?;
                let files = certificates(folder).map_err(fault)?;
                Certificate::choose(files, &wanted, password).map_err(|error| fault(error.to_string()))?
            }
        };
        certificate.check(now()).map_err(|error| self.setting(error))?;
        Ok(certificate)
    }

    fn endpoint(&self) -> Url {
        let mut url = self.cloud.login.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([self.cloud.tenant.as_str(), "oauth2", "v2.0", "token"]);
        }
        url
    }

    fn refused(&self, error: &TokenError) -> ExchangeError {
        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        ExchangeError::SignIn { endpoint: self.cloud.login.to_string(), message: format!("{error}{hint}") }
    }

    fn unreachable(&self, url: &Url, message: String) -> ExchangeError {
        ExchangeError::Unreachable { endpoint: url.origin().ascii_serialization(), message }
    }

    fn setting(&self, message: impl std::fmt::Display) -> ExchangeError {
        ExchangeError::Setting { connection: self.connection.clone(), message: message.to_string() }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if length > MAX_FILE {
        return Err("the file is too large".into());
    }
    std::fs::read(file).map_err(|error| error.to_string())
}

fn read_text(file: &Path) -> Result<SecretString, String> {
    let fault = |error: String| format!("federated_token_file = \"{}\": {error}", file.display());
    let text = String::from_utf8(read(file).map_err(fault)?).map_err(|_| fault("no text".into()))?;
    Ok(text.trim().to_owned().into())
}

/// The contents of the files of a folder that may hold certificates with keys.
fn certificates(folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    let is_one = |path: &Path| {
        let ending =
            path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        matches!(ending.as_str(), "pfx" | "p12" | "pem")
    };
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_one(path));
    Ok(paths.filter_map(|path| read(&path).ok()).collect())
}
