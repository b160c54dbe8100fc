//! Lanes: changes that touch the same account, or the same name or address, run one after the other in the order of the
//! flow; lanes run side by side. Pure.

use std::collections::HashMap;

use crate::address;
use crate::recipient::{AddressFlow, Change, Recipient, Wanted};

/// Parameters whose value names the account itself.
const NAMES: [&str; 7] = [
    "Alias",
    "MicrosoftOnlineServicesID",
    "Name",
    "PrimarySmtpAddress",
    "SamAccountName",
    "UserPrincipalName",
    "WindowsEmailAddress",
];

/// Groups changes, given with the account each was read for, into lanes of their positions.
pub(super) fn lanes<'a>(
    changes: impl IntoIterator<Item = (&'a Change, Option<&'a Recipient>)>,
) -> Vec<Vec<usize>> {
    let mut groups = Groups::default();
    let mut first_with: HashMap<String, usize> = HashMap::new();
    for (position, (change, current)) in changes.into_iter().enumerate() {
        groups.parents.push(position);
        for name in names(change, current) {
            let other = *first_with.entry(name).or_insert(position);
            groups.join(other, position);
        }
    }
    let mut lanes: Vec<Vec<usize>> = Vec::new();
    let mut lane_of: HashMap<usize, usize> = HashMap::new();
    for position in 0..groups.parents.len() {
        let root = groups.root(position);
        let lane = *lane_of.entry(root).or_insert_with(|| {
            lanes.push(Vec::new());
            lanes.len() - 1
        });
        lanes[lane].push(position);
    }
    lanes
}

/// Everything by which a change and its account may be named, so that two changes of one account share at least one.
fn names(change: &Change, current: Option<&Recipient>) -> Vec<String> {
    let mut names = vec![change.identity.trim().to_lowercase()];
    let mut address = |text: &str| {
        if let Some(key) = address::key(text) {
            names.push(key.to_string());
        }
    };
    match &change.addresses {
        Some(AddressFlow::List(list)) => list.iter().for_each(|text| address(text.trim())),
        Some(AddressFlow::Delta(delta)) => {
            delta.add.iter().chain(&delta.remove).for_each(|text| address(text.trim()))
        }
        Some(AddressFlow::Clear) | None => {}
    }
    for parameter in NAMES {
        for wanted in
            [change.attributes.get(parameter), change.create_only.get(parameter)].into_iter().flatten()
        {
            if let Wanted::Text(text) = wanted {
                names.push(text.trim().to_lowercase());
            }
        }
    }
    if let Some(current) = current {
        names.push(current.guid.to_string());
        let held = [&current.user_principal_name, &current.sam_account_name, &current.alias, &current.name];
        names.extend(held.into_iter().flatten().map(|name| name.to_lowercase()));
        names.push(current.distinguished_name.to_lowercase());
        names.extend(
            current.email_addresses.iter().filter_map(|text| address::key(text)).map(|key| key.to_string()),
        );
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Disjoint sets by parent links.
#[derive(Default)]
struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    fn root(&mut self, mut position: usize) -> usize {
        while self.parents[position] != position {
            self.parents[position] = self.parents[self.parents[position]];
            position = self.parents[position];
        }
        position
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        // The earlier one stays the root, so lanes come in the order of their first change.
        let (first, second) = (one.min(other), one.max(other));
        self.parents[second] = first;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::recipient::{Operation, RecipientKind};

    fn change(identity: &str) -> Change {
        Change::new(Operation::Ensure, identity)
    }

    #[test]
    fn the_same_account_by_any_name_is_one_lane() {
        let mut ada = Recipient::new(RecipientKind::User, Uuid::from_u128(1));
        ada.sam_account_name = Some("ada".into());
        ada.email_addresses = vec!["SMTP:Ada@x.de".into()];
        let changes = [change("ada@x.de"), change("bob"), change("ADA"), change("new")];
        let lanes = lanes(changes.iter().zip([Some(&ada), None, Some(&ada), None]));
        assert_eq!(lanes, [vec![0, 2], vec![1], vec![3]]);
    }

    #[test]
    fn an_address_that_moves_from_one_to_the_other_keeps_the_order() {
        let mut from = change("from");
        from.addresses = Some(AddressFlow::List(vec!["a@x.de".into()]));
        let mut to = change("to");
        to.addresses = Some(AddressFlow::List(vec!["to@x.de".into(), "smtp:Info@x.de".into()]));
        let mut holder = Recipient::new(RecipientKind::User, Uuid::from_u128(1));
        holder.email_addresses = vec!["SMTP:a@x.de".into(), "smtp:info@x.de".into()];
        let changes = [change("other"), from, to];
        assert_eq!(lanes(changes.iter().zip([None, Some(&holder), None])), [vec![0], vec![1, 2]]);
    }

    #[test]
    fn what_is_made_by_one_row_and_named_by_the_next_is_one_lane() {
        let mut made = change("x@y.de");
        made.attributes.insert("Alias".into(), Wanted::Text("Fresh".into()));
        let changes = [made, change("fresh")];
        assert_eq!(lanes(changes.iter().map(|change| (change, None))), [vec![0, 1]]);
    }
}
