//! Accounts of which an earlier change waits: what comes later stays behind it. Pure.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::recipient::{Action, Change};
use crate::report::ChangeResult;

/// Accounts by connection, each by its GUID where that is known and by the name that a flow has for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held(BTreeSet<(String, String)>);

impl Held {
    /// The accounts of the changes that wait.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a ChangeResult>) -> Self {
        let pending = results.into_iter().filter(|result| result.action == Action::Pending);
        Self(pending.flat_map(|it| names(&it.connection, &it.identity, it.guid)).collect())
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether the account of a change is one of them.
    pub(super) fn has(&self, connection: &str, change: &Change, guid: Option<Uuid>) -> bool {
        !self.0.is_empty() && names(connection, &change.identity, guid).any(|name| self.0.contains(&name))
    }

    /// Of lanes those changes that have to stay: the ones of these accounts, and what comes behind them in their lane.
    pub(super) fn behind(lanes: &[Vec<usize>], is_held: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        lanes.iter().flat_map(|lane| lane.iter().copied().skip_while(|at| !is_held(*at))).collect()
    }
}

fn names<'a>(
    connection: &'a str,
    identity: &str,
    guid: Option<Uuid>,
) -> impl Iterator<Item = (String, String)> + use<'a> {
    let names = [Some(identity.to_lowercase()), guid.map(|guid| guid.to_string())];
    names.into_iter().flatten().map(move |name| (connection.to_owned(), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Planned;
    use crate::recipient::Operation;

    const ADA: Uuid = Uuid::from_u128(7);

    fn result(identity: &str, action: Action) -> ChangeResult {
        let change = Change::new(Operation::Disable, identity);
        ChangeResult::of_plan(&change, "corp", &Planned::new(action, Some(ADA)))
    }

    #[test]
    fn an_account_is_known_by_guid_and_by_name_on_its_connection() {
        let held = Held::of([&result("ada", Action::Pending), &result("bob", Action::Disabled)]);
        let has = |connection: &str, identity: &str, guid| {
            held.has(connection, &Change::new(Operation::Ensure, identity), guid)
        };
        assert!(has("corp", "ADA", None) && has("corp", "ada@contoso.com", Some(ADA)));
        assert!(!has("corp", "bob", None), "nothing of it waits");
        assert!(!has("corp", "ada@contoso.com", Some(Uuid::from_u128(8))) && !has("other", "ada", None));
    }

    #[test]
    fn what_comes_behind_one_that_stays_stays() {
        let lanes = [vec![0, 3, 5], vec![1], vec![2, 4]];
        assert_eq!(Held::behind(&lanes, |at| at == 3 || at == 2), [2, 3, 4, 5].into());
    }
}
