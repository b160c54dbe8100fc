//! Mailbox databases: objects of the configuration, which every domain controller sees at once here.

use std::sync::Arc;

use uuid::Uuid;

use super::{Attribute, Change, Database, Directory, Entry};

/// The attributes of a mailbox that name a database.
const NAMED_IN: [&str; 2] = ["Database", "ArchiveDatabase"];

impl Directory {
    /// The database with this name, GUID or distinguished name.
    pub(crate) fn find_database(&self, identity: &str) -> Option<&Database> {
        self.place_of_database(identity).map(|place| &self.configuration.databases[place])
    }

    /// [`Self::find_database`], to be changed.
    pub(crate) fn find_database_mut(&mut self, identity: &str) -> Option<&mut Database> {
        self.place_of_database(identity).map(|place| &mut self.configuration.databases[place])
    }

    fn place_of_database(&self, identity: &str) -> Option<usize> {
        self.configuration.databases.iter().position(|database| {
            database.name.eq_ignore_ascii_case(identity)
                || self.database_guid(database).to_string().eq_ignore_ascii_case(identity)
                || self.database_dn(&database.name).eq_ignore_ascii_case(identity)
        })
    }

    /// Its GUID: one of the seed has that of its name.
    pub(crate) fn database_guid(&self, database: &Database) -> Uuid {
        database.guid.unwrap_or_else(|| self.ids.named(&format!("database {}", database.name)))
    }

    /// The distinguished name of a database.
    pub(crate) fn database_dn(&self, name: &str) -> String {
        format!(
            "CN={name},CN=Databases,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,CN={},CN=Microsoft Exchange,CN=Services,CN=Configuration,{}",
            self.configuration.organization,
            self.unit_dn(&self.configuration.forest)
        )
    }

    /// Whether a mailbox or an archive is in a database, as one domain controller knows.
    pub(crate) fn is_in_use(&self, dc: usize, name: &str) -> bool {
        let names_it = |entry: &Arc<Entry>| {
            NAMED_IN.iter().any(|attribute| entry.text(attribute).eq_ignore_ascii_case(name))
        };
        self.replica(dc).entries().any(|entry| entry.is_mailbox() && names_it(entry))
    }

    /// Gives a database another name. Mailboxes are linked to the object and not to its name, so they follow at once.
    pub(crate) fn rename_database(&mut self, old: &str, new: &str) {
        let Some(place) = self.place_of_database(old) else { return };
        let guid = self.database_guid(&self.configuration.databases[place]);
        let database = &mut self.configuration.databases[place];
        (database.guid, database.name) = (Some(guid), new.to_owned());
        for replica in &mut self.replicas {
            replica.each_entry(|entry| rename_in(entry, old, new));
        }
        for pending in &mut self.pending {
            match &mut pending.change {
                Change::Create(entry) => rename_in(entry, old, new),
                Change::Update(_, changes, ..) => {
                    for (_, value) in changes.iter_mut().filter(|(name, _)| NAMED_IN.contains(&name.as_str()))
                    {
                        if matches!(value, Some(Attribute::Text(text)) if text.eq_ignore_ascii_case(old)) {
                            *value = Some(new.into());
                        }
                    }
                }
                Change::Delete(_) => {}
            }
        }
    }
}

fn rename_in(entry: &mut Entry, old: &str, new: &str) {
    for name in NAMED_IN {
        if entry.text(name).eq_ignore_ascii_case(old) {
            entry.replace(name, new.into());
        }
    }
}
