//! Where a change of a hybrid organisation is written: on-premises or in the cloud, and never on both sides.

use super::{Finding, cloud};
use crate::recipient::{ErrorClass, Recipient, RecipientKind, Side};

/// The side that owns an object, by what either side has under its name.
///
/// # Errors
/// What is there on both sides does not belong together, or what is synchronised is not found where it comes from.
pub fn owning_side(here: Option<&Recipient>, in_cloud: Option<&Recipient>) -> Result<Side, Finding> {
    let is_only_there = |user: &Recipient| user.kind == RecipientKind::User && !user.is_dir_synced;
    let mailbox = match (here, in_cloud) {
        (_, Some(found)) if matches!(found.kind, RecipientKind::Mailbox(_)) => found,
        // A user of the cloud who has no mailbox yet, or no longer.
        (None, Some(user)) if is_only_there(user) => return Ok(Side::Cloud),
        _ => return Ok(Side::Here),
    };
    match (here, mailbox.is_dir_synced) {
        (_, true) if cloud::is_cloud_managed(mailbox) => Ok(Side::Cloud),
        (Some(_), true) => Ok(Side::Here),
        (None, false) => Ok(Side::Cloud),
        (None, true) => Err(Finding::refusal(
            ErrorClass::Conflict,
            format!(
                "the {} in the cloud is synchronised, and this organisation does not have it",
                mailbox.type_name()
            ),
            "use the connection of the organisation that it is synchronised from",
        )),
        (Some(here), false) => Err(Finding::refusal(
            ErrorClass::Conflict,
            format!(
                "there is a {} on-premises and a {} in the cloud of this name, and synchronisation does not join them",
                here.type_name(),
                mailbox.type_name()
            ),
            "name the object by its GUID, or in a connection of the side that is meant",
        )),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::recipient::{MailboxDetails, Property};

    fn in_cloud(synced: bool, managed: Option<bool>) -> Recipient {
        let mut found = Recipient::new(RecipientKind::Mailbox(MailboxDetails::User), Uuid::from_u128(2));
        found.is_dir_synced = synced;
        if let Some(managed) = managed {
            found.properties.insert("IsExchangeCloudManaged".into(), Property::Bool(managed));
        }
        found
    }

    #[test]
    fn each_object_has_one_owner() {
        let here = Recipient::new(RecipientKind::RemoteMailbox(MailboxDetails::User), Uuid::from_u128(1));
        let synced = in_cloud(true, Some(false));
        let managed = in_cloud(true, Some(true));
        let only = in_cloud(false, None);
        assert_eq!(owning_side(Some(&here), None), Ok(Side::Here), "not synchronised yet");
        assert_eq!(owning_side(None, None), Ok(Side::Here), "it is made on-premises");
        assert_eq!(owning_side(Some(&here), Some(&synced)), Ok(Side::Here));
        assert_eq!(owning_side(Some(&here), Some(&managed)), Ok(Side::Cloud));
        assert_eq!(owning_side(None, Some(&managed)), Ok(Side::Cloud));
        assert_eq!(owning_side(None, Some(&only)), Ok(Side::Cloud));
        let mut user = Recipient::new(RecipientKind::User, Uuid::from_u128(2));
        assert_eq!(owning_side(None, Some(&user)), Ok(Side::Cloud), "without a mailbox yet");
        assert_eq!(owning_side(Some(&here), Some(&user)), Ok(Side::Here));
        user.is_dir_synced = true;
        assert_eq!(owning_side(None, Some(&user)), Ok(Side::Here), "it is mastered on-premises");
        let mail_user = Recipient::new(RecipientKind::MailUser, Uuid::from_u128(2));
        assert_eq!(owning_side(Some(&here), Some(&mail_user)), Ok(Side::Here), "its mailbox is on-premises");
        for (here, there) in [(None, &synced), (Some(&here), &only)] {
            assert_eq!(owning_side(here, Some(there)).unwrap_err().class, Some(ErrorClass::Conflict));
        }
    }
}
