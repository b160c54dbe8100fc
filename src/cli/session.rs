//! The way from the options to open connections.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use wsman::client::Trace;

use super::CommandError;
use super::common::{Context, Loaded};
use super::lab::temporary_folder;
use super::trace;
use crate::config::agent::Options;
use crate::config::{self, Config, Connection, Endpoint, Infrastructure, Mail};
use crate::exchange::{self, Exchange};
use crate::flow::intake::Flow;
use crate::flow::journal::default_path;
use crate::flow::lock::Lock;
use crate::flow::run::Sites;
use crate::lab::{self, Running, Seed, ServeOptions};

/// The connection of rows that name none.
const LAB: &str = "lab";
/// The connection that has no name of its own.
const UNNAMED: &str = "exchange";
/// The file that is read when no other is named.
const DEFAULT_CONFIG: &str = "mailwright.toml";

/// The connections that a command may use; nothing of them is contacted yet. The embedded Exchange of `--lab` runs until
/// [`Chosen::end`], or until this is dropped.
pub(super) struct Chosen {
    /// The one that is meant where nothing else is said
    pub(super) default: Connection,
    /// The others of the configuration file, which rows of a flow may name
    pub(super) others: Vec<Connection>,
    /// Who is told when a run fails
    pub(super) mail: Option<Mail>,
    /// Who is shown what crosses the wire
    pub(super) trace: Option<Trace>,
    verbose: bool,
    lab: Option<Lab>,
}

/// An embedded Exchange with the folder for its files and the temporary journal.
struct Lab {
    running: Running,
    folder: TempDir,
}

impl Chosen {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Connection> {
        std::iter::once(&self.default).chain(&self.others)
    }

    /// The connection of that name.
    pub(super) fn named(&self, name: &str) -> Option<&Connection> {
        self.all().find(|connection| connection.name == name)
    }

    /// Opens the default and those of `names`.
    pub(super) async fn open(&self, names: &BTreeSet<String>) -> Result<Sites, CommandError> {
        let mut sites = Sites::new(self.default.clone(), self.open_one(&self.default).await?);
        for other in self.others.iter().filter(|other| names.contains(&other.name)) {
            sites = sites.with(other.clone(), self.open_one(other).await?);
        }
        Ok(sites)
    }

    /// Opens one.
    pub(super) async fn open_one(&self, connection: &Connection) -> Result<Arc<dyn Exchange>, CommandError> {
        let open = exchange::open(connection, self.trace.as_ref()).await?;
        if let Some(how) = open.signed_in().filter(|_| self.verbose) {
            // There is nobody left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "{}: {how}", connection.name);
        }
        Ok(open)
    }

    /// Keeps the passwords of a flow out of the trace.
    pub(super) fn hide(&self, flow: &Flow) {
        if let Some(trace) = &self.trace {
            flow.secrets.each(|secret| trace.hide(secret));
        }
    }

    /// Where the journal is: with the embedded Exchange a temporary one, unless another is named.
    pub(super) fn journal_file(&self, context: &Context) -> Result<PathBuf, CommandError> {
        match &self.lab {
            Some(lab) if self.is_temporary(context) => Ok(lab.folder.path().join("journal.db")),
            _ => context.journal_file(&self.default.name),
        }
    }

    /// Whether the journal goes away at the end.
    pub(super) fn is_temporary(&self, context: &Context) -> bool {
        self.lab.is_some() && context.common.journal.is_none()
    }

    /// The locks of a run that writes: no other run has this journal or one of these connections meanwhile.
    pub(super) fn locks(
        &self,
        context: &Context,
        names: &BTreeSet<String>,
    ) -> Result<Vec<Lock>, CommandError> {
        let journal = self.journal_file(context)?;
        let mut locks = Vec::new();
        // The embedded Exchange and its journal are nobody else's.
        if self.lab.is_none() {
            let used = self.others.iter().filter(|other| names.contains(&other.name));
            for connection in std::iter::once(&self.default).chain(used) {
                let Some(file) = default_path(&connection.name, |name| std::env::var_os(name)) else {
                    continue;
                };
                // Every tenant answers at the same address.
                let tenant = connection.cloud.as_ref().map(|cloud| cloud.tenant.as_str()).unwrap_or_default();
                let place = format!("{}{tenant}", connection.endpoint.url());
                locks.push(Lock::of_connection(&file, &connection.name, &place)?);
            }
        }
        if self.lab.is_none() || context.common.journal.is_some() {
            locks.push(Lock::of_journal(&journal)?);
        }
        Ok(locks)
    }

    /// Ends the embedded Exchange, if there is one.
    pub(super) async fn end(self) -> Result<(), CommandError> {
        match self.lab {
            Some(lab) => Ok(lab.running.shutdown().await?),
            None => Ok(()),
        }
    }
}

