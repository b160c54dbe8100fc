//! Things that must hold across the whole program.

mod canary;
mod lab;
#[cfg(unix)]
mod signals;
