//! What a proxy address is, when two are the same, and what Exchange takes as SMTP.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest value that the directory's `proxyAddresses` holds.
pub const MAX_PROXY_LENGTH: usize = 1123;
/// The most proxy addresses that a recipient may have.
pub const MAX_PROXIES: usize = 200;

const MAX_LOCAL_LENGTH: usize = 315;
const MAX_DOMAIN_LENGTH: usize = 255;
const MAX_LABEL_LENGTH: usize = 63;

/// What makes two SMTP addresses the same: both parts in lower case, the domain as A-labels without a final dot.
///
/// Only ASCII letters are folded, so no culture's rules can change the answer. Plus tags and dots stay significant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(String);

impl Key {
    /// The address in its comparable form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the last `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The type before the first colon: 1 to 20 characters without `@`, `/`, `=`, `;` or blank. Else there is none, so that
/// `user@[IPv6:::1]` is not cut in two.
#[must_use]
pub fn prefix(value: &str) -> Option<&str> {
    let (head, _) = value.split_once(':')?;
    let fits = (1..=20).contains(&head.chars().count())
        && !head.contains(|c: char| matches!(c, '@' | '/' | '=' | ';') || c.is_whitespace());
    fits.then_some(head)
}

/// The address of a value of the SMTP class, which has the prefix `smtp` in any case, or none. Other types give nothing.
#[must_use]
pub fn smtp_part(value: &str) -> Option<&str> {
    match prefix(value) {
        None => Some(value.trim()),
        Some(prefix) if prefix.eq_ignore_ascii_case("smtp") => value.get(prefix.len() + 1..).map(str::trim),
        Some(_) => None,
    }
}

/// Whether the value is marked as the primary SMTP address: the prefix is exactly `SMTP`.
#[must_use]
pub fn is_primary(value: &str) -> bool {
    prefix(value) == Some("SMTP")
}

/// The key of a value of the SMTP class; none for other types and for what has no `@`.
#[must_use]
pub fn key(value: &str) -> Option<Key> {
    let (local, domain) = smtp_part(value)?.rsplit_once('@')?;
    let local = local.to_ascii_lowercase();
    Some(Key(format!("{local}@{}", domain_key(domain))))
}

/// A domain in its comparable form: A-labels, lower case, no final dot.
#[must_use]
pub fn domain_key(domain: &str) -> String {
    let domain = domain.trim().trim_end_matches('.');
    if domain.is_ascii() {
        return domain.to_ascii_lowercase();
    }
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_ascii_lowercase())
}

/// Why Exchange would not take a text as an SMTP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxError {
    /// No `@`, or nothing beside it.
    #[error("an e-mail address is written name@domain")]
    NoAt,
    /// A letter outside ASCII before the `@`.
    #[error(
        "the part before the @ may hold ASCII characters only; Exchange gives no mailbox such an address"
    )]
    NonAsciiLocal,
    /// A letter outside ASCII in the domain.
    #[error("write the domain in its ASCII form (xn--...)")]
    NonAsciiDomain,
    /// A character that cannot stand there, or a dot at the wrong place.
    #[error("the part before the @ holds a character, or a dot at a place, that Exchange does not take")]
    BadLocal,
    /// Not a domain name.
    #[error("the part after the @ is not a domain name")]
    BadDomain,
    /// Longer than Exchange takes.
    #[error("the address is too long")]
    TooLong,
}

/// Whether Exchange takes the text, which has no prefix, as an SMTP address.
///
/// # Errors
/// The reason why not.
pub fn check_smtp(address: &str) -> Result<(), SyntaxError> {
    let (local, domain) = address.rsplit_once('@').ok_or(SyntaxError::NoAt)?;
    if local.is_empty() || domain.is_empty() {
        return Err(SyntaxError::NoAt);
    }
    if !local.is_ascii() {
        return Err(SyntaxError::NonAsciiLocal);
    }
    if !domain.is_ascii() {
        return Err(SyntaxError::NonAsciiDomain);
    }
    if local.len() > MAX_LOCAL_LENGTH || domain.len() > MAX_DOMAIN_LENGTH {
        return Err(SyntaxError::TooLong);
    }
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if !local.split('.').all(atom) {
        return Err(SyntaxError::BadLocal);
    }
    let label = |label: &str| {
        (1..=MAX_LABEL_LENGTH).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !domain.split('.').all(label) {
        return Err(SyntaxError::BadDomain);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_told_from_a_colon_elsewhere() {
        assert_eq!(prefix("SMTP:a@b"), Some("SMTP"));
        assert_eq!(prefix("X400:c=us;a= ;"), Some("X400"));
        assert_eq!(prefix("x500:/o=First/cn=a:b"), Some("x500"));
        for none in ["a@b", "user@[IPv6:::1]", ":a@b", "/o=x:y", "a b:c", "averyveryverylongprefix:x", ""] {
            assert_eq!(prefix(none), None, "{none}");
        }
    }

    #[test]
    fn primary_is_an_ordinal_mark() {
        assert!(is_primary("SMTP:a@b"));
        for other in ["smtp:a@b", "Smtp:a@b", "a@b", "SIP:a@b"] {
            assert!(!is_primary(other), "{other}");
        }
    }

    #[test]
    fn keys_fold_case_and_idn_but_nothing_else() {
        let same = |a, b| assert_eq!(key(a), key(b), "{a} {b}");
        same("SMTP:Jane@Contoso.COM", "jane@contoso.com");
        same("jane@contoso.com.", "smtp:jane@contoso.com");
        same("jane@bücher.example", "JANE@XN--BCHER-KVA.EXAMPLE");
        for (a, b) in [("a+tag@d.com", "a@d.com"), ("a.b@d.com", "ab@d.com")] {
            assert_ne!(key(a), key(b));
        }
        assert_eq!(key("SIP:a@b.com"), None);
        assert_eq!(key("no address"), None);
        // The Turkish dotless i is not an i, in any culture.
        assert_ne!(key("ılse@d.com"), key("ilse@d.com"));
        assert_ne!(key("İlse@d.com"), key("ilse@d.com"));
    }

    #[test]
    fn syntax_is_what_exchange_takes() {
        for good in ["a@b.com", "a.b+c@sub.b-c.com", "o'neil@contoso.com", "a@xn--bcher-kva.example", "a@b"] {
            assert_eq!(check_smtp(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", SyntaxError::NoAt),
            ("jane", SyntaxError::NoAt),
            ("@b.com", SyntaxError::NoAt),
            ("a@", SyntaxError::NoAt),
            ("jörg@b.com", SyntaxError::NonAsciiLocal),
            ("a@bücher.example", SyntaxError::NonAsciiDomain),
            ("a b@c.com", SyntaxError::BadLocal),
            (".a@c.com", SyntaxError::BadLocal),
            ("a..b@c.com", SyntaxError::BadLocal),
            ("a@b@c.com", SyntaxError::BadLocal),
            ("a@-c.com", SyntaxError::BadDomain),
            ("a@c..com", SyntaxError::BadDomain),
            ("a@c_d.com", SyntaxError::BadDomain),
            ("a@[10.0.0.1]", SyntaxError::BadDomain),
        ] {
            assert_eq!(check_smtp(bad), Err(why), "{bad}");
        }
        assert_eq!(check_smtp(&format!("{}@b.com", "x".repeat(316))), Err(SyntaxError::TooLong));
    }
}
