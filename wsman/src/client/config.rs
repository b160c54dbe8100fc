//! Where to connect, as whom, and how long to wait.

use std::time::Duration;

use reqwest::Url;
use uuid::Uuid;

use super::error::Error;
use super::kerberos::Kerberos;
use super::proxy;
use super::redirect::RedirectPolicy;
use super::tls::TlsOptions;
use super::trace::Trace;
use crate::auth::{Credentials, Secret};

/// A WS-Management endpoint and how to use it.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// The URL; path and query are kept
    pub url: String,
    /// Resource URI of the shell, such as `http://schemas.microsoft.com/powershell/Microsoft.Exchange`
    pub resource_uri: String,
    /// How to sign in
    pub authentication: Authentication,
    /// With [`Authentication::Negotiate`]: NTLM where Kerberos cannot be had
    pub allow_ntlm: bool,
    /// Who signs in
    pub credentials: Credentials,
    /// Service class and host of the SPN where it is not `HTTP/<host of the URL>`
    pub target_name: Option<String>,
    /// Where tickets come from; connections with clones of the same one share them
    pub kerberos: Kerberos,
    /// Whom to trust
    pub tls: TlsOptions,
    /// A proxy: `http://`, `https://` or `socks5://` (`socks5h://` where the proxy is to look up names); none is used
    /// unless it is named here. Sign-in belongs to a connection, so that over http an HTTP proxy must keep the two sides
    /// together (RFC 4559 section 6); over https, and with SOCKS, it only relays
    pub proxy: Option<String>,
    /// Who signs in at the proxy, with Basic or as RFC 1929 has it
    pub proxy_credentials: Option<Credentials>,
    /// Whether the server may send the client elsewhere
    pub redirects: RedirectPolicy,
    /// How long to wait
    pub timeouts: Timeouts,
    /// Connections at once, at least one more than there are runspaces: while the pipelines wait for output, signals
    /// and the end of earlier pipelines need one
    pub max_connections: usize,
    /// Send the password in the clear. Only ever right on a network that is the machine itself.
    pub danger_basic_over_http: bool,
    /// Do not bind the sign-in to the TLS connection; for proxies that intercept TLS
    pub danger_skip_channel_binding: bool,
    /// Take a server whose CredSSP is older than version 5 and can be intercepted (CVE-2018-0886)
    pub danger_old_credssp: bool,
    /// Language of messages, such as `en-US`
    pub locale: String,
    /// Who is shown what crosses the wire, without its secrets
    pub trace: Option<Trace>,
}

/// How to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// SPNEGO
    Negotiate,
    /// NTLM without SPNEGO around it, under the scheme `Negotiate`, or `NTLM` where only that is offered
    Ntlm,
    /// Kerberos and nothing else, under the scheme `Negotiate` or `Kerberos`, whichever is offered
    Kerberos,
    /// `[MS-CSSP]`: the server gets the password, for its own sign-ins elsewhere
    CredSsp,
    /// The TLS client certificate
    Certificate,
    /// The password with every request; only over TLS
    Basic,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP and TLS
    pub connect: Duration,
    /// The whole sign-in of a connection
    pub sign_in: Duration,
    /// From the Create of the shell to a pool that can be used; a server may load much for it
    pub open: Duration,
    /// For how long a server that is busy (HTTP status 503, a quota, throttling) is asked again for a pool, from the
    /// beginning each time: nothing was run yet. Not at all where this is zero, as it is unless it is set
    pub busy: Duration,
    /// `wsman:OperationTimeout`: the server answers within this time, if only to say that there is nothing yet
    pub operation: Duration,
    /// What the network and a busy server may add to that
    pub network: Duration,
    /// From the stop signal to the end of the pipeline
    pub stop: Duration,
    /// Signals and Delete while closing
    pub close: Duration,
    /// After how long without a request the server deletes the shell, so that a client that was killed leaves nothing
    /// behind for long; the server's own time where this is `None`. At least a minute
    pub shell_idle: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            sign_in: Duration::from_secs(60),
            open: Duration::from_secs(180),
            busy: Duration::ZERO,
            operation: Duration::from_secs(60),
            network: Duration::from_secs(30),
            stop: Duration::from_secs(60),
            close: Duration::from_secs(30),
            shell_idle: None,
        }
    }
}

impl ConnectionConfig {
    /// An endpoint with what is usual: Negotiate, the system's trust store, two connections. The resource URI goes by
    /// the path: `/PowerShell` is Exchange, anything else the ordinary endpoint.
    ///
    /// ```
    /// use wsman::auth::Credentials;
    /// use wsman::client::ConnectionConfig;
    /// let config = ConnectionConfig::new("http://ex01.contoso.com/PowerShell/", Credentials::new("CONTOSO\\svc", "hunter2"));
    /// assert_eq!(config.resource_uri, "http://schemas.microsoft.com/powershell/Microsoft.Exchange");
    /// assert!(!format!("{config:?}").contains("hunter2"));
    /// ```
    pub fn new(url: impl Into<String>, credentials: Credentials) -> Self {
        let url = url.into();
        let is_exchange = Url::parse(&url).is_ok_and(|url| {
            url.path_segments().and_then(|mut segments| segments.next().map(|s| s.to_ascii_lowercase()))
                == Some("powershell".into())
        });
        let name = if is_exchange { "Microsoft.Exchange" } else { "Microsoft.PowerShell" };
        Self {
            url,
            resource_uri: format!("http://schemas.microsoft.com/powershell/{name}"),
            authentication: Authentication::Negotiate,
            allow_ntlm: true,
            credentials,
            target_name: None,
            kerberos: Kerberos::default(),
            tls: TlsOptions::default(),
            proxy: None,
            proxy_credentials: None,
            redirects: RedirectPolicy::Refuse,
            timeouts: Timeouts::default(),
            max_connections: 2,
            danger_basic_over_http: false,
            danger_skip_channel_binding: false,
            danger_old_credssp: false,
            locale: "en-US".into(),
            trace: None,
        }
    }

