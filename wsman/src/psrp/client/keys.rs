//! Where the key exchange stands, `[MS-PSRP] 3.1.5.4.3` to `3.1.5.4.5`, and what waits for it.

use std::collections::VecDeque;

use crate::clixml::Value;
use crate::psrp::message::MessageType;
use crate::psrp::outbox::{Priority, Stream};
use crate::psrp::session_key::{ClientKeyPair, SessionKey};

/// The state of the exchange.
#[derive(Debug)]
pub(super) enum Keys {
    /// Nobody wanted one yet
    Idle(Option<ClientKeyPair>),
    /// Wanted, but there is no key pair
    PairNeeded,
    /// PUBLIC_KEY was sent
    Sent(ClientKeyPair),
    /// Done; the pair stays, the server may be asked again
    Done(SessionKey),
}

impl Keys {
    pub(super) fn session(&self) -> Option<&SessionKey> {
        match self {
            Self::Done(key) => Some(key),
            _ => None,
        }
    }
}

/// A message that waits for the session key, and those behind it on its stream.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) stream: Stream,
    pub(super) priority: Priority,
    pub(super) message_type: MessageType,
    /// `None`: no body
    pub(super) body: Option<Value>,
}

pub(super) type HeldMessages = VecDeque<Held>;
