//! Things that must hold across the whole program.

mod canary;
mod in_process;
mod lab;
#[cfg(unix)]
mod samples;
#[cfg(unix)]
mod signals;
