//! Which domains are left alone, and which exist.

use super::proxy::{Key, domain_key};

/// Why a domain in a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// An empty entry would match every address.
    #[error("an empty domain would match every address")]
    Empty,
    /// Not a domain.
    #[error("`{0}` is not a domain")]
    NotADomain(String),
}

/// The domains whose addresses are left alone.
///
/// `contoso.com` means it and its subdomains, at label boundaries; `@contoso.com` exactly it; `.contoso.com` and
/// `*.contoso.com` its subdomains only. [`ExcludedDomains::parse_literal`] reads every entry as the plain end of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExcludedDomains(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(String),
    AndBelow(String),
    Below(String),
    End(String),
}

impl ExcludedDomains {
    /// Reads the entries of a configuration.
    ///
    /// # Errors
    /// An entry is empty or no domain.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, DomainError> {
        entries.into_iter().map(|entry| pattern(entry.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Reads the entries as plain ends of addresses, with no regard for label boundaries.
    ///
    /// # Errors
    /// An entry is empty or no domain.
    pub fn parse_literal<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, DomainError> {
        let literal = |entry: &str| {
            let sign = if entry.trim().starts_with('@') { "@" } else { "" };
            Ok(match pattern(entry)? {
                Pattern::Below(domain) => Pattern::End(format!(".{domain}")),
                Pattern::Exactly(domain) | Pattern::AndBelow(domain) | Pattern::End(domain) => {
                    Pattern::End(format!("{sign}{domain}"))
                }
            })
        };
        entries.into_iter().map(|entry| literal(entry.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the address is to be left alone.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        let domain = key.domain();
        self.0.iter().any(|pattern| match pattern {
            Pattern::Exactly(own) => domain == own,
            Pattern::AndBelow(own) => domain == own || is_below(domain, own),
            Pattern::Below(own) => is_below(domain, own),
            Pattern::End(end) => key.as_str().ends_with(end.as_str()),
        })
    }
}

impl ExcludedDomains {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries that no address in these domains can match; `*.` in front of a domain includes its subdomains.
    #[must_use]
    pub fn without_a_match(&self, domains: &[String]) -> Vec<String> {
        let can_match = |pattern: &Pattern, domain: &str| {
            let (domain, is_tree) = match domain.strip_prefix("*.") {
                Some(parent) => (domain_key(parent), true),
                None => (domain_key(domain), false),
            };
            let in_tree = |own: &str| is_tree && (own == domain || is_below(own, &domain));
            match pattern {
                Pattern::Exactly(own) => *own == domain || in_tree(own),
                Pattern::AndBelow(own) => *own == domain || is_below(&domain, own) || in_tree(own),
                Pattern::Below(own) => is_below(&domain, own) || in_tree(own),
                Pattern::End(end) => {
                    let end = end.trim_start_matches(['@', '.']);
                    domain.ends_with(end) || in_tree(end)
                }
            }
        };
        let idle = self.0.iter().filter(|pattern| !domains.iter().any(|domain| can_match(pattern, domain)));
        idle.map(Pattern::text).collect()
    }
}

impl Pattern {
    fn text(&self) -> String {
        match self {
            Self::Exactly(domain) => format!("@{domain}"),
            Self::Below(domain) => format!("*.{domain}"),
            Self::AndBelow(domain) | Self::End(domain) => domain.clone(),
        }
    }
}

fn is_below(domain: &str, parent: &str) -> bool {
    domain.strip_suffix(parent).is_some_and(|head| head.len() > 1 && head.ends_with('.'))
}

fn pattern(entry: &str) -> Result<Pattern, DomainError> {
    let entry = entry.trim();
    let (make, rest): (fn(String) -> Pattern, &str) = if let Some(rest) = entry.strip_prefix('@') {
        (Pattern::Exactly, rest)
    } else if let Some(rest) = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')) {
        (Pattern::Below, rest)
    } else {
        (Pattern::AndBelow, entry)
    };
    let domain = domain_key(rest);
    if domain.is_empty() {
        return Err(DomainError::Empty);
    }
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !domain.split('.').all(label) {
        return Err(DomainError::NotADomain(entry.to_owned()));
    }
    Ok(make(domain))
}

/// The organisation's accepted domains: authoritative and relay alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptedDomains {
    all: bool,
    exact: std::collections::BTreeSet<String>,
    below: Vec<String>,
}

impl AcceptedDomains {
    /// Reads the `DomainName`s that Get-AcceptedDomain gives: `contoso.com`, `*.contoso.com` or `*`.
    #[must_use]
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut accepted = Self::default();
        for name in names {
            let name = name.as_ref().trim();
            if name == "*" {
                accepted.all = true;
            } else if let Some(parent) = name.strip_prefix("*.") {
                accepted.below.push(domain_key(parent));
            } else if !name.is_empty() {
                accepted.exact.insert(domain_key(name));
            }
        }
        accepted
    }

    /// Whether the address is in one of them.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        let domain = key.domain();
        self.all
            || self.exact.contains(domain)
            || self.below.iter().any(|parent| domain == parent || is_below(domain, parent))
    }

