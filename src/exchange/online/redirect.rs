//! Where the service may send its clients.

use url::Url;

/// Domains to which Exchange Online is known to send its clients. A token goes nowhere else.
const REGIONAL: [&str; 4] = ["office365.com", "office365.us", "office365.cn", "outlook.com"];

/// Where a redirection of `from` leads, when a token may go there: https, and a host of Exchange Online, the same host, or one that
/// `allowed` names (`redirect_hosts`): `contoso.com` and below at the usual port, or `proxy.contoso.com:8443`.
/// Regional addresses come with a port that is not open to the world, `:446`, and mean 443.
#[must_use]
pub(super) fn redirection(from: &Url, location: &str, allowed: &[String]) -> Option<Url> {
    let mut to = from.join(location).ok()?;
    let host = to.host_str()?.to_ascii_lowercase();
    let is_own = to.scheme() == from.scheme()
        && from.host_str() == Some(host.as_str())
        && to.port_or_known_default() == from.port_or_known_default();
    if is_own {
        return Some(to);
    }
    if to.scheme() != "https" || !to.username().is_empty() || to.password().is_some() {
        return None;
    }
    if allowed.iter().any(|allowed| place(&to) == allowed.to_ascii_lowercase()) {
        return Some(to);
    }
    let is_below = |domain: &str| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    if !REGIONAL.into_iter().chain(allowed.iter().map(String::as_str)).any(is_below) {
        return None;
    }
    if to.port() == Some(446) {
        to.set_port(None).ok()?;
    }
    (to.port_or_known_default() == Some(443)).then_some(to)
}

/// Host and port of an address, as a person would write them.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("nowhere").to_ascii_lowercase();
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// Where a refused redirection leads, as far as it may be told.
pub(super) fn refused(from: &Url, location: &str) -> String {
    match from.join(location) {
        Ok(to) if to.scheme() == "https" => place(&to),
        Ok(to) => format!("{}://{}", to.scheme(), place(&to)),
        Err(_) => "nowhere".into(),
    }
}

/// What to do where Exchange Online sends its clients `to` another place.
pub(super) fn hint(to: &str) -> String {
    if to.contains("://") || to == "nowhere" {
        return "a token goes over https only; check exchange_url, and what answers there".into();
    }
    format!(
        "if that host is to be trusted with the token, redirect_hosts = [\"{to}\"] in [connections.NAME] lets it go there: `host`, \
         which means its subdomains too, or `host:port` where the port is not 443"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(location: &str) -> Option<String> {
        let from = Url::parse("https://outlook.office365.com/adminapi/beta/t/InvokeCommand").unwrap();
        redirection(&from, location, &[]).map(String::from)
    }

    /// What the hint says is what has to be written.
    #[test]
    fn a_refused_host_is_let_in_by_what_the_hint_names() {
        let from = Url::parse("https://outlook.office365.com/x").unwrap();
        for (location, named) in [
            ("https://gate.contoso.com/x", "gate.contoso.com"),
            ("https://Gate.contoso.com:8443/x", "gate.contoso.com:8443"),
            ("https://127.0.0.1:446/x", "127.0.0.1:446"),
        ] {
            let told = refused(&from, location);
            assert_eq!(told, named);
            assert!(hint(&told).contains(&format!("redirect_hosts = [\"{named}\"]")));
            assert!(redirection(&from, location, &[]).is_none());
            assert!(redirection(&from, location, &[told]).is_some());
        }
        for location in ["http://gate.contoso.com/x", "https://", "javascript:alert(1)"] {
            assert!(!hint(&refused(&from, location)).contains("redirect_hosts"), "{location}");
        }
    }

    #[test]
    fn hosts_that_a_person_has_named() {
        let from = Url::parse("https://outlook.office365.com/x").unwrap();
        let allowed = ["Gate.contoso.com:8443".to_owned(), "fabrikam.com".to_owned()];
        let led = |location: &str| redirection(&from, location, &allowed).is_some();
        for good in ["https://gate.contoso.com:8443/x", "https://fabrikam.com/x", "https://ex.fabrikam.com/x"]
        {
            assert!(led(good), "{good}");
        }
        for bad in [
            "https://gate.contoso.com/x",
            "http://gate.contoso.com:8443/x",
            "https://ex.fabrikam.com:8443/",
            "https://notfabrikam.com/",
        ] {
            assert!(!led(bad), "{bad}");
        }
    }

    #[test]
    fn only_hosts_of_exchange_online_are_followed() {
        let regional = "https://nam13b.admin.protection.outlook.com/adminapi/beta/t/InvokeCommand";
        assert_eq!(led(regional).as_deref(), Some(regional));
        assert_eq!(
            led("https://nam13b.ps.outlook.com:446/adminapi").as_deref(),
            Some("https://nam13b.ps.outlook.com/adminapi")
        );
        assert_eq!(
            led("/adminapi/beta/t/other").as_deref(),
            Some("https://outlook.office365.com/adminapi/beta/t/other")
        );
        for location in [
            "https://evil.example.com/adminapi",
            "https://evil-outlook.com/",
            "https://outlook.com.evil.example/",
            "http://outlook.office365.com/adminapi",
            "https://outlook.office365.com:8443/adminapi",
            "https://user@outlook.office365.us/",
            "https://",
            "javascript:alert(1)",
        ] {
            assert_eq!(led(location), None, "{location}");
        }
    }
}
