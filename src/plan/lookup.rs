//! What must be looked up before a change can be planned.

use std::collections::BTreeSet;

use crate::{
    address::{self, Key},
    recipient::{AddressFlow, Change, Recipient, Wanted, column, parameters::ParameterKind},
};

/// The addresses that the change brings and the recipient does not have: each may have another owner
/// ([`Context::owners`](super::Context::owners)).
#[must_use]
pub fn new_addresses(current: Option<&Recipient>, change: &Change) -> BTreeSet<Key> {
    let listed = match &change.addresses {
        Some(AddressFlow::List(list)) => list.as_slice(),
        Some(AddressFlow::Delta(delta)) => delta.add.as_slice(),
        Some(AddressFlow::Clear) | None => &[],
    };
    let single = ["PrimarySmtpAddress", "WindowsEmailAddress", "RemoteRoutingAddress"];
    let single = [&change.attributes, &change.create_only]
        .into_iter()
        .flat_map(|given| single.iter().filter_map(|name| given.get(*name)))
        .filter_map(|wanted| match wanted {
            Wanted::Text(text) => Some(text),
            _ => None,
        });
    let held: BTreeSet<Key> = current
        .iter()
        .flat_map(|current| &current.email_addresses)
        .filter_map(|value| address::key(value))
        .collect();
    listed
        .iter()
        .chain(single)
        .filter_map(|value| address::key(value.trim()))
        .filter(|key| !held.contains(key))
        .collect()
}

/// The names of other recipients in the change's attributes, in lower case: Exchange shows them by another name than the flow
/// may use ([`Context::references`](super::Context::references)).
#[must_use]
pub fn references(change: &Change) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, wanted) in &change.attributes {
        let Some(parameter) = column::parameter(change.object_type, name) else { continue };
        let recipients = ["RecipientIdParameter", "MailboxIdParameter", "UserIdParameter"];
        if parameter.kind != ParameterKind::RecipientList && !recipients.contains(&parameter.type_name) {
            continue;
        }
        let values: &mut dyn Iterator<Item = &String> = match wanted {
            Wanted::Text(text) => &mut std::iter::once(text),
            Wanted::List(list) => &mut list.iter(),
            Wanted::Delta(delta) => &mut delta.add.iter().chain(&delta.remove),
            Wanted::Clear | Wanted::Bool(_) | Wanted::Int(_) => continue,
        };
        names.extend(values.map(|value| value.trim().to_lowercase()).filter(|value| !value.is_empty()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipient::{Operation, RecipientKind};

    #[test]
    fn only_what_is_new_or_named_is_looked_up() {
        let mut change = Change::new(Operation::Ensure, "jane");
        change.addresses =
            Some(AddressFlow::List(vec!["SMTP:A@c.com".into(), " b@c.com".into(), "X500:/o=x".into()]));
        change.attributes.insert("PrimarySmtpAddress".into(), "d@c.com".into());
        change.create_only.insert("PrimarySmtpAddress".into(), "e@c.com".into());
        change.attributes.insert("ForwardingAddress".into(), "Bob@c.com".into());
        change.attributes.insert("ModeratedBy".into(), Wanted::List(vec!["eve".into()]));
        change.attributes.insert("RetentionPolicy".into(), "Default".into());
        change.attributes.insert("DisplayName".into(), "Jane".into());
        let mut current = Recipient::new(RecipientKind::User, uuid::Uuid::nil());
        current.email_addresses.push("smtp:a@c.com".into());
        let keys = |addresses: &[&str]| {
            addresses.iter().filter_map(|address| address::key(address)).collect::<BTreeSet<_>>()
        };
        assert_eq!(new_addresses(Some(&current), &change), keys(&["b@c.com", "d@c.com", "e@c.com"]));
        assert_eq!(new_addresses(None, &change), keys(&["a@c.com", "b@c.com", "d@c.com", "e@c.com"]));
        assert_eq!(references(&change), BTreeSet::from(["bob@c.com".to_owned(), "eve".to_owned()]));
    }
}
