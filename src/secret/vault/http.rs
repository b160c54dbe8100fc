//! Requests to the server: https, or http to this machine; no redirection to anybody else; limited in size and time.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, redirect};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};
use url::{Host, Url};
use wsman::client::TlsOptions;

use super::answer::{self, Refusal};
use super::{VaultSettings, variable};
use crate::secret::Reason;

/// Largest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(10);
/// A whole exchange.
const ANSWER: Duration = Duration::from_secs(30);
/// Most redirections within the server.
const MAX_REDIRECTS: usize = 3;

/// A vault server.
pub(super) struct Server {
    address: Url,
    client: Client,
}

impl Server {
    /// Nothing is sent yet.
    pub(super) fn new(settings: &VaultSettings) -> Result<Self, Reason> {
        let address = address(settings)?;
        let mut headers = HeaderMap::new();
        // What an agent or a proxy of Vault may be set up to ask for, so that no browser is led into it.
        headers.insert("X-Vault-Request", HeaderValue::from_static("true"));
        let either = |names: [&str; 2]| names.into_iter().find_map(variable);
        let namespace = settings.namespace.clone().or_else(|| either(["VAULT_NAMESPACE", "BAO_NAMESPACE"]));
        if let Some(namespace) = namespace {
            let value =
                HeaderValue::from_str(&namespace).map_err(|_| "the vault's namespace cannot be sent")?;
            headers.insert("X-Vault-Namespace", value);
        }
        let ca_file =
            settings.ca_file.clone().or_else(|| either(["VAULT_CACERT", "BAO_CACERT"]).map(Into::into));
        let mut tls = TlsOptions::default();
        if let Some(file) = ca_file.filter(|_| address.scheme() == "https") {
            let pem = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            tls.ca_pem = Some(pem);
        }
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .default_headers(headers)
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::custom(stay))
            .user_agent(concat!("mailwright/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls.client_config().map_err(|error| error.to_string())?)
            .build()
            .map_err(|error| format!("the HTTP client cannot be set up: {error}"))?;
        Ok(Self { address, client })
    }

    /// `GET /v1/...`
    pub(super) async fn get<'a>(
        &self,
        path: impl Iterator<Item = &'a str>,
        token: &SecretString,
    ) -> Result<Json, Refusal> {
        let mut value = HeaderValue::from_str(token.expose_secret())
            .map_err(|_| Refusal::Other("the token of the vault holds what no token has".into()))?;
        value.set_sensitive(true);
        self.send(self.client.get(self.url(path)).header("X-Vault-Token", value)).await
    }

    /// `POST /v1/auth/approle/login`
    pub(super) async fn log_in(
        &self,
        mount: &str,
        role_id: &SecretString,
        secret_id: Option<&SecretString>,
    ) -> Result<SecretString, Reason> {
        let mut body = json!({"role_id": role_id.expose_secret()});
        if let Some(secret_id) = secret_id {
            body["secret_id"] = secret_id.expose_secret().into();
        }
        let path = ["auth"].into_iter().chain(mount.split('/')).chain(["login"]);
        let request = self.client.post(self.url(path)).body(body.to_string());
        let answer = self.send(request).await.map_err(|refusal| {
            let reason = refusal.explain_login(mount).without(role_id);
            secret_id.into_iter().fold(reason, Reason::without)
        })?;
        answer::token(&answer).ok_or_else(|| "the vault took the sign-in and gave no token".into())
    }

    fn url<'a>(&self, path: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Json, Refusal> {
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Refusal::Other(format!(
                    "the answer of the vault is larger than {MAX_ANSWER} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        if (300..400).contains(&status) {
            let location = response.headers().get("Location").and_then(|value| value.to_str().ok());
            let elsewhere = location.and_then(|text| Url::parse(text).ok());
            let host = elsewhere.as_ref().and_then(Url::host_str).unwrap_or("another place");
            return Err(Refusal::Elsewhere(answer::printable(host)));
        }
        answer::read(status, &body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Refusal {
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        let reason = match causes.last() {
            _ if error.is_timeout() => "it does not answer in time".to_owned(),
            Some(cause) => answer::printable(&cause.to_string()),
            None => "the exchange broke off".to_owned(),
        };
        Refusal::Unreachable(format!("{} cannot be reached: {reason}", self.address))
    }
}

/// Follows the server within itself. A token is for one server only.
fn stay(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let first = attempt.previous().first().map(Url::origin);
    if first.is_some_and(|first| first == attempt.url().origin()) && attempt.previous().len() <= MAX_REDIRECTS
    {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

fn address(settings: &VaultSettings) -> Result<Url, Reason> {
    let address = match &settings.address {
        Some(address) => address.clone(),
        None => {
            let named = ["VAULT_ADDR", "BAO_ADDR"].into_iter().find_map(|name| Some((name, variable(name)?)));
            let (name, text) = named.ok_or_else(|| {
                Reason::from("it is not known where the vault is")
                    .hint("write `address` into [vault] of the configuration, or set VAULT_ADDR")
            })?;
            parse_address(&text).map_err(|why| Reason::from(format!("{name}: {why}")))?
        }
    };
    if is_exposed(&address) && !settings.danger_token_over_http {
        return Err(Reason::from(format!("over http to {address} the token would be sent in clear")).hint(
            "use https; http goes to this machine only; danger_token_over_http = true does it all the same",
        ));
    }
    Ok(address)
}

/// Reads the address of a server.
pub(crate) fn parse_address(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("the address carries a user or a password (not shown)")
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() => {
            Ok(url)
        }
        _ => Err("not the address of a vault, such as https://vault.contoso.com:8200"),
    }
}

/// Whether what is sent there can be read on the way.
pub(crate) fn is_exposed(address: &Url) -> bool {
    let is_here = match address.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    address.scheme() != "https" && !is_here
}
