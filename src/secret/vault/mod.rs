//! Secrets in HashiCorp Vault or OpenBao, by its HTTP API.
//! <https://developer.hashicorp.com/vault/api-docs>

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::{Reason, SecretRef, fetch_here};

mod answer;
mod http;
mod path;
#[cfg(test)]
mod tests;

use answer::{Engine, Refusal};
use http::Server;
pub(crate) use http::{is_exposed, parse_address};
pub use path::VaultPath;

/// `[vault]` of the configuration. What is not set comes from the variables that Vault's own program reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VaultSettings {
    /// The server; else `VAULT_ADDR`, else `BAO_ADDR`
    pub address: Option<Url>,
    /// The namespace; else `VAULT_NAMESPACE`, else `BAO_NAMESPACE`
    pub namespace: Option<String>,
    /// The authority that issued the server's certificate; else `VAULT_CACERT`, else `BAO_CACERT`, else the system's
    /// trust store
    pub ca_file: Option<PathBuf>,
    /// Where the token is; else, without an AppRole, `VAULT_TOKEN`, `BAO_TOKEN`, `~/.vault-token`
    pub token: Option<SecretRef>,
    /// Sign in as a program
    pub approle: Option<AppRole>,
    /// Send the token over http to another host
    pub danger_token_over_http: bool,
}

/// `[vault.approle]`
#[derive(Clone, Debug, PartialEq)]
pub struct AppRole {
    /// Where the sign-in is mounted, `approle` unless it is told otherwise
    pub mount: String,
    /// Where the role's id is
    pub role_id: SecretRef,
    /// Where the secret id is, for a role that wants one
    pub secret_id: Option<SecretRef>,
}

/// A vault and what was signed in to it.
pub(super) struct Vault {
    settings: VaultSettings,
    session: Mutex<Option<Session>>,
}

/// The server with a token that it has taken, or is believed to take.
struct Session {
    server: Server,
    token: SecretString,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Default for Vault {
    fn default() -> Self {
        Self::new(VaultSettings::default())
    }
}

impl Vault {
    pub(super) fn new(settings: VaultSettings) -> Self {
        Self { settings, session: Mutex::default() }
    }

    pub(super) fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// Reads a field. Signs in first where that has not been done, and once more where the token has expired.
    pub(super) async fn read(&self, path: &VaultPath) -> Result<SecretString, Reason> {
        let mut kept = self.session.lock().await;
        let mut was_signed_in = kept.is_some();
        loop {
            let session = match kept.take() {
                Some(session) => session,
                None => self.sign_in().await?,
            };
            let token = session.token.clone();
            let refusal = match session.read(path).await {
                Err(Refusal::Denied(said)) if !session.is_alive().await => Refusal::Dead(said),
                result => {
                    *kept = Some(session);
                    return result.map_err(|refusal| refusal.explain(path).without(&token));
                }
            };
            if !std::mem::take(&mut was_signed_in) {
                return Err(refusal.explain(path).without(&token));
            }
        }
    }

    async fn sign_in(&self) -> Result<Session, Reason> {
        let server = Server::new(&self.settings)?;
        if let Some(approle) = &self.settings.approle {
            let role_id = part("vault.approle.role_id", &approle.role_id).await?;
            let secret_id = match &approle.secret_id {
                Some(reference) => Some(part("vault.approle.secret_id", reference).await?),
                None => None,
            };
            let token = server.log_in(&approle.mount, &role_id, secret_id.as_ref()).await?;
            return Ok(Session { server, token });
        }
        let token = match &self.settings.token {
            Some(reference) => part("vault.token", reference).await?,
            None => found_token().await?,
        };
        Ok(Session { server, token })
    }
}

impl Session {
    /// Whether the token is one: each may look at itself, unless its policy is a very narrow one.
    async fn is_alive(&self) -> bool {
        let itself = ["auth", "token", "lookup-self"];
        !matches!(self.server.get(itself.into_iter(), &self.token).await, Err(Refusal::Denied(_)))
    }

    /// As Vault's own program does it: the server says how far the mount goes and what is mounted there.
    async fn read(&self, path: &VaultPath) -> Result<SecretString, Refusal> {
        let segments = path.segments();
        let asked =
            ["sys", "internal", "ui", "mounts"].into_iter().chain(segments.iter().map(String::as_str));
        let engine = match self.server.get(asked, &self.token).await {
            Ok(answer) => Engine::of(&answer)?,
            // A server from before there were versions.
            Err(Refusal::Nothing) => Engine::first(),
            Err(refusal) => return Err(refusal),
        };
        let (mount, rest) = engine.split(segments).ok_or(Refusal::Nothing)?;
        let versioned = engine.is_versioned().then_some("data");
        let asked = mount.iter().map(String::as_str).chain(versioned).chain(rest.iter().map(String::as_str));
        let answer = self.server.get(asked, &self.token).await?;
        engine.field(&answer, path.field())
    }
}

/// A secret that a vault needs; another vault reference is none.
async fn part(key: &str, reference: &SecretRef) -> Result<SecretString, Reason> {
    let found = fetch_here(reference).await.and_then(|secret| match secret.expose_secret().is_empty() {
        true => Err("it is empty".into()),
        false => Ok(secret),
    });
    found.map_err(|Reason { text, hint }| Reason { text: format!("{key} ({reference}): {text}"), hint })
}

/// The token where Vault's own program looks for it.
async fn found_token() -> Result<SecretString, Reason> {
    for name in ["VAULT_TOKEN", "BAO_TOKEN"] {
        if variable(name).is_some() {
            return part(name, &SecretRef::Env(name.into())).await;
        }
    }
    let file = std::env::home_dir().map(|home| home.join(".vault-token")).filter(|file| file.exists());
    match file {
        Some(file) => part("the token", &SecretRef::File(file)).await,
        None => Err(Reason::from("there is no token for the vault").hint(
            "set VAULT_TOKEN, sign in with `vault login`, or write `token` or `approle` into [vault] of the configuration",
        )),
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
