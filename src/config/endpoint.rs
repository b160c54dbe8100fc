//! Where Exchange is reached.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Ports of the two endpoints: Exchange's own virtual directory, and WinRM.
const HTTP: u16 = 80;
const HTTPS: u16 = 443;
const WINRM_HTTP: u16 = 5985;
const WINRM_HTTPS: u16 = 5986;

/// The URL of an endpoint, checked: http or https, a host, no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not a URL at all
    #[error("not a URL")]
    NotAUrl,
    /// Another scheme
    #[error("the URL must begin with http:// or https://")]
    Scheme,
    /// A user or a password in the URL, which is not repeated
    #[error("the URL carries a user or a password (not shown)")]
    Credentials,
    /// A fragment
    #[error("the URL has a fragment (`#`), which an endpoint cannot have")]
    Fragment,
    /// Not a name or an address
    #[error("not a host name or an IP address")]
    Host,
}

impl Endpoint {
    /// Reads a `server` URL. An empty path means Exchange's own virtual directory.
    pub fn from_url(text: &str) -> Result<Self, EndpointError> {
        let mut url = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme);
        }
        if url.fragment().is_some() {
            return Err(EndpointError::Fragment);
        }
        if url.path() == "/" {
            let ordinary = matches!(url.port(), Some(WINRM_HTTP | WINRM_HTTPS));
            url.set_path(if ordinary { "/wsman" } else { "/PowerShell/" });
        }
        Ok(Self(url))
    }

    /// Makes the endpoint of a `hostname` and a `port`: 80 and 443 are Exchange's virtual directory,
    /// 5985 and 5986 the ordinary WinRM endpoint. A `path` is that of a hosted provider, such as `tenant1/PowerShell`.
    pub fn from_host(hostname: &str, port: Option<u16>, path: Option<&str>) -> Result<Self, EndpointError> {
        let host = match hostname.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(address)) => address.to_string(),
            Err(_) if hostname.contains(['/', ':', '@', '?', '#', ' ']) => return Err(EndpointError::Host),
            Err(_) => hostname.to_owned(),
        };
        let port = port.unwrap_or(HTTP);
        let scheme = if matches!(port, HTTPS | WINRM_HTTPS) { "https" } else { "http" };
        let path = path.unwrap_or_default().trim_start_matches('/');
        Self::from_url(&format!("{scheme}://{host}:{port}/{path}")).map_err(|error| match error {
            EndpointError::Fragment => error,
            _ => EndpointError::Host,
        })
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether the way to it is TLS.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether the host is an IP address.
    pub fn is_ip_address(&self) -> bool {
        matches!(self.0.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)))
    }

    /// Whether the path is that of Exchange's own virtual directory; decided by the path, never by the port.
    pub fn is_exchange(&self) -> bool {
        let path = self.0.path().trim_end_matches('/');
        path.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case("PowerShell"))
    }

    /// The session configuration that the path stands for.
    pub fn configuration_name(&self) -> &'static str {
        if self.is_exchange() { "Microsoft.Exchange" } else { "Microsoft.PowerShell" }
    }
}

/// What a person wrote for a URL, without what may be a password in it.
pub(super) fn shown_url(text: &str) -> String {
    // What stands before an `@` is taken first: a password may hold anything.
    let text = match text.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("//").map_or("", |(scheme, _)| scheme);
            let slashes = if scheme.is_empty() { "" } else { "//" };
            format!("{scheme}{slashes}***@{host}")
        }
        None => text.to_owned(),
    };
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides_never_the_port() {
        let name = |url: &str| Endpoint::from_url(url).unwrap().configuration_name();
        assert_eq!(name("http://ex01.contoso.com/PowerShell/"), "Microsoft.Exchange");
        assert_eq!(name("https://ex01:5986/powershell"), "Microsoft.Exchange");
        assert_eq!(name("https://mail.host.net/tenant1/PowerShell/"), "Microsoft.Exchange");
        assert_eq!(name("http://ex01.contoso.com/wsman"), "Microsoft.PowerShell");
        assert_eq!(name("http://ex01.contoso.com"), "Microsoft.Exchange");
    }

    #[test]
    fn hosts_and_ports() {
        let url = |host, port| Endpoint::from_host(host, port, None).unwrap().to_string();
        assert_eq!(url("ex01", None), "http://ex01/PowerShell/");
        assert_eq!(url("ex01", Some(443)), "https://ex01/PowerShell/");
        assert_eq!(url("ex01", Some(5985)), "http://ex01:5985/wsman");
        assert_eq!(url("fe80::1", Some(5986)), "https://[fe80::1]:5986/wsman");
        assert_eq!(Endpoint::from_host("http://ex01", None, None), Err(EndpointError::Host));
        let hosted =
            Endpoint::from_host("mail.host.net", Some(443), Some("/tenant1/PowerShell/?x=1")).unwrap();
        assert_eq!(hosted.to_string(), "https://mail.host.net/tenant1/PowerShell/?x=1");
        assert_eq!(hosted.configuration_name(), "Microsoft.Exchange");
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (text, shown) in [
            ("http://u:p@ex01:99999/x", "http://***@ex01:99999/x"),
            ("u:p@ex01", "***@ex01"),
            ("https://u:p@ss/w@ex01", "https://***@ex01"),
            ("https://ex01/x?sig=p#q", "https://ex01/x"),
            ("https://u:p?a#b@ex01", "https://***@ex01"),
            ("ex01", "ex01"),
        ] {
            assert_eq!(shown_url(text), shown);
        }
    }

    #[test]
    fn what_is_no_endpoint() {
        assert_eq!(Endpoint::from_url("ex01.contoso.com"), Err(EndpointError::NotAUrl));
        assert_eq!(Endpoint::from_url("ftp://ex01/"), Err(EndpointError::Scheme));
        assert_eq!(Endpoint::from_url("http://u:p@ex01/"), Err(EndpointError::Credentials));
        assert_eq!(Endpoint::from_url("http://ex01/#x"), Err(EndpointError::Fragment));
        let query = "https://ex01/PowerShell/?serializationLevel=Full";
        assert_eq!(Endpoint::from_url(query).unwrap().to_string(), query);
    }
}
