//! A change, read and planned.

use std::time::Instant;

use crate::exchange::{Directory, LookupError};
use crate::plan::{self, Context, Planned};
use crate::recipient::{Change, ErrorClass, Identity, Recipient};
use crate::report::ResultError;

use super::site::Site;

/// A change with what was read for it and what planning made of that.
pub(super) struct Prepared {
    pub(super) current: Option<Recipient>,
    pub(super) planned: Planned,
    pub(super) context: Context,
    pub(super) directory: Directory,
    pub(super) read_at: Instant,
}

/// Reads the account and everything that planning needs, then plans. Writes nothing.
pub(super) async fn prepare(site: &Site, change: &Change) -> Result<Prepared, ResultError> {
    let directory = site.directory_for(change.domain_controller.as_ref());
    let identity = Identity::parse(&change.identity).map_err(|error| ResultError {
        class: ErrorClass::InvalidInput,
        message: error.to_string(),
        hint: Some(
            "name one object: GUID, distinguished name, user principal name, account name, alias or address"
                .into(),
        ),
        owner: None,
    })?;
    let read_at = Instant::now();
    let current = directory.find(change.object_type, &identity).await.map_err(failure)?;
    let mut context = site.context();
    let own = current.as_ref().map(|recipient| recipient.guid);
    let new = plan::new_addresses(current.as_ref(), change);
    context.owners = directory.owners(&new, own).await.map_err(failure)?;
    context.references = directory.references(&plan::references(change)).await.map_err(failure)?;
    let planned = plan::plan(current.as_ref(), change, &site.policy, &context);
    Ok(Prepared { current, planned, context, directory, read_at })
}

/// Why a read gave nothing, as a result.
pub(super) fn failure(error: LookupError) -> ResultError {
    let message = error.to_string();
    match error {
        LookupError::Refused(refusal) => ResultError {
            class: refusal.class,
            message: refusal.message,
            hint: refusal.hint,
            owner: refusal.owner,
        },
        LookupError::Exchange(error) => {
            ResultError { class: error.class(), message, hint: None, owner: None }
        }
        LookupError::AnotherObject { .. } => ResultError {
            class: ErrorClass::Conflict,
            message,
            hint: Some("use the GUID as identity".into()),
            owner: None,
        },
        LookupError::NotARecipient(_) => {
            ResultError { class: ErrorClass::Internal, message, hint: None, owner: None }
        }
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
