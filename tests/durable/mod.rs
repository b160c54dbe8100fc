//! Nothing is lost and nothing is done twice, whatever ends the program or comes between it and Exchange.
//!
//! `cargo durable-long` is the long version.

mod boundaries;
mod cloud;
mod cloud_faults;
mod faults;
mod flow;
pub mod journal;
mod kill;
mod outcome;
mod relay;

/// Whether the long version is wanted.
pub fn is_long() -> bool {
    std::env::var_os("MAILWRIGHT_LONG").is_some()
}
