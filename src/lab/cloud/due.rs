//! What happens in a tenant some time after it was asked for.

use uuid::Uuid;

use super::licence;
use crate::lab::Exchange;
use crate::lab::directory::{Attribute, Changes, Entry};

/// What happens, and when.
#[derive(Debug)]
pub(in crate::lab) struct Due {
    at_ms: u64,
    guid: Uuid,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Licences of a user have changed
    Licences,
    /// A mailbox becomes one of another kind
    Kind(String),
}

/// What stays when a user has lost the mailbox.
const KEPT: [&str; 27] = [
    "Name",
    "DisplayName",
    "FirstName",
    "LastName",
    "Initials",
    "ExternalDirectoryObjectId",
    "DistinguishedName",
    "Identity",
    "SamAccountName",
    "UserPrincipalName",
    "AccountDisabled",
    "UsageLocation",
    "AssignedLicenses",
    "LicensesByGroup",
    "IsDirSynced",
    "IsMultiFactor",
    "IsExchangeAdministrator",
    "ImmutableId",
    "MailboxDelay",
    "WhenCreated",
    "OrganizationalUnit",
    "Title",
    "Department",
    "Company",
    "Office",
    "City",
    "CountryOrRegion",
];

impl Exchange {
    /// Lets happen what is due.
    pub(in crate::lab) fn settle(&mut self, now_ms: u64) {
        self.directory.settle(now_ms);
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.due).into_iter().partition(|due| due.at_ms <= now_ms);
        self.due = later;
        for Due { at_ms, guid, what } in due {
            match what {
                What::Licences => self.follow_licences(guid, at_ms),
                What::Kind(details) => {
                    let disabled = Attribute::from(details != "UserMailbox");
                    let changes =
                        [("RecipientTypeDetails", Attribute::from(details)), ("AccountDisabled", disabled)];
                    self.change(
                        guid,
                        changes.map(|(name, value)| (name.to_owned(), Some(value))).into(),
                        at_ms,
                    );
                }
            }
        }
    }

    /// A user's licences have changed: mailboxes come and go some time later, when it is still so.
    pub(in crate::lab) fn licences_changed(&mut self, entry: &Entry, now_ms: u64) {
        let own = entry.number("MailboxDelay").and_then(|delay| u64::try_from(delay).ok());
        let at_ms = now_ms.saturating_add(own.unwrap_or(self.mailbox_delay_ms));
        self.due.push(Due { at_ms, guid: entry.guid, what: What::Licences });
    }

    /// A mailbox shall become one of another kind.
    pub(in crate::lab) fn convert_later(&mut self, guid: Uuid, details: String, now_ms: u64) {
        self.due.push(Due { at_ms: now_ms.saturating_add(self.lag_ms), guid, what: What::Kind(details) });
    }

    fn follow_licences(&mut self, guid: Uuid, now_ms: u64) {
        let Some(entry) = self.directory.replica(0).get(guid).cloned() else { return };
        let cloud = self.directory.configuration.cloud.as_ref();
        let is_licensed = cloud.is_some_and(|cloud| licence::gives_mailbox(&entry, &cloud.skus));
        match (is_licensed, entry.details()) {
            (true, _) if is_without_mailbox(&entry) => {
                let mut made = Entry::clone(&entry);
                let stamp = self.directory.stamp(now_ms);
                made.set("RecipientTypeDetails", Some("UserMailbox".into()), stamp);
                // What can be wrong with the addresses of a seed cannot be wrong with these.
                if self.directory.complete(&mut made, now_ms).is_ok() {
                    self.change(guid, difference(&entry, &made), now_ms);
                }
            }
            (false, "UserMailbox") => {
                self.lose_mailbox(&entry, now_ms);
            }
            _ => {}
        }
    }

    /// Leaves nothing but the user.
    pub(super) fn lose_mailbox(&mut self, entry: &Entry, now_ms: u64) {
        if entry.is_mailbox() {
            self.soft_deleted.push(Entry::clone(entry));
        }
        let gone = entry.attributes().filter(|(name, _)| !KEPT.contains(name));
        let mut changes: Changes = gone.map(|(name, _)| (name.to_owned(), None)).collect();
        changes.insert("RecipientTypeDetails".to_owned(), Some("User".into()));
        self.change(entry.guid, changes, now_ms);
    }

    /// Changes an object, whoever asked for it.
    pub(in crate::lab) fn change(&mut self, guid: Uuid, changes: Changes, now_ms: u64) {
        self.directory.update(0, guid, changes, None, now_ms);
    }
}

/// Whether a licence brings this object a mailbox: not where it has one, here or on-premises.
fn is_without_mailbox(entry: &Entry) -> bool {
    match entry.details() {
        "User" | "DisabledUser" => true,
        // One that is synchronised has its mailbox on-premises, unless it stands for a remote mailbox.
        "MailUser" => !entry.flag("IsDirSynced") || !entry.text("RemoteRecipientType").is_empty(),
        _ => false,
    }
}

pub(super) fn difference(old: &Entry, new: &Entry) -> Changes {
    let changed = new.attributes().filter(|(name, value)| old.get(name) != Some(*value));
    let gone = old.attributes().filter(|(name, _)| new.get(name).is_none());
    let gone = gone.map(|(name, _)| (name.to_owned(), None));
    changed.map(|(name, value)| (name.to_owned(), Some(value.clone()))).chain(gone).collect()
}
