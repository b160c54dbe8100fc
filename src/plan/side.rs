//! Where a change of a hybrid organisation is written: on-premises or in the cloud, and never on both sides.

use super::{Finding, cloud};
use crate::recipient::{Change, ErrorClass, Likeness, Marks, Recipient, RecipientKind, Side};

/// Whether what the cloud has under the sign-in name of an object is that object, so that nothing else has to be looked for.
/// Where the two were not synchronised with each other, or from one source, the name may have gone from one to the other.
#[must_use]
pub fn is_settled_by_name(here: &Recipient, there: Option<&Recipient>) -> bool {
    let Some(there) = there else { return false };
    let (here, there) = (Marks::of(here), Marks::of(there));
    match here.likeness(&there) {
        Likeness::Same => true,
        Likeness::Named => there.is_dir_synced && there.source.is_none_or(|source| source == here.guid),
        Likeness::Contradicted | Likeness::Open | Likeness::Other => false,
    }
}

/// The object of the cloud that is the one on-premises, among those that have its sign-in name, its mailbox or its primary
/// address.
///
/// # Errors
/// One that has its sign-in name is another one, several are the same, or one whose attributes the cloud owns may be it.
pub fn twin<'a>(here: &Recipient, found: &'a [Recipient]) -> Result<Option<&'a Recipient>, Finding> {
    let own = Marks::of(here);
    let alike = |likeness: Likeness| {
        let own = &own;
        found.iter().filter(move |there| own.likeness(&Marks::of(there)) == likeness)
    };
    let mut same = alike(Likeness::Same);
    if let Some(first) = same.next() {
        return match same.find(|another| another.guid != first.guid) {
            None => Ok(Some(first)),
            Some(_) => Err(conflict(
                here,
                "is two mailboxes in the cloud, by the GUID of its mailbox and by its immutable id",
                "look at both in the cloud, and remove the one that is not wanted",
            )),
        };
    }
    if alike(Likeness::Contradicted).next().is_some() {
        return Err(conflict(
            here,
            "has the sign-in name of another mailbox in the cloud: their ExchangeGuids differ",
            "find out which of the two the account has; a mailbox that came by a licence before synchronisation had carried the GUID is one too many",
        ));
    }
    if let Some(named) = alike(Likeness::Named).next() {
        return Ok(Some(named));
    }
    if alike(Likeness::Open).any(|there| own.concerns(there) && cloud::is_cloud_managed(there)) {
        return Err(conflict(
            here,
            "may be the mailbox in the cloud that has its primary address, whose attributes are managed there, and nothing proves it",
            "wait until synchronisation has carried the sign-in name, or let the connection read the user in Microsoft Graph (User.Read.All)",
        ));
    }
    Ok(None)
}

fn conflict(here: &Recipient, what: &str, hint: &str) -> Finding {
    Finding::refusal(ErrorClass::Conflict, format!("the {} on-premises {what}", here.type_name()), hint)
}

