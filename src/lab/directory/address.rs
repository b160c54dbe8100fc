//! Proxy addresses as the directory keeps them.

/// A proxy address `Type:Address`, `[MS-OXOABK] 2.2.3.23`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// The type as written; empty when none was written
    pub(crate) prefix: String,
    /// What stands behind the colon
    pub(crate) address: String,
}

impl Proxy {
    /// Splits at the first colon when what stands before it can be a type.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some((prefix, address))
                if (1..=20).contains(&prefix.chars().count())
                    && !prefix.contains(['@', '/', '=', ';', ' ', '[', '"']) =>
            {
                Self { prefix: prefix.to_owned(), address: address.to_owned() }
            }
            _ => Self { prefix: String::new(), address: text.to_owned() },
        }
    }

    pub(crate) fn is_smtp(&self) -> bool {
        self.prefix.is_empty() || self.prefix.eq_ignore_ascii_case("smtp")
    }

    /// Upper case marks the primary of a type.
    pub(crate) fn is_primary(&self) -> bool {
        !self.prefix.is_empty() && !self.prefix.chars().any(char::is_lowercase)
    }

    /// What must be unique in the forest.
    pub(crate) fn key(&self) -> String {
        let prefix = if self.prefix.is_empty() { "smtp" } else { &self.prefix };
        format!("{}:{}", prefix.to_lowercase(), self.address.to_lowercase())
    }

    pub(crate) fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address with its type in upper case, as in error texts.
    pub(crate) fn shouted(&self) -> String {
        let prefix = if self.prefix.is_empty() { "SMTP".to_owned() } else { self.prefix.to_uppercase() };
        format!("{prefix}:{}", self.address)
    }
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.prefix.is_empty() {
            f.write_str(&self.address)
        } else {
            write!(f, "{}:{}", self.prefix, self.address)
        }
    }
}

/// Whether `address` is what Exchange takes for an SMTP address: ASCII local part, a domain with a dot.
pub(crate) fn is_smtp_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && local.is_ascii()
        && !local.contains([' ', '@', '<', '>', '(', ')', ',', ';', ':', '\\', '"', '[', ']'])
        && !local.chars().any(char::is_control)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    local_fits && domain.len() <= 255 && domain.contains('.') && domain.split('.').all(label)
}
