//! One object: attributes by the names that Exchange gives them.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attribute {
    /// True or false
    Flag(bool),
    /// A number; dates are milliseconds since 1970
    Number(i64),
    /// Text, also of enums, sizes, durations, GUIDs and references (canonical names)
    Text(String),
    /// Several texts in order
    List(Vec<String>),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// When a value was written: the later one wins where two domain controllers changed the same attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) time_ms: u64,
    pub(crate) sequence: u64,
}

/// An object of the directory.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) guid: Uuid,
    attributes: BTreeMap<String, (Stamp, Option<Attribute>)>,
    password: Option<(Stamp, SecretString)>,
}

impl Entry {
    pub(crate) fn new(guid: Uuid) -> Self {
        Self { guid, attributes: BTreeMap::new(), password: None }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Attribute> {
        self.attributes.get(name).and_then(|(_, value)| value.as_ref())
    }

    /// The text of an attribute; empty when absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Attribute::Text(text)) => text,
            _ => "",
        }
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Attribute::Flag(true)))
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Attribute::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(Attribute::List(items)) => items,
            _ => &[],
        }
    }

    /// Sets or clears an attribute unless a later write is already there.
    pub(crate) fn set(&mut self, name: &str, value: Option<Attribute>, stamp: Stamp) {
        match self.attributes.get(name) {
            Some((later, _)) if *later > stamp => {}
            _ => {
                self.attributes.insert(name.to_owned(), (stamp, value));
            }
        }
    }

    /// Gives an attribute another value, as written when the former one was.
    pub(crate) fn replace(&mut self, name: &str, value: Attribute) {
        if let Some((_, held)) = self.attributes.get_mut(name) {
            *held = Some(value);
        }
    }

    pub(crate) fn password(&self) -> Option<(Stamp, &SecretString)> {
        self.password.as_ref().map(|(stamp, password)| (*stamp, password))
    }

    pub(crate) fn set_password(&mut self, password: SecretString, stamp: Stamp) {
        if self.password.as_ref().is_none_or(|(old, _)| *old <= stamp) {
            self.password = Some((stamp, password));
        }
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.attributes
            .iter()
            .filter_map(|(name, (_, value))| value.as_ref().map(|value| (name.as_str(), value)))
    }

    /// `RecipientTypeDetails`
    pub(crate) fn details(&self) -> &str {
        self.text("RecipientTypeDetails")
    }

    /// `RecipientType`, which follows from the details.
    pub(crate) fn recipient_type(&self) -> &str {
        match self.details() {
            details if is_remote(details) => "MailUser",
            details if details.ends_with("Mailbox") => "UserMailbox",
            "DisabledUser" => "User",
            details => details,
        }
    }

    /// Whether there is a mailbox on this Exchange.
    pub(crate) fn is_mailbox(&self) -> bool {
        self.details().ends_with("Mailbox") && !self.is_remote()
    }

    pub(crate) fn is_remote(&self) -> bool {
        is_remote(self.details())
    }

    /// Whether the object is an account: contacts and groups are not.
    pub(crate) fn is_user(&self) -> bool {
        !matches!(
            self.details(),
            "MailContact" | "MailUniversalDistributionGroup" | "MailUniversalSecurityGroup"
        )
    }

    /// Whether the object has addresses at all.
    pub(crate) fn is_mail_enabled(&self) -> bool {
        !matches!(self.details(), "User" | "DisabledUser" | "LinkedUser")
    }
}

fn is_remote(details: &str) -> bool {
    details.starts_with("Remote")
}
