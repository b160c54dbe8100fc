//! What was written, read back and compared with what was wanted. Pure.

use crate::plan::{self, CloudContext, Context, ParameterValue, Policy, Step};
use crate::recipient::{Action, Change, ErrorClass, Recipient, RecipientKind};
use crate::report::ResultError;

/// Parameters of every step that say where and how, not what.
const ADDRESSING: [&str; 3] = ["Identity", "DomainController", "Confirm"];

/// Whether the account is now as the change wants it. What no read shows is not held against it.
pub(super) fn compare(
    found: Option<&Recipient>,
    change: &Change,
    action: Action,
    policy: &Policy,
    context: &Context,
) -> Result<(), ResultError> {
    match (action, found) {
        (Action::Removed, None) => return Ok(()),
        (Action::Removed, Some(_)) => return Err(differs("the object is still there")),
        (_, None) => return Err(differs("the account cannot be found any more")),
        (Action::Disabled, Some(found)) => {
            let has_mailbox =
                matches!(found.kind, RecipientKind::Mailbox(_) | RecipientKind::RemoteMailbox(_));
            return if has_mailbox { Err(differs("the mailbox is still there")) } else { Ok(()) };
        }
        _ => {}
    }
    // Licences were those before the write.
    let cloud = CloudContext { licence_is_settled: true, ..context.cloud.clone() };
    let context = &Context { cloud, ..context.clone() };
    // The owners were those before the write; the account's own addresses are not new to it any more.
    let again = plan::plan(found, change, policy, context);
    if let Some(refusal) = again.refusal() {
        // Planned before and written since; what stands against it now came in between.
        return Err(differs(&refusal.message));
    }
    let left: Vec<String> = again.steps.iter().flat_map(|step| visible_difference(step, found)).collect();
    if left.is_empty() { Ok(()) } else { Err(differs(&format!("{} not as wanted", left.join(", ")))) }
}

/// The parameters of a step that is still wanted although it was written, as far as a read shows them.
fn visible_difference(step: &Step, found: Option<&Recipient>) -> Vec<String> {
    let parameters = step.parameters.iter().filter(|(name, _)| !ADDRESSING.contains(&name.as_str()));
    parameters
        .filter(|(name, value)| {
            name == "EmailAddresses"
                || !matches!(value, ParameterValue::Secret(_))
                    && found.is_some_and(|found| found.property(name).is_some())
        })
        .map(|(name, _)| name.clone())
        .chain(step.brings_about().map(|(name, _)| name.to_owned()))
        .collect()
}

fn differs(what: &str) -> ResultError {
    let message = format!("Exchange reported success, but reading back shows otherwise: {what}");
    ResultError::new(ErrorClass::Transient, message)
        .hint("look for another writer or an address policy, then run the flow again")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::recipient::{AddressFlow, MailboxDetails, ObjectType, Operation, Property};

    fn mailbox(addresses: &[&str]) -> Recipient {
        let mut mailbox = Recipient::new(RecipientKind::Mailbox(MailboxDetails::User), Uuid::from_u128(1));
        mailbox.email_addresses = addresses.iter().map(ToString::to_string).collect();
        mailbox
    }

    fn check(found: Option<&Recipient>, change: &Change, action: Action) -> Result<(), ResultError> {
        compare(found, change, action, &Policy::default(), &Context::default())
    }

    #[test]
    fn success_is_believed_only_when_it_shows() {
        let mut change = Change::new(Operation::Update, "ada");
        change.addresses = Some(AddressFlow::List(vec!["b@x.de".into(), "a@x.de".into()]));
        let as_wanted = mailbox(&["smtp:b@x.de", "SMTP:a@x.de"]);
        assert_eq!(check(Some(&as_wanted), &change, Action::Updated), Ok(()));
        let other = mailbox(&["SMTP:b@x.de", "smtp:a@x.de"]);
        let error = check(Some(&other), &change, Action::Updated).unwrap_err();
        assert!(error.message.contains("EmailAddresses"), "{}", error.message);
        assert!(check(None, &change, Action::Updated).is_err());
    }

    #[test]
    fn a_database_must_be_mounted_as_wanted() {
        let mut change = Change::new(Operation::Update, "DB01");
        change.object_type = ObjectType::MailboxDatabase;
        change.attributes.insert("Mounted".into(), true.into());
        let mut database = Recipient::new(RecipientKind::MailboxDatabase, Uuid::from_u128(1));
        database.properties.insert("Mounted".into(), Property::Bool(true));
        assert_eq!(check(Some(&database), &change, Action::Updated), Ok(()));
        database.properties.insert("Mounted".into(), Property::Bool(false));
        let error = check(Some(&database), &change, Action::Updated).unwrap_err();
        assert!(error.message.contains("Mounted not as wanted"), "{}", error.message);
    }

    #[test]
    fn what_was_taken_away_must_be_gone() {
        let change = Change::new(Operation::Disable, "ada");
        let user = Recipient::new(RecipientKind::User, Uuid::from_u128(1));
        assert_eq!(check(Some(&user), &change, Action::Disabled), Ok(()));
        assert!(check(Some(&mailbox(&[])), &change, Action::Disabled).is_err());
        assert_eq!(check(None, &change, Action::Removed), Ok(()));
        assert!(check(Some(&user), &change, Action::Removed).is_err());
    }
}
