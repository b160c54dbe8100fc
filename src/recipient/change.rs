//! A change: what a flow asks for.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// One change of one object, as a flow asks for it.
///
/// A password is never in here, only where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Names the change within its source.
    pub change_id: String,
    /// Where it was read.
    pub source: Source,
    /// The connection it is meant for, when the flow names one.
    pub connection: Option<String>,
    /// What kind of object.
    pub object_type: ObjectType,
    /// What to do.
    pub operation: Operation,
    /// The object, in any form that [`Identity`](super::Identity) knows. Not trusted to be non-empty.
    pub identity: String,
    /// The type of mailbox; absent is "not managed" (and a regular one on create).
    pub mailbox_type: Option<MailboxType>,
    /// A domain controller for this row.
    pub domain_controller: Option<String>,
    /// The flow's e-mail addresses; absent is "not managed".
    pub addresses: Option<AddressFlow>,
    /// Canonical parameter name to wanted value.
    pub attributes: BTreeMap<String, Wanted>,
    /// `_param_<Name>`: canonical parameter name to wanted value; used by the creating cmdlet and nowhere else.
    pub create_only: BTreeMap<String, Wanted>,
    /// Where the password for a new account comes from.
    pub password: Option<SecretSource>,
    /// The licence that brings a mailbox in the cloud, by part number or id; absent is the connection's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub licence: Option<String>,
    /// The country of the user in the cloud, as two letters; absent is the connection's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage_location: Option<String>,
}

impl Change {
    /// A change of a mailbox that asks for nothing yet.
    #[must_use]
    pub fn new(operation: Operation, identity: impl Into<String>) -> Self {
        Self {
            change_id: String::new(),
            source: Source::default(),
            connection: None,
            object_type: ObjectType::Mailbox,
            operation,
            identity: identity.into(),
            mailbox_type: None,
            domain_controller: None,
            addresses: None,
            attributes: BTreeMap::new(),
            create_only: BTreeMap::new(),
            password: None,
            licence: None,
            usage_location: None,
        }
    }

    /// Whether an earlier change of the same account must not be carried out any more once this one has been: the two want
    /// different things, and this one came later.
    #[must_use]
    pub fn contradicts(&self, earlier: &Self) -> bool {
        let ends = |change: &Self| matches!(change.operation, Operation::Disable | Operation::Remove);
        if ends(self) || ends(earlier) {
            return self.operation != earlier.operation;
        }
        let differ = |name: &String, wanted: &Wanted| {
            self.attributes.get(name).is_some_and(|later| !is_of_addresses(name) && later != wanted)
        };
        earlier.attributes.iter().any(|(name, wanted)| differ(name, wanted))
            || both_differ(self.mailbox_type.as_ref(), earlier.mailbox_type.as_ref())
            || both_differ(self.licence.as_ref(), earlier.licence.as_ref())
            || both_differ(self.of_addresses().as_ref(), earlier.of_addresses().as_ref())
    }

    fn of_addresses(&self) -> Option<OfAddresses<'_>> {
        let attributes: Vec<_> = self.attributes.iter().filter(|(name, _)| is_of_addresses(name)).collect();
        let says_something = self.addresses.is_some() || !attributes.is_empty();
        says_something.then_some(OfAddresses { list: self.addresses.as_ref(), attributes })
    }

    /// With an id: within one source the same id and content are one change, also in a later run.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.change_id = id.into();
        self
    }
}

/// Everything that a change says about addresses; they depend on each other.
#[derive(PartialEq)]
struct OfAddresses<'c> {
    list: Option<&'c AddressFlow>,
    attributes: Vec<(&'c String, &'c Wanted)>,
}

fn is_of_addresses(parameter: &str) -> bool {
    matches!(
        parameter,
        "EmailAddressPolicyEnabled" | "PrimarySmtpAddress" | "RemoteRoutingAddress" | "WindowsEmailAddress"
    )
}

fn both_differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

/// Where a change was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The file as it was named, or `-`.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The kind of object a change is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ObjectType {
    /// A mailbox, here or in the cloud: the recipient's own type decides.
    #[default]
    Mailbox,
    /// A mailbox database.
    MailboxDatabase,
}

