//! A recipient as Exchange has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An object as a read found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// What it is.
    pub kind: RecipientKind,
    /// The directory object's GUID: the account's anchor.
    pub guid: Uuid,
    /// `CN=Jane,OU=Staff,DC=contoso,DC=com`.
    pub distinguished_name: String,
    /// The canonical name, as the property `Identity` gives it.
    pub identity: String,
    /// The directory name.
    pub name: Option<String>,
    /// The user principal name.
    pub user_principal_name: Option<String>,
    /// The account name.
    pub sam_account_name: Option<String>,
    /// The mail nickname.
    pub alias: Option<String>,
    /// The primary address without prefix.
    pub primary_smtp_address: Option<String>,
    /// Every proxy address, byte for byte as Exchange gave it.
    pub email_addresses: Vec<String>,
    /// Whether an address policy owns the primary address.
    pub email_address_policy_enabled: Option<bool>,
    /// Where mail for a remote mailbox goes.
    pub remote_routing_address: Option<String>,
    /// The domain controller that the answer came from.
    pub originating_server: Option<String>,
    /// Whether there is an archive.
    pub archive: ArchiveState,
    /// Whether directory synchronisation owns the object.
    pub is_dir_synced: bool,
    /// Every property that was read, by name. What is not in here is not known.
    pub properties: BTreeMap<String, Property>,
    /// Of a mailbox: what only the view of its user told, where that was read.
    #[serde(skip)]
    pub of_user: BTreeMap<String, Property>,
}

impl Recipient {
    /// An object of which nothing but kind and GUID is known.
    #[must_use]
    pub fn new(kind: RecipientKind, guid: Uuid) -> Self {
        Self {
            kind,
            guid,
            distinguished_name: String::new(),
            identity: String::new(),
            name: None,
            user_principal_name: None,
            sam_account_name: None,
            alias: None,
            primary_smtp_address: None,
            email_addresses: Vec::new(),
            email_address_policy_enabled: None,
            remote_routing_address: None,
            originating_server: None,
            archive: ArchiveState::None,
            is_dir_synced: false,
            properties: BTreeMap::new(),
            of_user: BTreeMap::new(),
        }
    }

    /// A property's value, when it was read. The named fields answer for the properties they stand for.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<Property> {
        let text = |held: &Option<String>| held.clone().map(Property::Text);
        let field = match name {
            "Name" => text(&self.name),
            "UserPrincipalName" => text(&self.user_principal_name),
            "SamAccountName" => text(&self.sam_account_name),
            "Alias" => text(&self.alias),
            "PrimarySmtpAddress" => text(&self.primary_smtp_address),
            "RemoteRoutingAddress" => text(&self.remote_routing_address),
            "EmailAddressPolicyEnabled" => self.email_address_policy_enabled.map(Property::Bool),
            _ => None,
        };
        field.or_else(|| self.properties.get(name).or_else(|| self.of_user.get(name)).cloned())
    }

    /// A property of type text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.properties.get(name) {
            Some(Property::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Takes what the view of the user tells beyond the mailbox's own: names, department, telephone.
    pub fn add_user_view(&mut self, user: Self) {
        self.of_user = user.properties;
        self.of_user.retain(|name, _| !self.properties.contains_key(name));
    }

    /// The value of `RecipientTypeDetails`, as far as the kind tells it.
    #[must_use]
    pub fn type_name(&self) -> String {
        self.kind.type_name()
    }
}

/// A property's value, independent of how it was serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Property {
    /// Known to have no value.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Int(i64),
    /// Text; sizes, times, enums and identities come as text too.
    Text(String),
    /// A multi-valued property.
    List(Vec<String>),
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientKind {
    /// A directory user without a mailbox.
    User,
    /// A directory user with an external mail address.
    MailUser,
    /// A mailbox on this side.
    Mailbox(MailboxDetails),
    /// A mailbox in the cloud, seen from this side.
    RemoteMailbox(MailboxDetails),
    /// A mailbox database.
    MailboxDatabase,
    /// Anything else, by its `RecipientTypeDetails`.
    Other(String),
}

/// What sort of mailbox it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxDetails {
    /// A user's.
    User,
    /// Shared.
    Shared,
    /// A room.
    Room,
    /// Equipment.
    Equipment,
    /// Its owner lives in another forest.
    Linked,
    /// Another sort, by its `RecipientTypeDetails`.
    Other(String),
}

