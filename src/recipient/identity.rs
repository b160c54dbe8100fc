//! How an object can be named.

use std::fmt;

use uuid::Uuid;

use super::{Recipient, RecipientKind};
use crate::address;

/// A name for an object, told apart by its form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The object's GUID, the only name that never changes.
    Guid(Uuid),
    /// A distinguished name: `CN=Jane,OU=Staff,DC=contoso,DC=com`.
    DistinguishedName(String),
    /// A canonical name: `contoso.com/Staff/Jane`.
    CanonicalName(String),
    /// A user principal name or an e-mail address: the two cannot be told apart by form.
    UserPrincipalNameOrAddress(String),
    /// An account name with its domain: `CONTOSO\jane`.
    DomainAccount(String),
    /// Anything else: sAMAccountName, alias, name or display name.
    Name(String),
}

/// Why a text names no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// An empty identity is no identity: Exchange would answer with every mailbox.
    #[error("the identity is empty; Exchange would take that for every mailbox")]
    Empty,
    /// A wildcard may name many objects.
    #[error("`{0}` holds a wildcard; an identity must name one object")]
    Wildcard(String),
    /// Control characters are never part of a name.
    #[error("the identity holds a control character")]
    ControlCharacter,
    /// Longer than any name that Active Directory can hold.
    #[error("the identity is {0} characters long")]
    TooLong(usize),
}

