//! The connections of a session: kept, replaced when they are lost, and when a request may be sent again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::debug;

use super::connection::Connection;
use super::error::Error;
use super::target::Target;

/// Tries of a request whose repetition does no harm.
const MAX_TRIES: usize = 5;
/// Tries of a request of which nothing was sent.
const MAX_UNSENT_TRIES: usize = 3;

/// Tries of a request whose repetition does no harm, where nothing at all came back.
const MAX_SILENT_TRIES: usize = 2;

/// Whether a request may be sent again when its answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    /// Repetition does no harm: Receive, Signal, Delete
    Always,
    /// Only when nothing of it can have been taken
    IfUnsent,
}

/// The answer to a request.
pub(crate) struct Answered {
    pub(crate) soap: Vec<u8>,
    /// The server may have answered before: what it said then is lost
    pub(crate) is_second_answer: bool,
}

/// The connections of one session.
#[derive(Clone)]
pub(crate) struct Transport {
    target: Arc<Target>,
    /// The one used last is taken first.
    idle: Arc<Mutex<Vec<Counted>>>,
    open: Arc<AtomicUsize>,
}

/// A connection that is counted for as long as it lives.
struct Counted {
    connection: Connection,
    _count: Count,
}

struct Count(Arc<AtomicUsize>);

impl Count {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(open.clone())
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Transport {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, idle: Arc::default(), open: Arc::default() }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a SOAP message on a connection of its own for as long as it takes. Sealed anew for each try.
    /// `spare` leaves the connection that was used last to others, who will want it at once.
    pub(crate) async fn request(
        &self,
        soap: &[u8],
        what: &'static str,
        resend: Resend,
        spare: bool,
    ) -> Result<Answered, Error> {
        let mut tries = 0;
        let mut is_second_answer = false;
        loop {
            tries += 1;
            let error = match self.attempt(soap, what, spare).await {
                Ok(soap) => return Ok(Answered { soap, is_second_answer }),
                Err(error) => error,
            };
            is_second_answer |= error.may_have_run();
            let again = match (&error, resend) {
                (Error::Lost { sent: false, .. }, Resend::IfUnsent) => tries < MAX_UNSENT_TRIES,
                // Where the answer had begun the server holds nothing of it any more: a repetition would hide the gap.
                (Error::Lost { answered: false, .. }, Resend::Always) => tries < MAX_TRIES,
                // A firewall that has forgotten the connection swallows everything in silence.
                (Error::Timeout { sent: true, .. }, Resend::Always) => tries < MAX_SILENT_TRIES,
                _ => false,
            };
            if !again {
                return Err(error);
            }
            debug!(what, tries, %error, "once more on a new connection");
        }
    }

    /// A request that is abandoned takes its connection with it: its answer would be read as that of the next.
    async fn attempt(&self, soap: &[u8], what: &'static str, spare: bool) -> Result<Vec<u8>, Error> {
        let mut counted = match self.take_idle(spare) {
            Some(counted) => counted,
            None => {
                let count = Count::new(&self.open);
                Counted { connection: self.open().await?, _count: count }
            }
        };
        let answer = counted.connection.request(soap, what).await;
        if let Err(elsewhere @ Error::Redirected { .. }) = &answer {
            self.target.give_up(elsewhere.clone());
        }
        let answer = answer?;
        let mut idle = self.idle();
        let place = if spare { 0 } else { idle.len() };
        idle.insert(place, counted);
        Ok(answer)
    }

    async fn open(&self) -> Result<Connection, Error> {
        if let Some(refused) = self.target.given_up() {
            return Err(refused.clone());
        }
        let opened = Connection::open(self.target.clone()).await;
        if let Err(refused @ (Error::SignIn(_) | Error::Redirected { .. })) = &opened {
            self.target.give_up(refused.clone());
        }
        opened
    }

    /// `None`: a new one is to be opened.
    fn take_idle(&self, spare: bool) -> Option<Counted> {
        let mut idle = self.idle();
        idle.retain(|counted| !counted.connection.is_stale());
        if !spare {
            return idle.pop();
        }
        let may_open = self.open.load(Ordering::SeqCst) < self.target.config.max_connections.max(2);
        match idle.len() {
            0 => None,
            1 if may_open => None,
            _ => Some(idle.remove(0)),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Counted>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
