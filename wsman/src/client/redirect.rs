//! Being sent elsewhere, and when that is followed.

use reqwest::Url;

use super::config::{Authentication, ConnectionConfig};
use super::error::Error;
use crate::wsmv::{FaultCode, WsmanFault};

/// Most redirections one after another, as in the native client.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// Whether a server may send the client to another one. Whoever is followed gets a sign-in of its own, for its own
/// name, on connections of its own: nothing of the first one is passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectPolicy {
    /// No
    #[default]
    Refuse,
    /// From https to https, where the new host is one of these or below it (`contoso.com` takes `ex01.contoso.com`)
    Hosts(Vec<String>),
}

/// Why a redirection is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectRefused {
    /// Nobody allowed it
    #[error("which is not allowed: connect to that address, or allow its host")]
    NotAllowed,
    /// To a host that is not allowed
    #[error("a host that is not among those allowed")]
    Host,
    /// To or from plain http
    #[error("and only from https to https is followed")]
    NotHttps,
    /// Not a URL without user and password
    #[error("which is no address to connect to")]
    NotAUrl,
    /// Again and again
    #[error("after five others")]
    TooMany,
    /// The session has begun already
    #[error("in the middle of a session")]
    Midway,
    /// The password would go to the other server, which was not named
    #[error("which would get the password itself: connect to that address")]
    Password,
}

/// Where an error sends the client.
pub(crate) fn location(error: &Error) -> Option<String> {
    match error {
        Error::Redirected { location, .. } => Some(location.clone()),
        Error::Fault(fault) if fault.code == Some(FaultCode::REDIRECT_REQUESTED) => in_fault(fault),
        _ => None,
    }
}

/// `ERROR_WSMAN_REDIRECT_REQUESTED` tells the address somewhere in its text; the policy judges it.
fn in_fault(fault: &WsmanFault) -> Option<String> {
    let provider = fault.provider.as_ref().map(|provider| provider.xml.as_str());
    let texts =
        [Some(fault.message.as_str()), Some(fault.reason.as_str()), fault.raw_detail.as_deref(), provider];
    texts.into_iter().flatten().find_map(|text| {
        let start = text.find("https://").or_else(|| text.find("http://"))?;
        let url = text.get(start..)?;
        let end = url.find(|c: char| c.is_whitespace() || "<>\"'".contains(c)).unwrap_or(url.len());
        url.get(..end).map(|url| url.trim_end_matches(['.', ',', ')']).replace("&amp;", "&"))
    })
}

/// The configuration for the new place, or why not.
pub(crate) fn follow(
    config: &ConnectionConfig,
    from: &Url,
    location: &str,
) -> Result<ConnectionConfig, Error> {
    let refuse = |refused| Error::Redirected { location: shown(location), refused };
    let RedirectPolicy::Hosts(hosts) = &config.redirects else {
        return Err(refuse(RedirectRefused::NotAllowed));
    };
    let to = from.join(location).map_err(|_| refuse(RedirectRefused::NotAUrl))?;
    if from.scheme() != "https" || to.scheme() != "https" {
        return Err(refuse(RedirectRefused::NotHttps));
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(refuse(RedirectRefused::NotAUrl));
    }
    let host = to.host_str().unwrap_or_default().to_ascii_lowercase();
    let same = Some(host.as_str()) == from.host_str();
    if !same && !hosts.iter().any(|suffix| is_at_or_below(&host, suffix)) {
        return Err(refuse(RedirectRefused::Host));
    }
    let hands_over = matches!(config.authentication, Authentication::Basic | Authentication::CredSsp);
    if !same && hands_over && config.tls.danger_skip_tls_verification {
        return Err(refuse(RedirectRefused::Password));
    }
    let mut next = ConnectionConfig { url: to.to_string(), ..config.clone() };
    if !same {
        // The name that was set is that of the first server.
        next.target_name = None;
    }
    Ok(next)
}

fn is_at_or_below(host: &str, suffix: &str) -> bool {
    let suffix = suffix.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
    let rest = host.strip_suffix(suffix.as_str());
    !suffix.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// As an error shows it: no line breaks, not longer than a line, and no password.
pub(crate) fn shown(location: &str) -> String {
    let text = super::error::body_excerpt(location.as_bytes());
    match Url::parse(&text) {
        Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.to_string()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credentials;

    fn config(hosts: &[&str]) -> ConnectionConfig {
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        let config =
            ConnectionConfig::new("https://mail.contoso.com/PowerShell/", Credentials::new("u", "p"));
        ConnectionConfig {
            redirects: RedirectPolicy::Hosts(hosts),
            target_name: Some("HTTP/mail.contoso.com".into()),
            ..config
        }
    }

    fn judged(hosts: &[&str], location: &str) -> Result<ConnectionConfig, RedirectRefused> {
        let config = config(hosts);
        follow(&config, &config.check().unwrap(), location).map_err(|error| match error {
            Error::Redirected { refused, .. } => refused,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn only_https_and_only_allowed_hosts_are_followed() {
        let next = judged(&["contoso.com"], "https://ex01.contoso.com/powershell?x=1").unwrap();
        assert_eq!(next.url, "https://ex01.contoso.com/powershell?x=1");
        assert_eq!(next.target_name, None, "the SPN is that of the new host");
        assert_eq!(
            judged(&[], "/other/PowerShell").unwrap().url,
            "https://mail.contoso.com/other/PowerShell"
        );
        for (location, refused) in [
            ("http://ex01.contoso.com/powershell", RedirectRefused::NotHttps),
            ("https://evilcontoso.com/", RedirectRefused::Host),
            ("https://contoso.com.evil.net/", RedirectRefused::Host),
            ("https://user:canary@ex01.contoso.com/", RedirectRefused::NotAUrl),
            ("https://", RedirectRefused::NotAUrl),
        ] {
            assert_eq!(judged(&["contoso.com", ""], location).unwrap_err(), refused, "{location}");
        }
        let config = ConnectionConfig { redirects: RedirectPolicy::Refuse, ..config(&[]) };
        let error =
            follow(&config, &config.check().unwrap(), "https://u:canary@ex01.contoso.com/").unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn the_address_is_found_in_the_fault() {
        let fault = WsmanFault {
            code: Some(FaultCode::REDIRECT_REQUESTED),
            message: "Use https://ex02.contoso.com/powershell?a=1&amp;b=2. Or not".into(),
            ..WsmanFault::default()
        };
        let place = location(&Error::Fault(Box::new(fault.clone())));
        assert_eq!(place.unwrap(), "https://ex02.contoso.com/powershell?a=1&b=2");
        let other = WsmanFault { code: Some(FaultCode::ACCESS_DENIED), ..fault };
        assert_eq!(location(&Error::Fault(Box::new(other))), None);
    }
}
