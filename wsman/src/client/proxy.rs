//! A proxy on the way: HTTP (CONNECT for https, RFC 9110 9.3.6) or SOCKS5 (RFC 1928, RFC 1929).

use reqwest::Url;
use secrecy::ExposeSecret as _;

use super::config::ConnectionConfig;
use super::error::Error;
use crate::auth::Secret;

/// What a proxy did instead of letting the connection through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// HTTP status 407, or the refusal of a SOCKS5 sign-in
    #[error(
        "wants a user name and a password, or refused those it got (it is asked with Basic, or as SOCKS5 has it)"
    )]
    SignIn,
    /// It does not make the connection
    #[error("did not make the connection: {0}")]
    Refused(String),
}

/// The checked URL of the proxy.
pub(crate) fn check(config: &ConnectionConfig) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::Configuration(why.to_owned()));
    let Some(proxy) = &config.proxy else { return Ok(()) };
    let known = Url::parse(proxy)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host());
    let Some(proxy) = known else {
        return refuse("the proxy's URL must begin with http://, https://, socks5:// or socks5h://");
    };
    if !proxy.username().is_empty() || proxy.password().is_some() {
        return refuse("the proxy's URL must not hold a user name or password");
    }
    // The HTTP library takes the literal with its brackets for the name in the certificate.
    let is_literal =
        |url: Url| url.scheme() == "https" && url.host_str().is_some_and(|host| host.starts_with('['));
    if Url::parse(&config.url).is_ok_and(is_literal) {
        return refuse("https to an IPv6 address does not go through a proxy: give the server's name");
    }
    if proxy.scheme() == "https" && (config.tls.pin.is_some() || config.tls.client_identity.is_some()) {
        return refuse("a proxy with TLS of its own cannot be used with a pinned or a client certificate");
    }
    if let Some(credentials) = &config.proxy_credentials
        && !matches!(credentials.secret, Secret::Password(_))
    {
        return refuse("a proxy needs a password, and there is none");
    }
    Ok(())
}

/// The proxy for the HTTP library.
pub(crate) fn proxy(config: &ConnectionConfig) -> Result<Option<reqwest::Proxy>, Error> {
    let Some(url) = &config.proxy else { return Ok(None) };
    let mut proxy = reqwest::Proxy::all(url)
        .map_err(|_| Error::Configuration("the URL of the proxy cannot be read".into()))?;
    if let Some(credentials) = &config.proxy_credentials
        && let Secret::Password(password) = &credentials.secret
    {
        proxy = proxy.basic_auth(&credentials.user.to_string(), password.expose_secret());
    }
    Ok(Some(proxy))
}

impl ProxyProblem {
    /// From the innermost reason why there is no connection through a proxy. The HTTP library names its reasons in words
    /// only.
    pub(crate) fn of(reason: &str) -> Self {
        let is_sign_in = ["proxy authorization required", "credentials not accepted", "authentication"];
        if is_sign_in.iter().any(|words| reason.contains(words)) {
            return Self::SignIn;
        }
        Self::Refused(reason.trim_start_matches("tunnel error: ").to_owned())
    }
}
