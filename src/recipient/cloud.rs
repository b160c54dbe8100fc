//! What Microsoft Graph knows of a user and of the tenant's licences.

use std::collections::BTreeSet;

use uuid::Uuid;

/// A user of the directory in the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphUser {
    /// The object id; `ExternalDirectoryObjectId` of the mailbox
    pub id: Uuid,
    /// The sign-in name
    pub user_principal_name: String,
    /// Whether the user may sign in
    pub account_enabled: bool,
    /// The country, as two letters; without one there is no licence
    pub usage_location: Option<String>,
    /// Whether the user comes from a directory on-premises
    pub is_dir_synced: bool,
    /// What it is tied to there by (`onPremisesImmutableId`)
    pub immutable_id: Option<String>,
    /// Every licence, by the id of its SKU
    pub licences: BTreeSet<Uuid>,
    /// Those that were given to the user
    pub direct: BTreeSet<Uuid>,
    /// Those that come from a group; a licence may be in both
    pub by_group: BTreeSet<Uuid>,
    /// Whether one of them gives a mailbox, and is in force
    pub exchange: bool,
}

/// A licence that the tenant has bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// The id by which it is assigned
    pub id: Uuid,
    /// Its name, such as `ENTERPRISEPACK`
    pub part_number: String,
    /// Seats that can be used, those in their time of grace among them
    pub enabled: u32,
    /// Seats that are used
    pub consumed: u32,
    /// Whether it gives a mailbox
    pub has_exchange: bool,
}

impl Sku {
    /// Seats that are free.
    #[must_use]
    pub fn free(&self) -> u32 {
        self.enabled.saturating_sub(self.consumed)
    }

    /// Whether a setting names this licence: by id or by part number.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        Uuid::try_parse(name.trim())
            .map_or_else(|_| self.part_number.eq_ignore_ascii_case(name.trim()), |id| id == self.id)
    }
}

/// A country as the directory takes it: ISO 3166-1 alpha-2, in upper case.
#[must_use]
pub fn country(text: &str) -> Option<String> {
    let text = text.trim();
    (text.len() == 2 && text.chars().all(|c| c.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}
