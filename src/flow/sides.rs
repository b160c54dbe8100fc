//! Which side of a hybrid organisation owns the account of a change.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::prepare::{Known, read_many};
use super::site::{CloudSite, Site};
use crate::exchange::Directory;
use crate::plan;
use crate::recipient::{Change, Identity, ObjectType, Operation, Recipient, RecipientKind, Side};
use crate::report::ResultError;

/// An account on the side that owns it.
pub(super) struct Found {
    pub(super) directory: Directory,
    pub(super) current: Option<Recipient>,
}

/// The side of one change, given what the connection's own side has.
pub(super) async fn of(
    site: &Site,
    directory: &Directory,
    change: &Change,
    known: Known,
    here: Option<Recipient>,
) -> Result<Found, ResultError> {
    let found = of_many(site, directory, &[(change, known)], vec![Ok(here)]).await;
    // INVARIANT: one change has one answer.
    found.into_iter().next().unwrap_or_else(|| Ok(Found { directory: directory.clone(), current: None }))
}

/// The sides of many changes, the cloud asked for all of them together.
pub(super) async fn of_many(
    site: &Site,
    directory: &Directory,
    changes: &[(&Change, Known)],
    read: Vec<Result<Option<Recipient>, ResultError>>,
) -> Vec<Result<Found, ResultError>> {
    let here = |current| Ok(Found { directory: directory.clone(), current });
    let Some(cloud) = site.cloud.as_ref().filter(|_| !site.is_cloud()) else {
        return read.into_iter().map(|read| read.and_then(here)).collect();
    };
    let asked: BTreeMap<usize, Change> = changes
        .iter()
        .zip(&read)
        .enumerate()
        .filter_map(|(position, ((change, known), read))| {
            let name = name_in_cloud(change, known.account, read.as_ref().ok()?.as_ref())?;
            Some((position, Change { identity: name, ..(*change).clone() }))
        })
        .collect();
    let mut in_cloud = seen(site, cloud, &asked).await;
    read.into_iter()
        .enumerate()
        .map(|(position, read)| {
            let current = read?;
            let there = in_cloud.remove(&position).transpose()?.flatten();
            // Another one may have the name as an address.
            let there = there.filter(|there| current.as_ref().is_none_or(|here| is_the_same(here, there)));
            match plan::owning_side(current.as_ref(), there.as_ref()) {
                Ok(Side::Here) => here(current),
                Ok(Side::Cloud) => Ok(Found { directory: cloud.directory.clone(), current: there }),
                Err(finding) => Err(ResultError::from(&finding)),
            }
        })
        .collect()
}

/// Whether both sides show one account: synchronisation keeps the sign-in name the same.
fn is_the_same(here: &Recipient, there: &Recipient) -> bool {
    let name = |recipient: &Recipient| recipient.user_principal_name.as_ref().map(|name| name.to_lowercase());
    name(here).is_some() && name(here) == name(there)
}

async fn seen(
    site: &Site,
    cloud: &CloudSite,
    asked: &BTreeMap<usize, Change>,
) -> BTreeMap<usize, Result<Option<Recipient>, ResultError>> {
    let changes: Vec<(&Change, Option<Uuid>)> = asked.values().map(|change| (change, None)).collect();
    let found = read_many(site, &cloud.directory, &changes).await;
    asked.keys().copied().zip(found).collect()
}

/// What the cloud knows the account by; none where it cannot be there, or cannot be asked.
fn name_in_cloud(change: &Change, known: Option<Uuid>, here: Option<&Recipient>) -> Option<String> {
    if change.object_type != ObjectType::Mailbox {
        return None;
    }
    let Some(here) = here else {
        let known = known.map(|guid| guid.to_string());
        return known.or_else(|| match Identity::parse(&change.identity) {
            Ok(Identity::Guid(_) | Identity::UserPrincipalNameOrAddress(_)) => Some(change.identity.clone()),
            // What has gone on-premises may have had a name that another one has in the cloud.
            Ok(Identity::Name(_)) if !matches!(change.operation, Operation::Disable | Operation::Remove) => {
                Some(change.identity.clone())
            }
            _ => None,
        });
    };
    match here.kind {
        // Deleting takes the user with it, and that one is here.
        _ if change.operation == Operation::Remove => None,
        RecipientKind::User | RecipientKind::MailUser | RecipientKind::RemoteMailbox(_) => {
            here.user_principal_name.clone().filter(|name| !name.is_empty())
        }
        RecipientKind::Mailbox(_) | RecipientKind::MailboxDatabase | RecipientKind::Other(_) => None,
    }
}