    /// The checked URL: http or https, a host, no user name in it, no slash at the end of a path.
    pub(crate) fn checked_url(&self) -> Result<Url, Error> {
        let refuse = |why: &str| Err(Error::Configuration(format!("the URL {why}")));
        let Ok(mut url) = Url::parse(&self.url) else { return refuse("cannot be read") };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("must begin with http:// or https://");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return refuse("names no host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("must not hold a user name or password");
        }
        url.set_fragment(None);
        if url.path().len() > 1 && url.path().ends_with('/') {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
        }
        Ok(url)
    }

    /// What must hold before anything is sent.
    pub(crate) fn check(&self) -> Result<Url, Error> {
        let url = self.checked_url()?;
        let refuse = |why: &str| Err(Error::Configuration(why.to_owned()));
        if self.authentication == Authentication::Basic {
            if url.scheme() == "http" && !self.danger_basic_over_http {
                return refuse("Basic sign-in over http would send the password in the clear; use https");
            }
            if !matches!(self.credentials.secret, Secret::Password(_)) {
                return refuse("Basic sign-in needs a password");
            }
        }
        if self.authentication == Authentication::CredSsp
            && !matches!(self.credentials.secret, Secret::Password(_))
        {
            return refuse("CredSSP hands the password to the server, and there is none");
        }
        let hands_over = matches!(self.authentication, Authentication::Basic | Authentication::CredSsp);
        if hands_over && url.scheme() == "https" && self.tls.is_unverified() {
            return refuse(
                "Basic and CredSSP hand the password to the server, so the server must be verified: give a CA file, or pin its certificate",
            );
        }
        if self.authentication == Authentication::Certificate {
            if url.scheme() != "https" {
                return refuse("sign-in by certificate needs https");
            }
            if self.tls.client_identity.is_none() {
                return refuse("sign-in by certificate needs a client certificate and its key");
            }
        }
        proxy::check(self)?;
        if self.timeouts.operation < Duration::from_secs(1) {
            return refuse("the operation time-out must be at least one second");
        }
        if self.locale.is_empty() {
            return refuse("the locale must not be empty");
        }
        Ok(url)
    }

    /// Name of the service for the sign-in; an IPv6 literal goes without its brackets.
    pub(crate) fn service_name(&self, url: &Url) -> String {
        self.target_name.clone().unwrap_or_else(|| {
            let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            format!("HTTP/{host}")
        })
    }
}

/// A new id in the form that WS-Management wants.
pub(crate) fn new_id() -> Uuid {
    Uuid::new_v4()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> ConnectionConfig {
        ConnectionConfig::new(url, Credentials::new("u", "p"))
    }

    #[test]
    fn f49_an_operation_timeout_of_zero_is_never_sent() {
        let with = |operation| {
            let config = config("http://h/wsman");
            let timeouts = Timeouts { operation, ..config.timeouts };
            ConnectionConfig { timeouts, ..config }.check()
        };
        assert!(matches!(with(Duration::ZERO), Err(Error::Configuration(_))));
        assert!(matches!(with(Duration::from_millis(999)), Err(Error::Configuration(_))));
        assert!(with(Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn path_query_and_literals_are_kept() {
        let url = config("https://[2001:db8::1]:5986/PowerShell/?DelegatedOrg=contoso.com").check().unwrap();
        assert_eq!(url.as_str(), "https://[2001:db8::1]:5986/PowerShell?DelegatedOrg=contoso.com");
        let config = config("http://[::1]/wsman");
        assert_eq!(config.service_name(&config.check().unwrap()), "HTTP/::1");
        assert_eq!(config.resource_uri, "http://schemas.microsoft.com/powershell/Microsoft.PowerShell");
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        for bad in ["", "proxy:8080", "socks4://proxy", "http://u:p@proxy:8080"] {
            let config = ConnectionConfig { proxy: Some(bad.into()), ..config("http://h/wsman") };
            assert!(matches!(config.check(), Err(Error::Configuration(_))), "{bad}");
        }
    }

    #[test]
    fn https_to_an_ipv6_literal_through_a_proxy_is_refused_before_anything_is_sent() {
        for proxy in ["http://proxy:8080", "socks5://proxy", "socks5h://proxy"] {
            let with = |url| ConnectionConfig { proxy: Some(proxy.into()), ..config(url) }.check();
            assert!(matches!(with("https://[::1]/wsman"), Err(Error::Configuration(_))), "{proxy}");
            assert!(with("https://ex01/wsman").is_ok(), "{proxy}");
        }
        assert!(config("https://[::1]/wsman").check().is_ok());
    }

    #[test]
    fn what_would_be_unsafe_or_useless_is_refused() {
        for bad in ["", "ftp://h/", "http://u:p@h/", "http://", "wsman"] {
            assert!(matches!(config(bad).check(), Err(Error::Configuration(_))), "{bad}");
        }
        let basic = ConnectionConfig { authentication: Authentication::Basic, ..config("http://h/wsman") };
        assert!(matches!(basic.check(), Err(Error::Configuration(_))));
        assert!(ConnectionConfig { danger_basic_over_http: true, ..basic }.check().is_ok());
        let credssp =
            ConnectionConfig { authentication: Authentication::CredSsp, ..config("http://h/wsman") };
        assert!(credssp.check().is_ok());
        let credentials = Credentials { secret: Secret::nt_hash([1; 16]), ..credssp.credentials.clone() };
        assert!(matches!(ConnectionConfig { credentials, ..credssp }.check(), Err(Error::Configuration(_))));
    }
}
