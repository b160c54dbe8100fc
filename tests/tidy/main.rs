//! What the design asks of the source as a whole: directions, sizes, licences, no shortcuts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod directions;
mod licences;
mod samples;
mod shape;
mod source;
