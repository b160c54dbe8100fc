//! Names of accounts and services.

use std::fmt;

use super::KerberosError;

/// Most components that a name may have.
const MAX_PARTS: usize = 16;

/// name-type, RFC 4120 6.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameType {
    /// Not known
    Unknown,
    /// NT-PRINCIPAL: an account
    Principal,
    /// NT-SRV-INST: a service and its instance, such as the ticket-granting service
    ServiceInstance,
    /// NT-SRV-HST: a service on a host
    ServiceHost,
    /// NT-ENTERPRISE: a user principal name that the KDC resolves, RFC 6806
    Enterprise,
    /// Any other number
    Other(i32),
}

impl NameType {
    /// The type of a number.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        match number {
            0 => Self::Unknown,
            1 => Self::Principal,
            2 => Self::ServiceInstance,
            3 => Self::ServiceHost,
            10 => Self::Enterprise,
            other => Self::Other(other),
        }
    }

    /// Its number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Unknown => 0,
            Self::Principal => 1,
            Self::ServiceInstance => 2,
            Self::ServiceHost => 3,
            Self::Enterprise => 10,
            Self::Other(other) => other,
        }
    }
}

/// A name in a realm, RFC 4120 5.2.2 and 6.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The realm; empty where it is not known yet
    pub realm: String,
    /// What kind of name it is
    pub name_type: NameType,
    /// The components
    pub parts: Vec<String>,
}

impl Principal {
    /// An account.
    pub fn user(name: impl Into<String>, realm: impl Into<String>) -> Self {
        Self { realm: realm.into(), name_type: NameType::Principal, parts: vec![name.into()] }
    }

    /// A user principal name that the KDC of `realm` is to resolve, RFC 6806 5.
    pub fn enterprise(name: impl Into<String>, realm: impl Into<String>) -> Self {
        Self { realm: realm.into(), name_type: NameType::Enterprise, parts: vec![name.into()] }
    }

    /// A service on a host, such as `HTTP/ex01.contoso.com`.
    pub fn service(class: impl Into<String>, host: impl Into<String>, realm: impl Into<String>) -> Self {
        let parts = vec![class.into(), host.into()];
        Self { realm: realm.into(), name_type: NameType::ServiceInstance, parts }
    }

    /// The ticket-granting service of `of` in `realm`: for another realm a cross-realm one.
    pub fn ticket_granting(of: impl Into<String>, realm: impl Into<String>) -> Self {
        Self::service("krbtgt", of, realm)
    }

    /// Whether this is a ticket-granting service.
    #[must_use]
    pub fn is_ticket_granting(&self) -> bool {
        matches!(self.parts.as_slice(), [class, _] if class == "krbtgt")
    }

    /// Reads `name@REALM` or `class/host@REALM`, with `\` before `/`, `@` and `\` where they are part of a name. The
    /// realm may be left out.
    ///
    /// ```
    /// use wsman::auth::kerberos::Principal;
    /// let service = Principal::parse("HTTP/ex01.contoso.com@CONTOSO.COM").unwrap();
    /// assert_eq!(service.parts, ["HTTP", "ex01.contoso.com"]);
    /// assert_eq!(service.to_string(), "HTTP/ex01.contoso.com@CONTOSO.COM");
    /// ```
    ///
    /// # Errors
    /// An empty component, or too many of them.
    pub fn parse(text: &str) -> Result<Self, KerberosError> {
        let wrong = |why| KerberosError::malformed("principal name", why);
        // Components first; what comes after `@` is the realm.
        let (mut parts, mut has_realm) = (vec![String::new()], false);
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let letter = match letter {
                '/' if !has_realm => {
                    parts.push(String::new());
                    continue;
                }
                '@' if has_realm => return Err(wrong("it has two realms")),
                '@' => {
                    has_realm = true;
                    parts.push(String::new());
                    continue;
                }
                '\\' => match letters.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some(other) => other,
                    None => return Err(wrong("it ends in a backslash")),
                },
                other => other,
            };
            if let Some(part) = parts.last_mut() {
                part.push(letter);
            }
        }
        let realm = if has_realm { parts.pop() } else { None };
        if parts.iter().any(String::is_empty) {
            return Err(wrong("a component is empty"));
        }
        if parts.len() > MAX_PARTS {
            return Err(wrong("it has too many components"));
        }
        let name_type = if parts.len() == 1 { NameType::Principal } else { NameType::ServiceInstance };
        Ok(Self { realm: realm.unwrap_or_default(), name_type, parts })
    }

    /// Whether this name, which may lack a realm, means `other`; case does not count, as in [`Principal::is_same`].
    #[must_use]
    pub fn names(&self, other: &Self) -> bool {
        if !self.realm.is_empty() {
            return self.is_same(other);
        }
        let same = |(a, b): (&String, &String)| a.to_lowercase() == b.to_lowercase();
        self.parts.len() == other.parts.len() && self.parts.iter().zip(&other.parts).all(same)
    }

    /// Whether both are the same name without regard to case and to the kind of name, as Active Directory has it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        same(&self.realm, &other.realm)
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(a, b)| same(a, b))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.parts.iter().enumerate() {
            if place > 0 {
                f.write_str("/")?;
            }
            escape(f, part)?;
        }
        if self.realm.is_empty() {
            return Ok(());
        }
        f.write_str("@")?;
        escape(f, &self.realm)
    }
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for letter in text.chars() {
        match letter {
            '/' | '@' | '\\' => write!(f, "\\{letter}")?,
            // A name in an error text stays on its line.
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            letter => write!(f, "{letter}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_form() {
        let upn = Principal::enterprise("anna@contoso.com", "CONTOSO.COM");
        assert_eq!(upn.to_string(), r"anna\@contoso.com@CONTOSO.COM");
        assert_eq!(Principal::parse(&upn.to_string()).unwrap().parts, upn.parts);
        assert_eq!(Principal::parse("anna").unwrap().realm, "");
        for wrong in ["", "/", "a//b", "a@b@c", "a\\"] {
            assert!(Principal::parse(wrong).is_err(), "{wrong}");
        }
        for odd in [r"a\\b@C\\D", r"a\nb\t@C\n", r"a@C\/D\@E"] {
            assert_eq!(Principal::parse(odd).unwrap().to_string(), odd);
        }
        let lower = Principal::parse("http/EX01.contoso.com@contoso.com").unwrap();
        assert!(lower.is_same(&Principal::service("HTTP", "ex01.contoso.com", "CONTOSO.COM")));
    }
}
