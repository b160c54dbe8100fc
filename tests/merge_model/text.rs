//! What section 2.2 and 2.3 say of single addresses and domains: prefix, key, syntax, excluded. Plain and slow.

/// 2.2: the text of 1 to 20 characters before the first colon, if it holds no `@`, `/`, `=`, `;` or blank.
pub fn prefix(value: &str) -> Option<String> {
    let colon = value.find(':')?;
    let before = value[..colon].to_owned();
    let count = before.chars().count();
    let forbidden = |letter: char| matches!(letter, '@' | '/' | '=' | ';') || letter.is_whitespace();
    if count == 0 || count > 20 || before.chars().any(forbidden) { None } else { Some(before) }
}

/// 2.2: SMTP class is no prefix, or the prefix `smtp` in any case.
pub fn is_smtp(value: &str) -> bool {
    match prefix(value) {
        None => true,
        Some(prefix) => prefix.eq_ignore_ascii_case("smtp"),
    }
}

/// 2.2: primary is the prefix `SMTP`, exactly.
pub fn is_primary(value: &str) -> bool {
    prefix(value).as_deref() == Some("SMTP")
}

/// The value without its prefix.
pub fn bare(value: &str) -> String {
    match prefix(value) {
        None => value.to_owned(),
        Some(prefix) => value[prefix.len() + 1..].to_owned(),
    }
}

/// 2.2: `lower(local) + "@" + lower(domain)`, ASCII letters only, domain as A-labels without a trailing dot.
pub fn key(address: &str) -> String {
    match address.rfind('@') {
        None => address.to_ascii_lowercase(),
        Some(at) => format!("{}@{}", address[..at].to_ascii_lowercase(), domain_key(&address[at + 1..])),
    }
}

/// The key of a value with or without prefix.
pub fn key_of(value: &str) -> String {
    key(&bare(value))
}

/// What stands behind the `@` of a key.
pub fn domain_of(key: &str) -> String {
    key.rfind('@').map(|at| key[at + 1..].to_owned()).unwrap_or_default()
}

/// Labels, with ASCII letters in lower case, and their A-label forms, as registries publish them: the only ones that the
/// generator uses. Two letters that differ in case are one in IDNA.
const IDN: [(&str, &str); 7] = [
    ("bücher", "xn--bcher-kva"),
    ("bÜcher", "xn--bcher-kva"),
    ("münchen", "xn--mnchen-3ya"),
    ("пример", "xn--e1afmkfd"),
    ("испытание", "xn--80akhbyknj4f"),
    ("例え", "xn--r8jz45g"),
    ("テスト", "xn--zckzah"),
];

/// A domain as it is compared.
pub fn domain_key(domain: &str) -> String {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let labels: Vec<String> = domain
        .split('.')
        .map(|label| {
            let label = label.to_ascii_lowercase();
            match IDN.iter().find(|(unicode, _)| *unicode == label) {
                Some((_, ascii)) => (*ascii).to_owned(),
                None => label,
            }
        })
        .collect();
    labels.join(".")
}

/// What the text says of an address's syntax: it is fine, it is bad, or the text does not tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Syntax {
    Good,
    Bad,
    Open,
}

/// R5 with F3 and F15. The text names no grammar, so what RFC 5321 has beside ordinary addresses is left open.
pub fn syntax(address: &str) -> Syntax {
    let Some(at) = address.rfind('@') else { return Syntax::Bad };
    let (local, domain) = (&address[..at], &address[at + 1..]);
    if local.is_empty() || domain.is_empty() || !address.is_ascii() {
        return Syntax::Bad; // F15: neither a local part outside ASCII nor a U-label
    }
    if local.starts_with('"') || domain.starts_with('[') || local.len() > 64 || address.len() > 254 {
        return Syntax::Open;
    }
    let letter = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    if !local.chars().all(letter) || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Syntax::Bad;
    }
    if domain.starts_with('.') || domain.contains("..") {
        return Syntax::Bad;
    }
    if domain.ends_with('.') || domain.contains('_') || !domain.contains('.') {
        return Syntax::Open;
    }
    let good_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if domain.split('.').all(good_label) { Syntax::Good } else { Syntax::Bad }
}

/// 2.3: an empty entry is a configuration error.
pub fn entries_are_good(entries: &[String]) -> bool {
    entries.iter().all(|entry| !entry.trim().is_empty())
}

/// 2.3: whether the address (a key) is in an excluded domain.
pub fn excluded(key: &str, entries: &[String], literal: bool) -> bool {
    entries.iter().any(|entry| if literal { literal_match(key, entry) } else { label_match(key, entry) })
}

/// 2.3: which of the three ways of writing it is.
fn label_match(key: &str, entry: &str) -> bool {
    let entry = entry.trim();
    let domain = domain_of(key);
    if let Some(exact) = entry.strip_prefix('@') {
        domain == domain_key(exact)
    } else if let Some(above) = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')) {
        domain.ends_with(&format!(".{}", domain_key(above)))
    } else {
        let entry = domain_key(entry);
        domain == entry || domain.ends_with(&format!(".{entry}"))
    }
}

/// 2.3: IBIS's wording, "end with any of these domain names".
fn literal_match(key: &str, entry: &str) -> bool {
    let entry = entry.trim();
    if let Some(exact) = entry.strip_prefix('@') {
        key.ends_with(&format!("@{}", domain_key(exact)))
    } else if let Some(above) = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')) {
        key.ends_with(&format!(".{}", domain_key(above)))
    } else {
        key.ends_with(&domain_key(entry))
    }
}

/// R19: `x@tenant.onmicrosoft.com`, one label before it.
pub fn is_moera(key: &str) -> bool {
    match domain_of(key).strip_suffix(".onmicrosoft.com") {
        Some(tenant) => !tenant.is_empty() && !tenant.contains('.'),
        None => false,
    }
}

/// R28: authoritative and relay domains alike. `*.contoso.com` is how Exchange shows contoso.com with its subdomains; `*`
/// is all.
pub fn accepted(key: &str, domains: &[String]) -> bool {
    let domain = domain_of(key);
    domains.iter().any(|accepted| match accepted.strip_prefix("*.").map(domain_key) {
        Some(above) => domain == above || domain.ends_with(&format!(".{above}")),
        None => accepted == "*" || domain == domain_key(accepted),
    })
}
