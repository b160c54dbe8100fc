//! What crosses the wire, for a person to read: every HTTP exchange after unsealing, without what is secret in it.
//!
//! Three things keep secrets out. Nothing is shown as it came: headers of a sign-in become the kind and length of their
//! token, fragments become the messages in them, and of those `SS`, the session key and whatever is called a password are
//! left out. What is known to be secret (the password of the connection, every SecureString that a command was given, and
//! what [`Trace::hide`] names) is taken out of all that remains, in clear, in base64 and in hexadecimal. And whatever looks
//! like a long piece of base64 is not shown at all.

mod body;
mod exchange;
mod header;
mod message;
mod plain;
mod secrets;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use self::message::Streams;
use self::secrets::{Secrets, without_base64};
use super::config::ConnectionConfig;
use super::error::Error;
use crate::auth::{Credentials, Secret};
use crate::clixml::{SecureText, Value};
use crate::psrp::client::{PipelineInput, PipelineSpec};
use crate::psrp::secure_strings;

pub(crate) use exchange::TracedExchange;
pub use header::is_secret;
pub use plain::PlainExchange;

/// Takes what a [`Trace`] has to say.
pub trait TraceSink: Send + Sync {
    /// Takes one entry. It is called on the way of every request and had better be quick; what goes wrong is its own
    /// business.
    fn write(&self, entry: &TraceEntry<'_>);
}

/// One part of an exchange, without secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEntry<'a> {
    /// Number of the exchange, from 1 on; its parts have the same one
    pub exchange: u64,
    /// Number of the connection, from 1 on
    pub connection: u64,
    /// What it is about: a verb such as `Receive`, or `sign-in`
    pub name: &'a str,
    /// Which part of it this is
    pub part: TracePart,
    /// The part, as text of several lines
    pub text: &'a str,
}

/// Parts of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TracePart {
    /// What is about to be sent
    Request,
    /// What came back
    Answer,
    /// Why nothing came back, or nothing of use
    Failure,
    /// No exchange, but what several of them came to
    Note,
}

/// Shows what crosses the wire to a [`TraceSink`]; clones are one.
///
/// ```
/// use wsman::auth::Credentials;
/// use wsman::client::{ConnectionConfig, Trace, TraceEntry, TraceSink};
///
/// struct Print;
///
/// impl TraceSink for Print {
///     fn write(&self, entry: &TraceEntry<'_>) {
///         println!("{} {}\n{}", entry.exchange, entry.name, entry.text);
///     }
/// }
///
/// let mut config = ConnectionConfig::new("https://ex01.contoso.com/PowerShell/", Credentials::new("CONTOSO\\svc", "secret"));
/// config.trace = Some(Trace::new(Print));
/// ```
#[derive(Clone)]
pub struct Trace(Arc<Shared>);

struct Shared {
    sink: Box<dyn TraceSink>,
    secrets: Mutex<Secrets>,
    exchanges: AtomicU64,
    connections: AtomicU64,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}

impl Trace {
    /// Shows everything to `sink`.
    pub fn new(sink: impl TraceSink + 'static) -> Self {
        Self(Arc::new(Shared {
            sink: Box::new(sink),
            secrets: Mutex::default(),
            exchanges: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        }))
    }

    /// Keeps a secret out of everything that is shown from here on, wherever it turns up.
    pub fn hide(&self, secret: &SecretString) {
        self.secrets().hide(secret.expose_secret());
    }

    fn secrets(&self) -> MutexGuard<'_, Secrets> {
        self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hide_credentials(&self, credentials: &Credentials) {
        if let Secret::Password(password) = &credentials.secret {
            self.hide(password);
        }
    }

    fn write(&self, exchange: u64, connection: u64, name: &str, part: TracePart, text: &str) {
        let text = self.secrets().scrub(&without_base64(text));
        self.0.sink.write(&TraceEntry { exchange, connection, name, part, text: &text });
    }
}

/// The trace of one session: which messages are under way in pieces.
#[derive(Debug)]
pub(crate) struct SessionTrace {
    trace: Trace,
    streams: Mutex<Streams>,
}

impl SessionTrace {
    /// The trace that a configuration asks for; what is secret in the configuration is hidden first.
    pub(crate) fn of(config: &ConnectionConfig) -> Option<Arc<Self>> {
        let trace = config.trace.clone()?;
        trace.hide_credentials(&config.credentials);
        config.proxy_credentials.iter().for_each(|credentials| trace.hide_credentials(credentials));
        if let Ok(url) = config.checked_url() {
            // As it is, and as it stands in the URL.
            let query = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
            let raw = query.filter(|(name, _)| header::is_secret(name)).map(|(_, value)| value.into());
            header::secrets_of(&url).chain(raw).for_each(|value| trace.secrets().hide(&value));
        }
        Some(Arc::new(Self { trace, streams: Mutex::default() }))
    }

    /// A number for a new connection.
    pub(crate) fn connection(&self) -> u64 {
        self.trace.0.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Hides every SecureString that a pipeline is given.
    pub(crate) fn hide_in(&self, spec: &PipelineSpec) {
        let hide = |value: &Value| {
            for text in secure_strings(value) {
                if let SecureText::Clear(clear) = text {
                    self.trace.hide(&clear);
                }
            }
        };
        for command in spec.statements.iter().flatten() {
            command.arguments.iter().for_each(|argument| hide(&argument.value));
        }
        if let PipelineInput::Values(values) = &spec.input {
            values.iter().for_each(hide);
        }
    }

    /// What a sign-in came to.
    pub(crate) fn signed_in(&self, connection: u64, result: Result<String, &Error>) {
        let text = match result {
            Ok(how) => format!("signed in: {how}\n"),
            Err(error) => format!("the sign-in failed: {error}\n"),
        };
        self.trace.write(self.number(), connection, "sign-in-result", TracePart::Note, &text);
    }

    fn number(&self) -> u64 {
        self.trace.0.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