/// The side that a change of an object is written on: the one that owns it, by what either side has under its name. A change that
/// hands the Exchange attributes over goes to the cloud.
///
/// # Errors
/// What is there on both sides does not belong together, or what is synchronised is not found where it comes from.
pub fn owning_side(
    here: Option<&Recipient>,
    in_cloud: Option<&Recipient>,
    change: &Change,
) -> Result<Side, Finding> {
    let is_only_there = |user: &Recipient| user.kind == RecipientKind::User && !user.is_dir_synced;
    let mailbox = match (here, in_cloud) {
        (_, Some(found)) if matches!(found.kind, RecipientKind::Mailbox(_)) => found,
        // A user of the cloud who has no mailbox yet, or no longer.
        (None, Some(user)) if is_only_there(user) => return Ok(Side::Cloud),
        _ => return Ok(Side::Here),
    };
    match (here, mailbox.is_dir_synced) {
        (_, true) if cloud::is_cloud_managed(mailbox) => Ok(Side::Cloud),
        (Some(_), true) if cloud::hands_over(change) => Ok(Side::Cloud),
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
    use crate::recipient::{MailboxDetails, Operation, Property};

    fn in_cloud(synced: bool, managed: Option<bool>) -> Recipient {
        let mut found = Recipient::new(RecipientKind::Mailbox(MailboxDetails::User), Uuid::from_u128(2));
        found.is_dir_synced = synced;
        if let Some(managed) = managed {
            found.properties.insert("IsExchangeCloudManaged".into(), Property::Bool(managed));
        }
        found
    }

    fn remote(guid: u128, name: &str) -> Recipient {
        let mut here =
            Recipient::new(RecipientKind::RemoteMailbox(MailboxDetails::User), Uuid::from_u128(guid));
        here.user_principal_name = Some(name.into());
        here.primary_smtp_address = Some("ada@contoso.com".into());
        here
    }

    fn named(mut found: Recipient, guid: u128, name: &str) -> Recipient {
        found.guid = Uuid::from_u128(guid);
        found.user_principal_name = Some(name.into());
        found
    }

    fn with(mut found: Recipient, property: &str, value: &str) -> Recipient {
        found.properties.insert(property.into(), Property::Text(value.into()));
        found
    }

    const MAILBOX: &str = "7c1f0d11-9ab8-4c63-9d3e-0a1b2c3d4e5f";
    const OTHER: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
    /// Base64 of fifteen zeros and a one: the GUID of the object on-premises.
    const SOURCE: &str = "AAAAAAAAAAAAAAAAAAAAAQ==";

    fn guid_of(here: &Recipient, found: &[Recipient]) -> Option<u128> {
        twin(here, found).unwrap().map(|there| there.guid.as_u128())
    }

    #[test]
    fn one_that_was_renamed_is_found_by_what_stays() {
        let here = remote(1, "lovelace@contoso.com");
        let carried = with(here.clone(), "ExchangeGuid", MAILBOX);
        let managed = named(in_cloud(true, Some(true)), 2, "byron@contoso.com");
        let theirs = with(managed.clone(), "ExchangeGuid", MAILBOX);
        assert_eq!(guid_of(&carried, std::slice::from_ref(&theirs)), Some(2));
        assert_eq!(guid_of(&here, &[with(theirs.clone(), "ImmutableId", SOURCE)]), Some(2));
        // The anchor may be mS-DS-ConsistencyGuid; and Exchange may hold something else there.
        for id in ["yYuRNW0Z6kCXeYidebdT8A==", "ada@federated.contoso.com"] {
            assert_eq!(guid_of(&carried, &[with(theirs.clone(), "ImmutableId", id)]), Some(2));
        }
        // Zeros are no mailbox.
        let zeros = "00000000-0000-0000-0000-000000000000";
        let nobody = with(here.clone(), "ExchangeGuid", zeros);
        assert_eq!(guid_of(&nobody, &[with(managed.clone(), "ExchangeGuid", zeros)]), None);
        // What is not synchronised is somebody else.
        let only = named(with(in_cloud(false, None), "ExchangeGuid", MAILBOX), 2, "byron@contoso.com");
        assert_eq!(guid_of(&carried, &[only]), None);
        // A name that another one has by now is no reason to take that one.
        let heir = named(in_cloud(true, Some(true)), 3, "lovelace@contoso.com");
        assert_eq!(guid_of(&carried, &[heir.clone(), theirs.clone()]), Some(2));
        assert_eq!(guid_of(&here, &[heir]), Some(3), "nothing speaks against it");
    }

    #[test]
    fn what_cannot_be_told_is_a_conflict() {
        let here = remote(1, "ada@contoso.com");
        let carried = with(here.clone(), "ExchangeGuid", MAILBOX);
        let named_so = named(in_cloud(true, Some(true)), 2, "ADA@contoso.com");
        let class = |here: &Recipient, found: &[Recipient]| twin(here, found).unwrap_err().class;
        let conflict = Some(ErrorClass::Conflict);
        assert_eq!(class(&carried, &[with(named_so.clone(), "ExchangeGuid", OTHER)]), conflict);
        let both =
            [with(named_so.clone(), "ImmutableId", SOURCE), named(named_so.clone(), 3, "b@contoso.com")];
        assert_eq!(guid_of(&here, &both), Some(2));
        let both = both.map(|there| with(there, "ImmutableId", SOURCE));
        assert_eq!(class(&here, &both), conflict, "two that are the same");
        // It has the address, the cloud owns its attributes, and nothing proves who it is.
        let mut holder = named(in_cloud(true, Some(true)), 2, "byron@contoso.com");
        assert_eq!(guid_of(&here, &[holder.clone()]), None, "an address of somebody else");
        holder.email_addresses = vec!["smtp:Ada@contoso.com".into()];
        assert_eq!(class(&here, &[holder.clone()]), conflict);
        holder.properties.clear();
        assert_eq!(guid_of(&here, &[holder]), None, "it is written on-premises either way");
    }

    #[test]
    fn a_name_settles_it_unless_it_may_have_gone_over() {
        let here = remote(1, "ada@contoso.com");
        let there = named(in_cloud(true, Some(false)), 2, "ada@contoso.com");
        assert!(is_settled_by_name(&here, Some(&there)));
        assert!(is_settled_by_name(&here, Some(&with(there.clone(), "ImmutableId", SOURCE))));
        assert!(!is_settled_by_name(&here, None));
        assert!(!is_settled_by_name(&here, Some(&named(there.clone(), 2, "byron@contoso.com"))));
        let of_another = with(there.clone(), "ImmutableId", "yYuRNW0Z6kCXeYidebdT8A==");
        assert!(!is_settled_by_name(&here, Some(&of_another)));
        assert!(!is_settled_by_name(&here, Some(&named(in_cloud(false, None), 2, "ada@contoso.com"))));
        let carried = with(here, "ExchangeGuid", MAILBOX);
        assert!(!is_settled_by_name(&carried, Some(&with(there, "ExchangeGuid", OTHER))));
    }

    #[test]
    fn each_object_has_one_owner() {
        let here = Recipient::new(RecipientKind::RemoteMailbox(MailboxDetails::User), Uuid::from_u128(1));
        let synced = in_cloud(true, Some(false));
        let managed = in_cloud(true, Some(true));
        let only = in_cloud(false, None);
        let change = Change::new(Operation::Update, "ada");
        let owner = |here: Option<&Recipient>, there: Option<&Recipient>| owning_side(here, there, &change);
        assert_eq!(owner(Some(&here), None), Ok(Side::Here), "not synchronised yet");
        assert_eq!(owner(None, None), Ok(Side::Here), "it is made on-premises");
        assert_eq!(owner(Some(&here), Some(&synced)), Ok(Side::Here));
        assert_eq!(owner(Some(&here), Some(&managed)), Ok(Side::Cloud));
        assert_eq!(owner(None, Some(&managed)), Ok(Side::Cloud));
        assert_eq!(owner(None, Some(&only)), Ok(Side::Cloud));
        let mut user = Recipient::new(RecipientKind::User, Uuid::from_u128(2));
        assert_eq!(owner(None, Some(&user)), Ok(Side::Cloud), "without a mailbox yet");
        assert_eq!(owner(Some(&here), Some(&user)), Ok(Side::Here));
        user.is_dir_synced = true;
        assert_eq!(owner(None, Some(&user)), Ok(Side::Here), "it is mastered on-premises");
        let mail_user = Recipient::new(RecipientKind::MailUser, Uuid::from_u128(2));
        assert_eq!(owner(Some(&here), Some(&mail_user)), Ok(Side::Here), "its mailbox is on-premises");
        let mut hands_over = Change::new(Operation::Update, "ada");
        hands_over.attributes.insert("IsExchangeCloudManaged".into(), true.into());
        assert_eq!(
            owning_side(Some(&here), Some(&synced), &hands_over),
            Ok(Side::Cloud),
            "it is handed over"
        );
        assert_eq!(
            owning_side(Some(&here), None, &hands_over),
            Ok(Side::Here),
            "there is nothing to hand over yet"
        );
        for (here, there) in [(None, &synced), (Some(&here), &only)] {
            assert_eq!(owner(here, Some(there)).unwrap_err().class, Some(ErrorClass::Conflict));
        }
    }
}
