//! The embedded Exchange as a whole: directory, accounts, log, faults.

use secrecy::SecretString;
use uuid::Uuid;

use super::cloud::{Carried, CloudSeed, Due};
use super::directory::{Directory, Entry, Restrictions, Seed, SeedError};
use super::fault::Fault;
use super::log::LogEntry;
use super::output;
use super::session::{Endpoint, LabSession, Serialization};

/// How an embedded Exchange behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How long a change needs from one domain controller to the others; in the cloud how long a new object is not
    /// seen, and a mailbox keeps its former kind
    pub replication_delay_ms: u64,
    /// Domain controllers in place of those of the seed
    pub domain_controllers: Option<Vec<String>>,
    /// How long a mailbox needs to come after a licence, and to go after the last one, in the cloud
    pub mailbox_delay_ms: u64,
}

/// An embedded Exchange. Not synchronised: share it behind a mutex.
#[derive(Debug)]
pub struct Exchange {
    pub(super) directory: Directory,
    pub(super) log: Vec<LogEntry>,
    pub(super) faults: Vec<Fault>,
    pub(super) requests: u64,
    /// What is still to happen
    pub(super) due: Vec<Due>,
    /// Mailboxes that are gone, and could be had again for a while
    pub(super) soft_deleted: Vec<Entry>,
    pub(super) lag_ms: u64,
    pub(super) mailbox_delay_ms: u64,
    sessions: usize,
}

impl Exchange {
    /// An Exchange with the objects of the seed.
    ///
    /// # Errors
    /// [`SeedError`] when the seed contradicts itself: two objects with one address, an unknown type, a missing unit.
    pub fn new(mut seed: Seed, options: Options) -> Result<Self, SeedError> {
        seed.cloud = None;
        Self::of(seed, options)
    }

    /// The Exchange Online of the tenant that the seed tells of.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn cloud(mut seed: Seed, options: Options) -> Result<Self, SeedError> {
        let cloud = seed.cloud.take().unwrap_or_else(|| CloudSeed::of(&seed));
        Self::of(cloud.directory(&seed), options)
    }

    fn of(mut seed: Seed, options: Options) -> Result<Self, SeedError> {
        if let Some(names) = options.domain_controllers.filter(|names| !names.is_empty()) {
            seed.domain_controllers = names;
        }
        let faults = std::mem::take(&mut seed.faults);
        let directory = Directory::load(seed, options.replication_delay_ms)?;
        Ok(Self {
            directory,
            log: Vec::new(),
            faults,
            requests: 0,
            due: Vec::new(),
            soft_deleted: Vec::new(),
            lag_ms: options.replication_delay_ms,
            mailbox_delay_ms: options.mailbox_delay_ms,
            sessions: 0,
        })
    }

    /// A session (runspace) for a user who has signed in. Where changes take time to replicate,
    /// sessions read and write on the domain controllers in turn unless a command names one; else all on the first.
    pub fn session(&mut self, endpoint: Endpoint, user: &str, serialization: Serialization) -> LabSession {
        let turns =
            if self.directory.replicates_at_once() { 1 } else { self.directory.domain_controllers().count() };
        let dc = self.sessions % turns.max(1);
        self.sessions += 1;
        LabSession::new(endpoint, user, serialization, dc)
    }

    /// The password of an account: `user` is a `SamAccountName` (in `domain`, NetBIOS or DNS, or none) or a `UserPrincipalName`.
    pub fn password(&self, domain: Option<&str>, user: &str) -> Option<SecretString> {
        self.directory.password(domain, user)
    }

    /// `SamAccountName` and `UserPrincipalName` of the accounts that can sign in.
    pub fn accounts(&self) -> Vec<(String, String)> {
        self.directory.accounts()
    }

    /// NetBIOS name of the domain.
    pub fn netbios_domain(&self) -> &str {
        &self.directory.configuration.netbios
    }

    /// DNS name of the domain.
    pub fn forest(&self) -> &str {
        &self.directory.configuration.forest
    }

    /// Name of the Exchange server, such as `EX01`.
    pub fn server(&self) -> &str {
        &self.directory.configuration.server
    }

    /// Names of the domain controllers.
    pub fn domain_controllers(&self) -> Vec<String> {
        self.directory.domain_controllers().map(str::to_owned).collect()
    }

    /// The GUID of the tenant, in the cloud.
    pub fn tenant(&self) -> Option<Uuid> {
        self.directory.configuration.cloud.as_ref().map(|cloud| cloud.tenant)
    }

    /// What role groups keep from the tenant's application.
    pub(super) fn restrictions(&self) -> Restrictions {
        let cloud = self.directory.configuration.cloud.as_ref();
        cloud.map(|cloud| cloud.restrictions.clone()).unwrap_or_default()
    }

    /// The GUID that belongs to a name.
    pub(super) fn named(&self, name: &str) -> Uuid {
        self.directory.ids.named(name)
    }

    /// Takes the log entries made since the last call.
    pub fn take_log(&mut self) -> Vec<LogEntry> {
        std::mem::take(&mut self.log)
    }

    /// What stands at the start of the id of an Exchange error: server, request, time in the form of the server's culture.
    pub(super) fn request_tag(&self, now_ms: u64) -> String {
        let request = self.directory.ids.named(&format!("request {}", self.requests));
        format!("[Server={},RequestId={request},TimeStamp={}]", self.server(), output::american_time(now_ms))
    }

    /// Begins to note what changes, for synchronisation.
    pub(super) fn note_changes(&mut self) {
        self.directory.note_changes();
    }

    /// What has changed until `until_ms`, as it is now.
    pub(super) fn carried(&mut self, until_ms: u64, now_ms: u64) -> Vec<Carried> {
        self.settle(now_ms);
        let changed = self.directory.changed_until(until_ms);
        let now = |source| Carried { source, entry: self.directory.replica(0).get(source).cloned() };
        changed.into_iter().map(now).collect()
    }

    /// Orders a fault for calls to come. Faults are used up in the order in which they were ordered.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The directory as JSON, in the form of a seed; passwords are left out.
    pub fn dump(&self) -> serde_json::Value {
        self.directory.dump()
    }
}
