//! Things that must hold across the whole program.

mod canary;
#[cfg(unix)]
mod signals;