/// The connections of the configuration file, or those of the lab.
pub(super) async fn choose(context: &Context) -> Result<Chosen, CommandError> {
    choose_with(context, None).await
}

/// The same, with the sign-in that somebody else hands over. Where it says everything, no configuration file is needed.
pub(super) async fn choose_with(context: &Context, options: Option<Options>) -> Result<Chosen, CommandError> {
    let verbose = context.common.verbose;
    let trace = context.common.trace.as_deref().map(trace::into);
    if !context.common.lab {
        let loaded = match options {
            None => context.load()?,
            Some(options) if options.name_a_server() && !has_file(context) => {
                let name = context.common.connection.as_deref().unwrap_or(UNNAMED);
                Loaded { default: options.connection(name)?, others: Vec::new(), mail: None }
            }
            Some(options) => {
                let loaded = context.load()?;
                Loaded { default: options.over(&loaded.default)?, ..loaded }
            }
        };
        let Loaded { default, others, mail } = loaded;
        return Ok(Chosen { default, others, mail, trace, verbose, lab: None });
    }
    if options.is_some() {
        context.say("--lab: the options on standard input are not used");
    }
    let lab = Lab::start().await?;
    let config = lab.config(context)?;
    let wanted = context.common.connection.as_deref().or((!is_told(context)).then_some(LAB));
    let default = config.connection(wanted)?.clone();
    let others = config.connections.into_iter().filter(|other| other.name != default.name).collect();
    context.detail(&format!("embedded Exchange: {}", lab.running.base_url(false)));
    Ok(Chosen { default, others, mail: config.mail, trace, verbose, lab: Some(lab) })
}

/// Whether there is a configuration file, or one was asked for.
fn has_file(context: &Context) -> bool {
    context.common.config != Path::new(DEFAULT_CONFIG) || config::present(&context.common.config).is_some()
}

/// Whether a configuration file was asked for. One that merely lies in the current folder has no say in the embedded
/// Exchange, so that the same command does the same everywhere.
fn is_told(context: &Context) -> bool {
    let built_in = |name: &str| name == LAB || name.starts_with("lab-");
    context.common.config != Path::new(DEFAULT_CONFIG)
        || context.common.connection.as_deref().is_some_and(|name| !built_in(name))
}

impl Lab {
    async fn start() -> Result<Self, CommandError> {
        let folder = temporary_folder()?;
        // A hybrid organisation has both sides of it.
        let options = ServeOptions { sync_delay: Some(Duration::ZERO), ..ServeOptions::default() };
        let seed = Seed::sample().map_err(lab::ServeError::from)?;
        Ok(Self { running: lab::serve(seed, options).await?, folder })
    }

    /// The connections to it: its own, or those of a configuration file led here.
    fn config(&self, context: &Context) -> Result<Config, CommandError> {
        let file = self.folder.path().join("lab.toml");
        self.running.write_config(&file)?;
        let own = Config::load(&file)?;
        if !is_told(context) {
            return Ok(own);
        }
        let told = Config::load(&context.common.config)?;
        let connections = told.connections.into_iter().map(|connection| self.lead(connection, &own));
        Ok(Config {
            connections: connections.collect::<Result<_, _>>()?,
            mail: told.mail,
            file: told.file,
            warnings: Vec::new(),
        })
    }

    /// A connection with its rules, infrastructure and path, and everything about the way to the server from the lab's own.
    fn lead(&self, connection: Connection, own: &Config) -> Result<Connection, CommandError> {
        let base = own.connection(Some(match (connection.infrastructure, &connection.cloud) {
            (Infrastructure::Cloud, _) => "lab-cloud",
            (_, Some(_)) => "lab-hybrid-full",
            (_, None) => LAB,
        }))?;
        let url = match (connection.infrastructure, connection.endpoint.is_exchange()) {
            (Infrastructure::Cloud, _) => base.endpoint.url().to_string(),
            (_, true) => self.running.url(lab::Endpoint::PowerShell, false),
            (_, false) => self.running.url(lab::Endpoint::Wsman, false),
        };
        let endpoint = Endpoint::from_url(&url).map_err(|error| CommandError::internal(error.to_string()))?;
        let cloud = match (connection.cloud, &base.cloud) {
            (Some(told), Some(base)) => Some(told.led_to(base)),
            _ => None,
        };
        Ok(Connection {
            name: connection.name,
            infrastructure: connection.infrastructure,
            configuration_name: endpoint.configuration_name().to_owned(),
            endpoint,
            exchange_loader: connection.exchange_loader,
            policy: connection.policy,
            max_removing_percent: connection.max_removing_percent,
            concurrency: connection.concurrency,
            replication_wait: connection.replication_wait,
            timeouts: connection.timeouts,
            export: connection.export,
            cloud,
            secrets: connection.secrets,
            ..base.clone()
        })
    }
}
