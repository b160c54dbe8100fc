//! What was there the last time, and what each row means against it.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

/// What a row tells its reader to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// It was not there
    Insert,
    /// It was there, and otherwise
    Update,
    /// It is no longer there
    Delete,
}

/// Every object by its GUID, with the digest of its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger(HashMap<Uuid, u64>);

impl Ledger {
    /// What an earlier export remembered.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = (Uuid, u64)>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// Takes a row: what it means, or `None` when it says what is known. An overlap brings such rows.
    pub fn take(&mut self, guid: Uuid, digest: u64) -> Option<Command> {
        match self.0.insert(guid, digest) {
            None => Some(Command::Insert),
            Some(known) if known != digest => Some(Command::Update),
            Some(_) => None,
        }
    }

    /// Takes out what is not among those that are there, in the order of the GUIDs.
    pub fn take_missing(&mut self, there: &HashSet<Uuid>) -> Vec<Uuid> {
        let mut missing: Vec<Uuid> = self.0.keys().filter(|guid| !there.contains(guid)).copied().collect();
        missing.sort_unstable();
        for guid in &missing {
            self.0.remove(guid);
        }
        missing
    }

    /// Whether an object is known.
    #[must_use]
    pub fn contains(&self, guid: Uuid) -> bool {
        self.0.contains_key(&guid)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything, in the order of the GUIDs.
    #[must_use]
    pub fn sorted(&self) -> Vec<(Uuid, u64)> {
        let mut entries: Vec<_> = self.0.iter().map(|(guid, digest)| (*guid, *digest)).collect();
        entries.sort_unstable();
        entries
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whoever applies the rows to a copy of the state before has the state after, whatever an overlap repeats.
        #[test]
        fn rows_make_the_new_state_of_the_old_one(
            before in proptest::collection::btree_map(0_u128..40, 0_u64..4, 0..30),
            after in proptest::collection::btree_map(0_u128..40, 0_u64..4, 0..30),
            repeated in proptest::collection::vec(0_usize..30, 0..20),
        ) {
            let mut ledger = Ledger::new(before.iter().map(|(guid, it)| (Uuid::from_u128(*guid), *it)));
            let mut copy: BTreeMap<u128, u64> = before.clone();
            let rows: Vec<(u128, u64)> = after.iter().map(|(guid, it)| (*guid, *it)).collect();
            let again = repeated.iter().filter_map(|index| rows.get(*index).copied());
            for (guid, digest) in rows.iter().copied().chain(again) {
                match ledger.take(Uuid::from_u128(guid), digest) {
                    Some(Command::Insert) => prop_assert!(copy.insert(guid, digest).is_none()),
                    Some(Command::Update) => prop_assert!(copy.insert(guid, digest).is_some_and(|old| old != digest)),
                    Some(Command::Delete) => prop_assert!(false, "a row that is there deletes nothing"),
                    None => prop_assert_eq!(copy.get(&guid), Some(&digest)),
                }
            }
            let there = after.keys().map(|guid| Uuid::from_u128(*guid)).collect();
            for guid in ledger.take_missing(&there) {
                prop_assert!(copy.remove(&guid.as_u128()).is_some());
            }
            prop_assert_eq!(&copy, &after);
            let kept: BTreeMap<u128, u64> = ledger.sorted().into_iter().map(|(guid, it)| (guid.as_u128(), it)).collect();
            prop_assert_eq!(kept, after);
        }
    }
}
