//! User names, secrets, and where an acceptor finds them.

use std::{fmt, sync::Arc};

use secrecy::{SecretBox, SecretString};

use super::kerberos::{CredentialCache, Keytab};
use crate::wiped::wiped_by_parts;

/// A user name in one of the forms people write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserName {
    /// The domain before a backslash; empty for `user@realm` and bare names.
    pub domain: String,
    /// The user, with `@realm` where it was written so.
    pub user: String,
}

impl UserName {
    /// A name in two parts.
    pub fn new(domain: impl Into<String>, user: impl Into<String>) -> Self {
        Self { domain: domain.into(), user: user.into() }
    }

    /// Reads `DOMAIN\user`, `.\user`, `user@realm` or `user`.
    ///
    /// ```
    /// use wsman::auth::UserName;
    /// assert_eq!(UserName::parse("CONTOSO\\anna"), UserName::new("CONTOSO", "anna"));
    /// assert_eq!(UserName::parse("anna@contoso.com"), UserName::new("", "anna@contoso.com"));
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('\\') {
            Some((domain, user)) => Self::new(domain, user),
            None => Self::new("", text),
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.domain.is_empty() {
            write!(f, "{}\\", self.domain)?;
        }
        f.write_str(&self.user)
    }
}

/// What proves an identity.
#[derive(Clone)]
#[non_exhaustive]
pub enum Secret {
    /// The password in clear.
    Password(SecretString),
    /// The NT hash, MD4 of the password in UTF-16: enough for NTLM.
    NtHash(NtHash),
    /// Keys, as a service or an account without a person has them: enough for Kerberos.
    Keytab(Arc<Keytab>),
    /// Tickets that are there already: enough for Kerberos.
    TicketCache(Arc<CredentialCache>),
    /// Nothing: the proof lies elsewhere, such as in the certificate of a TLS client.
    None,
}

/// An NT hash; shared, and wiped when the last holder lets go.
pub type NtHash = Arc<SecretBox<[u8; 16]>>;

impl Secret {
    /// A password.
    pub fn password(password: impl Into<String>) -> Self {
        Self::Password(SecretString::from(password.into()))
    }

    /// An NT hash.
    #[must_use]
    pub fn nt_hash(hash: [u8; 16]) -> Self {
        Self::NtHash(Arc::new(SecretBox::new(Box::new(hash))))
    }
}

wiped_by_parts!(Secret: SecretString, SecretBox<[u8; 16]>, Keytab, CredentialCache);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who signs in, and with what.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The name.
    pub user: UserName,
    /// The proof.
    pub secret: Secret,
}

wiped_by_parts!(Credentials: Secret);

impl Credentials {
    /// A name as people write it, with a password.
    ///
    /// ```
    /// use wsman::auth::Credentials;
    /// let credentials = Credentials::new("CONTOSO\\anna", "s3cret");
    /// assert!(!format!("{credentials:?}").contains("s3cret"));
    /// ```
    pub fn new(user: &str, password: impl Into<String>) -> Self {
        Self { user: UserName::parse(user), secret: Secret::password(password) }
    }
}

/// Where an acceptor finds the secret of an account.
pub trait AccountStore: Send + Sync {
    /// The secret of the account that `user` names, or `None` when there is none.
    ///
    /// `user` is as the peer sent it: comparing domain and user without regard to case, and what an empty
    /// domain means, is up to the store.
    fn secret(&self, user: &UserName) -> Option<Secret>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_form() {
        assert_eq!(UserName::parse(r".\admin"), UserName::new(".", "admin"));
        assert_eq!(UserName::parse("admin"), UserName::new("", "admin"));
        assert_eq!(UserName::parse(r"D\a@b"), UserName::new("D", "a@b"));
        assert_eq!(UserName::parse(r"D\a").to_string(), r"D\a");
        assert_eq!(UserName::parse("a@b").to_string(), "a@b");
    }

    #[test]
    fn secrets_do_not_show() {
        let text = format!("{:?} {:?}", Credentials::new("u", "canary"), Secret::nt_hash([0xAB; 16]));
        assert!(!text.contains("canary") && !text.contains("171") && !text.to_lowercase().contains("ab"));
    }
}
