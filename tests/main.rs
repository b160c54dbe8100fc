//! The program as a whole: one binary, one file per command or story.
// What clippy.toml allows in tests does not reach the helper functions of a test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;
#[cfg(unix)]
mod durable;
#[path = "support/hunt.rs"]
mod hunt;
#[path = "support/log.rs"]
mod log;
#[cfg(unix)]
mod scenarios;
mod stories;
