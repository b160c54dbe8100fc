//! Which side of a hybrid organisation owns the account of a change.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use uuid::Uuid;

use super::prepare::{Known, at_once, failure, read_many};
use super::site::{CloudSite, Site};
use crate::exchange::{Directory, LookupError, graph};
use crate::plan;
use crate::recipient::{
    Change, Identity, Likeness, Marks, ObjectType, Operation, Recipient, RecipientKind, Side,
};
use crate::report::ResultError;

/// Objects that are looked for in one read.
const IN_ONE_READ: usize = 50;

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
    let mut by_name = seen(site, cloud, &asked).await;
    let open: BTreeMap<usize, &Recipient> = changes
        .iter()
        .zip(&read)
        .enumerate()
        .filter_map(|(position, ((change, _), read))| {
            let here = read.as_ref().ok()?.as_ref().filter(|here| may_be_in_cloud(change, here))?;
            let named = by_name.get(&position).map(|found| found.as_ref().ok().map(Option::as_ref));
            // Where even the name could not be asked for, that is what the change ends with.
            let named = named.unwrap_or(Some(None))?;
            (!plan::is_settled_by_name(here, named)).then_some((position, here))
        })
        .collect();
    let mut further = further(site, cloud, &open).await;
    let mut found: Vec<Result<Found, ResultError>> = Vec::with_capacity(changes.len());
    let mut partly: BTreeMap<usize, Uuid> = BTreeMap::new();
    for (position, (current, (change, _))) in read.into_iter().zip(changes).enumerate() {
        let by_name = by_name.remove(&position).transpose().map(Option::flatten);
        let further = further.remove(&position).transpose().map(Option::unwrap_or_default);
        let one = decided(directory, cloud, change, current, by_name, further);
        if let Ok((Found { current: Some(current), .. }, true)) = &one {
            partly.insert(position, current.guid);
        }
        found.push(one.map(|(found, _)| found));
    }
    // Of what was found by its mailbox or its address the view of the user is still to come.
    let again: Vec<(&Change, Option<Uuid>)> =
        partly.iter().filter_map(|(at, guid)| Some((changes.get(*at)?.0, Some(*guid)))).collect();
    let whole = if again.is_empty() { Vec::new() } else { read_many(site, &cloud.directory, &again).await };
    for (position, whole) in partly.into_keys().zip(whole) {
        match (found.get_mut(position), whole) {
            (Some(Ok(found)), Ok(Some(whole))) => found.current = Some(whole),
            (Some(found), Err(error)) => *found = Err(error),
            _ => {}
        }
    }
    found
}

/// Where the account of a change is owned, and whether only a part of it was read.
fn decided(
    directory: &Directory,
    cloud: &CloudSite,
    change: &Change,
    here: Result<Option<Recipient>, ResultError>,
    by_name: Result<Option<Recipient>, ResultError>,
    further: Result<Vec<Recipient>, ResultError>,
) -> Result<(Found, bool), ResultError> {
    let (here, by_name, mut found) = (here?, by_name?, further?);
    let name_found = by_name.as_ref().map(|it| it.guid);
    let there = match &here {
        None => by_name,
        Some(here) => {
            found.retain(|it| Some(it.guid) != name_found);
            found.extend(by_name);
            plan::twin(here, &found).map_err(|finding| ResultError::from(&finding))?.cloned()
        }
    };
    match plan::owning_side(here.as_ref(), there.as_ref(), change) {
        Ok(Side::Here) => Ok((Found { directory: directory.clone(), current: here }, false)),
        Ok(Side::Cloud) => {
            let is_part = there.as_ref().is_some_and(|there| Some(there.guid) != name_found);
            Ok((Found { directory: cloud.directory.clone(), current: there }, is_part))
        }
        Err(finding) => Err(ResultError::from(&finding)),
    }
}

/// What has the mailbox or the primary address of objects whose sign-in name does not lead to them.
async fn further(
    site: &Site,
    cloud: &CloudSite,
    open: &BTreeMap<usize, &Recipient>,
) -> BTreeMap<usize, Result<Vec<Recipient>, ResultError>> {
    let marks: Vec<(usize, Marks)> = open
        .iter()
        .map(|(position, here)| (*position, Marks::of(here)))
        .filter(|(_, marks)| marks.leads_further())
        .collect();
    let reads = marks.chunks(IN_ONE_READ).map(|some| together(cloud, some));
    futures_util::stream::iter(reads).buffered(at_once(site)).concat().await.into_iter().collect()
}

/// Where reading together fails, reading one by one tells for whom.
async fn together(
    cloud: &CloudSite,
    marks: &[(usize, Marks)],
) -> Vec<(usize, Result<Vec<Recipient>, ResultError>)> {
    if let Ok(found) = bearers(cloud, marks).await {
        return found.into_iter().map(|(position, found)| (position, Ok(found))).collect();
    }
    let mut each = Vec::with_capacity(marks.len());
    for one in marks {
        let found = bearers(cloud, std::slice::from_ref(one)).await.map_err(failure);
        each.push((one.0, found.map(|found| found.into_iter().flat_map(|(_, found)| found).collect())));
    }
    each
}

async fn bearers(
    cloud: &CloudSite,
    marks: &[(usize, Marks)],
) -> Result<Vec<(usize, Vec<Recipient>)>, LookupError> {
    let own: Vec<&Marks> = marks.iter().map(|(_, marks)| marks).collect();
    let mut found = cloud.directory.bearers(&own).await?;
    know_sources(cloud, &own, &mut found).await;
    let of_each = |here: &Marks| found.iter().filter(|it| here.concerns(it)).cloned().collect();
    Ok(marks.iter().map(|(position, here)| (*position, of_each(here))).collect())
}

/// Asks Graph for the immutable ids that Exchange does not show, where they decide. Who may not read users there has to do without.
async fn know_sources(cloud: &CloudSite, here: &[&Marks], found: &mut [Recipient]) {
    let is_open = |there: &Recipient| {
        let there = Marks::of(there);
        there.source.is_none() && here.iter().any(|here| here.likeness(&there) == Likeness::Open)
    };
    let decides: Vec<Uuid> = found.iter().filter(|it| is_open(it)).map(|it| it.guid).collect();
    if decides.is_empty() {
        return;
    }
    let Ok(users) = graph::users(cloud.directory.exchange().as_ref(), &decides).await else { return };
    for recipient in found {
        if let Some(id) = users.get(&recipient.guid).and_then(|user| user.immutable_id.as_deref()) {
            recipient.take_immutable_id(id);
        }
    }
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
    may_be_in_cloud(change, here).then(|| here.user_principal_name.clone().filter(|name| !name.is_empty()))?
}

/// Whether the cloud may own what there is on-premises.
fn may_be_in_cloud(change: &Change, here: &Recipient) -> bool {
    let is_synchronised =
        matches!(here.kind, RecipientKind::User | RecipientKind::MailUser | RecipientKind::RemoteMailbox(_));
    // Deleting takes the user with it, and that one is here.
    change.object_type == ObjectType::Mailbox && change.operation != Operation::Remove && is_synchronised
}
