//! Reading many recipients with few cmdlets: up to fifty names in one filter, and one by one only what that leaves open.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use uuid::Uuid;
use wsman::clixml::Value;

use super::lookup::{Directory, LookupError};
use crate::recipient::{Identity, Marks, Recipient, RecipientKind, Side};

/// Names in one read.
const IN_ONE_READ: usize = 50;
/// Reads that are under way at once; a connection has no more runspaces than its `concurrency` anyway.
const AT_ONCE: usize = 15;
/// Names with other characters are read one by one: nobody has to know how a filter takes them.
const PLAIN: &str = "-_.@+'=,/ &#!";

/// A recipient that is to be read.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its name
    pub identity: Identity,
    /// Properties that have to be shown where any view shows them
    pub properties: BTreeSet<String>,
}

/// What a batch knows of one name.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The one object of that name
    Recipient(Box<Recipient>),
    /// No object has that name
    Nothing,
    /// The batch cannot tell; [`Directory::find`] can
    Open,
}

/// What is known of one name so far.
enum Knowledge {
    Nothing,
    /// A mailbox; whether another object may have the same name is open, or the user's view is wanted
    Mailbox(Box<Recipient>),
    Settled(Found),
}

impl Directory {
    /// Reads recipients by name, in the order asked. `remote_first` says that most of them are remote mailboxes.
    pub async fn find_many(&self, asked: &[Asked], remote_first: bool) -> Vec<Found> {
        let mut known: Vec<Knowledge> = asked
            .iter()
            .map(|asked| match is_plain(&asked.identity) {
                true => Knowledge::Nothing,
                false => Knowledge::Settled(Found::Open),
            })
            .collect();
        let cmdlets: &[&str] = match (self.side(), remote_first) {
            (Side::Cloud, _) => &["Get-Mailbox"],
            (Side::Here, true) => &["Get-RemoteMailbox", "Get-Mailbox"],
            (Side::Here, false) => &["Get-Mailbox", "Get-RemoteMailbox"],
        };
        for cmdlet in cmdlets {
            for (position, recipients) in self.stage(cmdlet, asked, &known, is_missing).await {
                // The account may not be allowed to use this cmdlet, and the next view tells what there is.
                let Some(recipients) = recipients else { continue };
                known[position] = mailbox(&asked[position], recipients);
            }
        }
        let pending = |known: &Knowledge| matches!(known, Knowledge::Nothing | Knowledge::Mailbox(_));
        for (position, users) in self.stage("Get-User", asked, &known, pending).await {
            let former = std::mem::replace(&mut known[position], Knowledge::Settled(Found::Open));
            let Some(users) = users else { continue };
            known[position] = with_user(former, users);
        }
        for (position, others) in self.stage("Get-Recipient", asked, &known, is_missing).await {
            // A contact or a group has the name all the same.
            let nothing = others.is_some_and(|others| others.is_empty());
            known[position] = Knowledge::Settled(if nothing { Found::Nothing } else { Found::Open });
        }
        known
            .into_iter()
            .map(|known| match known {
                Knowledge::Settled(found) => found,
                Knowledge::Nothing => Found::Nothing,
                Knowledge::Mailbox(_) => Found::Open,
            })
            .collect()
    }

    /// Asks one cmdlet for every name that `wanted` picks; none where it refused.
    async fn stage(
        &self,
        cmdlet: &'static str,
        asked: &[Asked],
        known: &[Knowledge],
        wanted: impl Fn(&Knowledge) -> bool,
    ) -> Vec<(usize, Option<Vec<Recipient>>)> {
        let positions: Vec<usize> =
            (0..asked.len()).filter(|position| known.get(*position).is_some_and(&wanted)).collect();
        let reads = positions.chunks(IN_ONE_READ).map(|chunk| async move {
            let names = chunk.iter().map(|position| {
                let guid = known.get(*position).and_then(Knowledge::guid);
                (&asked[*position].identity, guid)
            });
            let filter: Vec<String> = names
                .clone()
                .flat_map(|(identity, guid)| {
                    let own = guid.map(|guid| condition(self.side(), cmdlet, &Identity::Guid(guid)));
                    std::iter::once(condition(self.side(), cmdlet, identity)).chain(own)
                })
                .collect();
            let found = self.matching(cmdlet, &filter.join(" -or ")).await.ok();
            let of_each = names.map(|(identity, guid)| {
                let named = |found: &&Recipient| identity.names(found) || Some(found.guid) == guid;
                found.as_ref().map(|found| found.iter().filter(named).cloned().collect::<Vec<_>>())
            });
            chunk.iter().copied().zip(of_each).collect::<Vec<_>>()
        });
        futures_util::stream::iter(reads).buffered(AT_ONCE).concat().await
    }

    /// The mailboxes that have the mailbox or the primary address of one of these objects of the other side.
    ///
    /// # Errors
    /// There is no answer, or Exchange refuses.
    pub async fn bearers(&self, marks: &[&Marks]) -> Result<Vec<Recipient>, LookupError> {
        let mut found = Vec::new();
        for some in marks.chunks(IN_ONE_READ) {
            let filter: Vec<String> = some.iter().flat_map(|marks| bearing(marks)).collect();
            if !filter.is_empty() {
                found.extend(self.matching("Get-Mailbox", &filter.join(" -or ")).await?);
            }
        }
        Ok(found)
    }