/// What a change does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Create or update.
    #[default]
    Ensure,
    /// Create; an object that is there already must be the one that would be made.
    Create,
    /// Update; the object must be there.
    Update,
    /// Take the mailbox from its user.
    Disable,
    /// Delete mailbox and user.
    Remove,
}

/// The type of mailbox that a flow asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MailboxType {
    /// A user's mailbox.
    #[default]
    Regular,
    /// A shared mailbox.
    Shared,
    /// A room.
    Room,
    /// A piece of equipment.
    Equipment,
    /// A mailbox whose owner lives in another forest.
    Linked,
}

macro_rules! words {
    ($($type:ident { $($variant:ident = $word:literal),+ $(,)? })+) => { $(
        impl $type {
            /// Every word of this kind, as flows write it.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Reads a flow's word; case does not matter.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                let word = word.trim();
                $(if word.eq_ignore_ascii_case($word) { return Some(Self::$variant); })+
                None
            }

            /// The word, as flows write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+ };
}

words! {
    ObjectType { Mailbox = "Mailbox", MailboxDatabase = "MailboxDatabase" }
    Operation { Ensure = "ensure", Create = "create", Update = "update", Disable = "disable", Remove = "remove" }
    MailboxType { Regular = "Regular", Shared = "Shared", Room = "Room", Equipment = "Equipment", Linked = "Linked" }
}

/// The flow's e-mail addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressFlow {
    /// The whole list, primary last.
    List(Vec<String>),
    /// The flow holds nothing where the list should be.
    Clear,
    /// Secondary addresses to add and to take away.
    Delta(Delta),
}

impl<T: Into<String>> From<Vec<T>> for AddressFlow {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

/// Values to add to a list and to take from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Values to add.
    pub add: Vec<String>,
    /// Values to take away.
    pub remove: Vec<String>,
}

/// The value that a flow wants a parameter to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// No value.
    Clear,
    /// A text, or anything that Exchange reads from text: sizes, times, identities.
    Text(String),
    /// True or false; for a switch, set or not.
    Bool(bool),
    /// A number.
    Int(i64),
    /// The whole list.
    List(Vec<String>),
    /// A difference to the list that is there.
    Delta(Delta),
}

impl From<&str> for Wanted {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Wanted {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Wanted {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// Where a secret comes from. The secret itself is read when it is sent, and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// A cell of the flow.
    Flow {
        /// The file as it was named.
        file: String,
        /// The row's line, counted from 1.
        line: u64,
        /// The column's name.
        column: String,
    },
    /// A reference: `env:`, `file:`, `vault:` and so on.
    Reference(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(operation: Operation, attributes: &[(&str, &str)]) -> Change {
        let mut change = Change::new(operation, "ada");
        change.attributes =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), Wanted::from(*value))).collect();
        change
    }

    #[test]
    fn a_later_change_contradicts_an_earlier_one_where_they_want_different_things() {
        use Operation::{Disable, Ensure, Remove, Update};
        let earlier = change(Ensure, &[("MailTip", "x"), ("Office", "1")]);
        assert!(change(Update, &[("Office", "2")]).contradicts(&earlier));
        assert!(!change(Update, &[("Office", "1"), ("Title", "y")]).contradicts(&earlier), "both can be");
        assert!(change(Disable, &[]).contradicts(&earlier) && earlier.contradicts(&change(Disable, &[])));
        assert!(change(Remove, &[]).contradicts(&change(Disable, &[])));
        assert!(!change(Disable, &[]).contradicts(&change(Disable, &[])));
    }

    #[test]
    fn all_that_is_said_about_addresses_is_one_thing() {
        let mut list = change(Operation::Ensure, &[]);
        list.addresses = Some(vec!["SMTP:ada@contoso.com"].into());
        let primary = change(Operation::Update, &[("PrimarySmtpAddress", "al@contoso.com")]);
        assert!(primary.contradicts(&list) && list.contradicts(&primary));
        assert!(!list.clone().contradicts(&list), "the same list");
        assert!(!list.contradicts(&change(Operation::Update, &[("Office", "1")])));
    }
}