impl RecipientKind {
    /// Reads `RecipientTypeDetails`.
    #[must_use]
    pub fn from_type_details(details: &str) -> Self {
        match details.trim() {
            "User" | "DisabledUser" | "LinkedUser" => Self::User,
            "MailUser" | "GuestMailUser" => Self::MailUser,
            "UserMailbox" | "LegacyMailbox" => Self::Mailbox(MailboxDetails::User),
            "SharedMailbox" => Self::Mailbox(MailboxDetails::Shared),
            "RoomMailbox" => Self::Mailbox(MailboxDetails::Room),
            "EquipmentMailbox" => Self::Mailbox(MailboxDetails::Equipment),
            "LinkedMailbox" => Self::Mailbox(MailboxDetails::Linked),
            "RemoteUserMailbox" => Self::RemoteMailbox(MailboxDetails::User),
            "RemoteSharedMailbox" => Self::RemoteMailbox(MailboxDetails::Shared),
            "RemoteRoomMailbox" => Self::RemoteMailbox(MailboxDetails::Room),
            "RemoteEquipmentMailbox" => Self::RemoteMailbox(MailboxDetails::Equipment),
            other if other.starts_with("Remote") && other.ends_with("Mailbox") => {
                Self::RemoteMailbox(MailboxDetails::Other(other.to_owned()))
            }
            other if other.ends_with("Mailbox") && other != "GroupMailbox" => {
                Self::Mailbox(MailboxDetails::Other(other.to_owned()))
            }
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name that `RecipientTypeDetails` has for it.
    #[must_use]
    pub fn type_name(&self) -> String {
        let named = |remote: &str, details: &MailboxDetails| match details {
            MailboxDetails::User => format!("{remote}UserMailbox"),
            MailboxDetails::Shared => format!("{remote}SharedMailbox"),
            MailboxDetails::Room => format!("{remote}RoomMailbox"),
            MailboxDetails::Equipment => format!("{remote}EquipmentMailbox"),
            MailboxDetails::Linked => format!("{remote}LinkedMailbox"),
            MailboxDetails::Other(other) => other.clone(),
        };
        match self {
            Self::User => "User".to_owned(),
            Self::MailUser => "MailUser".to_owned(),
            Self::Mailbox(details) => named("", details),
            Self::RemoteMailbox(details) => named("Remote", details),
            Self::MailboxDatabase => "MailboxDatabase".to_owned(),
            Self::Other(other) => other.clone(),
        }
    }
}

/// Whether a mailbox has an archive, after the property `ArchiveState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveState {
    /// There is none.
    #[default]
    None,
    /// On this side.
    Local,
    /// Asked for in the cloud; directory synchronisation has not brought it yet.
    HostedPending,
    /// In the cloud.
    HostedProvisioned,
    /// On this side, for a mailbox elsewhere.
    OnPremise,
}

impl ArchiveState {
    /// Reads the property `ArchiveState`; an unknown word is taken for an archive that is there, the careful reading.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "" | "None" => Self::None,
            "HostedPending" => Self::HostedPending,
            "HostedProvisioned" => Self::HostedProvisioned,
            "OnPremise" => Self::OnPremise,
            _ => Self::Local,
        }
    }

    /// Whether there is an archive or one is on its way.
    #[must_use]
    pub fn exists(self) -> bool {
        self != Self::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_details_round_trip() {
        for details in [
            "User",
            "MailUser",
            "UserMailbox",
            "SharedMailbox",
            "RoomMailbox",
            "EquipmentMailbox",
            "LinkedMailbox",
            "DiscoveryMailbox",
            "RemoteUserMailbox",
            "RemoteSharedMailbox",
            "RemoteRoomMailbox",
            "RemoteEquipmentMailbox",
            "GroupMailbox",
            "MailContact",
            "MailUniversalDistributionGroup",
        ] {
            assert_eq!(RecipientKind::from_type_details(details).type_name(), details);
        }
        assert_eq!(RecipientKind::from_type_details("DisabledUser"), RecipientKind::User);
        assert!(matches!(RecipientKind::from_type_details("GroupMailbox"), RecipientKind::Other(_)));
    }

    #[test]
    fn an_unknown_archive_state_counts_as_an_archive() {
        assert!(!ArchiveState::parse("None").exists());
        assert!(ArchiveState::parse("HostedProvisioned").exists());
        assert!(ArchiveState::parse("SomethingNew").exists());
    }
}
