//! Ctrl-C and the termination signal.

use std::io::Write as _;

use crate::flow::run::Stop;

/// Returns when the command is to end at once: with the signal after those by which it can end by itself.
pub(super) async fn ended(stop: &Stop, by_itself: u8, tell: bool) {
    for signal in 0..by_itself {
        received().await;
        stop.request();
        if tell && signal == 0 {
            let _ = writeln!(std::io::stderr(), "finishing what has begun; once more to end at once");
        }
    }
    received().await;
    stop.request();
}

#[cfg(unix)]
async fn received() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => ctrl_c().await,
    }
}

#[cfg(not(unix))]
async fn received() {
    ctrl_c().await;
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // No signal can be had here, so none will come.
        std::future::pending::<()>().await;
    }
}
