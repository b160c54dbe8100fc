//! A change, read and planned.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::StreamExt as _;
use uuid::Uuid;

use crate::exchange::{Asked, Directory, ExchangeError, Found, LookupError, Refusal};
use crate::plan::{self, Context, Planned};
use crate::recipient::{Change, ErrorClass, Identity, ObjectType, Recipient, Side};
use crate::report::{Pace, ResultError, Way};

use super::site::Site;
use super::{cloud, sides};

/// A change with what was read for it and what planning made of that.
pub(super) struct Prepared {
    pub(super) current: Option<Recipient>,
    pub(super) planned: Planned,
    pub(super) context: Context,
    pub(super) directory: Directory,
    pub(super) read_at: Instant,
}

/// What is known of the account of a change before it is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Its GUID
    pub(super) account: Option<Uuid>,
    /// Whether the change may have made it already
    pub(super) begun: bool,
}

impl Known {
    /// Of a change that an earlier run may have written for, perhaps to an account that is known.
    pub(super) fn of(taken_up: Option<Option<Uuid>>) -> Self {
        Self { account: taken_up.flatten(), begun: taken_up.is_some() }
    }
}

/// Reads the account and everything that planning needs, then plans. Writes nothing. `known` is the account where it is known
/// already: it goes by its GUID from then on.
pub(super) async fn prepare(site: &Site, change: &Change, known: Known) -> Result<Prepared, ResultError> {
    let directory = site.directory_for(change.domain_controller.as_ref());
    let identity = known.account.map_or_else(|| identity(change), |guid| Ok(Identity::Guid(guid)))?;
    let read_at = Instant::now();
    let current = directory.find(change.object_type, &identity).await.map_err(failure)?;
    let found = sides::of(site, &directory, change, known, current).await?;
    let context = cloud::context(site, found.directory.side(), change, known, found.current.as_ref()).await?;
    let current = found.current.or_else(|| cloud::unseen(&context));
    let own = current.as_ref().map(|recipient| recipient.guid);
    let new = plan::new_addresses(current.as_ref(), change);
    let owners = found.directory.owners(&new, own).await.map_err(failure)?;
    let references = found.directory.references(&plan::references(change)).await.map_err(failure)?;
    let read = Read { directory: found.directory, current, read_at };
    Ok(planned(site, change, read, Context { owners, references, ..context }))
}

/// [`prepare`] for many changes of one connection, with few cmdlets. `guids` are the accounts that are known already.
pub(super) async fn prepare_many(
    site: &Site,
    changes: &[(&Change, Known)],
) -> Vec<Result<Prepared, ResultError>> {
    let mut by_controller: BTreeMap<Option<&String>, Vec<usize>> = BTreeMap::new();
    for (position, (change, _)) in changes.iter().enumerate() {
        by_controller.entry(change.domain_controller.as_ref()).or_default().push(position);
    }
    let mut prepared: Vec<Option<Result<Prepared, ResultError>>> = Vec::new();
    prepared.resize_with(changes.len(), || None);
    for (controller, positions) in by_controller {
        let directory = site.directory_for(controller);
        let group: Vec<_> = positions.iter().map(|position| changes[*position]).collect();
        for (position, one) in positions.into_iter().zip(group_prepared(site, &directory, &group).await) {
            prepared[position] = Some(one);
        }
    }
    // INVARIANT: each position is in exactly one group.
    prepared.into_iter().flatten().collect()
}

async fn group_prepared(
    site: &Site,
    directory: &Directory,
    changes: &[(&Change, Known)],
) -> Vec<Result<Prepared, ResultError>> {
    let read_at = Instant::now();
    let accounts: Vec<_> = changes.iter().map(|(change, known)| (*change, known.account)).collect();
    let read = read_many(site, directory, &accounts).await;
    let found = sides::of_many(site, directory, changes, read).await;
    let mut prepared: Vec<Option<Result<Prepared, ResultError>>> = Vec::new();
    prepared.resize_with(changes.len(), || None);
    let mut by_side: BTreeMap<Side, Vec<(usize, sides::Found)>> = BTreeMap::new();
    for (position, found) in found.into_iter().enumerate() {
        match found {
            Ok(found) => by_side.entry(found.directory.side()).or_default().push((position, found)),
            Err(error) => prepared[position] = Some(Err(error)),
        }
    }
    for (side, group) in by_side {
        let (positions, found): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let asked: Vec<_> = positions.iter().map(|position| changes[*position]).collect();
        let of_side = side_prepared(site, side, &asked, found, read_at).await;
        for (position, one) in positions.into_iter().zip(of_side) {
            prepared[position] = Some(one);
        }
    }
    // INVARIANT: each change is an error or belongs to one side.
    prepared.into_iter().flatten().collect()
}

