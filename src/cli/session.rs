//! The way from the options to an open connection.

use std::sync::Arc;

use super::CommandError;
use super::common::Context;
use crate::config::Connection;
use crate::exchange::{self, Exchange, ExchangeError};

/// The connection that was chosen; nothing is contacted yet.
pub(super) fn choose(context: &Context) -> Result<Connection, CommandError> {
    if context.common.lab {
        return Err(ExchangeError::NotYet("--lab").into());
    }
    context.load_connection()
}

/// Opens it.
pub(super) async fn open(connection: &Connection) -> Result<Arc<dyn Exchange>, CommandError> {
    Ok(exchange::open(connection).await?)
}