    async fn matching(&self, cmdlet: &str, filter: &str) -> Result<Vec<Recipient>, LookupError> {
        let call = super::Call::new(cmdlet)
            .with("Filter", Value::from(filter))
            .with("ResultSize", Value::from("Unlimited"));
        let answer = self.ask(&self.pinned(call)).await?;
        Ok(answer.objects.iter().map(|object| self.recipient(object)).collect::<Result<Vec<_>, _>>()?)
    }
}

impl Knowledge {
    /// The account, where it is known already.
    fn guid(&self) -> Option<Uuid> {
        match self {
            Self::Mailbox(mailbox) => Some(mailbox.guid),
            _ => None,
        }
    }
}

fn is_missing(known: &Knowledge) -> bool {
    matches!(known, Knowledge::Nothing)
}

/// Whether a filter finds the object by this name as Exchange finds it by identity.
fn is_plain(identity: &Identity) -> bool {
    let text = match identity {
        Identity::Guid(_) => return true,
        Identity::CanonicalName(_) | Identity::DomainAccount(_) => return false,
        Identity::DistinguishedName(text)
        | Identity::UserPrincipalNameOrAddress(text)
        | Identity::Name(text) => text,
    };
    text.chars().all(|c| c.is_alphanumeric() || PLAIN.contains(c))
}

/// The condition that finds an object by its name. A quotation mark is doubled: the boundary against injection.
fn condition(side: Side, cmdlet: &str, identity: &Identity) -> String {
    let mail = cmdlet != "Get-User";
    let names: &[&str] = match identity {
        Identity::Guid(_) if side == Side::Cloud => &["ExternalDirectoryObjectId", "Guid"],
        Identity::Name(_) if side == Side::Cloud && mail => &["Alias", "Name", "DisplayName"],
        Identity::Name(_) if side == Side::Cloud => &["Name", "DisplayName"],
        Identity::Guid(_) if mail => &["Guid", "ExchangeGuid"],
        Identity::Guid(_) => &["Guid"],
        Identity::DistinguishedName(_) => &["DistinguishedName"],
        Identity::UserPrincipalNameOrAddress(_) if cmdlet == "Get-Recipient" => &["EmailAddresses"],
        Identity::UserPrincipalNameOrAddress(_) if mail => &["UserPrincipalName", "EmailAddresses"],
        Identity::UserPrincipalNameOrAddress(_) => &["UserPrincipalName"],
        _ if cmdlet == "Get-Recipient" => &["Alias", "Name", "DisplayName"],
        _ if mail => &["SamAccountName", "Alias", "Name"],
        _ => &["SamAccountName", "Name", "DisplayName"],
    };
    let text = identity.text().replace('\'', "''");
    names.iter().map(|name| format!("{name} -eq '{text}'")).collect::<Vec<_>>().join(" -or ")
}

/// The conditions that find what has the mailbox or the primary address of an object.
fn bearing(marks: &Marks) -> impl Iterator<Item = String> {
    let mailbox = marks.exchange_guid.map(|guid| format!("ExchangeGuid -eq '{guid}'"));
    let address = marks.address.as_ref().map(|address| address.to_string().replace('\'', "''"));
    [mailbox, address.map(|address| format!("EmailAddresses -eq '{address}'"))].into_iter().flatten()
}

fn mailbox(asked: &Asked, mut found: Vec<Recipient>) -> Knowledge {
    match found.pop() {
        None => Knowledge::Nothing,
        Some(only) if found.is_empty() => {
            let shows_all = asked.properties.iter().all(|name| only.property(name).is_some());
            if is_unique(&asked.identity, &only) && shows_all {
                Knowledge::Settled(Found::Recipient(Box::new(only)))
            } else {
                Knowledge::Mailbox(Box::new(only))
            }
        }
        Some(_) => Knowledge::Settled(Found::Open),
    }
}

/// Whether no other object can have this name: the directory holds GUIDs, distinguished names and user principal names
/// unique, addresses only among what has a mailbox, and account names only within a domain.
fn is_unique(identity: &Identity, recipient: &Recipient) -> bool {
    match identity {
        Identity::Guid(guid) => recipient.guid == *guid,
        Identity::DistinguishedName(_) => true,
        Identity::UserPrincipalNameOrAddress(name) => recipient
            .user_principal_name
            .as_ref()
            .is_some_and(|held| held.to_lowercase() == name.to_lowercase()),
        _ => false,
    }
}

/// The user's view joins what a mailbox's shows, and says of the others what they are.
fn with_user(known: Knowledge, mut users: Vec<Recipient>) -> Knowledge {
    let user = users.pop();
    if !users.is_empty() {
        return Knowledge::Settled(Found::Open);
    }
    match (known, user) {
        (Knowledge::Mailbox(mut mailbox), Some(user)) if user.guid == mailbox.guid => {
            mailbox.add_user_view(user);
            Knowledge::Settled(Found::Recipient(mailbox))
        }
        (Knowledge::Nothing, None) => Knowledge::Nothing,
        (Knowledge::Nothing, Some(user))
            if matches!(user.kind, RecipientKind::User | RecipientKind::MailUser) =>
        {
            Knowledge::Settled(Found::Recipient(Box::new(user)))
        }
        _ => Knowledge::Settled(Found::Open),
    }
}
