//! How Exchange is spoken to: one trait, so that what plans and applies does not know the way.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};
use wsman::client::Trace;
use wsman::clixml::Value;
use wsman::psrp::{ErrorRecord, Outcome};

use crate::config::{Connection, Infrastructure, SecretError, Unusable};
pub use crate::recipient::{Marks, Side, Traffic};

mod account;
mod batch;
mod both;
mod classify;
mod cmdlet;
mod decode;
mod gate;
pub mod graph;
mod json;
mod lookup;
mod meter;
mod online;
mod pace;
mod remote;
mod stream;
mod wire;

pub use batch::{Asked, Found};
pub use classify::{Refusal, classify};
pub use decode::{NotARecipient, marks, recipient};
pub use json::to_json;
pub use lookup::{Directory, LookupError};
pub(crate) use online::{Claims, Held, Led, Online, Seen};
pub(crate) use remote::{loader, run};
pub(crate) use wire::wire_config;

/// One open connection to Exchange.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// Runs a cmdlet and waits for its end. What Exchange refuses is part of the answer; an error means that there is
    /// no answer, and that a cmdlet which writes may have run or not.
    async fn run(&self, call: &Call) -> Result<Answer, ExchangeError>;

    /// Runs a cmdlet that reads and hands over each object as it comes, until it is told to break off: of any number of
    /// objects only a few are held. The answer has no objects. It is not asked a second time when the session is lost, as
    /// what came before would come again.
    async fn read(
        &self,
        call: &Call,
        each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
    ) -> Result<Answer, ExchangeError>;

    /// How the sign-in went: the mechanism, and why it was not Kerberos where that was tried first.
    fn signed_in(&self) -> Option<String> {
        None
    }

    /// What was asked of the cloud so far; nothing for a connection that does not reach it.
    fn traffic(&self) -> Option<Traffic> {
        None
    }

    /// Who is signed in to the cloud: a user by name or an application by its id.
    fn cloud_account(&self) -> Option<String> {
        None
    }

    /// Deletes what the server keeps for this connection.
    async fn close(&self);
}

/// A cmdlet with its parameters, secrets as SecureString values that print as `***`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The cmdlet
    pub cmdlet: String,
    /// Names without a dash and values, in order
    pub parameters: Vec<(String, Value)>,
    /// Where it is to be run, for a connection that reaches both sides
    pub side: Side,
}

impl Call {
    /// A cmdlet without parameters.
    pub fn new(cmdlet: impl Into<String>) -> Self {
        Self { cmdlet: cmdlet.into(), parameters: Vec::new(), side: Side::Here }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    /// The same call on this side.
    #[must_use]
    pub fn on(self, side: Side) -> Self {
        Self { side, ..self }
    }

    /// The parameters for journal, plan and report: every secret is `***`.
    pub fn masked(&self) -> Json {
        let members = self.parameters.iter().map(|(name, value)| (name.clone(), to_json(value)));
        Json::Object(members.collect::<Map<_, _>>())
    }
}

/// What a cmdlet wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its output
    pub objects: Vec<Value>,
    /// Errors that did not end it
    pub errors: Vec<ErrorRecord>,
    /// Warnings; one that says nothing was changed is a failure
    pub warnings: Vec<String>,
    /// How it ended
    pub outcome: Outcome,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The connection is valid but cannot be used
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The host cannot be reached; nothing was tried
    #[error("{endpoint} cannot be reached: {message}")]
    Unreachable {
        /// The URL
        endpoint: String,
        /// Why
        message: String,
    },
    /// The sign-in was refused; nothing was tried
    #[error("{endpoint} refuses the sign-in: {message}")]
    SignIn {
        /// The URL
        endpoint: String,
        /// Why
        message: String,
    },
    /// The password cannot be had
    #[error("the password of the connection cannot be had: {0}")]
    Secret(#[from] SecretError),
    /// Exchange cannot be loaded on an ordinary endpoint
    #[error("Exchange cannot be loaded on this endpoint: {0}")]
    NotLoaded(String),
    /// The session ended before the answer was complete
    #[error("the session was lost: {0}")]
    SessionLost(String),
    /// The server asks to wait
    #[error("the server asks for fewer calls: {text}")]
    Throttled {
        /// Its text
        text: String,
        /// How long it asks to wait
        after: Option<Duration>,
    },
    /// The peer does not keep to the protocol
    #[error("the server's answer cannot be understood: {0}")]
    Protocol(String),
    /// The server sends this program where a token must not go; nothing was done
    #[error("{endpoint} sends its clients to {to}, where a token must not go")]
    Elsewhere {
        /// The URL
        endpoint: String,
        /// The host, and the port where it is not the usual one
        to: String,
        /// What to do about it
        hint: String,
    },
    /// A setting that shows only when it is used that it cannot be; nothing was tried
    #[error("the connection `{connection}` cannot be used: {message}")]
    Setting {
        /// Its name
        connection: String,
        /// Which setting, and why
        message: String,
    },
}

/// What a server on-premises says that is asked too much: the delay is in its text, if anywhere.
fn throttled(text: String) -> ExchangeError {
    let after = classify::retry_after(&text);
    ExchangeError::Throttled { text, after }
}

/// Opens a connection: signs in, and loads Exchange where that is needed. A trace is shown what crosses the wire.
pub async fn open(
    connection: &Connection,
    trace: Option<&Trace>,
) -> Result<Arc<dyn Exchange>, ExchangeError> {
    let cloud: Option<Arc<dyn Exchange>> = match &connection.cloud {
        Some(cloud) => Some(Arc::new(online::Online::open(connection, cloud, trace).await?)),
        None => None,
    };
    match (cloud, connection.infrastructure) {
        (Some(cloud), Infrastructure::Cloud) => Ok(cloud),
        (Some(cloud), _) => {
            let here = Arc::new(remote::Remote::open(connection, trace).await?);
            Ok(Arc::new(both::Both { here, cloud }))
        }
        (None, _) => Ok(Arc::new(remote::Remote::open(connection, trace).await?)),
    }
}