/// What planning needs beyond the accounts, read for those of one side together.
async fn side_prepared(
    site: &Site,
    side: Side,
    changes: &[(&Change, Known)],
    found: Vec<sides::Found>,
    read_at: Instant,
) -> Vec<Result<Prepared, ResultError>> {
    let Some(directory) = found.first().map(|found| found.directory.clone()) else { return Vec::new() };
    let accounts: Vec<_> = changes
        .iter()
        .zip(&found)
        .map(|((change, known), found)| (*change, *known, found.current.as_ref()))
        .collect();
    let contexts = cloud::contexts(site, side, &accounts).await;
    let mut new = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (change, _, current) in &accounts {
        new.extend(plan::new_addresses(*current, change));
        names.extend(plan::references(change));
    }
    // Where reading together fails, reading one by one tells for whom.
    let owners = directory.owners(&new, None).await;
    let references = directory.references(&names).await;
    let (Ok(contexts), Ok(owners), Ok(references)) = (contexts, owners, references) else {
        return futures_util::stream::iter(changes)
            .map(|(change, known)| prepare(site, change, *known))
            .buffered(at_once(site))
            .collect()
            .await;
    };
    let one = |(((change, _), found), context): ((&(&Change, Known), sides::Found), Context)| {
        let current = found.current.or_else(|| cloud::unseen(&context));
        let own = current.as_ref().map(|recipient| recipient.guid);
        let new = plan::new_addresses(current.as_ref(), change);
        let of_others = owners
            .iter()
            .filter(|(key, owner)| new.contains(key) && (owner.guid.is_none() || owner.guid != own));
        let owners = of_others.map(|(key, owner)| (key.clone(), owner.clone())).collect();
        let references = plan::references(change)
            .into_iter()
            .filter_map(|name| references.get(&name).map(|found| (name, found.clone())))
            .collect();
        let read = Read { directory: found.directory, current, read_at };
        Ok(planned(site, change, read, Context { owners, references, ..context }))
    };
    changes.iter().zip(found).zip(contexts).map(one).collect()
}

/// The accounts of changes, read together as far as that tells them.
pub(super) async fn read_many(
    site: &Site,
    directory: &Directory,
    changes: &[(&Change, Option<Uuid>)],
) -> Vec<Result<Option<Recipient>, ResultError>> {
    let identities: Vec<_> = changes
        .iter()
        .map(|(change, guid)| guid.map_or_else(|| identity(change), |guid| Ok(Identity::Guid(guid))))
        .collect();
    let mut asked = Vec::new();
    let mut positions = BTreeMap::new();
    for (position, (identity, (change, _))) in identities.iter().zip(changes).enumerate() {
        if let (Ok(identity), ObjectType::Mailbox) = (identity, change.object_type) {
            positions.insert(position, asked.len());
            asked.push(Asked {
                identity: identity.clone(),
                properties: change.attributes.keys().cloned().collect(),
            });
        }
    }
    let found = directory.find_many(&asked, site.remote_first()).await;
    let reads = identities.into_iter().zip(changes).enumerate().map(|(position, (identity, (change, _)))| {
        let found = positions.get(&position).and_then(|at| found.get(*at)).cloned();
        async move {
            match found {
                Some(Found::Recipient(found)) => Ok(Some(*found)),
                Some(Found::Nothing) => Ok(None),
                Some(Found::Open) | None => {
                    directory.find(change.object_type, &identity?).await.map_err(failure)
                }
            }
        }
    });
    futures_util::stream::iter(reads).buffered(at_once(site)).collect().await
}

pub(super) fn at_once(site: &Site) -> usize {
    usize::try_from(site.connection.concurrency.max(1)).unwrap_or(1)
}

pub(super) fn identity(change: &Change) -> Result<Identity, ResultError> {
    Identity::parse(&change.identity).map_err(|error| {
        ResultError::new(ErrorClass::InvalidInput, error.to_string()).hint(
            "name one object: GUID, distinguished name, user principal name, account name, alias or address",
        )
    })
}

/// What was read of an account, where and when.
struct Read {
    directory: Directory,
    current: Option<Recipient>,
    read_at: Instant,
}

fn planned(site: &Site, change: &Change, read: Read, context: Context) -> Prepared {
    let Read { directory, current, read_at } = read;
    let planned = plan::plan(current.as_ref(), change, &site.policy, &context);
    Prepared { current, planned, context, directory, read_at }
}

/// Why a read gave nothing, as a result.
pub(super) fn failure(error: LookupError) -> ResultError {
    let message = error.to_string();
    match error {
        LookupError::Refused(refusal) => refusal.into(),
        LookupError::Exchange(error) => no_answer(&error, message),
        LookupError::AnotherObject { .. } => {
            ResultError::new(ErrorClass::Conflict, message).hint("use the GUID as identity")
        }
        LookupError::NotARecipient(_) => ResultError::new(ErrorClass::Internal, message),
    }
}

/// A cmdlet without an answer, as a result.
pub(super) fn no_answer(error: &ExchangeError, message: String) -> ResultError {
    let way = match error {
        ExchangeError::Unreachable { .. }
        | ExchangeError::SessionLost(_)
        | ExchangeError::Elsewhere { .. } => Way::Down,
        ExchangeError::SignIn { .. } | ExchangeError::Secret(_) => Way::AccountRefused,
        _ => Way::Open,
    };
    let after = match error {
        ExchangeError::Throttled { after, .. } => *after,
        _ => None,
    };
    ResultError { pace: Pace { after, way }, ..ResultError::new(error.class(), message) }
}

impl From<Refusal> for ResultError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { class, message, hint, owner, retry_after } = refusal;
        Self { class, message, hint, owner, pace: Pace { after: retry_after, way: Way::Open } }
    }
}

/// Whether a result says that the change was refused rather than tried.
pub(super) fn is_refusal(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::InvalidInput
            | ErrorClass::Conflict
            | ErrorClass::NotFound
            | ErrorClass::RefusedByRule
            | ErrorClass::Unsupported
    )
}