    /// The domain through which mail reaches the cloud, when exactly one looks like it: `TENANT.mail.onmicrosoft.com`.
    #[must_use]
    pub fn routing_domain(&self) -> Option<&str> {
        let mut found = self.exact.iter().filter(|domain| is_below(domain, "mail.onmicrosoft.com"));
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// The names, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        let below = self.below.iter().map(|parent| format!("*.{parent}"));
        self.exact.iter().cloned().chain(below).take(20).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::key;

    fn hit(domains: &ExcludedDomains, address: &str) -> bool {
        domains.contains(&key(address).unwrap())
    }

    #[test]
    fn a_domain_matches_at_label_boundaries() {
        let domains = ExcludedDomains::parse([" Contoso.com. "]).unwrap();
        assert!(hit(&domains, "a@contoso.com") && hit(&domains, "A@mail.CONTOSO.com"));
        assert!(!hit(&domains, "a@notcontoso.com") && !hit(&domains, "a@contoso.com.evil"));
        let tenant = ExcludedDomains::parse(["onmicrosoft.com"]).unwrap();
        assert!(hit(&tenant, "a@t.onmicrosoft.com") && hit(&tenant, "a@t.mail.onmicrosoft.com"));
    }

    #[test]
    fn signs_narrow_it() {
        let exactly = ExcludedDomains::parse(["@contoso.com"]).unwrap();
        assert!(hit(&exactly, "a@contoso.com") && !hit(&exactly, "a@mail.contoso.com"));
        for entry in [".contoso.com", "*.contoso.com"] {
            let below = ExcludedDomains::parse([entry]).unwrap();
            assert!(!hit(&below, "a@contoso.com") && hit(&below, "a@mail.contoso.com"), "{entry}");
        }
        let idn = ExcludedDomains::parse(["bücher.example"]).unwrap();
        assert!(hit(&idn, "a@xn--bcher-kva.example"));
    }

    #[test]
    fn literal_is_a_plain_end() {
        let literal = ExcludedDomains::parse_literal(["contoso.com"]).unwrap();
        assert!(hit(&literal, "a@notcontoso.com") && hit(&literal, "a@contoso.com"));
        let sign = ExcludedDomains::parse_literal(["@contoso.com"]).unwrap();
        assert!(!hit(&sign, "a@notcontoso.com") && hit(&sign, "a@contoso.com"));
    }

    #[test]
    fn an_empty_entry_never_matches_all() {
        for entry in ["", " ", "@", ".", "*."] {
            assert_eq!(ExcludedDomains::parse([entry]), Err(DomainError::Empty), "{entry:?}");
            assert_eq!(ExcludedDomains::parse_literal([entry]), Err(DomainError::Empty), "{entry:?}");
        }
        assert!(matches!(ExcludedDomains::parse(["a b"]), Err(DomainError::NotADomain(_))));
        assert!(matches!(ExcludedDomains::parse(["*"]), Err(DomainError::NotADomain(_))));
    }

    #[test]
    fn accepted_domains_take_patterns() {
        let accepted = AcceptedDomains::new(["contoso.com", "*.fabrikam.com", "t.mail.onmicrosoft.com"]);
        let has = |address: &str| accepted.contains(&key(address).unwrap());
        assert!(
            has("a@CONTOSO.com")
                && has("a@x.fabrikam.com")
                && !has("a@sub.contoso.com")
                && !has("a@other.com")
        );
        assert_eq!(accepted.routing_domain(), Some("t.mail.onmicrosoft.com"));
        assert!(AcceptedDomains::new(["*"]).contains(&key("a@anything.example").unwrap()));
        assert_eq!(
            AcceptedDomains::new(["a.mail.onmicrosoft.com", "b.mail.onmicrosoft.com"]).routing_domain(),
            None
        );
    }

    proptest! {
        /// Section 2.3: exact implies label boundary implies literal.
        #[test]
        fn each_reading_is_wider_than_the_one_before(
            entry in "(a|b|ab)(\\.(a|b)){0,2}", address in "[ab]{1,2}@(a|b|ab|bab)(\\.(a|b)){0,3}",
        ) {
            let exact = ExcludedDomains::parse([format!("@{entry}")]).unwrap();
            let label = ExcludedDomains::parse([&entry]).unwrap();
            let literal = ExcludedDomains::parse_literal([&entry]).unwrap();
            prop_assert!(!hit(&exact, &address) || hit(&label, &address));
            prop_assert!(!hit(&label, &address) || hit(&literal, &address));
        }
    }
}