impl Identity {
    /// Tells the form of a name.
    ///
    /// # Errors
    /// The text is empty, holds a wildcard or a control character, or is longer than any name can be.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let text = text.trim();
        let length = text.chars().count();
        if text.is_empty() {
            return Err(IdentityError::Empty);
        }
        if length > 1024 {
            return Err(IdentityError::TooLong(length));
        }
        if text.chars().any(char::is_control) {
            return Err(IdentityError::ControlCharacter);
        }
        if text.contains('*') {
            return Err(IdentityError::Wildcard(text.to_owned()));
        }
        // Exchange takes D and B forms; 32 bare hex digits are left alone, for they are a usual account name.
        if (text.contains('-') || text.starts_with('{'))
            && let Ok(guid) = Uuid::try_parse(text)
        {
            return Ok(Self::Guid(guid));
        }
        let text = text.to_owned();
        let upper = text.get(..3).map(str::to_ascii_uppercase);
        Ok(match upper.as_deref() {
            Some("CN=" | "OU=" | "DC=") if text.contains(',') => Self::DistinguishedName(text),
            _ if text.contains('/') => Self::CanonicalName(text),
            _ if text.contains('\\') => Self::DomainAccount(text),
            _ if text.contains('@') => Self::UserPrincipalNameOrAddress(text),
            _ => Self::Name(text),
        })
    }

    /// The name as it is sent to Exchange.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Guid(guid) => guid.hyphenated().to_string(),
            Self::DistinguishedName(text)
            | Self::CanonicalName(text)
            | Self::UserPrincipalNameOrAddress(text)
            | Self::DomainAccount(text)
            | Self::Name(text) => text.clone(),
        }
    }

    /// Whether the recipient really bears this name. An answer to a read by identity must pass this.
    #[must_use]
    pub fn names(&self, recipient: &Recipient) -> bool {
        let is = |held: &Option<String>, asked: &str| held.as_deref().is_some_and(|held| same(held, asked));
        match self {
            Self::Guid(guid) => {
                recipient.guid == *guid
                    || ["ExchangeGuid", "Guid"].iter().any(|name| {
                        recipient
                            .text(name)
                            .is_some_and(|text| Uuid::try_parse(text).is_ok_and(|held| held == *guid))
                    })
            }
            Self::DistinguishedName(dn) => same_dn(&recipient.distinguished_name, dn),
            Self::CanonicalName(name) => same(&recipient.identity, name),
            // A database may be called by its server: `EX01\DB01`.
            Self::DomainAccount(name) if recipient.kind == RecipientKind::MailboxDatabase => {
                name.rsplit('\\').next().is_some_and(|database| is(&recipient.name, database))
            }
            Self::DomainAccount(name) => {
                name.rsplit('\\').next().is_some_and(|account| is(&recipient.sam_account_name, account))
            }
            Self::UserPrincipalNameOrAddress(name) => {
                is(&recipient.user_principal_name, name)
                    || address::key(name).is_some_and(|asked| {
                        recipient
                            .email_addresses
                            .iter()
                            .map(String::as_str)
                            .chain(recipient.primary_smtp_address.as_deref())
                            .any(|held| address::key(held).as_ref() == Some(&asked))
                    })
            }
            Self::Name(name) => {
                is(&recipient.sam_account_name, name)
                    || is(&recipient.alias, name)
                    || is(&recipient.name, name)
                    || recipient.text("DisplayName").is_some_and(|held| same(held, name))
                    || recipient.identity.rsplit('/').next().is_some_and(|last| same(last, name))
            }
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Directory names compare without case; no culture is involved.
fn same(held: &str, asked: &str) -> bool {
    held.to_lowercase() == asked.trim().to_lowercase()
}

/// Blanks after a separating comma do not matter in a distinguished name.
fn same_dn(held: &str, asked: &str) -> bool {
    let tidy = |dn: &str| dn.split(',').map(str::trim).collect::<Vec<_>>().join(",").to_lowercase();
    tidy(held) == tidy(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_tells_the_kind() {
        let guid = "c07d2fbc-48f5-4a90-b7d7-5ec79d2844b4";
        assert!(matches!(Identity::parse(guid), Ok(Identity::Guid(_))));
        assert!(matches!(Identity::parse(&format!("{{{guid}}}")), Ok(Identity::Guid(_))));
        assert!(matches!(
            Identity::parse("CN=Roe\\, Jane,OU=Staff,DC=contoso,DC=com"),
            Ok(Identity::DistinguishedName(_))
        ));
        assert!(matches!(Identity::parse("contoso.com/Staff/Jane Roe"), Ok(Identity::CanonicalName(_))));
        assert!(matches!(Identity::parse("jane@contoso.com"), Ok(Identity::UserPrincipalNameOrAddress(_))));
        assert!(matches!(Identity::parse("CONTOSO\\jane"), Ok(Identity::DomainAccount(_))));
        assert!(matches!(Identity::parse(" jane "), Ok(Identity::Name(name)) if name == "jane"));
        assert!(matches!(Identity::parse("0123456789abcdef0123456789abcdef"), Ok(Identity::Name(_))));
    }

    #[test]
    fn what_names_nothing_or_everything_is_refused() {
        assert_eq!(Identity::parse(""), Err(IdentityError::Empty));
        assert_eq!(Identity::parse(" \t"), Err(IdentityError::Empty));
        assert!(matches!(Identity::parse("j*"), Err(IdentityError::Wildcard(_))));
        assert_eq!(Identity::parse("a\0b"), Err(IdentityError::ControlCharacter));
        assert_eq!(Identity::parse(&"x".repeat(2000)), Err(IdentityError::TooLong(2000)));
    }

    #[test]
    fn an_injection_attempt_is_just_a_name() {
        let text = "'; Remove-Mailbox jane -Confirm:$false; '";
        assert_eq!(Identity::parse(text).map(|identity| identity.text()), Ok(text.to_owned()));
    }

    #[test]
    fn an_answer_must_bear_the_name_it_was_asked_by() {
        let mut jane = Recipient::new(crate::recipient::RecipientKind::User, Uuid::from_u128(7));
        jane.identity = "contoso.com/Staff/Jane Roe".into();
        jane.distinguished_name = "CN=Jane Roe,OU=Staff,DC=contoso,DC=com".into();
        jane.sam_account_name = Some("jroe".into());
        jane.user_principal_name = Some("jane@corp.contoso.com".into());
        jane.email_addresses = vec!["SMTP:Jane.Roe@contoso.com".into(), "X500:/o=x/cn=jroe".into()];
        for name in [
            "00000000-0000-0000-0000-000000000007",
            "cn=jane roe, ou=staff, dc=contoso, dc=com",
            "CONTOSO.com/staff/JANE roe",
            "JROE",
            "CONTOSO\\jroe",
            "Jane@corp.contoso.com",
            "jane.roe@CONTOSO.com",
            "Jane Roe",
        ] {
            assert!(Identity::parse(name).unwrap().names(&jane), "{name}");
        }
        for name in ["jroe2", "jane@contoso.com", "00000000-0000-0000-0000-000000000008", "DOM\\jane"] {
            assert!(!Identity::parse(name).unwrap().names(&jane), "{name}");
        }
    }
}
