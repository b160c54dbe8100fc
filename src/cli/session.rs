//! The way from the options to an open connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::CommandError;
use super::common::Context;
use super::lab::temporary_folder;
use crate::config::{Config, Connection, Endpoint};
use crate::exchange::{self, Exchange};
use crate::lab::{self, Running, Seed, ServeOptions};

/// The connection of rows that name none.
const LAB: &str = "lab";
/// The file that is read when no other is named.
const DEFAULT_CONFIG: &str = "mailwright.toml";

/// What the options choose. With `--lab` the embedded Exchange runs until [`Session::end`], or until this is dropped.
pub(super) struct Session {
    /// For rows that name no connection
    pub(super) connection: Connection,
    /// The others that a row may name; nothing is contacted before one does
    pub(super) others: Vec<Connection>,
    lab: Option<Lab>,
}

/// An embedded Exchange with the folder for its files and the temporary journal.
struct Lab {
    running: Running,
    folder: TempDir,
}

impl Session {
    /// Chooses, and starts the embedded Exchange with `--lab`. No other endpoint is contacted yet.
    pub(super) async fn choose(context: &Context) -> Result<Self, CommandError> {
        let (lab, config) = if context.common.lab {
            let lab = Lab::start().await?;
            let config = lab.config(context)?;
            (Some(lab), config)
        } else {
            (None, Config::load(&context.common.config)?)
        };
        let built_in = lab.is_some() && !is_told(context);
        let wanted = context.common.connection.as_deref().or(built_in.then_some(LAB));
        let connection = config.connection(wanted)?.clone();
        let others = config.connections.into_iter().filter(|other| other.name != connection.name).collect();
        let session = Self { connection, others, lab };
        session.tell(context);
        Ok(session)
    }

    fn tell(&self, context: &Context) {
        let Some(lab) = &self.lab else { return };
        let others: Vec<&str> = self.others.iter().map(|other| other.name.as_str()).collect();
        context.detail(&format!(
            "embedded Exchange: {}; connection `{}`, rows may also name: {}",
            lab.running.base_url(false),
            self.connection.name,
            others.join(", ")
        ));
    }

    /// Opens the chosen connection.
    pub(super) async fn open(&self) -> Result<Arc<dyn Exchange>, CommandError> {
        Ok(exchange::open(&self.connection).await?)
    }

    /// Where the journal is: with the embedded Exchange a temporary one, unless another is named.
    pub(super) fn journal_file(&self, context: &Context) -> Result<PathBuf, CommandError> {
        match &self.lab {
            Some(lab) if context.common.journal.is_none() => Ok(lab.folder.path().join("journal.db")),
            _ => context.journal_file(&self.connection.name),
        }
    }

    /// Ends the embedded Exchange, if there is one.
    pub(super) async fn end(self) -> Result<(), CommandError> {
        match self.lab {
            Some(lab) => Ok(lab.running.shutdown().await?),
            None => Ok(()),
        }
    }
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
        let seed = Seed::sample().map_err(lab::ServeError::from)?;
        Ok(Self { running: lab::serve(seed, ServeOptions::default()).await?, folder })
    }

    /// The connections to it: its own, or those of a configuration file led here.
    fn config(&self, context: &Context) -> Result<Config, CommandError> {
        let file = self.folder.path().join("lab.toml");
        self.running.write_config(&file)?;
        let own = Config::load(&file)?;
        if !is_told(context) {
            return Ok(own);
        }
        let base = own.connection(Some(LAB))?;
        let told = Config::load(&context.common.config)?;
        let connections = told.connections.into_iter().map(|connection| self.lead(connection, base));
        Ok(Config { connections: connections.collect::<Result<_, _>>()?, file: told.file })
    }

    /// A connection with its rules, infrastructure and path, and everything about the way to the server from `base`.
    fn lead(&self, connection: Connection, base: &Connection) -> Result<Connection, CommandError> {
        let endpoint = match connection.endpoint.is_exchange() {
            true => lab::Endpoint::PowerShell,
            false => lab::Endpoint::Wsman,
        };
        let endpoint = Endpoint::from_url(&self.running.url(endpoint, false))
            .map_err(|error| CommandError::internal(error.to_string()))?;
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
            ..base.clone()
        })
    }
}
