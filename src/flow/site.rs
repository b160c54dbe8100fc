//! The open connections of a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::execute::chance;
use super::retry::{self, Breaker};
use super::run::RunError;
use crate::address::AcceptedDomains;
use crate::config::{Cloud, Connection, Infrastructure};
use crate::exchange::{Directory, Exchange, LookupError, graph};
use crate::plan::{self, CloudContext, Policy};
use crate::recipient::{Sku, Traffic};

/// The connections of a run by name, open. A row without a name goes to the default.
#[derive(Clone)]
pub struct Sites {
    default: String,
    open: BTreeMap<String, (Connection, Arc<dyn Exchange>)>,
}

impl Sites {
    /// One connection, the default.
    pub fn new(connection: Connection, exchange: Arc<dyn Exchange>) -> Self {
        let default = connection.name.clone();
        Self { default: default.clone(), open: BTreeMap::from([(default, (connection, exchange))]) }
    }

    /// Adds one that rows may name.
    #[must_use]
    pub fn with(mut self, connection: Connection, exchange: Arc<dyn Exchange>) -> Self {
        self.open.insert(connection.name.clone(), (connection, exchange));
        self
    }

    /// The name of the connection for rows that name none.
    pub fn default_name(&self) -> &str {
        &self.default
    }

    /// What was asked of the clouds so far, by connection.
    pub fn traffic(&self) -> BTreeMap<String, Traffic> {
        let traffic = |(name, (_, exchange)): (&String, &(Connection, Arc<dyn Exchange>))| {
            Some((name.clone(), exchange.traffic()?))
        };
        self.open.iter().filter_map(traffic).collect()
    }

    /// Who is signed in to the cloud on the default connection.
    pub fn cloud_account(&self) -> Option<String> {
        self.open.get(&self.default).and_then(|(_, exchange)| exchange.cloud_account())
    }

    /// Deletes what the servers keep.
    pub async fn close(&self) {
        for (_, exchange) in self.open.values() {
            exchange.close().await;
        }
    }

    /// Reads what every change of a connection needs to know.
    pub(super) async fn enter(&self, allow_mass_removal: bool) -> Result<BTreeMap<String, Site>, RunError> {
        let mut sites = BTreeMap::new();
        for (name, (connection, exchange)) in &self.open {
            let site = Site::enter(connection, exchange, allow_mass_removal).await?;
            sites.insert(name.clone(), site);
        }
        Ok(sites)
    }
}

/// One connection with what was read for all of its changes.
pub(super) struct Site {
    pub(super) connection: Connection,
    pub(super) directory: Directory,
    pub(super) policy: Policy,
    pub(super) breaker: Mutex<Breaker>,
    accepted_domains: AcceptedDomains,
    /// Exchange Online, where the connection reaches it
    pub(super) cloud: Option<CloudSite>,
}

/// The cloud's side of a connection, with what was read for all of its changes.
pub(super) struct CloudSite {
    pub(super) settings: Cloud,
    pub(super) directory: Directory,
    accepted_domains: AcceptedDomains,
    /// Read when the first change needs it: where somebody else gives licences, nobody has to be allowed to
    skus: OnceCell<Vec<Sku>>,
}

impl CloudSite {
    async fn enter(settings: &Cloud, exchange: &Arc<dyn Exchange>) -> Result<Self, RunError> {
        let directory = Directory::of_cloud(Arc::clone(exchange));
        let (accepted_domains, _) = accepted_domains(&directory).await?;
        Ok(Self { settings: settings.clone(), directory, accepted_domains, skus: OnceCell::new() })
    }

    /// Reads the tenant's licences, once, and whether mailboxes can be read at all.
    pub(super) async fn know_skus(&self) -> Result<(), LookupError> {
        let known = self.skus.get_or_try_init(|| async {
            // A licence for a mailbox that nobody here could see would be wasted.
            self.directory.may_see_mailboxes().await?;
            graph::skus(self.directory.exchange().as_ref()).await
        });
        known.await.map(drop)
    }

    /// What planning must know beside the recipient, without what is looked up for each change.
    pub(super) fn context(&self) -> plan::Context {
        plan::Context {
            infrastructure: plan::Infrastructure::Cloud,
            accepted_domains: Some(self.accepted_domains.clone()),
            cloud: CloudContext {
                licence: self.settings.licence.clone(),
                skus: self.skus.get().cloned().unwrap_or_default(),
                usage_location: self.settings.usage_location.clone(),
                maker: self.settings.maker,
                user: None,
                licence_is_settled: false,
            },
            ..plan::Context::default()
        }
    }
}

impl Site {
    async fn enter(
        connection: &Connection,
        exchange: &Arc<dyn Exchange>,
        allow_mass_removal: bool,
    ) -> Result<Self, RunError> {
        let cloud = match &connection.cloud {
            Some(settings) => Some(CloudSite::enter(settings, exchange).await?),
            None => None,
        };
        let (directory, accepted_domains) = match &cloud {
            Some(cloud) if connection.infrastructure == Infrastructure::Cloud => {
                (cloud.directory.clone(), cloud.accepted_domains.clone())
            }
            _ => {
                let directory = Directory::new(Arc::clone(exchange), connection.domain_controller.clone());
                let (accepted_domains, answered) = accepted_domains(&directory).await?;
                // Everything of a run goes to one domain controller: the pinned one, or the one that answered first.
                let pin = connection.domain_controller.clone().or(answered);
                (directory.on(pin), accepted_domains)
            }
        };
        Ok(Self {
            connection: connection.clone(),
            directory,
            policy: connection.run_policy(allow_mass_removal),
            breaker: Mutex::new(Breaker::new(connection.timeouts.change)),
            accepted_domains,
            cloud,
        })
    }

    /// Whether everything of this connection is in the cloud.
    pub(super) fn is_cloud(&self) -> bool {
        self.connection.infrastructure == Infrastructure::Cloud
    }

    /// Where a change is read and written: a row may name its own domain controller.
    pub(super) fn directory_for(&self, domain_controller: Option<&String>) -> Directory {
        match domain_controller {
            Some(server) if !self.is_cloud() => self.directory.on(Some(server.clone())),
            _ => self.directory.clone(),
        }
    }

    /// Whether most mailboxes of this connection are remote ones.
    pub(super) fn remote_first(&self) -> bool {
        matches!(self.connection.planning_infrastructure(), plan::Infrastructure::Hybrid)
    }

    /// What planning must know beside the recipient, without what is looked up for each change.
    pub(super) fn context(&self) -> plan::Context {
        plan::Context {
            infrastructure: self.connection.planning_infrastructure(),
            accepted_domains: Some(self.accepted_domains.clone()),
            domain_controller: self.directory.domain_controller().map(str::to_owned),
            ..plan::Context::default()
        }
    }
}

/// The accepted domains, and the domain controller that answered. Nothing can be begun without them, so a refusal that may
/// pass is met as that of a change is.
async fn accepted_domains(directory: &Directory) -> Result<(AcceptedDomains, Option<String>), RunError> {
    let mut attempt = 0;
    loop {
        let error = match directory.accepted_domains().await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        attempt += 1;
        // A lost session was opened anew already.
        let LookupError::Refused(refusal) = &error else { return Err(error.into()) };
        if !retry::may_pass(refusal.class) || attempt >= retry::MAX_ATTEMPTS {
            return Err(error.into());
        }
        tokio::time::sleep(retry::delay(attempt, refusal.retry_after, chance())).await;
    }
}

impl From<LookupError> for RunError {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Exchange(error) => Self::Exchange(error),
            other => Self::Lookup(other),
        }
    }
}
