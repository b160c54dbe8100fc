//! An export flow from end to end: read, journalled, planned, applied, reported.

mod base;
pub mod intake;
pub mod journal;
pub mod run;

pub use base::base_hash;
