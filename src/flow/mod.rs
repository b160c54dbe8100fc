//! An export flow from end to end: read, journalled, planned, applied, reported.

pub mod intake;
pub mod journal;
pub mod run;
