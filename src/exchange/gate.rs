//! The turns of the calls of one connection: [`Pace`] with a clock, and those who wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::meter::Meter;
use super::pace::{Pace, Turn};

/// No server has a longer rest that is waited for.
const REST: Duration = Duration::from_secs(3600);

/// Lets calls in, as many as a server allows, when it allows them.
#[derive(Debug)]
pub(super) struct Gate {
    pace: Mutex<Pace>,
    /// Tells those who wait that a call has ended
    ended: Notify,
    /// Measures how long the server wants to be left alone while somebody waits
    meter: Arc<Meter>,
}

/// The turn of one call; ends when it is dropped.
pub(super) struct Slot<'a>(&'a Gate);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.pace().done();
        self.0.ended.notify_one();
    }
}

impl Gate {
    /// At most so many at once.
    pub(super) fn new(most: u32) -> Self {
        Self::with(most, Arc::default())
    }

    /// The same, with this meter.
    pub(super) fn with(most: u32, meter: Arc<Meter>) -> Self {
        Self { pace: Mutex::new(Pace::new(most)), ended: Notify::new(), meter }
    }

    /// Waits until the server allows a call, and no more run than it takes.
    pub(super) async fn slot(&self) -> Slot<'_> {
        loop {
            match self.slot_until(Instant::now() + REST).await {
                Ok(slot) => return slot,
                Err(rest) => tokio::time::sleep(rest).await,
            }
        }
    }

    /// The same, or how long the server still wants to be left alone where that is longer than until then.
    pub(super) async fn slot_until(&self, end: Instant) -> Result<Slot<'_>, Duration> {
        loop {
            let ended = self.ended.notified();
            let now = Instant::now();
            let turn = self.pace().turn(now);
            match turn {
                Turn::Now => return Ok(Slot(self)),
                Turn::At(at) if at > end => return Err(at.saturating_duration_since(now)),
                Turn::At(at) => {
                    let _waiting = self.meter.wait();
                    tokio::time::sleep_until(at.into()).await;
                }
                Turn::Later => ended.await,
            }
        }
    }

    /// The server took a call well.
    pub(super) fn well(&self) {
        self.pace().well();
        // A recovered limit lets more than one in.
        self.ended.notify_one();
    }

    /// The server asks for fewer calls, and perhaps for how long to wait.
    pub(super) fn complaint(&self, asked: Option<Duration>) {
        self.pace().complaint(asked, Instant::now());
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
