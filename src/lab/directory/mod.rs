//! The directory: objects, domain controllers, replication.

mod address;
mod database;
mod entry;
mod generate;
mod ids;
mod load;
mod online;
mod replica;
mod seed;

use std::collections::{HashSet, VecDeque};

use secrecy::SecretString;
use uuid::Uuid;

pub(super) use address::{Proxy, is_smtp_address};
pub use entry::Attribute;
pub(super) use entry::{Entry, Stamp};
pub(super) use ids::Ids;
pub(super) use load::{DETAILS, account_name, alias_from, is_alias_character, local_part};
pub(super) use replica::{Changes, Replica, display_name_key, immutable_id_key};
pub use seed::{AcceptedDomain, AddressPolicy, Database, Restrictions, Seed, SeedError, SeedObject};

/// The directory as all domain controllers together hold it.
#[derive(Debug)]
pub(super) struct Directory {
    /// Everything of the seed but the objects
    pub(super) configuration: Seed,
    /// Source of GUIDs
    pub(super) ids: Ids,
    delay_ms: u64,
    replicas: Vec<Replica>,
    pending: VecDeque<Pending>,
    sequence: u64,
    /// What has changed on the first domain controller and when, for synchronisation; nothing where there is none
    noted: Option<VecDeque<(u64, Uuid)>>,
}

/// A change on its way to another domain controller.
#[derive(Debug)]
struct Pending {
    due_ms: u64,
    target: usize,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Create(Box<Entry>),
    Update(Uuid, Changes, Option<SecretString>, Stamp),
    Delete(Uuid),
}

fn note(noted: &mut Option<VecDeque<(u64, Uuid)>>, change: &Change, at_ms: u64) {
    let Some(noted) = noted else { return };
    let guid = match change {
        Change::Create(entry) => entry.guid,
        Change::Update(guid, ..) | Change::Delete(guid) => *guid,
    };
    noted.push_back((at_ms, guid));
}

impl Directory {
    /// An empty directory with the configuration of the seed; objects are added by [`Self::load`].
    fn empty(configuration: Seed, delay_ms: u64) -> Self {
        let replicas = configuration.domain_controllers.iter().map(|name| Replica::new(name)).collect();
        let ids = Ids::new(&configuration.forest);
        Self { configuration, ids, delay_ms, replicas, pending: VecDeque::new(), sequence: 0, noted: None }
    }

    /// How long a change needs to the other domain controllers from now on.
    /// Whether every domain controller sees a change at once.
    pub(in crate::lab) fn replicates_at_once(&self) -> bool {
        self.delay_ms == 0
    }

    pub(super) fn set_delay(&mut self, delay_ms: u64) {
        self.delay_ms = delay_ms;
    }

    /// Names of the domain controllers in the order of the seed.
    pub(super) fn domain_controllers(&self) -> impl Iterator<Item = &str> {
        self.replicas.iter().map(Replica::name)
    }

    /// The number of the domain controller that is called so: by its full name, or by its first label.
    pub(super) fn find_domain_controller(&self, name: &str) -> Option<usize> {
        let short = |full: &str| full.split('.').next().unwrap_or_default().to_owned();
        self.replicas.iter().position(|replica| {
            replica.name().eq_ignore_ascii_case(name) || short(replica.name()).eq_ignore_ascii_case(name)
        })
    }

    /// Delivers what is due by `now_ms`.
    pub(super) fn settle(&mut self, now_ms: u64) {
        let mut kept = VecDeque::new();
        while let Some(pending) = self.pending.pop_front() {
            if pending.due_ms <= now_ms {
                if pending.target == 0 {
                    note(&mut self.noted, &pending.change, pending.due_ms);
                }
                self.replicas[pending.target].apply(pending.change, now_ms);
            } else {
                kept.push_back(pending);
            }
        }
        self.pending = kept;
    }

    /// What one domain controller holds.
    pub(super) fn replica(&self, dc: usize) -> &Replica {
        &self.replicas[dc]
    }

    /// Adds an object on one domain controller.
    pub(super) fn create(&mut self, dc: usize, entry: Entry, now_ms: u64) {
        self.send(dc, Change::Create(Box::new(entry)), now_ms);
    }

    /// Changes attributes on one domain controller; `None` clears.
    pub(super) fn update(
        &mut self,
        dc: usize,
        guid: Uuid,
        changes: Changes,
        password: Option<SecretString>,
        now_ms: u64,
    ) {
        let stamp = self.stamp(now_ms);
        self.send(dc, Change::Update(guid, changes, password, stamp), now_ms);
    }

    /// Deletes an object on one domain controller.
    pub(super) fn delete(&mut self, dc: usize, guid: Uuid, now_ms: u64) {
        self.send(dc, Change::Delete(guid), now_ms);
    }

    /// A stamp later than all before.
    pub(super) fn stamp(&mut self, now_ms: u64) -> Stamp {
        self.sequence += 1;
        Stamp { time_ms: now_ms, sequence: self.sequence }
    }

    fn send(&mut self, dc: usize, change: Change, now_ms: u64) {
        if dc == 0 || self.delay_ms == 0 {
            note(&mut self.noted, &change, now_ms);
        }
        for target in (0..self.replicas.len()).filter(|target| *target != dc) {
            if self.delay_ms == 0 {
                self.replicas[target].apply(change.clone(), now_ms);
            } else {
                self.pending.push_back(Pending {
                    due_ms: now_ms + self.delay_ms,
                    target,
                    change: change.clone(),
                });
            }
        }
        self.replicas[dc].apply(change, now_ms);
    }

    /// Begins to note what changes.
    pub(super) fn note_changes(&mut self) {
        self.noted = Some(VecDeque::new());
    }

    /// What has changed until a time and was not told before, each object once.
    pub(super) fn changed_until(&mut self, until_ms: u64) -> Vec<Uuid> {
        let mut changed = Vec::new();
        let Some(noted) = &mut self.noted else { return changed };
        let mut known = HashSet::new();
        while noted.front().is_some_and(|(at_ms, _)| *at_ms <= until_ms) {
            changed.extend(noted.pop_front().map(|(_, guid)| guid).filter(|guid| known.insert(*guid)));
        }
        changed
    }

    /// The password of an account, from whichever domain controller holds the newest.
    pub(super) fn password(&self, domain: Option<&str>, user: &str) -> Option<SecretString> {
        let principal = user.contains('@');
        let domain_fits = domain.is_none_or(|domain| {
            domain.is_empty()
                || domain.eq_ignore_ascii_case(&self.configuration.netbios)
                || domain.eq_ignore_ascii_case(&self.configuration.forest)
        });
        if !principal && !domain_fits {
            return None;
        }
        self.replicas
            .iter()
            .flat_map(|replica| replica.lookup(user).map(move |entry| (replica, entry)))
            .filter(|(_, entry)| {
                let name = if principal { "UserPrincipalName" } else { "SamAccountName" };
                entry.text(name).eq_ignore_ascii_case(user) && !entry.flag("AccountDisabled")
            })
            .filter_map(|(_, entry)| entry.password())
            .max_by_key(|(stamp, _)| *stamp)
            .map(|(_, password)| password.clone())
    }

    /// Account names that can sign in, `SamAccountName` and `UserPrincipalName`.
    pub(super) fn accounts(&self) -> Vec<(String, String)> {
        self.replicas[0]
            .entries()
            .filter(|entry| entry.password().is_some())
            .map(|entry| {
                (entry.text("SamAccountName").to_owned(), entry.text("UserPrincipalName").to_owned())
            })
            .collect()
    }
}
