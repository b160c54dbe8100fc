//! The way from the options to open connections.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::CommandError;
use super::common::Context;
use crate::config::Connection;
use crate::exchange::{self, Exchange, ExchangeError};
use crate::flow::run::Sites;

/// The connections that a command may use; nothing of them is contacted yet.
pub(super) struct Chosen {
    /// The one that is meant where nothing else is said
    pub(super) default: Connection,
    /// The others of the configuration file, which rows of a flow may name
    pub(super) others: Vec<Connection>,
}

impl Chosen {
    /// The connection of that name.
    pub(super) fn named(&self, name: &str) -> Option<&Connection> {
        std::iter::once(&self.default).chain(&self.others).find(|connection| connection.name == name)
    }

    /// Opens the default and those of `names`.
    pub(super) async fn open(&self, names: &BTreeSet<String>) -> Result<Sites, CommandError> {
        let mut sites = Sites::new(self.default.clone(), open(&self.default).await?);
        for other in self.others.iter().filter(|other| names.contains(&other.name)) {
            sites = sites.with(other.clone(), open(other).await?);
        }
        Ok(sites)
    }
}

/// The connections of the configuration file, or those of the lab.
pub(super) async fn choose(context: &Context) -> Result<Chosen, CommandError> {
    if context.common.lab {
        return Err(ExchangeError::NotYet("--lab").into());
    }
    let (default, others) = context.load_connections()?;
    Ok(Chosen { default, others })
}

/// Opens one.
pub(super) async fn open(connection: &Connection) -> Result<Arc<dyn Exchange>, CommandError> {
    Ok(exchange::open(connection).await?)
}
