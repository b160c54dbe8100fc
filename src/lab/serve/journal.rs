//! The log file: one JSON object per line, each written at once.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use wsman::server::Exchange as HttpExchange;

use super::{ServeError, unwritable};
use crate::lab::LogEntry;
use crate::lab::cloud::{Host, Seen};

/// An open log file. After a line that cannot be written nothing more is.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    failure: Option<io::Error>,
}

impl Journal {
    pub(super) fn create(path: &Path) -> Result<Self, ServeError> {
        let file = File::create(path).map_err(|source| unwritable(path, source))?;
        Ok(Self { path: path.to_owned(), file, failure: None })
    }

    pub(super) fn http(&mut self, exchange: &HttpExchange, now_ms: u64) {
        self.line(&json!({"http": {
            "time_ms": now_ms,
            "side": "on-premises",
            "peer": exchange.peer.to_string(),
            "connection": exchange.connection,
            "method": exchange.method,
            "path": exchange.path,
            "action": exchange.action,
            "status": exchange.status,
            "user": exchange.user.as_ref().map(ToString::to_string),
            "sealed": exchange.sealed,
            "request_bytes": exchange.request_bytes,
            "response_bytes": exchange.response_bytes,
        }}));
    }

    pub(super) fn cloud(&mut self, seen: &Seen<'_>) {
        self.line(&json!({"http": {
            "time_ms": seen.time_ms,
            "side": "cloud",
            "host": match seen.host {
                Host::Main => "main",
                Host::Graph => "graph",
                Host::Regional => "regional",
                Host::Hostile => "hostile",
                Host::Identity => "identity",
            },
            "peer": seen.peer.to_string(),
            "method": seen.method,
            "path": seen.path,
            "cmdlet": Some(seen.cmdlet).filter(|name| !name.is_empty()),
            "identity": Some(seen.identity).filter(|name| !name.is_empty()),
            "status": seen.status,
            "shows_token": seen.shows_token,
            "retry_after": seen.retry_after,
            "request_bytes": seen.request_bytes,
            "response_bytes": seen.response_bytes,
        }}));
    }

    pub(super) fn cmdlet(&mut self, entry: &LogEntry) {
        self.line(&json!({"cmdlet": entry}));
    }

    pub(super) fn end(&mut self) -> Result<(), ServeError> {
        self.failure.take().map_or(Ok(()), |source| Err(unwritable(&self.path, source)))
    }

    fn line(&mut self, line: &Json) {
        if self.failure.is_none() {
            // One write for the whole line, so that a reader never sees half of one.
            self.failure = self.file.write_all(format!("{line}\n").as_bytes()).err();
        }
    }
}
