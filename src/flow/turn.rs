//! Which change of a flow has its turn when: databases before the mailboxes that name them, and those that go after the
//! mailboxes that leave them. Pure.

use std::collections::BTreeSet;

use crate::recipient::{Change, ObjectType, Operation, Wanted};

/// The parameters of a mailbox that name a database.
const NAMING: [&str; 2] = ["Database", "ArchiveDatabase"];

/// When a change has its turn, whatever its place in the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Databases that are made or changed
    Databases,
    /// Everything about mailboxes
    Mailboxes,
    /// Databases that are removed
    RemovedDatabases,
}

impl Turn {
    /// In order.
    pub(super) const ALL: [Self; 3] = [Self::Databases, Self::Mailboxes, Self::RemovedDatabases];

    pub(super) fn of(change: &Change) -> Self {
        match (change.object_type, change.operation) {
            (ObjectType::Mailbox, _) => Self::Mailboxes,
            (ObjectType::MailboxDatabase, Operation::Remove) => Self::RemovedDatabases,
            (ObjectType::MailboxDatabase, _) => Self::Databases,
        }
    }
}

/// The databases that a change is about or names, in lower case.
pub(super) fn databases(change: &Change) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |wanted: Option<&Wanted>| {
        if let Some(Wanted::Text(name)) = wanted {
            names.insert(name.trim().to_lowercase());
        }
    };
    match change.object_type {
        ObjectType::Mailbox => {
            for given in [&change.attributes, &change.create_only] {
                NAMING.iter().for_each(|name| add(given.get(*name)));
            }
        }
        ObjectType::MailboxDatabase => {
            add(change.attributes.get("Name"));
            names.insert(change.identity.trim().to_lowercase());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_come_first_and_go_last() {
        let change = |object_type, operation| Change { object_type, ..Change::new(operation, "DB05") };
        let (mailbox, database) = (ObjectType::Mailbox, ObjectType::MailboxDatabase);
        assert_eq!(Turn::of(&change(database, Operation::Ensure)), Turn::Databases);
        assert_eq!(Turn::of(&change(database, Operation::Update)), Turn::Databases);
        assert_eq!(Turn::of(&change(mailbox, Operation::Ensure)), Turn::Mailboxes);
        assert_eq!(Turn::of(&change(mailbox, Operation::Remove)), Turn::Mailboxes);
        assert_eq!(Turn::of(&change(database, Operation::Remove)), Turn::RemovedDatabases);
    }

    #[test]
    fn a_mailbox_names_its_databases() {
        let mut mailbox = Change::new(Operation::Ensure, "ada");
        mailbox.create_only.insert("Database".into(), " DB05".into());
        mailbox.attributes.insert("ArchiveDatabase".into(), "DB06".into());
        assert_eq!(databases(&mailbox), BTreeSet::from(["db05".into(), "db06".into()]));
        let mut database = Change::new(Operation::Update, "DB05");
        database.object_type = ObjectType::MailboxDatabase;
        database.attributes.insert("Name".into(), "DB07".into());
        assert_eq!(databases(&database), BTreeSet::from(["db05".into(), "db07".into()]));
    }
}
