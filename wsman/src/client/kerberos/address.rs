//! Where a KDC is.

use std::fmt;

use crate::auth::kerberos::KerberosError;

/// RFC 4120 7.2.1.
const PORT: u16 = 88;

/// A KDC's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KdcAddress {
    pub(super) host: String,
    pub(super) port: u16,
    /// Where only one will do
    pub(super) protocol: Option<Protocol>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Udp,
    Tcp,
}

impl KdcAddress {
    /// Reads `host`, `host:port`, `[v6]:port`, with `tcp/` or `udp/` before it.
    pub(super) fn parse(text: &str) -> Result<Self, KerberosError> {
        let wrong = || KerberosError::Caller("a KDC is written as host or host:port");
        let text = text.trim();
        let (protocol, rest) = match text.split_once('/') {
            None => (None, text),
            Some((name, rest)) if name.eq_ignore_ascii_case("tcp") => (Some(Protocol::Tcp), rest),
            Some((name, rest)) if name.eq_ignore_ascii_case("udp") => (Some(Protocol::Udp), rest),
            Some(_) => return Err(wrong()),
        };
        let is_bare_v6 = rest.parse::<std::net::Ipv6Addr>().is_ok();
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !is_bare_v6 && !rest.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (rest, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        if host.is_empty() || host.contains(char::is_whitespace) || host.contains('/') {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port, protocol })
    }
}

impl fmt::Display for KdcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_every_form() {
        let read = |text| KdcAddress::parse(text).map(|address| (address.to_string(), address.protocol));
        assert_eq!(read("dc1.contoso.com").unwrap(), ("dc1.contoso.com:88".into(), None));
        assert_eq!(read("tcp/dc1:8888").unwrap(), ("dc1:8888".into(), Some(Protocol::Tcp)));
        assert_eq!(read("UDP/dc1.").unwrap(), ("dc1:88".into(), Some(Protocol::Udp)));
        assert_eq!(read("2001:db8::1").unwrap(), ("[2001:db8::1]:88".into(), None));
        assert_eq!(read("[2001:db8::1]").unwrap(), ("[2001:db8::1]:88".into(), None));
        assert_eq!(read("[2001:db8::1]:750").unwrap(), ("[2001:db8::1]:750".into(), None));
        for wrong in ["", "tcp/", "https/dc1", "dc1:x", ":88", "dc1:99999", "a b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
