//! A hot folder: what is dropped is taken, applied, and put away with a receipt.
//!
//! Pure: [`name`] (what is taken, what it is called then), [`look`] (what is no longer being written, and what comes first),
//! [`verdict`] (what becomes of a file), [`receipt`], [`schedule`] (when an export is due). On top of them [`folder`] moves
//! files.
//!
//! A file is renamed to `accepted/` with a ticket beside it, and leaves from there when every change of it has an end. The
//! ticket says what the rows without a `ChangeId` are called, so that a file that is found there after a crash is the same
//! source with the same changes: the journal knows which of them are done.

pub mod folder;
pub mod look;
pub mod name;
pub mod receipt;
pub mod schedule;
pub mod verdict;
