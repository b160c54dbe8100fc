//! What is read in the cloud beside the mailbox: licences, and users whom Exchange does not show yet.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::prepare::{Known, failure};
use super::site::{CloudSite, Site};
use crate::exchange::{LookupError, graph};
use crate::plan::{Context, CreateMethod, UserMaker};
use crate::recipient::{
    Change, GraphUser, MailboxDetails, MailboxType, ObjectType, Operation, Recipient, RecipientKind, Side,
    Wanted,
};
use crate::report::ResultError;

/// What planning must know of one change, without owners and references.
pub(super) async fn context(
    site: &Site,
    side: Side,
    change: &Change,
    known: Known,
    current: Option<&Recipient>,
) -> Result<Context, ResultError> {
    let contexts = contexts(site, side, &[(change, known, current)]).await.map_err(failure)?;
    // INVARIANT: one change has one context.
    Ok(contexts.into_iter().next().unwrap_or_default())
}

/// [`context`] for many changes of one side, with few requests.
pub(super) async fn contexts(
    site: &Site,
    side: Side,
    accounts: &[(&Change, Known, Option<&Recipient>)],
) -> Result<Vec<Context>, LookupError> {
    let Some(cloud) = site.cloud.as_ref().filter(|_| side == Side::Cloud) else {
        return Ok(accounts.iter().map(|_| site.context()).collect());
    };
    let asked: Vec<Option<Key>> =
        accounts.iter().map(|(change, known, current)| key(site, cloud, change, *known, *current)).collect();
    if accounts.iter().any(|(change, _, current)| is_about_a_licence(cloud, change, *current)) {
        cloud.know_skus().await?;
    }
    let ids: Vec<Uuid> = asked
        .iter()
        .filter_map(|key| match key {
            Some(Key::Id(id)) => Some(*id),
            _ => None,
        })
        .collect();
    let exchange = cloud.directory.exchange().as_ref();
    let known: BTreeMap<Uuid, GraphUser> =
        if ids.is_empty() { BTreeMap::new() } else { graph::users(exchange, &ids).await? };
    let mut contexts = Vec::with_capacity(accounts.len());
    for key in asked {
        let mut context = cloud.context();
        context.cloud.user = match key {
            Some(Key::Id(id)) => known.get(&id).cloned(),
            Some(Key::PrincipalName(name)) => graph::find_user(exchange, &name).await?,
            None => None,
        };
        contexts.push(context);
    }
    Ok(contexts)
}

/// A user whom the directory has and Exchange does not show yet.
pub(super) fn unseen(context: &Context) -> Option<Recipient> {
    let user = context.cloud.user.as_ref()?;
    let mut recipient = Recipient::new(RecipientKind::User, user.id);
    recipient.identity = user.id.to_string();
    recipient.user_principal_name = Some(user.user_principal_name.clone());
    recipient.is_dir_synced = user.is_dir_synced;
    Some(recipient)
}

/// Whether planning the change needs to know the tenant's licences.
fn is_about_a_licence(cloud: &CloudSite, change: &Change, current: Option<&Recipient>) -> bool {
    let regular = change.mailbox_type.unwrap_or_default() == MailboxType::Regular;
    let mailbox = current.and_then(|current| match &current.kind {
        RecipientKind::Mailbox(details) => Some(details),
        _ => None,
    });
    let matters = match change.operation {
        Operation::Ensure | Operation::Create => match mailbox {
            Some(details) => regular && (*details == MailboxDetails::User || change.mailbox_type.is_some()),
            None => regular || current.is_some(),
        },
        Operation::Disable => mailbox.is_some(),
        Operation::Update | Operation::Remove => false,
    };
    change.object_type == ObjectType::Mailbox && matters && wants_licence(cloud, change)
}

/// How Graph is asked for a user.
enum Key {
    Id(Uuid),
    PrincipalName(String),
}

/// The user that Graph is to be asked for, where what it knows matters.
fn key(
    site: &Site,
    cloud: &CloudSite,
    change: &Change,
    known: Known,
    current: Option<&Recipient>,
) -> Option<Key> {
    if change.object_type != ObjectType::Mailbox {
        return None;
    }
    let makes = matches!(change.operation, Operation::Ensure | Operation::Create);
    match current {
        Some(current) => is_about_a_licence(cloud, change, Some(current)).then_some(Key::Id(current.guid)),
        None => {
            let regular = change.mailbox_type.unwrap_or_default() == MailboxType::Regular;
            let is_made_there =
                site.policy.create_method == CreateMethod::New && cloud.settings.maker == UserMaker::Graph;
            if !(makes && regular && (is_made_there || wants_licence(cloud, change))) {
                return None;
            }
            let names = ["UserPrincipalName", "MicrosoftOnlineServicesID"];
            let named = names.iter().find_map(|name| {
                match change.attributes.get(*name).or(change.create_only.get(*name)) {
                    Some(Wanted::Text(name)) => Some(name.trim().to_owned()),
                    _ => None,
                }
            });
            let identity = change.identity.trim();
            // A user whom the row gives a sign-in name is the one whom it calls by another name only where it made them.
            let is_own = |name: &String| known.begun || name.eq_ignore_ascii_case(identity);
            let name = named.filter(is_own).or_else(|| identity.contains('@').then(|| identity.to_owned()));
            match Uuid::try_parse(identity) {
                Ok(id) => Some(Key::Id(id)),
                Err(_) => name.map(Key::PrincipalName),
            }
        }
    }
}

/// Whether this connection gives the licence for the change.
fn wants_licence(cloud: &CloudSite, change: &Change) -> bool {
    let named = change.licence.as_ref().or(cloud.settings.licence.as_ref());
    named.is_some_and(|name| !name.trim().eq_ignore_ascii_case("elsewhere"))
}
