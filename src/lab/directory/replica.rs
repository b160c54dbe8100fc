//! What one domain controller holds, with an index over every name of an object.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::{Attribute, Change, Entry, Proxy};

/// Attributes to set, or to clear with `None`.
pub(crate) type Changes = BTreeMap<String, Option<Attribute>>;

/// The copy of the directory on one domain controller.
#[derive(Debug)]
pub(crate) struct Replica {
    name: String,
    entries: BTreeMap<Uuid, Arc<Entry>>,
    names: HashMap<String, BTreeSet<Uuid>>,
}

impl Replica {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), entries: BTreeMap::new(), names: HashMap::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn get(&self, guid: Uuid) -> Option<&Arc<Entry>> {
        self.entries.get(&guid)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// Every object with this name, whichever of its names it is.
    pub(crate) fn lookup(&self, name: &str) -> impl Iterator<Item = &Arc<Entry>> {
        let key = if name.contains('\0') { name.to_owned() } else { name.to_lowercase() };
        self.names.get(&key).into_iter().flatten().filter_map(|guid| self.entries.get(guid))
    }

    pub(super) fn apply(&mut self, change: Change, now_ms: u64) {
        let stamp = |entry: &mut Entry| {
            // Each domain controller has its own: the attribute does not replicate.
            let at = super::Stamp { time_ms: now_ms, sequence: u64::MAX };
            entry.set("WhenChanged", Some(Attribute::Number(i64::try_from(now_ms).unwrap_or(i64::MAX))), at);
        };
        match change {
            Change::Create(mut entry) => {
                stamp(&mut entry);
                self.insert(Arc::new(*entry));
            }
            Change::Update(guid, changes, password, written) => {
                let Some(mut entry) = self.remove(guid) else { return };
                let changed = Arc::make_mut(&mut entry);
                for (name, value) in changes {
                    changed.set(&name, value, written);
                }
                if let Some(password) = password {
                    changed.set_password(password, written);
                }
                stamp(changed);
                self.insert(entry);
            }
            Change::Delete(guid) => {
                self.remove(guid);
            }
        }
    }

    /// Changes every object in what is none of its names.
    pub(super) fn each_entry(&mut self, mut change: impl FnMut(&mut Entry)) {
        self.entries.values_mut().for_each(|entry| change(Arc::make_mut(entry)));
    }

    fn insert(&mut self, entry: Arc<Entry>) {
        for key in names_of(&entry) {
            self.names.entry(key).or_default().insert(entry.guid);
        }
        self.entries.insert(entry.guid, entry);
    }

    fn remove(&mut self, guid: Uuid) -> Option<Arc<Entry>> {
        let entry = self.entries.remove(&guid)?;
        for key in names_of(&entry) {
            if let Some(guids) = self.names.get_mut(&key) {
                guids.remove(&guid);
                if guids.is_empty() {
                    self.names.remove(&key);
                }
            }
        }
        Some(entry)
    }
}

/// The key of a display name, which is no identity: filters find objects by it.
pub(crate) fn display_name_key(name: &str) -> String {
    format!("display name\0{}", name.to_lowercase())
}

/// The key of what ties an object to its source, where case matters.
pub(crate) fn immutable_id_key(id: &str) -> String {
    format!("immutable id\0{id}")
}

/// What an object can be found by, in lower case. Addresses stand with their type, SMTP addresses also without.
fn names_of(entry: &Entry) -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    let names = [
        "ExternalDirectoryObjectId",
        "Name",
        "Alias",
        "SamAccountName",
        "UserPrincipalName",
        "DistinguishedName",
        "Identity",
        "LegacyExchangeDN",
    ];
    keys.extend(
        names.iter().map(|name| entry.text(name)).filter(|text| !text.is_empty()).map(str::to_lowercase),
    );
    keys.insert(entry.guid.to_string());
    for guid in ["ExchangeGuid", "ArchiveGuid"] {
        let text = entry.text(guid);
        if !text.is_empty() && text != "00000000-0000-0000-0000-000000000000" {
            keys.insert(text.to_lowercase());
        }
    }
    let domain = entry.text("NetbiosDomain");
    if !domain.is_empty() && !entry.text("SamAccountName").is_empty() {
        keys.insert(format!("{domain}\\{}", entry.text("SamAccountName")).to_lowercase());
    }
    if !entry.text("DisplayName").is_empty() {
        keys.insert(display_name_key(entry.text("DisplayName")));
    }
    if !entry.text("ImmutableId").is_empty() {
        keys.insert(immutable_id_key(entry.text("ImmutableId")));
    }
    for text in entry.list("EmailAddresses") {
        let proxy = Proxy::parse(text);
        keys.insert(proxy.key());
        if proxy.is_smtp() {
            keys.insert(proxy.address.to_lowercase());
        }
    }
    keys
}
